"""A proposer's attempts: how many there are, what each is for, what the ledger says of them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doors import MODEL, Door, opened_door, sound
from scripted_api import message

from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Role, Usage
from harness_search.ledger.sessions import SessionOutcome, SessionStart
from harness_search.ledger.spending import Spent, spent_by_role
from harness_search.ledger.store import Ledger
from harness_search.proposers.books import transcript_in
from harness_search.proposers.boxed import Why
from harness_search.proposers.claude.messages import Said
from harness_search.proposers.claude.outcomes import Delivery
from harness_search.proposers.claude.proposer import ClaudeProposer, Means
from harness_search.proposers.claude.session import SessionEnd, Terms
from harness_search.proposers.session import Answer, Lost, Proposed, Services, Session
from harness_search.simulated.faults import Status

FINISHED = Said(finished=True)
KILLED = Said()
NO_CLAIM = "pending_eval.json: no regular file"


class Table:
    """A ledger, a real gateway, and sessions that end as a test says."""

    def __init__(self, door: Door, folder: Path) -> None:
        self.door, self.ledger = door, Ledger(folder / "ledger.sqlite3")
        bench: Any = SimpleNamespace(ledger=self.ledger)
        services = Services(None, bench)  # type: ignore[arg-type]
        (folder / "view").mkdir()
        self.session = Session(3, folder / "view", folder, "baseline", (), (), 7, services)
        self.delivery = Delivery()
        self.held: list[Terms] = []

    async def propose(self, *ends: Said | Why, attempts: int = 3, asks: int = 1) -> Answer:
        """Propose with runs that end so, each after some calls."""
        following = iter(ends)

        async def hold(bench: Any, gateway: Any, session: Session, terms: Terms) -> SessionEnd:
            self.held.append(terms)
            end = next(following)
            grant = gateway.grant(
                transcript_in(session.view.parent, terms.attempt), role=Role.PROPOSER
            )
            try:
                for _ in range(asks):
                    await self.door.post(sound(), token=grant.token)
            finally:
                gateway.revoke(grant)
            said, why = (end, "ended") if isinstance(end, Said) else (FINISHED, end)
            log = session.view / "log"
            return SessionEnd(terms.session_id, why, "", grant, said, log, log)  # type: ignore[arg-type]

        @asynccontextmanager
        async def gateway(_: Session) -> AsyncIterator[Any]:
            yield self.door.gateway

        def opening(_: Session) -> Terms:
            return Terms("", "Begin.", "the contract", max_turns=5, seconds=9.0)

        means = Means(opening, lambda _: self.delivery, gateway, hold)
        return await ClaudeProposer("claude", means, attempts).propose(self.session)

    @property
    def outcomes(self) -> list[SessionOutcome]:
        rows = self.ledger.sessions(3)
        return [row.result.outcome for row in rows if row.result is not None]

    def interrupt(self, session_id: str = "0b2f", *, answered: bool = False) -> int:
        """A run that the ledger knows, and whose scaffold was killed: before the model's first
        reply, or after it."""
        start = SessionStart(3, session_id, "claude", MODEL)
        attempt = self.ledger.begin_session(start).attempt
        with closing(TranscriptWriter(transcript_in(self.session.view.parent, attempt))) as writer:
            writer.request(1, "0" * 64, json.loads(sound()))
            if answered:
                writer.reply(1, 200, message())
        return attempt


@pytest.fixture
async def table(short_folder: Path, tmp_path: Path) -> AsyncIterator[Table]:
    async with opened_door(short_folder) as door:
        yield Table(door, tmp_path)


async def test_a_run_is_recorded_with_its_id_its_model_and_what_it_paid(table: Table) -> None:
    assert await table.propose(FINISHED) == Proposed()
    (row,) = table.ledger.sessions(3)
    model = f"{MODEL} (effort high)"
    assert row.start == SessionStart(3, table.held[0].session_id, "claude", model)
    assert row.result is not None
    assert (row.result.paid, row.result.outcome) == (
        Usage(input=3, output=2),
        SessionOutcome.PROPOSED,
    )
    assert row.result.paid_usd > 0
    assert spent_by_role(table.ledger)[Role.PROPOSER] == Spent(row.result.paid, row.result.paid_usd)


async def test_lost_runs_of_one_conversation_are_as_many_as_is_set(table: Table) -> None:
    lost = await table.propose(KILLED, KILLED, attempts=2)
    assert isinstance(lost, Lost)
    assert re.fullmatch(
        r"its command line was killed or crashed \(.*/session-2\.log\)", lost.reason
    )
    first, second = table.held
    assert first.session_id == second.session_id
    assert (first.resume, second.resume) == (False, True)
    assert (first.prompt, first.attempt, second.attempt) == ("Begin.", 1, 2)
    assert "was interrupted" in second.prompt
    assert table.outcomes == [SessionOutcome.LOST] * 2
    # The next launch goes on with it, and has its attempts anew.
    assert await table.propose(KILLED, FINISHED, attempts=2) == Proposed()
    assert {terms.session_id for terms in table.held} == {first.session_id}
    assert [terms.attempt for terms in table.held] == [1, 2, 3, 4]


async def test_a_claim_is_to_be_mended_once_and_then_there_is_none(table: Table) -> None:
    table.delivery = Delivery(problem=NO_CLAIM)
    assert await table.propose(FINISHED, KILLED, FINISHED) == Proposed()
    assert table.outcomes == [
        SessionOutcome.TO_CORRECT,
        SessionOutcome.LOST,
        SessionOutcome.PROPOSED,
    ]
    assert [NO_CLAIM in terms.prompt for terms in table.held] == [False, True, True]
    # The scaffold may ask again: it was killed before it wrote down that there is none.
    assert await table.propose() == Proposed()


async def test_a_conversation_that_cannot_go_on_is_begun_anew(table: Table) -> None:
    table.interrupt(answered=True)
    unknown = Said(exception="ResultError", text="No conversation found")
    lost = await table.propose(unknown, unknown, attempts=2, asks=0)
    assert isinstance(lost, Lost)
    assert lost.reason.startswith("it asked the model nothing (No conversation found)")
    first, second = table.held
    assert (first.session_id, first.resume) == ("0b2f", True)
    assert second.session_id != first.session_id
    assert (second.resume, second.prompt) == (False, "Begin.")


async def test_a_session_whose_scaffold_was_killed_goes_on(table: Table) -> None:
    table.interrupt(answered=True)
    assert await table.propose(FINISHED) == Proposed()
    interrupted, proposed = table.ledger.sessions(3)
    assert interrupted.start.session_id == proposed.start.session_id
    assert table.held[0].resume


async def test_a_conversation_that_never_began_is_not_gone_on_with(table: Table) -> None:
    table.interrupt()
    assert await table.propose(FINISHED, attempts=1) == Proposed()
    (only,) = table.held
    assert (only.session_id != "0b2f", only.resume, only.prompt) == (True, False, "Begin.")


async def test_a_proposal_that_was_made_is_not_paid_for_again(table: Table) -> None:
    assert await table.propose(FINISHED) == Proposed()
    assert await table.propose() == Proposed()
    assert len(table.held) == 1
    # Unless it is gone: then the session that made it is asked for it.
    table.delivery = Delivery(problem=NO_CLAIM)
    assert await table.propose(FINISHED) == Proposed()
    assert table.held[1].resume
    assert NO_CLAIM in table.held[1].prompt


async def test_a_run_that_is_cancelled_is_recorded_as_interrupted(table: Table) -> None:
    begun = asyncio.Event()

    async def hangs(*_: Any) -> SessionEnd:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    @asynccontextmanager
    async def gateway(_: Session) -> AsyncIterator[Any]:
        yield table.door.gateway

    means = Means(lambda _: Terms("", "", "", 1, 1.0), lambda _: Delivery(), gateway, hangs)
    asked = asyncio.create_task(ClaudeProposer("claude", means).propose(table.session))
    await begun.wait()
    asked.cancel()
    await asyncio.wait({asked})
    assert table.outcomes == [SessionOutcome.INTERRUPTED]


# What only a session is told by the gateway.


@pytest.mark.parametrize(
    ("role", "status", "calls"), [(Role.PROPOSER, 429, 1), (Role.ROLLOUT, 529, 2)]
)
async def test_a_session_hears_of_its_limit_at_once_and_a_rollout_is_interrupted(
    short_folder: Path, role: Role, status: int, calls: int
) -> None:
    headers = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": "4102444800",
    }
    fault = Status(429, "rate_limit_error", headers=headers)
    async with opened_door(short_folder, lambda *_: fault, patience=0.0, fewest_tries=3) as door:
        holder = door.another(role)
        found = await door.send("POST", "/v1/messages", sound(), holder)
        assert (found[0], len(door.api.received)) == (status, calls)  # one of them our own
        assert ("anthropic-ratelimit-unified-reset" in found[2]) == (role is Role.PROPOSER)
        assert holder.over.is_set()
        assert holder.halted == (role is Role.ROLLOUT)
        assert holder.limit is not None
        assert holder.limit.reached


async def test_a_reply_makes_up_for_a_failed_try(short_folder: Path) -> None:
    def answer(number: int, content: object) -> Any:
        return Status(529) if number == 1 else (200, message())

    async with opened_door(short_folder, answer) as door:
        holder = door.another(Role.PROPOSER)
        assert (await door.post(sound(), token=holder.token))[0] == 200
        assert (len(door.api.received), holder.failed_try) == (2, None)
