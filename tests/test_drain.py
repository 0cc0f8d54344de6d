"""A launch that is to end, or to pause, begins nothing; what is in flight comes to its end."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from conftest import Open
from scripted_api import HANGS, Answer, message
from scripted_proposer import SILENT, Scripted, decisions, delivers_nothing, run
from stages import ASKS_ONCE, ASKS_THRICE, WRITES
from test_contested import Second, disputed, finished
from test_regrade import Strict, fates, measured, rows_of

from harness_search.errors import SearchInterruptedError
from harness_search.experiments.regrade import Fate, planned, regrade
from harness_search.experiments.rejudging import judge_again
from harness_search.judging.judge import Grading, Subject
from harness_search.ledger.rows import DecisionKind, Outcome, Purpose
from harness_search.ledger.store import Ledger
from harness_search.proposers.session import Answer as Proposal
from harness_search.proposers.session import Session
from harness_search.rollouts import contested
from harness_search.rollouts.jobs import Harness
from harness_search.rollouts.smoke import smoke
from harness_search.service.conduct import Conduct
from harness_search.service.launch import at_work
from harness_search.workspace import Workspace

__all__ = ["disputed", "measured"]
TERMINATED = 128 + signal.SIGTERM


async def test_rollouts_in_flight_end_and_no_other_begins(stage: Callable[..., Any]) -> None:
    def answer(number: int, content: Any) -> Answer:
        conduct.stop("SIGTERM", TERMINATED)
        return 200, message()

    async with stage(answer) as opened:
        conduct = opened.bench.conduct
        with pytest.raises(SearchInterruptedError) as ended:
            await opened.run(ASKS_ONCE + WRITES)
        assert ended.value.exit_code == TERMINATED
        assert {row.outcome for row in opened.rows} == {Outcome.SCORED}
        assert 1 <= len(opened.rows) <= 2
        assert opened.bench.ledger.running() == []
        opened.bench = replace(opened.bench, conduct=Conduct())
        rows = await opened.run(ASKS_ONCE + WRITES)
        assert len(rows) == len(opened.api.received) == 6


async def test_what_is_in_flight_is_judged_before_the_end(stage: Callable[..., Any]) -> None:
    @dataclass
    class Slow:
        version: str = "slow"

        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            conduct.stop("SIGINT", 130)
            for _ in range(50):  # turns of the loop in which a worker would begin another one
                await asyncio.sleep(0)
            return await opened_judge.grade(subject, replicate)

    async with stage() as opened:
        conduct, opened_judge = opened.bench.conduct, opened.bench.judge
        opened.bench = replace(opened.bench, judge=Slow())
        with pytest.raises(SearchInterruptedError):
            await opened.run(ASKS_ONCE + WRITES, at_once=1)
        assert [row.outcome for row in opened.rows][:1] == [Outcome.SCORED]
        assert len(opened.rows) == len(opened.api.received) <= 2
        assert opened.bench.ledger.running() == []


async def test_a_lost_rollout_is_not_tried_again_by_a_launch_that_is_to_end(
    stage: Callable[..., Any],
) -> None:
    def answer(number: int, content: Any) -> Answer:
        opened.bench.conduct.stop("SIGTERM", TERMINATED)
        return 500, "broken"

    async with stage(answer) as opened:
        with pytest.raises(SearchInterruptedError):
            await opened.run(ASKS_ONCE + WRITES, attempts=3, at_once=1)
        (row,) = opened.rows
        assert (row.outcome, row.attempt) == (Outcome.INFRA_FAILED, 1)


async def test_a_second_signal_ends_what_hangs_and_no_reply_is_paid_twice(
    stage: Callable[..., Any], open_tiny: Open
) -> None:
    def answer(number: int, content: Any) -> Answer:
        if number < 3:
            return 200, message()
        loop = asyncio.get_running_loop()
        for _ in range(2):
            loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)
        return HANGS, ""

    source = ASKS_THRICE + WRITES
    async with stage(answer, silence=600.0) as opened:
        with pytest.raises(SearchInterruptedError) as ended:
            async with at_work("evaluate", opened.workspace, SILENT) as conduct:
                opened.bench = replace(opened.bench, conduct=conduct)
                await opened.run(source, at_once=1)
        assert (ended.value.exit_code, opened.rows) == (TERMINATED, [])
    async with stage() as opened:
        rows = await opened.run(source)
        assert len(rows) == 6
        assert len(opened.api.received) == 6 * 3 - 2
        assert {row.calls for row in rows} == {3}


async def test_a_drain_that_takes_too_long_is_cut_off(stage: Callable[..., Any]) -> None:
    def answer(number: int, content: Any) -> Answer:
        opened.bench.conduct.stop("SIGTERM", TERMINATED)
        return HANGS, ""

    async with stage(answer, silence=600.0) as opened:
        running = asyncio.create_task(opened.run(ASKS_ONCE + WRITES, at_once=1))
        conduct = Conduct(drain_seconds=0.01, end=running.cancel)
        opened.bench = replace(opened.bench, conduct=conduct)
        await asyncio.wait({running})
        assert running.cancelled()
        assert len(opened.bench.ledger.running()) == 1


# Every other phase.


class Signalled(Scripted):
    """A session that hangs once it has had the launch told to end."""

    async def propose(self, session: Session) -> Proposal:  # type: ignore[override]
        self.sessions.append(session)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


def test_a_session_is_ended_at_once_and_held_again_by_the_next_launch(open_measured: Open) -> None:
    workspace = open_measured(iterations=1)
    with pytest.raises(SearchInterruptedError) as ended:
        run(workspace, Signalled())
    assert ended.value.exit_code == TERMINATED
    assert decisions(workspace) == [DecisionKind.BASELINE]
    run(workspace, Scripted(delivers_nothing))
    assert decisions(workspace) == [DecisionKind.BASELINE, DecisionKind.ORPHAN]


async def test_no_trial_run_of_a_candidate_begins(stage: Callable[..., Any]) -> None:
    async with stage() as opened:
        opened.bench.conduct.stop("SIGTERM", TERMINATED)
        file = opened.workspace.layout.baseline
        harness = Harness("candidate", file, opened.workspace.baseline.digest)
        with pytest.raises(SearchInterruptedError):
            await smoke(opened.bench, opened.workspace, harness)


async def test_the_second_judge_settles_what_it_has_begun(
    disputed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    conduct, both = Conduct(), asyncio.Barrier(2)

    class Stopping(Second):
        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            await both.wait()
            conduct.stop("SIGTERM", TERMINATED)
            return await super().grade(subject, replicate)

    async def settle(second: Second, conduct: Conduct) -> None:
        tasks = {task.id: task for task in disputed.tasks(Purpose.SEARCH.task_split)}
        evidence = disputed.layout.evidence_of(Purpose.SEARCH)
        with closing(Ledger(disputed.layout.ledger)) as ledger:
            rows = finished(disputed)
            await contested.settle_contested(ledger, evidence, tasks, rows, second, conduct)

    monkeypatch.setattr(contested, "AT_ONCE", 2)
    first, second = Stopping("fail"), Second("fail")
    with pytest.raises(SearchInterruptedError):
        await settle(first, conduct)
    await settle(second, Conduct())
    assert (len(first.asked), len(second.asked)) == (2, 16)


def test_a_regrade_keeps_what_was_being_graded_and_leaves_the_rest(measured: Workspace) -> None:
    conduct, both = Conduct(), asyncio.Barrier(2)

    class Stopping(Strict):
        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            await both.wait()
            conduct.stop("SIGTERM", TERMINATED)
            return await super().grade(subject, replicate)

    plan = planned(measured, Strict().version)
    assert len(plan.of(Fate.REGRADE)) == 6
    with pytest.raises(SearchInterruptedError):
        asyncio.run(regrade(measured, Stopping(), plan, 2, SILENT, conduct))
    left = planned(measured, Strict().version)
    assert [fate for fate, _ in fates(left)].count(Fate.REGRADE) == 4


def test_asking_a_judge_again_ends_between_two_rollouts(measured: Workspace) -> None:
    conduct = Conduct()

    @dataclass
    class Stopping:
        version: str = "1"
        asked: int = 0

        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            self.asked += 1
            conduct.stop("SIGTERM", TERMINATED)
            return Grading(())

    judge, rows = Stopping(), rows_of(measured)
    with pytest.raises(SearchInterruptedError):
        asyncio.run(judge_again(measured, judge, rows[0].key.harness, rows, {}, conduct))
    assert judge.asked == 1


# A pause.


async def test_a_pause_begins_nothing_and_resume_goes_on(stage: Callable[..., Any]) -> None:
    async with stage() as opened:
        conduct = opened.bench.conduct
        conduct.pause()
        running = asyncio.create_task(opened.run(ASKS_ONCE + WRITES))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not running.done()
        assert opened.bench.ledger.running() == []
        conduct.resume()
        assert len(await running) == 6


async def test_a_pause_lets_what_is_in_flight_end(stage: Callable[..., Any]) -> None:
    def answer(number: int, content: Any) -> Answer:
        if number == 1:
            opened.bench.conduct.pause()
        return 200, message()

    async with stage(answer) as opened:
        ended = asyncio.Event()
        opened.rows = Rows(ended)
        running = asyncio.create_task(opened.run(ASKS_ONCE + WRITES, at_once=1))
        await ended.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(opened.rows) == len(opened.api.received) == 1
        opened.bench.conduct.stop("stop", TERMINATED)
        with pytest.raises(SearchInterruptedError):
            await running
        assert len(opened.api.received) == 1


class Rows(list[Any]):
    """Tells when the first row comes."""

    def __init__(self, came: asyncio.Event) -> None:
        super().__init__()
        self._came = came

    def append(self, row: Any) -> None:
        super().append(row)
        self._came.set()


class Pausing(Scripted):
    """Has the launch pause while its session runs, and end some time later."""

    async def propose(self, session: Session) -> Proposal:  # type: ignore[override]
        assert session.services is not None
        conduct = session.services.bench.conduct
        conduct.pause()
        asyncio.get_running_loop().call_later(0.3, conduct.stop, "stop", TERMINATED)
        return await super().propose(session)


def test_a_paused_loop_takes_no_further_step_and_a_stop_ends_it(open_measured: Open) -> None:
    workspace = open_measured(iterations=1)
    before = rows_of(workspace)
    with pytest.raises(SearchInterruptedError):
        run(workspace, Pausing(delivers_nothing))
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        assert [row.number for row in ledger.iterations()] == [0, 1]
        assert ledger.iterations()[1].decision is None
    assert rows_of(workspace) == before
