"""Grades the stored rollouts of a search with another judge.

What was delivered stays what it was; only who read it changes. Decisions that were taken stand:
scores are derived from the rows, and so are those of the new judge from then on.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError, LimitReachedError, SearchStoppedError
from harness_search.judging.estimates import NOTHING, Estimate, Estimator, free
from harness_search.judging.judge import Grading, Judge, Subject
from harness_search.layout import Layout
from harness_search.ledger.regrading import JUDGE, Flipped
from harness_search.ledger.rows import Outcome, Purpose, RolloutRow
from harness_search.ledger.store import Ledger, has_begun
from harness_search.reports.progress import Reporter, Tally, Watch
from harness_search.rollouts.evidence import earlier_transcripts
from harness_search.rollouts.stored import (
    put_verdicts,
    refused_of,
    stored_digest,
    stored_summary,
)
from harness_search.rollouts.view import OUTPUT
from harness_search.service.conduct import Conduct
from harness_search.waking import through_limits
from harness_search.workspace import Workspace

SAME_JUDGE = "graded by this judge already"
NO_JUDGE_ASKED = "the harness failed, so no judge was asked"
KEPT = "every verdict is kept"
SHARED = "it delivered the same as another one that is graded"
TO_GRADE = "what it delivered is there as it was"
OTHER_TASK = "its task is another one now"
NO_EVIDENCE = "its evidence is gone"
ALTERED = "its evidence is not what was graded"


class Fate(StrEnum):
    """What becomes of a stored rollout under another judge."""

    REUSE = "reuse"
    REGRADE = "regrade"
    RERUN = "rerun"


@dataclass(frozen=True, slots=True)
class Item:
    """One finished rollout, and what becomes of it."""

    purpose: Purpose
    row: RolloutRow
    fate: Fate
    reason: str
    subject: Subject | None = None
    """What is graded anew."""
    estimate: Estimate = NOTHING

    @property
    def folder(self) -> Path:
        """Of the evidence of a rollout that is graded anew."""
        assert self.subject is not None
        return self.subject.output.parent


@dataclass(frozen=True, slots=True)
class Plan:
    """What a regrade will do."""

    judge: str
    known: Mapping[Purpose, str]
    """The judge of each ledger that is there, as its identity says."""
    items: tuple[Item, ...]
    names: Mapping[str, str]
    """Of the search's harnesses, by digest."""
    simulated: bool

    def of(self, fate: Fate) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.fate is fate)

    @property
    def estimate(self) -> Estimate:
        return sum((item.estimate for item in self.items), start=NOTHING)

    @property
    def nothing_to_do(self) -> bool:
        """Whether every ledger is of this judge, and whole."""
        others = set(self.known.values()) - {self.judge}
        return not others and all(item.fate is Fate.REUSE for item in self.items)


@dataclass(frozen=True, slots=True)
class Regraded:
    """What a regrade did."""

    rollouts: int
    flipped: Flipped
    flagged: int
    """Verdicts that are fails because the judge could not judge, twice, or answered unusably."""


def planned(workspace: Workspace, judge: str, estimate: Estimator = free) -> Plan:
    """What a judge, given by its version, would have to do; nothing is asked or changed.

    Raises InputError where there is no search.
    """
    layout = workspace.layout
    if not has_begun(layout.ledger):
        raise InputError(layout.ledger, "", "no search", "finished rollouts to grade anew")
    known: dict[Purpose, str] = {}
    items: list[Item] = []
    names: dict[str, str] = {}
    for purpose, file in _ledgers(layout):
        with closing(Ledger(file, read_only=True)) as ledger:
            identity, rows = ledger.identity(), ledger.rows()
            names |= {item.harness: item.name for item in ledger.iterations()}
        known[purpose] = identity.get(JUDGE, judge)
        tasks = {task.id: task for task in workspace.tasks(purpose.task_split)}
        finished = [row for row in rows if row.outcome.finished]
        items += [_item(workspace, purpose, row, judge, tasks) for row in finished]
    priced = [_priced(item, estimate) for item in items]
    return Plan(judge, known, tuple(priced), names, workspace.settings.profile.simulated)


def _priced(item: Item, estimate: Estimator) -> Item:
    if item.subject is None:
        return item
    found = estimate(item.subject)
    reason = item.reason
    if not found.asked and found.shared:
        reason = SHARED
    elif not found.asked and found.kept:
        reason = KEPT
    return replace(item, estimate=found, reason=reason)


def _ledgers(layout: Layout) -> Iterator[tuple[Purpose, Path]]:
    """The ledgers that are there, the search's own last: `run` goes on only after all of them."""
    for purpose in sorted(Purpose, key=lambda purpose: purpose is Purpose.SEARCH):
        file = layout.ledger_of(purpose)
        if has_begun(file):
            yield purpose, file


def _item(
    workspace: Workspace,
    purpose: Purpose,
    row: RolloutRow,
    judge: str,
    tasks: Mapping[str, Task],
) -> Item:
    if row.outcome is Outcome.HARNESS_FAILED:
        return Item(purpose, row, Fate.REUSE, NO_JUDGE_ASKED)
    if row.judge_version == judge:
        return Item(purpose, row, Fate.REUSE, SAME_JUDGE)
    task = tasks.get(row.key.task)
    if task is None or workspace.digests.get(row.key.task) != row.key.task_digest:
        return Item(purpose, row, Fate.RERUN, OTHER_TASK)
    evidence = workspace.layout.evidence_of(purpose)
    folders = [path.parent for path in earlier_transcripts(evidence, row.key, [row.attempt])]
    subjects = [found for folder in folders if (found := _intact(folder, row, task))]
    if not subjects:
        return Item(purpose, row, Fate.RERUN, ALTERED if folders else NO_EVIDENCE)
    return Item(purpose, row, Fate.REGRADE, TO_GRADE, subjects[-1])


def _intact(folder: Path, row: RolloutRow, task: Task) -> Subject | None:
    """What a rollout delivered, if that lies there byte by byte."""
    summary = stored_summary(folder)
    if summary is None or stored_digest(folder / OUTPUT) != row.output_digest:
        return None
    return Subject(task, folder / OUTPUT, refused_of(summary))


async def regrade(
    workspace: Workspace,
    judge: Judge,
    plan: Plan,
    concurrency: int,
    reporter: Reporter,
    conduct: Conduct | None = None,
) -> Regraded:
    """Carry a plan out; killed at any moment, a new plan has only the rest in it.

    The caller holds the workspace's lock since the plan was made. Evidence is written before its
    row, and a row is replaced in one transaction. Until every row of every ledger is graded, each
    ledger says so and no command adds to it. Raises SearchStoppedError when verdicts stay
    undecided, whatever stops the judge, and SearchInterruptedError once a launch that is to end
    has kept what was being graded.
    """
    conduct = conduct or Conduct()
    with ExitStack() as stack:
        ledgers = {
            purpose: stack.enter_context(closing(Ledger(file)))
            for purpose, file in _ledgers(workspace.layout)
        }
        for ledger in ledgers.values():
            ledger.note_judge(plan.judge, whole=False)
        for item in plan.of(Fate.RERUN):
            ledgers[item.purpose].set_aside(item.row)
        work = _Work(judge, plan, ledgers, conduct, deque(plan.of(Fate.REGRADE)))
        with reporter.watch(Tally("regrade", len(work.queue), secret=True)) as watch:
            await through_limits(partial(work.run, concurrency, watch), conduct, reporter)
        for ledger in ledgers.values():
            ledger.note_judge(plan.judge, whole=True)
    return Regraded(work.done, work.flipped, work.flagged)


@dataclass
class _Work:
    """A regrade on its way."""

    judge: Judge
    plan: Plan
    ledgers: Mapping[Purpose, Ledger]
    conduct: Conduct
    queue: deque[Item]
    done: int = 0
    flipped: Flipped = field(default_factory=Flipped)
    flagged: int = 0
    undecided: int = 0
    stopped: list[InputError | SearchStoppedError] = field(default_factory=list)

    async def run(self, concurrency: int, watch: Watch) -> None:
        """Grade all that is queued; raises what stopped it once nothing is under way. What a limit
        of the judge's held up is graded by the next call."""
        self.stopped.clear()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(self.queue))):
                group.create_task(self._worker(watch))
        self.conduct.require_going_on()
        if self.stopped:
            raise self.stopped[0]
        if self.undecided:
            raise SearchStoppedError(
                f"the judge left verdicts of {self.undecided} rollouts undecided. All others are "
                "kept, and the same command asks for these again."
            )

    async def _worker(self, watch: Watch) -> None:
        while await self.conduct.may_begin() and self.queue and not self.stopped:
            item = self.queue.popleft()
            assert item.subject is not None
            try:
                grading = await self.judge.grade(item.subject)
            except LimitReachedError as error:
                self.queue.append(item)
                self.stopped.append(error)
                return
            except (InputError, SearchStoppedError) as error:
                self.stopped.append(error)
                return
            if grading.undecided:
                self.undecided += 1
                continue
            watch(await self._keep(item, grading))

    async def _keep(self, item: Item, grading: Grading) -> RolloutRow:
        """The rollout's new row, with the evidence before it."""
        verdicts, judge = grading.verdicts, self.plan.judge
        await asyncio.to_thread(put_verdicts, item.folder, judge, verdicts)
        rows = [(found.criterion_id, found.verdict, found.reason) for found in verdicts]
        self.flipped += self.ledgers[item.purpose].regrade(item.row, judge, rows)
        self.flagged += len(grading.flagged)
        self.done += 1
        passed = sum(found.verdict == "pass" for found in verdicts)
        return replace(item.row, passed=passed, total=len(verdicts), judge_version=judge)
