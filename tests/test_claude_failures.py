"""Each failure of a Claude session, made by its provider: the real SDK, the real command line."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psutil
import pytest
from conftest import Open
from proposer_sessions import CANDIDATE, CLAIM, TASKS, Desk, Script, Step, opened_desk, results_in
from scripted_api import Answer
from seen_processes import name_of

from harness_search.errors import InputError
from harness_search.gateway.grants import Grant
from harness_search.gateway.server import Gateway
from harness_search.gateway.transcript import conversation
from harness_search.gateway.upstream import Silence
from harness_search.ledger.rows import Role
from harness_search.ledger.sessions import SessionOutcome, SessionRow
from harness_search.ledger.spending import spent_by_role
from harness_search.promotion.candidate import collect
from harness_search.proposers.books import transcript_in
from harness_search.proposers.claude import sdk, session, worker
from harness_search.proposers.claude.outcomes import Delivery
from harness_search.proposers.claude.proposer import ClaudeProposer, Means
from harness_search.proposers.claude.session import Terms
from harness_search.proposers.claude.watch import Patience, silence_of
from harness_search.proposers.session import Proposed, Session, Stopped, Waiting
from harness_search.simulated.faults import BreakStream, Fault, StallStream, Status

READS = ("Read", {"file_path": "/work/harnesses/baseline.py"})
WRITES = (
    "Bash",
    {
        "command": f"cat > harnesses/second_look.py <<'END'\n{CANDIDATE}END\n"
        f"cat > pending_eval.json <<'END'\n{json.dumps(CLAIM)}\nEND\n"
    },
)
LOST, PROPOSED = SessionOutcome.LOST, SessionOutcome.PROPOSED


@pytest.fixture
def desk(
    open_tiny: Open,
    kit: Path,
    short_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Any]]:
    """Opens a desk whose gateway and command line try nothing twice."""
    try:
        sdk.find_sdk()
    except InputError as error:
        pytest.skip(str(error))
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("no session is held without bubblewrap in these tests")
    monkeypatch.setattr(session, "QUIET", {**session.QUIET, "CLAUDE_CODE_MAX_RETRIES": "0"})

    @asynccontextmanager
    async def impatient(answer: Callable[[int, Any], Answer]) -> AsyncIterator[Desk]:
        async with opened_desk(workspace, kit, short_folder, tmp_path, answer) as opened:
            account = opened.gateway.account
            account.terms = replace(account.terms, patience_seconds=0, fewest_tries=1)
            yield opened

    yield impatient
    below = psutil.Process().children(recursive=True)
    assert not [one for one in below if "claude" in name_of(one)]


def proposer(desk: Desk, opening: dict[str, Any] | None = None, **options: Any) -> ClaudeProposer:
    usual = {"prompt": "Begin.", "contract": "", "max_turns": 20, "seconds": 60.0}

    @asynccontextmanager
    async def gateway(_: Session) -> AsyncIterator[Gateway]:
        yield desk.gateway

    def begin(_: Session) -> Terms:
        return Terms("", **{**usual, **(opening or {})})

    means = Means(begin, delivered, gateway)
    return ClaudeProposer("claude", means, **options)


def delivered(session: Session) -> Delivery:
    try:
        collect(session.view, 1, "baseline", set(TASKS), {"baseline": "0"})
    except InputError as error:
        return Delivery(problem=str(error))
    return Delivery()


def rows_of(desk: Desk) -> list[SessionRow]:
    """The runs of the session, which are all of one conversation."""
    rows = desk.services.bench.ledger.sessions(1)
    (name,) = {row.start.session_id for row in rows}
    assert UUID(name).version == 4
    assert len(list((desk.folder / "state").rglob(f"{name}.jsonl"))) == 1
    return rows


def outcomes(desk: Desk) -> list[SessionOutcome]:
    return [row.result.outcome for row in rows_of(desk) if row.result is not None]


class Failing:
    """A script whose second step meets a fault, or a step that is one, so many times.

    What the session remembers of such a step is a matter of moments: one more result, or none.
    """

    def __init__(self, fault: Fault | Step, times: int = 1) -> None:
        self.fault, self.times, self.met = fault, times, asyncio.Event()
        self.script = Script(READS, WRITES, WRITES)

    def __call__(self, number: int, content: Any) -> Answer:
        second = self.met.is_set() or ("tools" in content and len(results_in(content)) == 1)
        if not second or not self.times:
            return self.script(number, content)
        self.met.set()
        self.times -= 1
        if isinstance(self.fault, Fault):
            return self.fault
        return 200, self.script._reply(self.fault)  # of the one count of identities


def limit_until(resets_at: datetime) -> Status:
    unified = "anthropic-ratelimit-unified"
    headers = {
        f"{unified}-status": "rejected",
        f"{unified}-reset": str(int(resets_at.timestamp())),
        f"{unified}-representative-claim": "five_hour",
    }
    return Status(429, "rate_limit_error", "limit reached", headers=headers)


async def test_a_session_limit_is_told_at_once_and_the_session_goes_on_when_it_is_over(
    desk: Callable[..., Any],
) -> None:
    resets_at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    async with desk(Failing(limit_until(resets_at))) as opened:
        account = opened.gateway.account
        account.terms = replace(account.terms, patience_seconds=900.0, fewest_tries=3)
        claude = proposer(opened, {"authentication": "oauth"})
        waiting = await claude.propose(opened.session)
        assert len(opened.api.received) == 2
        assert isinstance(waiting, Waiting)
        assert timedelta() < waiting.until - resets_at <= timedelta(minutes=1)
        assert "five-hour limit" in waiting.reason
        assert await claude.propose(opened.session) == Proposed()
        assert outcomes(opened) == [SessionOutcome.WAITING, PROPOSED]
        # That the history is there again is the claim of test_claude_session.py.
        assert len({row.start.session_id for row in rows_of(opened)}) == 1


@pytest.mark.parametrize(
    ("fault", "times", "said"),
    [
        # The gateway asks for something of its own before it gives up: three times in vain.
        (Status(529, "overloaded_error"), 4, "overloaded (status 529)"),
        (BreakStream(3, reset=True), 1, "stream lost"),
    ],
)
async def test_a_session_that_is_lost_to_what_may_pass_goes_on_by_itself(
    desk: Callable[..., Any], fault: Fault, times: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = {**session.QUIET, "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1"}
    monkeypatch.setattr(session, "QUIET", quiet)
    async with desk(Failing(fault, times)) as opened:
        assert await proposer(opened).propose(opened.session) == Proposed()
        lost, proposed = (row.result for row in rows_of(opened))
        assert (lost.outcome, proposed.outcome) == (LOST, PROPOSED)
        assert lost.reason == f"the provider failed: {said}"
        paid = spent_by_role(opened.services.bench.ledger)[Role.PROPOSER].usage
        assert lost.paid + proposed.paid == paid
        assert lost.paid.total > 0 < proposed.paid.total


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, "authentication_error", "log in again"),
        (400, "invalid_request_error", "credit"),
    ],
)
async def test_what_a_person_must_mend_stops_the_session_and_says_what_to_do(
    desk: Callable[..., Any], status: int, kind: str, advice: str
) -> None:
    async with desk(Failing(Status(status, kind, "no"), times=99)) as opened:
        stopped = await proposer(opened).propose(opened.session)
        assert isinstance(stopped, Stopped)
        assert f"status {status}" in stopped.reason and advice in stopped.reason
        assert outcomes(opened) == [SessionOutcome.STOPPED]


async def test_a_stream_that_hangs_is_ended_by_our_own_watch(desk: Callable[..., Any]) -> None:
    answer = Failing(StallStream(3))

    async def watch(grant: Grant) -> str:
        await answer.met.wait()
        while not grant.answering:
            await asyncio.sleep(0.01)
        late = grant.heard + Patience().in_call
        return await silence_of(grant, Patience(), clock=lambda: late + 1)

    async with desk(answer) as opened:
        # What a call cost is heard out when its session is gone, and this one's never ends.
        opened.gateway.account.upstream._silence = Silence(stall=2.0)
        assert await proposer(opened, watch=once(watch)).propose(opened.session) == Proposed()
        first = rows_of(opened)[0].result
        assert first is not None
        assert (first.outcome, first.reason) == (LOST, "no byte of an answer for 300 s")


def once(watch: Callable[[Grant], Any]) -> Callable[[Grant], Any]:
    """A watch on the first run; the others are left alone."""
    watches = iter([watch])

    async def watching(grant: Grant) -> str:
        mine = next(watches, None)
        return await mine(grant) if mine else await asyncio.Event().wait()

    return watching


async def test_a_command_line_that_is_killed_loses_nothing_of_its_session(
    desk: Callable[..., Any],
) -> None:
    async with desk(Failing(("Bash", {"command": "kill -9 $PPID; sleep 777"}))) as opened:
        assert await proposer(opened).propose(opened.session) == Proposed()
        assert outcomes(opened) == [LOST, PROPOSED]


async def test_a_message_over_the_buffer_loses_nothing_of_its_session(
    desk: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = tmp_path / "worker.py"
    source = Path(worker.__file__).read_text()
    narrow.write_text(source.replace("64 * 1024 * 1024", "100_000"))
    monkeypatch.setattr(session, "worker", SimpleNamespace(__file__=str(narrow)))
    large = ("Write", {"file_path": "/work/large.txt", "content": "x" * 200_000})
    async with desk(Failing(large)) as opened:
        assert await proposer(opened).propose(opened.session) == Proposed()
        assert outcomes(opened) == [LOST, PROPOSED]
        first = rows_of(opened)[0].result
        assert first is not None
        assert "too large to read" in first.reason


async def test_a_session_out_of_turns_without_a_claim_is_told_so_once(
    desk: Callable[..., Any],
) -> None:
    async with desk(Script(READS, WRITES)) as opened:
        assert await proposer(opened, {"max_turns": 1}).propose(opened.session) == Proposed()
        assert outcomes(opened) == [SessionOutcome.TO_CORRECT, PROPOSED]
        told = json.dumps(conversation(transcript_in(opened.folder, 2)))
        assert "cannot use what you left" in told and "pending_eval.json" in told
