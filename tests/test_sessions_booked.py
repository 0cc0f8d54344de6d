"""What a proposer's session pays is booked once, whatever ends it and whenever."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from doors import MODEL, Door, budget_of, opened_door, sound
from scripted_api import HANGS, Answer, message

from harness_search.gateway.budget import NOTHING, Amount
from harness_search.gateway.grants import Grant
from harness_search.gateway.transcript import Paid, TranscriptWriter, paid_so_far
from harness_search.layout import Layout
from harness_search.ledger.rows import Purpose, Role, Usage
from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionStart
from harness_search.ledger.spending import Spent, spent_by_role, spent_on_disk
from harness_search.ledger.store import Ledger
from harness_search.proposers.books import close_interrupted, transcript_in
from harness_search.proposers.claude.messages import Said
from harness_search.proposers.claude.outcomes import Delivery
from harness_search.proposers.claude.proposer import ClaudeProposer, Means
from harness_search.proposers.claude.session import SessionEnd, Terms
from harness_search.proposers.session import Services, Session
from harness_search.rollouts.bench import open_bench
from harness_search.service.conduct import Conduct
from harness_search.simulated.faults import BreakStream, Status
from harness_search.workspace import Workspace

START = SessionStart(3, "0b2f", "claude", MODEL)
PAID = SessionResult(SessionOutcome.PROPOSED, "", Usage(1, 2, 3, 4), 0.25)
WORDS = "x" * 1_000


class KilledError(BaseException):
    """In place of SIGKILL: what follows in the same process is not looked at."""


def proposer_of(ledger: Ledger) -> Spent:
    return spent_by_role(ledger)[Role.PROPOSER]


# The ledger.


def test_a_run_is_booked_when_it_is_closed_and_once(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        begun = ledger.begin_session(START)
        assert proposer_of(ledger) == Spent()
        ledger.end_session(begun.id, PAID)
        ledger.end_session(begun.id, SessionResult(SessionOutcome.LOST, "", Usage(9, 9), 9.0))
        assert proposer_of(ledger) == Spent(PAID.paid, PAID.paid_usd)


def test_a_run_that_paid_nothing_books_nothing(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        ledger.end_session(ledger.begin_session(START).id, SessionResult(SessionOutcome.LOST, ""))
        assert ledger.spending() == {}


# The next start.


def left_open(layout: Layout, attempt: int = 1) -> Spent:
    """A run whose scaffold was killed between a reply and the next one; what it has paid."""
    folder = layout.session(3)
    folder.mkdir(parents=True, exist_ok=True)
    with closing(TranscriptWriter(transcript_in(folder, attempt))) as writer:
        for call in (1, 2):
            content = {"messages": []}
            writer.request(call, "d", content, reserved_usd=0.5, reserved_tokens=100)
        writer.reply(1, 200, message(), cost_usd=0.25)
    return Spent(Usage(input=103, output=2), 0.75)


def test_what_a_killed_scaffold_left_open_is_booked_by_its_transcript_and_once(
    tmp_path: Path,
) -> None:
    layout = Layout(tmp_path)
    with closing(Ledger(layout.ledger)) as ledger:
        ledger.end_session(ledger.begin_session(START).id, PAID)
        ledger.begin_session(START)
        ledger.begin_session(SessionStart(4, "77aa", "", ""))  # it never came to a call
        paid = left_open(layout, attempt=2)
        for _ in range(2):
            close_interrupted(layout, ledger)
            first, second, third = (row.result for row in ledger.sessions())
            assert first == PAID
            assert second == SessionResult(SessionOutcome.INTERRUPTED, "", paid.usage, paid.usd)
            assert third == SessionResult(SessionOutcome.INTERRUPTED, "")
            assert proposer_of(ledger) == Spent(PAID.paid, PAID.paid_usd) + paid


async def test_the_budget_of_the_next_start_has_it_before_a_call_is_made(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny()
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.begin_session(START)
        paid = left_open(workspace.layout)
        close_interrupted(workspace.layout, ledger)
        async with open_bench(workspace, ledger, Purpose.SEARCH, "", Conduct()) as bench:
            assert bench.gateway.account.budget.spent == Amount(paid.usd, paid.usage.total)
    assert spent_on_disk(workspace.layout.ledger)[Role.PROPOSER] == paid


# A kill at any moment of a run.


@pytest.fixture
async def door(short_folder: Path) -> AsyncIterator[Door]:
    async with opened_door(short_folder) as opened:
        yield opened


def proposer(door: Door, dies: str) -> ClaudeProposer:
    """Its sessions ask twice; its scaffold is killed at the moment that is named."""

    async def hold(bench: Any, gateway: Any, session: Session, terms: Terms) -> SessionEnd:
        transcript = transcript_in(session.view.parent, terms.attempt)
        grant = gateway.grant(transcript, role=Role.PROPOSER)
        for moment in ("before a call", "after a reply"):
            if dies == moment:
                raise KilledError
            await door.post(sound(), token=grant.token)
        if dies == "before its token is revoked":
            raise KilledError
        gateway.revoke(grant)
        if dies == "when its token is revoked":
            raise KilledError
        log = session.view / "log"
        return SessionEnd(terms.session_id, "ended", "", grant, Said(finished=True), log, log)

    @asynccontextmanager
    async def gateway(_: Session) -> AsyncIterator[Any]:
        yield door.gateway

    means = Means(lambda _: Terms("", "", "", 1, 1.0), lambda _: Delivery(), gateway, hold)
    return ClaudeProposer("claude", means)


@pytest.mark.parametrize(
    ("dies", "calls"),
    [
        ("before a call", 0),
        ("after a reply", 1),
        ("before its token is revoked", 2),
        ("when its token is revoked", 2),
        ("when its run is closed", 2),
        ("after that", 2),
    ],
)
async def test_a_kill_at_any_moment_of_a_run_leaves_it_booked_once(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: str, calls: int
) -> None:
    layout = Layout(tmp_path)
    (layout.session(3) / "view").mkdir(parents=True)
    with closing(Ledger(layout.ledger)) as ledger:
        ended = ledger.end_session

        def dying(*closed: Any) -> None:
            if dies == "after that":
                ended(*closed)
            raise KilledError

        monkeypatch.setattr(ledger, "end_session", dying)
        bench: Any = SimpleNamespace(ledger=ledger)
        services = Services(None, bench)  # type: ignore[arg-type]
        view = layout.session(3) / "view"
        session = Session(3, view, tmp_path, "baseline", (), (), 7, services)
        with pytest.raises(KilledError):
            await proposer(door, dies).propose(session)
    with closing(Ledger(layout.ledger)) as ledger:
        close_interrupted(layout, ledger)
        (row,) = ledger.sessions()
        found = proposer_of(ledger)
    assert row.result is not None
    assert found == Spent(row.result.paid, row.result.paid_usd)
    assert found.usage == Usage(3 * calls, 2 * calls)
    assert found.usd == pytest.approx(7e-6 * calls)
    assert door.booked == []  # the gateway would book a second time


# Calls that are cut off.


def hangs_second(number: int, content: Any) -> Answer:
    return (HANGS, "") if number == 2 else (200, message())


@pytest.mark.parametrize("role", [Role.PROPOSER, Role.ROLLOUT, Role.JUDGE])
async def test_a_call_that_is_cut_off_counts_with_all_that_was_reserved_for_it(
    short_folder: Path, role: Role
) -> None:
    async with opened_door(short_folder, hangs_second) as door:
        grant = door.another(role)
        await door.post(sound(), token=grant.token)
        asked = asyncio.create_task(door.post(sound(), token=grant.token))
        while len(door.api.received) < 2:
            await asyncio.sleep(0.001)
        held, budget = door.account.budget.reserved, door.account.budget
        assert held.tokens > 9
        door.gateway.revoke(grant)
        assert grant.paid == Usage(input=3 + held.tokens, output=2)
        assert paid_so_far(grant.transcript.file) == Paid(grant.paid, grant.paid_usd)
        await grant.settled()
        assert budget.reserved == NOTHING
        assert budget.spent.tokens == grant.paid.total
        assert budget.spent.usd == pytest.approx(grant.paid_usd)
        asked.cancel()
        await asyncio.wait({asked})
    assert door.booked == []  # what was paid is booked by whoever knows for what


@pytest.mark.parametrize(
    "fault",
    [BreakStream(3), Status(529), (200, '{"content":' * 100_000), (200, message())],
    ids=["broken stream", "overloaded", "unreadable", "answered"],
)
async def test_the_transcript_alone_tells_what_a_session_paid(
    short_folder: Path, fault: Answer
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if content["messages"][0]["content"] == "ping" else fault

    streams = isinstance(fault, BreakStream)
    async with opened_door(short_folder, answer, patience=0.0) as door:
        grant = door.another(Role.PROPOSER)
        try:
            await door.send("POST", "/v1/messages", sound(stream=streams), grant)
        except aiohttp.ClientError:
            assert streams
        await grant.settled()
        assert paid_so_far(grant.transcript.file) == Paid(grant.paid, grant.paid_usd)
        assert bool(grant.paid.total) == (fault != Status(529))


# Whose limits hold.


async def tries(door: Door, grant: Grant) -> int:
    body = sound(messages=[{"role": "user", "content": WORDS}])
    status, _, _ = await door.send("POST", "/v1/messages", body, grant)
    return status


async def test_a_rollouts_limit_is_no_sessions(short_folder: Path) -> None:
    async with opened_door(short_folder, budget=budget_of(rollout_tokens=100)) as door:
        assert await tries(door, door.grant) == 400
        assert await tries(door, door.another(Role.PROPOSER)) == 200
        assert await tries(door, door.another(Role.JUDGE)) == 200


async def test_a_session_has_a_limit_of_its_own(short_folder: Path) -> None:
    async with opened_door(short_folder, budget=budget_of(session_tokens=100)) as door:
        session = door.another(Role.PROPOSER)
        assert await tries(door, door.grant) == 200
        assert await tries(door, session) == 400
    assert "the session's budget of 100 tokens" in session.limit_reached
    assert "`session_tokens` in [budget]" in session.limit_reached
