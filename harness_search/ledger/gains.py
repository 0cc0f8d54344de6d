"""The difference between two harnesses in blended points, with its uncertainty.

Everything is computed per task first: a missing rollout never shifts the weight of a task. Sources:
facts on the gate, section 3 (docs/gate.md).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Weights, mean

PRIOR_DEGREES = 6
"""Weight of the pooled variance in a task's own, in degrees of freedom."""
PRIOR_POINTS = 2.0
"""Standard deviation of what a mechanism gains before anything is measured: most gain nothing."""
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Variance:
    """Trial noise, pooled within tasks: sums of squares in points^2 and degrees of freedom."""

    squares: float = 0.0
    degrees: int = 0

    def __add__(self, other: "Variance") -> "Variance":
        return Variance(self.squares + other.squares, self.degrees + other.degrees)

    @property
    def one_rollout(self) -> float | None:
        """Variance of one rollout's share of the blended score; None without a replicate."""
        return self.squares / self.degrees if self.degrees else None


@dataclass(frozen=True, slots=True)
class TaskDifference:
    """What one task says. Means and differences are shares of the blended score: their mean over
    all tasks of the split is the score, or the gain."""

    task: str
    points: float
    error: float | None
    """Standard error from trial noise; None where that is unknown."""
    challenger: float
    reference: float
    challenger_trials: int
    reference_trials: int


@dataclass(frozen=True, slots=True)
class Gain:
    """A difference in blended points between two harnesses on the same tasks."""

    points: float
    trial_error: float | None
    """Standard error from trial noise on these very tasks; None without any replicate."""
    task_error: float | None
    """Standard error clustered by task: what to expect on other tasks of the kind; None with a
    single task."""
    tasks: tuple[TaskDifference, ...] = ()
    """Every task that both have finished a rollout of, in the order of the split; none where they
    are left out, as in a frontier."""

    def interval(self, error: float | None) -> tuple[float, float] | None:
        """95 % interval, in points, for one of the two standard errors; None where that is."""
        if error is None:
            return None
        return self.points - Z_95 * error, self.points + Z_95 * error

    def chance_of_at_least(self, points: float) -> float | None:
        """Probability of a true gain of so many points, by trial noise alone; None without it."""
        if self.trial_error is None:
            return None
        return _normal(self.points - points, self.trial_error)

    @property
    def chance(self) -> float | None:
        """Probability of any true gain for one who doubts: prior N(0, PRIOR_POINTS^2)."""
        if self.trial_error is None:
            return None
        return _normal(self.points * self._belief, self.trial_error * math.sqrt(self._belief))

    @property
    def shrunken(self) -> float | None:
        """The gain to expect, in points, under the same prior."""
        return None if self.trial_error is None else self.points * self._belief

    @property
    def _belief(self) -> float:
        """Weight of what was measured against the prior: 1 without noise."""
        return PRIOR_POINTS**2 / (PRIOR_POINTS**2 + (self.trial_error or 0.0) ** 2)


def gain(
    challenger: Sequence[RolloutRow],
    reference: Sequence[RolloutRow],
    criteria: Mapping[str, int],
    trials: int,
    weights: Weights,
    *,
    variance: Variance | None = None,
) -> Gain | None:
    """Challenger minus reference by their trials 1 to `trials`; None without a common task.

    `criteria` are criteria per task of the whole split; `variance` as in `difference`.
    """
    left, right = (
        up_to(shares(rows, criteria, weights), trials) for rows in (challenger, reference)
    )
    return difference(left, right, variance)


def shares(
    rows: Iterable[RolloutRow], criteria: Mapping[str, int], weights: Weights
) -> dict[str, dict[int, float]]:
    """Each finished rollout's share of the blended score, by task and trial, trials ascending.

    The share is T (c/C) 100 passed/total + all-pass bonus - token price, so that the mean over T
    tasks is the blended score. Every task of `criteria` has an entry.
    """
    scale = len(criteria) / sum(criteria.values())
    found: dict[str, dict[int, float]] = {task: {} for task in criteria}
    # Ascending, so that sums do not depend on the order in which rollouts ended.
    for row in sorted(rows, key=lambda row: row.key.trial):
        task = row.key.task
        if task in found and row.outcome.finished:
            pooled = scale * criteria[task] * 100 * row.passed / row.total
            bonus = weights.all_pass * (100.0 if row.passed == row.total else 0.0)
            found[task][row.key.trial] = pooled + bonus - weights.cost * row.usage.total / 1e6
    return found


def up_to(found: Mapping[str, Mapping[int, float]], trials: int) -> dict[str, list[float]]:
    """The shares of trials 1 to `trials` of each task."""
    return {
        task: [share for trial, share in by_trial.items() if trial <= trials]
        for task, by_trial in found.items()
    }


def trial_variance(
    rows: Iterable[RolloutRow], criteria: Mapping[str, int], most: int, weights: Weights
) -> Variance:
    """The trial noise of one harness by its trials 1 to `most`. Add it up over harnesses."""
    by_task = up_to(shares(rows, criteria, weights), most)
    return _pooled(_noise(values) for values in by_task.values())


def difference(
    challenger: Mapping[str, Sequence[float]],
    reference: Mapping[str, Sequence[float]],
    variance: Variance | None = None,
) -> Gain | None:
    """Challenger minus reference by shares per task; None without a task that both have.

    Both name every task of the split; a task that one has not begun contributes nothing.
    `variance` is trial noise known from elsewhere: it counts when the two have fewer degrees of
    freedom than there are tasks.
    """
    tasks = [task for task in challenger if challenger[task] and reference[task]]
    if not tasks:
        return None
    noise = {task: _noise(challenger[task]) + _noise(reference[task]) for task in challenger}
    pooled = _pooled(noise.values())
    if variance is not None and needs_variance(challenger, reference):
        pooled += variance
    by_task = tuple(
        _task_difference(task, challenger[task], reference[task], noise[task], pooled.one_rollout)
        for task in tasks
    )
    errors = [item.error**2 for item in by_task if item.error is not None]
    return Gain(
        math.fsum(item.points for item in by_task) / len(noise),
        math.sqrt(sum(errors)) / len(noise) if errors else None,
        _task_error([item.points for item in by_task], len(noise)),
        by_task,
    )


def needs_variance(
    challenger: Mapping[str, Sequence[float]], reference: Mapping[str, Sequence[float]]
) -> bool:
    """Whether trial noise known from elsewhere counts in the difference: the two have fewer degrees
    of freedom than there are tasks."""
    arms = (challenger, reference)
    degrees = sum(max(0, len(values) - 1) for arm in arms for values in arm.values())
    return degrees < len(challenger)


def _task_difference(
    task: str,
    challenger: Sequence[float],
    reference: Sequence[float],
    noise: Variance,
    pooled: float | None,
) -> TaskDifference:
    error = None
    if pooled is not None:  # a task's own variance, shrunk towards that of all tasks
        own = (noise.squares + PRIOR_DEGREES * pooled) / (noise.degrees + PRIOR_DEGREES)
        error = math.sqrt(own * (1 / len(challenger) + 1 / len(reference)))
    left, right = mean(challenger), mean(reference)
    return TaskDifference(task, left - right, error, left, right, len(challenger), len(reference))


def _noise(values: Sequence[float]) -> Variance:
    if len(values) < 2:
        return Variance()
    return Variance(_squares(values), len(values) - 1)


def _pooled(parts: Iterable[Variance]) -> Variance:
    return sum(parts, Variance())


def _squares(values: Sequence[float]) -> float:
    centre = mean(values)
    return sum((value - centre) ** 2 for value in values)


def _task_error(differences: Sequence[float], tasks: int) -> float | None:
    """Standard error over tasks; those not begun contribute nothing to it."""
    count = len(differences)
    if count < 2:
        return None
    return math.sqrt(_squares(differences) / (count - 1) * count) / tasks


def _normal(distance: float, deviation: float) -> float:
    """Probability that a normal variable at `distance` above a bound is above it."""
    if deviation == 0:
        return 0.5 if distance == 0 else float(distance > 0)
    return 0.5 * math.erfc(-distance / deviation / math.sqrt(2))
