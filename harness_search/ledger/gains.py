"""The difference between two harnesses in blended points, with its uncertainty."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Weights, mean, rows_by_task

PRIOR_DEGREES = 6
"""Weight of the pooled variance in a task's own (source: facts on the gate, section 3)."""
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Gain:
    """A difference in blended points between two harnesses on the same tasks."""

    points: float
    trial_error: float | None
    """Standard error from trial noise on these very tasks; None with a single trial."""
    task_error: float | None
    """Standard error clustered by task: what to expect on other tasks of the kind; None with a
    single task."""

    def interval(self, error: float | None) -> tuple[float, float] | None:
        """95 % interval, in points, for one of the two standard errors; None where that is."""
        if error is None:
            return None
        return self.points - Z_95 * error, self.points + Z_95 * error


def gain(
    challenger: Sequence[RolloutRow],
    reference: Sequence[RolloutRow],
    criteria: Mapping[str, int],
    trials: int,
    weights: Weights,
) -> Gain | None:
    """Challenger minus reference over the tasks that both finished; None without a common task.

    Each rollout's share of the blended score is y = T (c/C) 100 passed/total + all-pass bonus
    - token price, so that the mean over T tasks is the blended score.
    """
    left = _shares(challenger, criteria, trials, weights)
    right = _shares(reference, criteria, trials, weights)
    tasks = [task for task in criteria if left[task] and right[task]]
    if not tasks:
        return None
    differences = [mean(left[task]) - mean(right[task]) for task in tasks]
    return Gain(
        mean(differences),
        _trial_error([(left[task], right[task]) for task in tasks]),
        _task_error(differences),
    )


def _shares(
    rows: Sequence[RolloutRow], criteria: Mapping[str, int], trials: int, weights: Weights
) -> dict[str, list[float]]:
    scale = len(criteria) / sum(criteria.values())

    def share(row: RolloutRow) -> float:
        pooled = scale * criteria[row.key.task] * 100 * row.passed / row.total
        bonus = weights.all_pass * (100.0 if row.passed == row.total else 0.0)
        return pooled + bonus - weights.cost * row.usage.total / 1e6

    by_task = rows_by_task(rows, criteria, trials)
    return {task: [share(row) for row in found] for task, found in by_task.items()}


def _trial_error(pairs: Sequence[tuple[list[float], list[float]]]) -> float | None:
    """Fixed-task standard error; each task's variance is shrunk towards the pooled one."""
    squares = [sum(_squares(arm) for arm in pair) for pair in pairs]
    degrees = [sum(len(arm) - 1 for arm in pair) for pair in pairs]
    if not sum(degrees):
        return None
    pooled = sum(squares) / sum(degrees)
    variance = 0.0
    for pair, square, degree in zip(pairs, squares, degrees, strict=True):
        own = (square + PRIOR_DEGREES * pooled) / (degree + PRIOR_DEGREES)
        variance += own * sum(1 / len(arm) for arm in pair)
    return math.sqrt(variance) / len(pairs)


def _squares(values: Sequence[float]) -> float:
    centre = mean(values)
    return sum((value - centre) ** 2 for value in values)


def _task_error(differences: Sequence[float]) -> float | None:
    """Standard error of the mean difference over tasks."""
    count = len(differences)
    if count < 2:
        return None
    return math.sqrt(_squares(differences) / (count - 1) / count)
