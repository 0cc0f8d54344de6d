"""How sure a pooled pass rate is, by the trials of one harness."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness_search.ledger.gains import PRIOR_DEGREES, Z_95, Variance
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import mean, pass_rates, rows_by_task

ROUNDING = 1e-9
"""A sum of squares, in points^2, below which it is of equal numbers."""
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled pass rate with its uncertainty, in points."""

    points: float
    trial_error: float | None
    """Standard error from trial noise on these very tasks; None without any replicate."""
    task_error: float | None
    """Standard error clustered by task: what to expect on other tasks of the kind; None with a
    single task."""
    rollouts: int
    tasks: int
    """Those that a rollout is finished of."""

    def interval(self, error: float | None) -> Interval | None:
        """95 % interval for one of the two standard errors; None where that is."""
        if error is None:
            return None
        half = Z_95 * error
        return max(0.0, self.points - half), min(100.0, self.points + half)

    def words(self) -> str:
        """For example `74.3 (95 %: 72.6 to 76.0, trial noise)`; by tasks where no task has two
        trials, or all trials agree: that is no certainty."""
        by, found = "trial noise", self.interval(self.trial_error)
        if found is None or found[1] - found[0] < ROUNDING:
            by, found = "choice of tasks", self.interval(self.task_error)
        if found is None:
            return f"{self.points:.1f}"
        return f"{self.points:.1f} (95 %: {found[0]:.1f} to {found[1]:.1f}, {by})"

    def intervals_json(self) -> dict[str, Any]:
        """Both intervals."""
        both = {"trial_noise": self.trial_error, "tasks": self.task_error}
        return {name: _rounded(self.interval(error)) for name, error in both.items()}


def _rounded(interval: Interval | None) -> list[float] | None:
    return [round(end, 4) for end in interval] if interval else None


def pooled(
    rows: Sequence[RolloutRow],
    criteria: Mapping[str, int],
    trials: int,
    lineage: Variance | None = None,
) -> Pooled | None:
    """The pooled rate of one harness by its trials 1 to `trials`, as `score` has it; None without
    a finished rollout. `criteria` are criteria by task; `lineage` is as in `one_rollout`.

    The rate is R = sum w_i r_i over the n tasks with a rollout, r_i a task's mean rate and w_i its
    share of their criteria. Trial noise is taken as the gate takes it (docs/gate.md): a task's
    variance is v_i = (SS_i + d s^2) / (f_i + d), with f_i degrees of freedom, s^2 pooled over the
    tasks and d = PRIOR_DEGREES; SE = sqrt(sum w_i^2 v_i / m_i) after m_i rollouts. By tasks, R is
    a ratio whose units are tasks: SE = sqrt(n / (n - 1) sum w_i^2 (r_i - R)^2) (Cochran, Sampling
    Techniques, 3rd edition, section 6.4).
    """
    by_task = {task: found for task, found in rows_by_task(rows, criteria, trials).items() if found}
    if not by_task:
        return None
    total = sum(criteria[task] for task in by_task)
    weights = [criteria[task] / total for task in by_task]
    rates = [pass_rates(found) for found in by_task.values()]
    points = sum(weight * mean(own) for weight, own in zip(weights, rates, strict=True))
    variance = one_rollout(rates, lineage)
    return Pooled(
        points,
        None if variance is None else trial_error(weights, rates, variance),
        _task_error(weights, rates, points),
        sum(map(len, rates)),
        len(rates),
    )


def noise(rates: Iterable[Sequence[float]]) -> Variance:
    """Trial noise of pass rates, pooled over the tasks that have any."""
    measured = [own for own in rates if own]
    return Variance(sum(map(_squares, measured)), sum(len(own) - 1 for own in measured))


def agrees(found: Variance) -> bool:
    """Whether tasks have several trials, and those of each are alike."""
    return found.degrees > 0 and found.squares < ROUNDING


def one_rollout(rates: Iterable[Sequence[float]], lineage: Variance | None = None) -> float | None:
    """Variance of one rollout within its task, pooled over the tasks that have any; None without a
    second trial of one.

    A few trials that all agree show that noise is small, and not that there is none, as an interval
    without width would say. With `lineage`, the noise of what was promoted, theirs is that; None
    where all of that agrees too.
    """
    own = noise(rates)
    if lineage is None or not agrees(own):
        return own.one_rollout
    return None if agrees(lineage) else lineage.one_rollout


def trial_error(
    weights: Sequence[float], rates: Sequence[Sequence[float]], variance: float
) -> float:
    """Standard error of sum w_i r_i from trial noise, as `pooled` has it, with the variance of one
    rollout over all tasks."""
    return math.sqrt(
        sum(
            weight**2
            * (_squares(own) + PRIOR_DEGREES * variance)
            / (len(own) - 1 + PRIOR_DEGREES)
            / len(own)
            for weight, own in zip(weights, rates, strict=True)
        )
    )


def _squares(values: Sequence[float]) -> float:
    centre = mean(values)
    return sum((value - centre) ** 2 for value in values)


def _task_error(
    weights: Sequence[float], rates: Sequence[Sequence[float]], points: float
) -> float | None:
    count = len(weights)
    if count < 2:
        return None
    squares = (
        (weight * (mean(own) - points)) ** 2 for weight, own in zip(weights, rates, strict=True)
    )
    return math.sqrt(count / (count - 1) * sum(squares))
