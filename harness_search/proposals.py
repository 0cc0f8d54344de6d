"""Opens an iteration with a candidate: one that a proposer left in its view, or a placebo."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness_search.aside import aside
from harness_search.audit.report import AuditReport, merged
from harness_search.auditing import keep_report, of_touch
from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments.claims import shows_replay
from harness_search.files import digest_bytes, share, write_atomically
from harness_search.ledger.digest import named_in
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.memo import Codec
from harness_search.ledger.rows import DecisionKind, IterationRow, is_placebo
from harness_search.ledger.sessions import SessionOutcome, SessionRow
from harness_search.ledger.store import Ledger
from harness_search.promotion.candidate import Candidate, collect
from harness_search.promotion.claim import Claim
from harness_search.promotion.placebo import placebo_claim, placebo_source
from harness_search.promotion.validation import ast_digest
from harness_search.proposers.boxed import EVIDENCE
from harness_search.proposers.feedback import (
    FeedbackPolicy,
    evidence_for,
    recorded_rollouts,
    show_sources,
)
from harness_search.proposers.query.data import Recorded, query_data
from harness_search.proposers.redaction import without_identity
from harness_search.proposers.session import (
    Lost,
    NothingLeft,
    Proposed,
    Services,
    Session,
    Stopped,
    Waiting,
)
from harness_search.proposers.view import clear_view, prepare_view, session_texts
from harness_search.reports.sessions import news_of
from harness_search.rollouts.jobs import Harness
from harness_search.search import Search, mirror, past_iterations
from harness_search.service import events
from harness_search.waking import sleep_until
from harness_search.workspace import Workspace


def collect_candidate(workspace: Workspace, ledger: Ledger, session: Session) -> Candidate:
    """The candidate and its claim; raises InputError when they are unsound."""
    layout = workspace.layout
    files = {file.stem: file for file in layout.harnesses.glob("*.py")}
    known = dict.fromkeys(files, "")
    known |= {row.name: row.harness for row in ledger.iterations() if row.was_measured}
    known = {name: digest for name, digest in known.items() if not is_placebo(name)}
    sources = SourceFiles({name: file for name, file in files.items() if name in known})
    codes = {
        name: ledger.memo.get("code", digest, (), partial(_code, files[name]), _AS_IT_IS)
        for name, digest in known.items()
        if digest and name in files
    }
    view, tasks = session.view, set(session.dev_tasks)
    replayed = {
        row.name: row.mechanism
        for row in ledger.iterations()
        if row.claim and shows_replay(Claim.model_validate_json(row.claim))
    }
    return collect(
        view, session.iteration, session.incumbent, tasks, known, sources, codes, replayed
    )


class SourceFiles(Mapping[str, bytes]):
    """Sources by the names of their harnesses, read when they are asked for."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> bytes:
        return self._files[name].read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _code(file: Path) -> str:
    return ast_digest(file.read_bytes())


_AS_IT_IS: Codec[str] = Codec(str, str)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an iteration ends before its candidate is evaluated."""

    decision: DecisionKind
    reason: str


Touched = Callable[[dict[str, str]], str]
"""What shows a touch of the test split in texts by name, in a sentence; empty for nothing."""


async def examine(search: Search, session: Session, touched: Touched) -> Candidate | Refused:
    """Audit what a session did and left, validate its candidate, and see whether it runs."""
    layout, iteration = search.workspace.layout, session.iteration
    report = await audited(search, session)
    if report.rejected:
        return Refused(DecisionKind.REJECTED, report.reason())
    try:
        rows = search.ledger.iterations()
        if reason := await aside(None, _touch, touched, session, rows):
            keep_report(layout, iteration, merged((report, of_touch(reason))))
            return Refused(DecisionKind.REJECTED, reason)
        candidate = collect_candidate(search.workspace, search.ledger, session)
        found = await aside(None, search.auditor.candidate, session, candidate)
        report = merged((report, found))
        keep_report(layout, iteration, report)
    except InputError as error:
        return Refused(DecisionKind.NO_CLAIM, error.within(session.view))
    if report.rejected:
        return Refused(DecisionKind.REJECTED, report.reason())
    problem = await trial_runs(search, session, candidate)
    return Refused(DecisionKind.NO_CLAIM, problem) if problem else candidate


def _touch(touched: Touched, session: Session, rows: Iterable[IterationRow]) -> str:
    """What in the session's texts shows a touch, without the sources that it was given and left as
    they were: those were looked at when they were candidates themselves."""
    texts = session_texts(session)
    for row in rows:
        name = f"harnesses/{row.name}.py"
        if (
            name in texts
            and row.was_measured
            and digest_bytes([texts[name].encode()]) == row.harness
        ):
            del texts[name]
    return touched(texts)


async def audited(search: Search, session: Session) -> AuditReport:
    """What a session did, on record whatever it left. One that left hundreds of megabytes is read
    beside the loop: `stop` and `status` are answered all the while."""
    report = await aside(None, search.auditor.session, session)
    keep_report(search.workspace.layout, session.iteration, report)
    return report


async def trial_runs(search: Search, session: Session, candidate: Candidate) -> str:
    """Why a candidate cannot run at all, found out on the simulated model before money is spent;
    empty for one that can. A search on that model would find out by itself."""
    from harness_search.rollouts.smoke import smoke

    if search.workspace.settings.profile.simulated:
        return ""
    file = session.view / "harnesses" / f"{candidate.name}.py"
    harness = Harness(candidate.name, file, digest_bytes([candidate.source]))
    problem = await smoke(search.bench, search.workspace, harness)
    # An exception may quote a document, and what is recorded reaches the next session's digest.
    is_redacted = _policy(search.workspace) is FeedbackPolicy.REDACTED
    return without_identity(problem) if is_redacted and problem else problem


def prepare_session(search: Search, iteration: int, current: Frontier, digest: str) -> Session:
    """A session with its view. One that was begun before keeps the view that it left."""
    workspace, layout = search.workspace, search.workspace.layout
    boxed = workspace.settings.search.proposer != "catalogue"
    session = Session(
        iteration=iteration,
        view=layout.session(iteration) / "view",
        evidence=_evidence(search) if boxed else layout.dev_evidence,
        incumbent=current.incumbent,
        history=tuple(past_iterations(current)),
        dev_tasks=tuple(task.id for task in workspace.splits.dev),
        seed=workspace.settings.search.seed,
        services=Services(workspace, search.bench),
    )
    begun = search.ledger.sessions(iteration)
    left = begun and begun[-1].result and begun[-1].result.outcome is SessionOutcome.NOTHING_LEFT
    if begun and not left and session.view.is_dir():
        return session
    layout.evaluator(iteration).unlink(missing_ok=True)  # this session has seen no other one
    sources = [layout.candidate(name) for name in named_in(digest, current)]
    if not boxed:
        prepare_view(session, sources, layout.skill, digest)
        return session
    recorded = Recorded(current, search.ledger.iterations(), search.ledger.rows())
    prepare_view(
        session,
        sources,
        layout.skill,
        digest,
        data=query_data(recorded, session.dev_tasks, _policy(workspace)),
        evidence_at=EVIDENCE if search.bench.sandbox.isolated else "",
    )
    return session


def put_away(search: Search, row: IterationRow) -> None:
    """Leave of a closed iteration's session what it wrote, and not what it was given."""
    layout = search.workspace.layout
    known = {item.name: item.harness for item in search.ledger.iterations() if item != row}
    known.pop(row.name, None)
    clear_view(layout.session(row.number) / "view", known)
    if row.harness:
        share(layout.kept_source(row.number, row.name), layout.candidate(row.name))
    search.auditor.end(row.number)
    search.ledger.memo.save()


def _policy(workspace: Workspace) -> FeedbackPolicy:
    return FeedbackPolicy(workspace.settings.proposer.feedback)


def _evidence(search: Search) -> Path:
    """What of the dev evidence a session in a box is shown."""
    workspace, dev = search.workspace, search.workspace.splits.dev
    ids = [task.id for task in dev]
    rollouts = recorded_rollouts(search.ledger.iterations(), search.ledger.rows(), ids)
    shown = evidence_for(_policy(workspace), workspace.layout, rollouts, dev)
    show_sources(shown, workspace.layout, dict.fromkeys(item.harness for item in rollouts))
    return shown


async def answer_of(search: Search, session: Session) -> Proposed | NothingLeft:
    """Hold the session, however often the proposer's account makes it wait.

    Raises SearchStoppedError when it was lost, or when a person is needed.
    """
    while True:
        await search.bench.conduct.checkpoint()
        with search.ledger.following_sessions(partial(_report, search)):
            proposing = search.proposer.propose(session)
            answer = await search.bench.conduct.unless_stopped(proposing)
        match answer:
            case Waiting(until, reason):
                mirror(search.workspace, search.ledger, "waiting", until)
                search.reporter.tell(events.Waiting("the proposer", until.isoformat(), reason))
                await sleep_until(until, search.bench.conduct)
                iteration = mirror(search.workspace, search.ledger, "propose")
                search.reporter.tell(events.PhaseBegan("propose", iteration))
            case Lost(reason) | Stopped(reason):
                raise SearchStoppedError(
                    f"the proposer's session of iteration {session.iteration} ended: {reason}. "
                    "Nothing was lost; the same command goes on."
                )
            case Proposed() | NothingLeft():
                return answer


def _report(search: Search, row: SessionRow) -> None:
    """Say what became of a run; one that begins, which may take hours, is also noted on disk."""
    if row.result is None:
        mirror(search.workspace, search.ledger, "propose")
    iteration, outcome = row.start.iteration, row.result.outcome.value if row.result else ""
    news = news_of(search.ledger.sessions(iteration))
    search.reporter.tell(events.SessionChanged(iteration, row.attempt, outcome, news))


def install(search: Search, row: IterationRow, candidate: Candidate) -> None:
    """Open the iteration and put the candidate beside its parents: its view has the source, so
    that a crash between the two is mended from there."""
    claim = candidate.claim.candidate
    search.ledger.put_iteration(
        replace(
            row,
            harness=digest_bytes([candidate.source]),
            name=candidate.name,
            parent=candidate.parent,
            mechanism=candidate.mechanism,
            claim=candidate.claim.to_json(),
        )
    )
    write_atomically(search.workspace.layout.candidate(candidate.name), candidate.source)
    opened = (row.number, claim.name, candidate.parent, claim.hypothesis)
    search.reporter.tell(events.IterationOpened(*opened))


def make_placebo(search: Search, iteration: int) -> None:
    """Open an iteration with a copy of the incumbent that behaves as it does."""
    workspace = search.workspace
    baseline = search.history().incumbent
    assert baseline is not None  # it was decided before any candidate is made
    incumbent = baseline.name
    tasks = [task.id for task in workspace.splits.dev]
    claim = placebo_claim(iteration, incumbent, tasks, workspace.settings.search.seed)
    name = claim.candidate.name
    source = placebo_source(workspace.layout.candidate(incumbent).read_bytes(), iteration)
    write_atomically(workspace.layout.kept_source(iteration, name), source)
    row = IterationRow(iteration, "", name, "", incumbent, "", "", None, "")
    install(search, row, Candidate(claim, source, incumbent))
