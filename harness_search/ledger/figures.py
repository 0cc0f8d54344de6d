"""What a frontier, a forecast and a gate's record need of one harness, in a few numbers.

Pure functions of raw rows under the current weights.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from harness_search.ledger.gains import (
    Gain,
    Variance,
    difference,
    needs_variance,
    shares,
    trial_variance,
    up_to,
)
from harness_search.ledger.replicates import control_as_trials
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Score, Weights, rows_by_task, score


@dataclass(frozen=True, slots=True)
class Shape:
    """What is planned of every harness, and what counts of it."""

    criteria: Mapping[str, int]
    """Number of criteria by dev task."""
    trials: int
    """Rollouts of every task that full coverage means."""
    weights: Weights
    most_trials: int | None = None
    """Rollouts of a task that count at most; None: as many as `trials`."""
    variance: Variance | None = None
    """Trial noise known from elsewhere, for harnesses with few replicates."""

    @property
    def most(self) -> int:
        return self.most_trials or self.trials


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a harness's own trials, or of what was run of it as the control of one iteration."""

    score: Score | None
    """Of the tasks that it has finished a rollout of; None for a control, which has none."""
    rollouts: int
    """Finished ones that count, of a task as many as a comparison may ask for."""
    planned: int
    """Finished ones of those that full coverage means."""
    tasks: int
    """Dev tasks that have one that counts."""
    whole: bool
    """Whether every dev task has one."""
    spread: float
    """Sum over those tasks of 1 / rollouts that count: the variance of the sum of the tasks' means,
    in variances of one rollout."""
    finished: int
    """All finished ones, whatever they count for."""
    variance: Variance
    """Trial noise."""
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts by what they ran in."""

    def complete(self, shape: Shape) -> bool:
        """Whether every planned rollout is there."""
        return self.planned == shape.trials * len(shape.criteria)


def figures_to_json(item: Figures) -> list[Any]:
    """For a memo."""
    score, noise = item.score, item.variance
    figures = None
    if score is not None:
        numbers = (score.pooled, score.all_pass, score.tokens_m, score.blended)
        figures = [*numbers, *score.coverage.as_integer_ratio()]
    counts = (item.rollouts, item.planned, item.tasks, item.whole, item.spread, item.finished)
    return [figures, *counts, noise.squares, noise.degrees, list(item.sandboxes.items())]


def figures_from_json(found: list[Any]) -> Figures:
    """Read back what `figures_to_json` wrote."""
    figures, rollouts, planned, tasks, whole, spread, finished, squares, degrees, ran_in = found
    score = None
    if figures is not None:
        pooled, all_pass, tokens_m, blended, finished_of, planned_of = figures
        score = Score(pooled, all_pass, tokens_m, blended, Fraction(finished_of, planned_of))
    noise = Variance(squares, degrees)
    counts = (rollouts, planned, tasks, whole, spread, finished)
    return Figures(score, *counts, noise, dict(ran_in))


def figures_of(rows: Sequence[RolloutRow], shape: Shape) -> Figures:
    """Of the rows of one part of a harness's trials (see `revisions.py`)."""
    own = [row for row in rows if row.key.trial <= shape.most]
    by_task = rows_by_task(own, shape.criteria, shape.most)
    planned = rows_by_task(own, shape.criteria, shape.trials)
    counts = [len(found) for found in by_task.values() if found]
    return Figures(
        score=score(own, shape.criteria, shape.trials, shape.weights, shape.most),
        rollouts=sum(counts),
        planned=sum(map(len, planned.values())),
        tasks=len(counts),
        whole=all(by_task.values()),
        spread=sum(1 / count for count in counts),
        finished=sum(row.outcome.finished for row in rows),
        variance=trial_variance(own, shape.criteria, shape.most, shape.weights),
        sandboxes=sandboxes(rows),
    )


def added_up(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Rollouts by what they ran in, of several parts or harnesses together, the most first."""
    found: Counter[str] = Counter()
    for item in counts:
        found.update(item)
    return dict(found.most_common())


@dataclass(frozen=True, slots=True)
class Compared:
    """A candidate held against its incumbent."""

    gain: Gain | None
    """None without a common task."""
    leans: bool
    """Whether trial noise known from elsewhere counts in it."""


def compare(
    own: Sequence[RolloutRow],
    stored: Sequence[RolloutRow],
    control: Sequence[RolloutRow],
    shape: Shape,
) -> Compared:
    """What a candidate gains over its incumbent, by its `reference_rows`."""
    challenger, reference = (
        up_to(shares(rows, shape.criteria, shape.weights), shape.most)
        for rows in (own, reference_rows(stored, control, shape))
    )
    found = difference(challenger, reference, shape.variance)
    return Compared(found, needs_variance(challenger, reference))


def reference_rows(
    stored: Sequence[RolloutRow], control: Sequence[RolloutRow], shape: Shape
) -> Sequence[RolloutRow]:
    """What a candidate is held against: the control that was run beside it, if that was whole, else
    the incumbent's own trials."""
    beside = control_as_trials(control)
    by_task = rows_by_task(beside, shape.criteria, shape.trials)
    is_whole = all(len(found) == shape.trials for found in by_task.values())
    return beside if is_whole else stored
