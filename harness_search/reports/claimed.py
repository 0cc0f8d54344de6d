"""What a claim named, task by task, beside what its candidate did there."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness_search.ledger.figures import Shape
from harness_search.ledger.gains import TaskDifference
from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.ledger.scores import mean, pass_rates, rows_by_task
from harness_search.plots.values import counted
from harness_search.promotion.claim import CandidateClaim
from harness_search.promotion.recall import AFFECTED_ERRORS


class Part(StrEnum):
    """What a claim says of a task."""

    FIX = "fix"
    RISK = "regression"
    BOTH = "fix, regression"
    """Where a split is too small for two lists."""
    NEITHER = ""


class Change(StrEnum):
    """What became of a task, by how far its difference stands clear of trial noise."""

    FIXED = "fixed"
    BROKEN = "broken"
    NOISE = "within noise"
    UNKNOWN = "noise unknown"
    """From one trial nothing can be said."""
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Trial:
    """One ended rollout of the candidate: its last attempt."""

    number: int
    outcome: Outcome
    passed: int
    total: int
    """Criteria."""
    reason: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One dev task: three harnesses and what the difference is."""

    task: str
    part: Part
    change: Change
    baseline: float | None
    """Criteria passed, in percent, mean of its rollouts; None before the first."""
    incumbent: float | None
    candidate: float | None
    difference: float | None
    """What the task has to say, in blended points: the mean over all dev tasks is the gain."""
    error: float | None
    """Standard error of that from trial noise."""
    trials: tuple[Trial, ...]
    """Of the candidate."""
    incumbent_trials: int
    """Finished rollouts of the incumbent in the comparison."""

    @property
    def area(self) -> str:
        """The folder of the task's id."""
        return self.task.rpartition("/")[0]

    def to_json(self) -> dict[str, Any]:
        """Its part of the document of `show --json`."""
        passed = {
            "baseline": rounded(self.baseline),
            "incumbent": rounded(self.incumbent),
            "candidate": rounded(self.candidate),
        }
        return {
            "task": self.task,
            "claimed": self.part.value or None,
            "change": self.change.value,
            "passed": passed,
            "difference": rounded(self.difference),
            "error": rounded(self.error),
            "incumbent_trials": self.incumbent_trials,
            "trials": [
                {
                    "trial": item.number,
                    "outcome": item.outcome.value,
                    "passed": item.passed,
                    "total": item.total,
                    "reason": item.reason,
                }
                for item in self.trials
            ],
        }


@dataclass(frozen=True, slots=True)
class Arms:
    """Raw rows of the three harnesses, without any where there is none."""

    baseline: Sequence[RolloutRow]
    incumbent: Sequence[RolloutRow]
    candidate: Sequence[RolloutRow]


def task_rows(
    arms: Arms,
    shape: Shape,
    differences: Iterable[TaskDifference],
    claim: CandidateClaim | None,
) -> tuple[TaskRow, ...]:
    """A row for every dev task: those that gained most come first, those not compared last."""
    compared = {item.task: item for item in differences}
    baseline, incumbent, candidate = (
        rows_by_task(rows, shape.criteria, shape.most)
        for rows in (arms.baseline, arms.incumbent, arms.candidate)
    )
    trials = _trials(arms.candidate)
    rows = []
    for task in shape.criteria:
        item = compared.get(task)
        row = TaskRow(
            task=task,
            part=_part(task, claim),
            change=change_of(item),
            baseline=_passed(baseline[task]),
            incumbent=_passed(incumbent[task]),
            candidate=_passed(candidate[task]),
            difference=item.points if item else None,
            error=item.error if item else None,
            trials=tuple(trials.get(task, ())),
            incumbent_trials=len(incumbent[task]),
        )
        rows.append(row)
    return tuple(sorted(rows, key=_by_difference))


def _by_difference(row: TaskRow) -> tuple[bool, float, str]:
    return row.difference is None, -(row.difference or 0.0), row.task


def _passed(rows: Sequence[RolloutRow]) -> float | None:
    return mean(pass_rates(rows)) if rows else None


def _trials(rows: Iterable[RolloutRow]) -> Mapping[str, list[Trial]]:
    """Of each task the last attempt of each trial, trials ascending."""
    last = {(row.key.task, row.key.trial): row for row in rows}
    found: dict[str, list[Trial]] = {}
    for (task, number), row in sorted(last.items()):
        trial = Trial(number, row.outcome, row.passed, row.total, row.reason)
        found.setdefault(task, []).append(trial)
    return found


def _part(task: str, claim: CandidateClaim | None) -> Part:
    if claim is None:
        return Part.NEITHER
    fix, risk = task in claim.fix_tasks, task in claim.regression_tasks
    if fix and risk:
        return Part.BOTH
    return Part.FIX if fix else Part.RISK if risk else Part.NEITHER


def parts(rows: Iterable[TaskRow], part: Part) -> tuple[TaskRow, ...]:
    """The tasks that a claim named so."""
    wanted = {part} | ({Part.BOTH} if part in {Part.FIX, Part.RISK} else set())
    return tuple(row for row in rows if row.part in wanted)


def unnamed(rows: Iterable[TaskRow], change: Change) -> tuple[TaskRow, ...]:
    """The tasks that changed so although the claim did not say it: fixed ones that it did not name
    for fixing, broken ones that it did not call at risk."""
    said = {Change.FIXED: {Part.FIX, Part.BOTH}, Change.BROKEN: {Part.RISK, Part.BOTH}}
    expected = said.get(change, set())
    return tuple(row for row in rows if row.change is change and row.part not in expected)


def tally(rows: Sequence[TaskRow]) -> str:
    """'5 tasks: 2 fixed, 3 within noise'."""
    counts = Counter(row.change for row in rows)
    said = ", ".join(f"{counts[change]} {change}" for change in Change if counts[change])
    return f"{counted(len(rows), 'task')}{f': {said}' if said else ''}"


def change_of(item: TaskDifference | None) -> Change:
    """Whether a task changed by more than noise explains: about one unaffected task in 80 seems to
    have, one way or the other."""
    if item is None:
        return Change.NOT_COMPARED
    if item.error is None:
        return Change.UNKNOWN
    if abs(item.points) <= AFFECTED_ERRORS * item.error:
        return Change.NOISE
    return Change.FIXED if item.points > 0 else Change.BROKEN


def rounded(value: float | None) -> float | None:
    """For a JSON document."""
    return round(value, 4) if value is not None else None
