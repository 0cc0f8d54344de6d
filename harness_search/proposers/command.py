"""A proposer that is any program: another coding agent, a script, a search of one's own."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from harness_search.files import is_regular
from harness_search.ledger.rows import Role
from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionRow, SessionStart
from harness_search.proposers.books import (
    OUTCOMES,
    held_with,
    log_in,
    naming,
    recorded,
    transcript_in,
)
from harness_search.proposers.boxed import (
    Access,
    Folders,
    Guest,
    Inside,
    Visit,
    heard_out,
    run_boxed,
)
from harness_search.proposers.gateway import open_proposer_gateway
from harness_search.proposers.library import library
from harness_search.proposers.limits import waiting_for
from harness_search.proposers.program import search_path, shown_to_box
from harness_search.proposers.session import (
    Answer,
    Lost,
    NothingLeft,
    Proposed,
    Services,
    Session,
    Stopped,
)
from harness_search.sandbox.box import Mount

if TYPE_CHECKING:
    from harness_search.gateway.grants import Grant
    from harness_search.gateway.server import Gateway


@dataclass(frozen=True)
class CommandProposer:
    """Runs a program in the same box as a Claude session; it ends when its proposal is written.

    Its program is an executable file of the workspace, or is looked up as a shell would among the
    machine's programs in `/usr`. Words that name a file or folder, absolute or relative to the
    workspace, are shown read-only, and their place in the box is put in instead. Its current folder
    is the view. It is told by its environment:

    - `MH_VIEW`, `MH_EVIDENCE`, `MH_STATE`: the view (to write into), the dev evidence (to read),
      and a folder that is there again should the session go on;
    - `MH_CLAIM`: the file that its claim goes to; the candidate goes to `harnesses/<name>.py`;
    - `MH_ITERATION`, `MH_INCUMBENT`, `MH_SEED`: what the session is about;
    - `MH_ATTEMPT`: counts the runs in this view, from 1; later ones find view and state as an
      interrupted one left them;
    - `MH_LIBRARY`: the folder that a harness imports `harness_kit` and the document libraries
      from; what runs the command may have libraries of its own;
    - `ANTHROPIC_BASE_URL`, `ANTHROPIC_API_KEY`, `MH_MODEL`: its only network, where `[proposer]`
      names a profile; the key opens this gateway alone.

    Exit code 0 without a claim says that nothing is left to try. What it prints is kept in
    `session-<run>.log` beside the view, and every run in the ledger with what it paid.
    """

    command: Sequence[str]

    async def propose(self, session: Session) -> Answer:
        """Run the command, unless an earlier launch has; raises InputError for one that cannot be
        shown to its box."""
        services = session.services
        assert services is not None, "a command needs a box"
        shown = shown_to_box(services.workspace, self.command)
        ledger = services.bench.ledger
        before = ledger.sessions(session.iteration)
        if _has_proposed(session, before):
            return Proposed()
        async with AsyncExitStack() as stack:
            gateway = await _gateway(services, stack)
            start = _start(services, session, gateway)
            with recorded(ledger, session.view.parent, start) as run:
                guest = _guest(services, session, self.command, shown, attempt_in_view(before))
                visit, grant = await _held(services, session, gateway, guest, run.row.attempt)
                stopped = gateway.account.stopped if gateway else ""
                answer = answer_of(visit, stopped, claimed=is_regular(session.claim_file))
                answer = _after_limit(answer, grant, start.profile)
                run.result = _result(answer, grant)
        log = log_in(session.view.parent, run.row.attempt)
        return naming(answer, log)


def _has_proposed(session: Session, rows: Sequence[SessionRow]) -> bool:
    """Whether its proposal is there, and paid for: the scaffold was killed before it took it."""
    last = rows[-1].result if rows else None
    proposed = last is not None and last.outcome is SessionOutcome.PROPOSED
    return proposed and is_regular(session.claim_file)


def _start(services: Services, session: Session, gateway: "Gateway | None") -> SessionStart:
    """Whatever the launch, a command has one session for an iteration."""
    settings = services.workspace.settings.proposer
    model = held_with(gateway.model if gateway else "no model", feedback=settings.feedback)
    session_id = f"command-{session.iteration:03d}"
    return SessionStart(session.iteration, session_id, settings.profile, model)


def attempt_in_view(before: Sequence[SessionRow]) -> int:
    """Which run this is in its view: one that had nothing left to try was the last in its own."""
    ended = [row.result.outcome if row.result else None for row in reversed(before)]
    return [*ended, SessionOutcome.NOTHING_LEFT].index(SessionOutcome.NOTHING_LEFT) + 1


def _result(answer: Answer, grant: "Grant | None") -> SessionResult:
    reason = "" if isinstance(answer, Proposed) else answer.reason
    paid = (grant.paid, grant.paid_usd) if grant else ()
    return SessionResult(OUTCOMES[type(answer)], reason, *paid)


async def _held(
    services: Services, session: Session, gateway: "Gateway | None", guest: Guest, attempt: int
) -> "tuple[Visit, Grant | None]":
    """Run the command to its end; its grant has what it paid."""
    folder = session.view.parent
    folders = Folders(session.view, session.evidence, folder / "state")
    settings = services.workspace.settings.proposer
    run = partial(
        run_boxed,
        services.bench,
        folders=folders,
        guest=guest,
        seconds=settings.session_seconds,
        hard_seconds=settings.hard_seconds,
    )
    if gateway is None:
        visit = await run(None)
        grant = None
    else:
        grant = gateway.grant(transcript_in(folder, attempt), role=Role.PROPOSER)
        try:
            visit = await run(Access(gateway, grant))
            await heard_out(grant)
        finally:
            gateway.revoke(grant)
    await asyncio.to_thread(log_in(folder, attempt).write_text, visit.log, encoding="utf-8")
    return visit, grant


def answer_of(visit: Visit, stopped: str, *, claimed: bool) -> Answer:
    """What a command's end comes to. A claim that was written by then counts, however it ended.

    `stopped` says why the account makes no more calls.
    """
    if stopped:
        return Stopped(stopped)
    if claimed:
        return Proposed()
    if visit.why == "ended" and not visit.reason:
        return NothingLeft("the command ended without a claim")
    return Lost(f"the command: {visit.reason}")


def _after_limit(answer: Answer, grant: "Grant | None", profile: str) -> Answer:
    """A command that was lost to a limit of its account goes on when that has ended."""
    limit = grant.limit if grant is not None and grant.failed_try is not None else None
    if isinstance(answer, Lost) and limit is not None and limit.reached:
        return waiting_for(limit, profile, datetime.now(UTC))
    return answer


async def _gateway(services: Services, stack: AsyncExitStack) -> "Gateway | None":
    """To the profile's model; None where no profile is named."""
    if not services.workspace.settings.proposer.profile:
        return None
    return await stack.enter_async_context(open_proposer_gateway(services))


def _guest(
    services: Services,
    session: Session,
    command: Sequence[str],
    shown: Sequence[Mount | None],
    attempt: int,
) -> Guest:
    isolated = services.bench.sandbox.isolated
    imported, imported_from = library(services.bench)
    arguments = [_place(part, mount, isolated) for part, mount in zip(command, shown, strict=True)]

    def program(inside: Inside) -> dict[str, Any]:
        told = {"MH_ATTEMPT": f"{attempt}", "MH_LIBRARY": imported_from}
        environment = {**_environment(inside, session), **told}
        return {"argv": ["/usr/bin/env", *arguments], "environment": environment}

    return Guest(program, mounts=(imported, *(mount for mount in shown if mount is not None)))


def _place(argument: str, mount: Mount | None, isolated: bool) -> str:
    if mount is None:
        return argument
    return mount.target if isolated else str(mount.source)


def _environment(inside: Inside, session: Session) -> dict[str, str]:
    told = {
        "PATH": search_path(),
        "MH_VIEW": inside.view,
        "MH_EVIDENCE": inside.evidence,
        "MH_STATE": inside.state,
        "MH_CLAIM": f"{inside.view}/{session.claim_file.name}",
        "MH_ITERATION": f"{session.iteration}",
        "MH_INCUMBENT": session.incumbent,
        "MH_SEED": f"{session.seed}",
    }
    if not inside.base_url:
        return told
    return told | {
        "ANTHROPIC_BASE_URL": inside.base_url,
        "ANTHROPIC_API_KEY": inside.token,
        "MH_MODEL": inside.model,
    }
