"""Claude as the proposer: sessions that survive what may pass, and one turn to mend a claim."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from harness_search.gateway.grants import Grant
from harness_search.ledger.sessions import (
    SessionOutcome,
    SessionResult,
    SessionRow,
    SessionStart,
)
from harness_search.proposers import books
from harness_search.proposers.claude.outcomes import (
    Again,
    Correct,
    Delivery,
    Facts,
    Verdict,
    verdict_on,
)
from harness_search.proposers.claude.session import SessionEnd, Terms, hold_session
from harness_search.proposers.claude.watch import silence_of
from harness_search.proposers.gateway import open_proposer_gateway
from harness_search.proposers.session import (
    Answer,
    Lost,
    Proposed,
    Services,
    Session,
)

if TYPE_CHECKING:
    from harness_search.gateway.server import Gateway
    from harness_search.rollouts.runner import Bench

GO_ON = (
    "Your session was interrupted, and the command that ran then may not have finished. Look at "
    "what is there, and go on from it."
)
CORRECT = """\
The scaffold cannot use what you left: {problem}

Mend exactly that, check both files once more, and end your turn. There will be no further turn: \
without a sound claim and candidate this iteration ends as `no claim`."""
LONGEST_PROBLEM = 2_000
"""Characters of what is wrong with a claim: it may quote the claim."""
OUTCOMES: Mapping[type[Any], SessionOutcome] = MappingProxyType(
    {**books.OUTCOMES, Again: SessionOutcome.LOST, Correct: SessionOutcome.TO_CORRECT}
)


class HoldSession(Protocol):
    """Holds one run of a session in a box, and leaves no process of it behind."""

    async def __call__(
        self, bench: "Bench", gateway: "Gateway", session: Session, terms: Terms
    ) -> SessionEnd: ...


@asynccontextmanager
async def open_gateway(session: Session) -> "AsyncIterator[Gateway]":
    """On the account of the profile that `[proposer]` names."""
    async with open_proposer_gateway(_services(session)) as gateway:
        yield gateway


@dataclass(frozen=True, slots=True)
class Means:
    """What the proposer has done for it. All of it is the scaffold's; nothing enters the box."""

    opening: Callable[[Session], Terms]
    """How a session is begun; its id, its attempt and whether it goes on are set here."""
    delivered: Callable[[Session], Delivery]
    """Looks at the view, believing nothing."""
    open_gateway: "Callable[[Session], AbstractAsyncContextManager[Gateway]]" = open_gateway
    hold: HoldSession = hold_session


@dataclass(frozen=True, slots=True)
class Turn:
    """What one run of the command line is for."""

    session_id: str
    message: str = ""
    """What a session that goes on is told; empty for a new one."""
    corrected: bool = False

    @classmethod
    def fresh(cls) -> "Turn":
        return cls(str(uuid.uuid4()))

    def after(self, verdict: Again | Correct) -> "Turn":
        """The turn that follows."""
        if isinstance(verdict, Correct):
            problem = verdict.problem[:LONGEST_PROBLEM]
            return Turn(self.session_id, CORRECT.format(problem=problem), corrected=True)
        if verdict.fresh:
            return Turn.fresh()
        return replace(self, message=self.message if self.corrected else GO_ON)

    def terms(
        self, opening: Terms, attempt: int, watch: Callable[[Grant], Awaitable[str]]
    ) -> Terms:
        """The terms of the run."""
        prompt = self.message or opening.prompt
        return replace(
            opening,
            session_id=self.session_id,
            attempt=attempt,
            resume=bool(self.message),
            prompt=prompt,
            watch=watch,
        )


def next_turn(
    rows: Sequence[SessionRow], delivery: Delivery, answered: Callable[[SessionRow], bool]
) -> Turn | None:
    """How an iteration goes on, by the ended runs that it has had; None when it has its answer.

    `answered` tells whether a run had a reply of the model: a conversation without one is not there
    to go on with.
    """
    if not rows or _ended(rows[-1]) is SessionOutcome.NOTHING_LEFT:
        return Turn.fresh()
    last, session_id = _ended(rows[-1]), rows[-1].start.session_id
    if not any(answered(row) for row in rows if row.start.session_id == session_id):
        return Turn.fresh()
    proposed = last is SessionOutcome.PROPOSED
    corrected = any(
        _ended(row) is SessionOutcome.TO_CORRECT
        for row in rows
        if row.start.session_id == session_id
    )
    if proposed and (corrected or not delivery.problem):
        return None
    turn = Turn(session_id, GO_ON, corrected)
    if delivery.problem and (corrected or proposed):
        return turn.after(Correct(delivery.problem))
    return turn


def _ended(row: SessionRow) -> SessionOutcome:
    return row.result.outcome if row.result else SessionOutcome.INTERRUPTED


@dataclass(frozen=True, slots=True)
class ClaudeProposer:
    """Holds sessions until one has an answer, or a person or time is needed."""

    profile: str
    """Its name, for people and for the ledger."""
    means: Means
    attempts: int = 3
    """Runs that may be lost to what may pass, one after the other."""
    feedback: str = ""
    """How much of dev its sessions see, for the ledger."""
    watch: Callable[[Grant], Awaitable[str]] = silence_of
    """Ends a run for what it returns."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def propose(self, session: Session) -> Answer:
        """Hold the session of an iteration, from its beginning or from where it was left."""
        rows, folder = _bench(session).ledger.sessions(session.iteration), session.view.parent
        turn = next_turn(
            rows, self.means.delivered(session), lambda row: books.was_answered(folder, row)
        )
        if turn is None:
            return Proposed()
        async with self.means.open_gateway(session) as gateway:
            answer = await self._held(session, gateway, turn)
        last = _bench(session).ledger.sessions(session.iteration)[-1]
        return books.naming(answer, books.log_in(folder, last.attempt))

    async def _held(self, session: Session, gateway: "Gateway", turn: Turn) -> Answer:
        lost = 0
        while True:
            verdict = await self._run(session, gateway, turn)
            if not isinstance(verdict, Again | Correct):
                return verdict
            lost += isinstance(verdict, Again)
            if isinstance(verdict, Again) and lost >= self.attempts:
                return Lost(verdict.reason)
            turn = turn.after(verdict)

    async def _run(self, session: Session, gateway: "Gateway", turn: Turn) -> Verdict:
        """One run, recorded before it begins and when it has ended, however it ends."""
        bench, opening = _bench(session), self.means.opening(session)
        model = books.held_with(gateway.model, effort=opening.effort, feedback=self.feedback)
        start = SessionStart(session.iteration, turn.session_id, self.profile, model)
        with books.recorded(bench.ledger, session.view.parent, start) as run:
            terms = turn.terms(opening, run.row.attempt, self.watch)
            end = await self.means.hold(bench, gateway, session, terms)
            verdict = verdict_on(self._facts(session, gateway, turn, end))
            paid = end.grant.paid, end.grant.paid_usd
            run.result = SessionResult(OUTCOMES[type(verdict)], _reason(verdict), *paid)
            return verdict

    def _facts(self, session: Session, gateway: "Gateway", turn: Turn, end: SessionEnd) -> Facts:
        grant = end.grant
        return Facts(
            now=self.now(),
            delivery=self.means.delivered(session),
            why=end.ended,
            reason=end.reason,
            said=end.said,
            profile=self.profile,
            calls=grant.calls,
            limit=grant.limit,
            failed_try=grant.failed_try,
            stopped=gateway.account.stopped,
            limit_reached=grant.limit_reached,
            resumed=bool(turn.message),
            corrected=turn.corrected,
        )


def _services(session: Session) -> Services:
    assert session.services is not None, "a Claude session needs a box"
    return session.services


def _bench(session: Session) -> "Bench":
    return _services(session).bench


def _reason(verdict: Verdict) -> str:
    match verdict:
        case Proposed():
            return ""
        case Correct(problem):
            return problem[:LONGEST_PROBLEM]
        case _:
            return verdict.reason
