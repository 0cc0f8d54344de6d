"""Runs the rollouts that are missing: concurrent, interleaved, lost ones again."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack

from harness_search.errors import SearchStoppedError
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split
from harness_search.rollouts.box import Place
from harness_search.rollouts.room import shortage
from harness_search.rollouts.runner import Bench, Harness, Job, run_rollout
from harness_search.workspace import Workspace

Observer = Callable[[RolloutRow], None]


def plan(workspace: Workspace, split: Split, harness: Harness) -> list[Job]:
    """Every rollout of an evaluation, trial by trial, so that an early look sees every task."""
    search = workspace.settings.search
    return [
        Job(
            harness,
            task,
            RolloutKey(harness.digest, task.id, workspace.digests[task.id], trial, search.profile),
        )
        for trial in range(1, search.trials + 1)
        for task in workspace.tasks(split)
    ]


def missing(jobs: Iterable[Job], rows: Iterable[RolloutRow], attempts: int) -> list[Job]:
    """The jobs without a finished row that may still be tried."""
    finished: set[RolloutKey] = set()
    lost: Counter[RolloutKey] = Counter()
    for row in rows:
        if row.outcome is Outcome.INFRA_FAILED:
            lost[row.key] += 1
        else:
            finished.add(row.key)
    return [job for job in jobs if job.key not in finished and lost[job.key] < attempts]


def most_lost(rows: Iterable[RolloutRow]) -> int:
    """The largest number of lost attempts that any rollout has behind it."""
    lost = Counter(row.key for row in rows if row.outcome is Outcome.INFRA_FAILED)
    return max(lost.values(), default=0)


async def run_missing(
    bench: Bench, jobs: Sequence[Job], concurrency: int, attempts: int, observe: Observer
) -> None:
    """Run every missing job; lost ones again, once the others are through, up to `attempts`.

    Raises SearchStoppedError when the run stops: the provider refuses everyone, or the budget is
    spent.
    """
    while queue := deque(missing(jobs, bench.ledger.rows(), attempts)):
        slots = min(concurrency, len(queue))
        if short := _shortage(bench, slots):
            raise SearchStoppedError(short)
        with ExitStack() as leases:
            places = [_place(bench, slot, leases) for slot in range(slots)]
            async with asyncio.TaskGroup() as group:
                for place in places:
                    group.create_task(_work(bench, queue, place, observe))
        stopped = bench.gateway.account.stopped
        if stopped:
            raise SearchStoppedError(
                f"{stopped}. Nothing was scored by it; everything paid for is kept, and the same "
                "command goes on."
            )


def _shortage(bench: Bench, slots: int) -> str:
    return shortage((bench.evidence.parent, bench.runtime), bench.limits, slots)


def _place(bench: Bench, slot: int, leases: ExitStack) -> Place:
    """The folders of a slot, and a user id of its own where there are any to lend."""
    uid = bench.identities.lease()
    leases.callback(bench.identities.give_back, uid)
    return Place(bench.runtime / f"slot-{slot:03d}", uid)


async def _work(bench: Bench, queue: deque[Job], place: Place, observe: Observer) -> None:
    while queue and not bench.gateway.account.stopped:
        if short := _shortage(bench, 1):
            bench.gateway.account.stop(short)
            return
        row = await run_rollout(bench, queue.popleft(), place)
        if row is not None:
            observe(row)
