"""Whatever hangs, the loop goes on: limits on the clock that no retry and no excuse extends."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from doors import opened_door
from model_judges import judging, subject
from proposer_sessions import opened_desk
from pydantic import ValidationError
from scripted_api import HANGS, Answer, message
from stages import ASKS_ONCE, WRITES

from harness_search.aside import TookTooLongError, aside
from harness_search.errors import LimitReachedError, SearchStoppedError
from harness_search.files import remove_tree
from harness_search.gateway import account
from harness_search.gateway.account import Standing
from harness_search.gateway.replay import Replies
from harness_search.gateway.upstream import Upstream
from harness_search.judging import deterministic
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Grading, Judge, Subject
from harness_search.judging.model import judge as model_judge
from harness_search.judging.model.questions import Failed, Question
from harness_search.judging.persistence import BoundedJudge, PersistentJudge
from harness_search.judging.scopes import Scope
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, Split
from harness_search.proposers import boxed
from harness_search.proposers.command import CommandProposer
from harness_search.proposers.session import Lost
from harness_search.rollouts import runner
from harness_search.rollouts.bench import sweep
from harness_search.rollouts.jobs import Harness
from harness_search.rollouts.scheduler import plan, run_missing
from harness_search.settings import LimitSettings
from harness_search.simulated.faults import Hang

FOR_EVER = 600.0


@asynccontextmanager
async def trickle() -> AsyncIterator[str]:
    """The address of a provider that accepts, begins to answer, and never comes to an end."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: 1000000\r\n\r\n")
        answering.append(asyncio.ensure_future(drip(writer)))

    async def drip(writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    answering = list[asyncio.Future[None]]()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for one in answering:
            one.cancel()
        await asyncio.gather(*answering, return_exceptions=True)


# A rollout.


async def test_a_rollout_that_hangs_at_the_provider_is_lost_and_never_the_harnesss_failure(
    stage: Callable[..., Any],
) -> None:
    hung = partial(stage, lambda number, content: (HANGS, ""), silence=FOR_EVER)
    async with hung(seconds=FOR_EVER, hard_seconds=2.0) as opened:
        rows = await opened.run(ASKS_ONCE + WRITES, attempts=1, at_once=6)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}
    assert {row.reason.partition(" (")[0] for row in rows} == {
        "scaffold: the rollout was held up for more than 2 s"
    }


async def test_an_answer_that_trickles_for_ever_ends_with_its_rollout(
    stage: Callable[..., Any],
) -> None:
    async with stage(seconds=FOR_EVER, hard_seconds=2.0) as opened, trickle() as address:
        opened.bench.gateway.account.upstream = Upstream(address, "key")
        rows = await opened.run(ASKS_ONCE + WRITES, attempts=1, at_once=6)
    assert {(row.outcome, row.reason.partition(":")[0]) for row in rows} == {
        (Outcome.INFRA_FAILED, "scaffold")
    }


async def test_our_own_question_whether_a_provider_answers_does_not_hang_on_it(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "LONGEST_OWN", 0.2)
    async with (
        trickle() as address,
        opened_door(short_folder, base_url=address, patience=0.1) as door,
    ):
        assert await door.account.standing() is Standing.UNANSWERED


@pytest.mark.parametrize("step", ["_collected", "_furnish"])
async def test_files_that_hang_hang_nobody(
    stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    never = threading.Event()

    def hung(*arguments: Any) -> None:
        never.wait()

    async def impatient(seconds: float, work: Callable[..., Any], *arguments: Any) -> Any:
        return await aside(0.01 if work is hung else seconds, work, *arguments)

    monkeypatch.setattr(runner, step, hung)
    monkeypatch.setattr(runner, "aside", impatient)
    async with stage() as opened:
        running = opened.run(ASKS_ONCE + WRITES, attempts=1, at_once=6)
        if step == "_furnish":
            with pytest.raises(SearchStoppedError, match=r"the disk of .* does not answer"):
                await running
        else:
            assert {row.reason for row in await running} == {
                "scaffold: what it left could not be collected within 600 s"
            }
    never.set()


async def test_a_removal_that_was_given_up_does_not_reach_the_next_rollout(
    stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = list[tuple[Any, ...]]()

    async def impatient(seconds: float, work: Callable[..., Any], *arguments: Any) -> Any:
        if work is remove_tree:
            given_up.append(arguments)
            raise TookTooLongError("remove_tree", seconds)
        return await aside(seconds, work, *arguments)

    def answer(number: int, content: Any) -> Answer:
        while given_up:  # they go on in the middle of the next rollout
            remove_tree(*given_up.pop())
        return 200, message()

    monkeypatch.setattr(runner, "aside", impatient)
    async with stage(answer) as opened:
        rows = await opened.run(ASKS_ONCE + WRITES, at_once=1)
        assert len(given_up) == 1
        assert {row.outcome for row in rows} == {Outcome.SCORED}
        assert {path.name for path in opened.bench.runtime.glob("slot-*")} == {given_up[0][0].name}


async def test_a_collection_that_was_given_up_writes_into_no_other_evidence(
    stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = list[tuple[Any, ...]]()
    collect = runner._collected

    async def impatient(seconds: float, work: Callable[..., Any], *arguments: Any) -> Any:
        if work is collect and len(given_up) < 6:
            given_up.append(arguments)
            raise TookTooLongError("collected", seconds)
        if work is collect:  # it goes on in the middle of the next attempt
            collect(*given_up[done.pop()])
        return await aside(seconds, work, *arguments)

    done = [*reversed(range(6))]
    monkeypatch.setattr(runner, "aside", impatient)
    async with stage() as opened:
        rows = await opened.run(ASKS_ONCE + WRITES, attempts=2, at_once=1)
        assert [row.outcome for row in rows] == [Outcome.INFRA_FAILED] * 6 + [Outcome.SCORED] * 6
        assert not done
        building = opened.bench.evidence / ".building"
        assert len([*building.iterdir()]) == 6
        sweep(opened.bench.ledger, opened.bench.evidence, opened.workspace.layout)
        assert [*building.iterdir()] == []


@dataclass
class Unread:
    """The original of a replay, whose evidence cannot be compared with."""

    verdicts: tuple[Verdict, ...] = ()

    def replies(self) -> Replies:
        return Replies.of([])

    def is_like(self, *arguments: Any) -> bool:
        raise AssertionError("never read")


async def no_disk(*arguments: Any) -> Any:
    """Stands for `aside` where the disk does not answer."""
    raise TookTooLongError("step", FOR_EVER)


@pytest.mark.parametrize("step", ["file_interrupted", "is_like"])
async def test_a_disk_that_does_not_answer_stops_a_search_and_is_no_bug(
    stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def impatient(seconds: float, work: Callable[..., Any], *arguments: Any) -> Any:
        stuck = work.__name__ == step
        return await (no_disk() if stuck else aside(seconds, work, *arguments))

    @dataclass
    class Limited(Hung):
        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            raise LimitReachedError("the judge", datetime.now(UTC), "limit")

    monkeypatch.setattr(runner, "aside", impatient)
    async with stage() as opened:
        opened.bench = replace(opened.bench, judge=Limited())
        file = opened.folder / "candidate.py"
        file.write_text(f"{WRITES}\ndef solve(task, model):\n    write(task)\n")
        job = plan(opened.workspace, Split.DEV, Harness("candidate", file, "digest"))[0]
        if step == "is_like":
            job = replace(job, original=Unread())  # type: ignore[arg-type]
        with pytest.raises(SearchStoppedError, match=r"the disk of .* does not answer") as stopped:
            await run_missing(opened.bench, [job], 1, 1, opened.rows.append)
        assert stopped.value.exit_code == 3
        assert opened.rows == []


async def test_blocking_work_gives_its_result_or_its_error_or_nothing_in_time() -> None:
    never = threading.Event()
    assert await aside(FOR_EVER, int, "7") == 7
    with pytest.raises(ValueError, match="seven"):
        await aside(FOR_EVER, int, "seven")
    with pytest.raises(TookTooLongError, match=r"wait did not end within 0\.01 s"):
        await aside(0.01, never.wait)
    never.set()


@pytest.mark.parametrize("seconds", [1800.0, 21_600.0])
def test_the_hard_limit_is_above_that_of_the_harness(seconds: float) -> None:
    with pytest.raises(ValidationError, match="hard_seconds above seconds"):
        LimitSettings(seconds=seconds, hard_seconds=1800.0)


# A judge.


@dataclass
class Hung:
    """Says nothing, ever."""

    version: str = "hung"
    asked: int = 0

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_rollout_whose_judge_hangs_is_lost_and_run_again_without_a_further_call(
    stage: Callable[..., Any],
) -> None:
    async with stage() as opened:
        hung, sound = Hung(), opened.bench.judge
        opened.bench = replace(opened.bench, judge=BoundedJudge(hung, 0.05))
        rows = await opened.run(ASKS_ONCE + WRITES, attempts=2)
        assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}
        assert "the judge did not end within 0.05 s" in rows[0].reason
        assert (len(rows), hung.asked) == (12, 12)
        opened.bench = replace(opened.bench, judge=BoundedJudge(sound, FOR_EVER))
        rows = await opened.run(ASKS_ONCE + WRITES)
        assert sum(row.outcome is Outcome.SCORED for row in rows) == 6
        assert len(opened.api.received) == 6


async def test_a_judging_model_that_hangs_leaves_everything_undecided(tmp_path: Path) -> None:
    async with judging(tmp_path, lambda asked: Hang()) as (judge, _):
        bounded = PersistentJudge(judge, rounds=3, seconds=0.3)
        grading = await bounded.grade(subject(tmp_path, "Point 1", "Point 2"))
        assert grading.undecided == 2
        assert "judge.hard_seconds" in grading.verdicts[0].reason
        task = subject(tmp_path, "Point 1").task
        asked = [Question("digest", "text", task.criteria[0], 0)]
        (reply,) = (await bounded.obtain(asked)).values()
        assert isinstance(reply, Failed)


@pytest.mark.parametrize("by", ["checks", "model"])
async def test_a_judge_that_hangs_on_a_file_does_not_keep_the_process_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    never = threading.Event()
    before = {*threading.enumerate()}

    def hung(*arguments: Any, **options: Any) -> list[Scope]:
        never.wait(FOR_EVER)
        return []

    monkeypatch.setattr(deterministic, "judge", hung)
    monkeypatch.setattr(model_judge, "scopes_of", hung)
    bounded: Judge
    async with judging(tmp_path, lambda asked: Hang()) as (judge, _):
        bounded = PersistentJudge(judge, rounds=3, seconds=0.05)
        if by == "checks":
            checks = deterministic.DeterministicJudge(TextStore(tmp_path / "text"))
            bounded = BoundedJudge(checks, 0.05)
        grading = await bounded.grade(subject(tmp_path, "Point 1"))
        left = {*threading.enumerate()} - before
        never.set()
    assert grading.undecided == 1
    assert [thread.name for thread in left if thread.name == "aside"]
    assert all(thread.daemon for thread in left)


async def test_the_time_of_a_grading_begins_with_its_turn(tmp_path: Path) -> None:
    """A search that delivers faster than its judge reads is not to lose what waits for it."""
    under_way = most = 0

    class Counting(Hung):
        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            return Grading(())

    bounded = PersistentJudge(Counting(), 1, seconds=FOR_EVER)  # type: ignore[arg-type]
    graded = subject(tmp_path, "Point 1")
    await asyncio.gather(*(bounded.grade(graded) for _ in range(100)))
    assert most == 32


# A proposer's session.


async def test_a_program_that_ignores_signals_is_ended_at_the_hard_limit(
    open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path
) -> None:
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("no box has a fixed place for its view without bubblewrap")
    async with opened_desk(workspace, kit, short_folder, tmp_path, hard_seconds=1.0) as desk:
        file = desk.services.workspace.layout.root / "deaf.py"
        file.write_text(
            "import signal, time\n"
            "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
            "    signal.signal(number, signal.SIG_IGN)\n"
            "while True: time.sleep(60)\n"
        )
        answer = await CommandProposer(["python3", "deaf.py"]).propose(desk.session)
    assert isinstance(answer, Lost)
    assert "hard limit of 1 s passed (proposer.hard_seconds)" in answer.reason


async def test_a_session_on_a_disk_that_does_not_answer_stops_the_search(
    open_tiny: Open,
    kit: Path,
    short_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boxed, "aside", no_disk)
    async with opened_desk(open_tiny(), kit, short_folder, tmp_path) as desk:
        with pytest.raises(SearchStoppedError, match=r"the disk of .* does not answer"):
            await desk.run("true")
