"""Runs the rollouts that are missing: concurrent, interleaved, lost ones again."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from harness_search.benchmark.tasks import Task
from harness_search.errors import LimitReachedError, SearchStoppedError
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split
from harness_search.rollouts.box import Place
from harness_search.rollouts.jobs import Harness, Job
from harness_search.rollouts.room import shortage
from harness_search.rollouts.runner import (
    Bench,
    Delivered,
    interrupt_rollout,
    judge_rollout,
    run_rollout,
)
from harness_search.together import task_group
from harness_search.workspace import Workspace

Observer = Callable[[RolloutRow], None]
Lost = Mapping[RolloutKey, int]
"""How many attempts of each rollout were lost; a rollout that lost none may be left out."""


def plan(workspace: Workspace, split: Split, harness: Harness) -> list[Job]:
    """Every rollout of an evaluation, trial by trial, so that an early look sees every task."""
    trials = range(1, workspace.settings.search.trials + 1)
    return interleaved(workspace, [harness], workspace.tasks(split), trials)


def interleaved(
    workspace: Workspace, harnesses: Sequence[Harness], tasks: Sequence[Task], trials: Sequence[int]
) -> list[Job]:
    """Rollouts of several harnesses: trial by trial, task by task, the harnesses in turn, so that a
    change of the provider on the way meets all of them alike."""
    return [
        job_of(workspace, harness, task, trial)
        for trial in trials
        for task in tasks
        for harness in harnesses
    ]


def job_of(workspace: Workspace, harness: Harness, task: Task, trial: int) -> Job:
    """One rollout with the key under which the ledger will know it."""
    profile = workspace.settings.search.profile
    digest = workspace.digests[task.id]
    return Job(harness, task, RolloutKey(harness.digest, task.id, digest, trial, profile))


def missing(
    jobs: Iterable[Job],
    rows: Iterable[RolloutRow],
    attempts: int,
    before: Lost | None = None,
) -> list[Job]:
    """The jobs without a finished row that may still be tried: so many attempts more than each
    rollout had lost `before`."""
    finished: set[RolloutKey] = set()
    lost: Counter[RolloutKey] = Counter()
    for row in rows:
        if row.outcome is Outcome.INFRA_FAILED:
            lost[row.key] += 1
        else:
            finished.add(row.key)
    lost.subtract(before or {})
    return [job for job in jobs if job.key not in finished and lost[job.key] < attempts]


def most_lost(rows: Iterable[RolloutRow]) -> int:
    """The largest number of lost attempts that any rollout has behind it."""
    lost = Counter(row.key for row in rows if row.outcome is Outcome.INFRA_FAILED)
    return max(lost.values(), default=0)


async def run_missing(
    bench: Bench,
    jobs: Sequence[Job],
    concurrency: int,
    attempts: int,
    observe: Observer,
    before: Lost | None = None,
) -> None:
    """Run every missing job; lost ones again, once the others are through, up to `attempts` more
    than each had lost `before`.

    Raises LimitReachedError when an account answers again at a known time only, SearchStoppedError
    when a person is needed: the provider refuses everyone, or the budget is spent. A launch that
    is to end begins no more rollouts; once those in flight have ended, judged and recorded, it
    raises SearchInterruptedError.
    """
    account = bench.gateway.account
    keys = [job.key for job in jobs]
    while queue := deque(missing(jobs, bench.ledger.rows_beside(keys), attempts, before)):
        slots = min(concurrency, len(queue))
        if short := _shortage(bench, slots):
            raise SearchStoppedError(short)
        with ExitStack() as leases:
            places = [_place(bench, slot, leases) for slot in range(slots)]
            async with task_group() as group:
                crew = _Crew(bench, queue, group, observe)
                for place in places:
                    group.create_task(crew.work(place))
        bench.conduct.require_going_on()
        if (limit := account.limit_reached("the model") or crew.limit) is not None:
            raise limit
        if account.stopped:
            raise SearchStoppedError(
                f"{account.stopped}. Nothing was scored by it; everything paid for is kept, and "
                "the same command goes on."
            )


def _shortage(bench: Bench, slots: int) -> str:
    return shortage((bench.evidence.parent, bench.runtime), bench.limits, slots)


def _place(bench: Bench, slot: int, leases: ExitStack) -> Place:
    """The folders of a slot, and a user id of its own where there are any to lend."""
    uid = bench.identities.lease()
    leases.callback(bench.identities.give_back, uid)
    return Place(bench.runtime / f"slot-{slot:03d}", uid)


@dataclass(slots=True)
class _Crew:
    """Those who run a queue of rollouts together."""

    bench: Bench
    queue: deque[Job]
    group: asyncio.TaskGroup
    observe: Observer
    limit: LimitReachedError | None = None
    """Why nothing is judged any more for a while."""

    async def work(self, place: Place) -> None:
        """Run one rollout after the other in a place; a judge that takes its time keeps none."""
        bench, account = self.bench, self.bench.gateway.account
        while await bench.conduct.may_begin():
            if not self.queue or account.stopped or self.limit is not None:
                return
            if short := _shortage(bench, 1):
                account.stop(short)
                return
            delivered = await run_rollout(bench, self.queue.popleft(), place)
            if delivered is not None:
                self.group.create_task(self._judge(delivered))

    async def _judge(self, delivered: Delivered) -> None:
        try:
            row = await judge_rollout(self.bench, delivered)
        except LimitReachedError as limit:
            self.limit = limit
            await interrupt_rollout(self.bench, delivered)
            return
        self.observe(row)
