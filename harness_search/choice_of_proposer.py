"""Which proposer a search has, and what a Claude session is held by."""

from functools import partial

from harness_search.errors import InputError
from harness_search.promotion.candidate import nothing_left
from harness_search.proposals import collect_candidate
from harness_search.proposers.boxed import no_sandbox
from harness_search.proposers.gateway import proposer_access, proposer_profile
from harness_search.proposers.program import shown_to_box
from harness_search.proposers.session import Proposer, Session
from harness_search.sandbox.choice import NONE
from harness_search.workspace import Workspace

PROMPT = (
    "Read `session.md` and `digest.md` in your current folder, then do what the contract says for "
    "iteration {iteration}. End your turn when the candidate and `pending_eval.json` are written."
)


def check_proposer(workspace: Workspace) -> None:
    """Raise InputError for a proposer that no session could be held with, before anything is paid:
    its profile, key or price, its SDK or program, or no sandbox to hold it in."""
    settings = workspace.settings
    if settings.search.proposer == "catalogue" or not settings.search.iterations:
        return
    if workspace.sandbox == NONE:
        raise no_sandbox()
    if settings.search.proposer == "claude":
        from harness_search.proposers.claude.sdk import find_sdk

        find_sdk()
    else:
        shown_to_box(workspace, settings.proposer.command)
    if settings.search.proposer == "claude" or settings.proposer.profile:
        proposer_access(workspace)


def make_proposer(workspace: Workspace) -> Proposer:
    """The proposer that the settings name."""
    match workspace.settings.search.proposer:
        case "catalogue":
            from harness_search.proposers.catalogue import CatalogueProposer

            return CatalogueProposer()
        case "claude":
            return _claude(workspace)
        case "command":
            from harness_search.proposers.command import CommandProposer

            return CommandProposer(workspace.settings.proposer.command)


def _claude(workspace: Workspace) -> Proposer:
    """Claude sessions, as `[proposer]` says; raises InputError for an unknown profile."""
    from harness_search.proposers.claude.outcomes import Delivery
    from harness_search.proposers.claude.proposer import ClaudeProposer, Means
    from harness_search.proposers.claude.session import Terms
    from harness_search.proposers.claude.watch import Patience, silence_of
    from harness_search.proposers.contract import contract

    profile, settings = proposer_profile(workspace), workspace.settings.proposer

    def opening(session: Session) -> Terms:
        return Terms(
            session_id="",
            prompt=PROMPT.format(iteration=session.iteration),
            contract=contract(workspace.layout.skill),
            max_turns=settings.max_turns,
            seconds=settings.session_seconds,
            hard_seconds=settings.hard_seconds,
            effort=settings.effort,
            authentication=profile.authentication,
        )

    def delivered(session: Session) -> Delivery:
        assert session.services is not None
        if said := nothing_left(session.view):
            return Delivery(nothing_left=said)
        try:
            collect_candidate(workspace, session.services.bench.ledger, session)
        except InputError as error:
            return Delivery(problem=error.within(session.view))
        return Delivery()

    means = Means(opening, delivered)
    watch = partial(silence_of, patience=Patience.on(profile))
    return ClaudeProposer(settings.profile, means, settings.attempts, settings.feedback, watch)
