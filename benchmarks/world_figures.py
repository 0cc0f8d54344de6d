"""Figures of the simulated world, from the rows of many rollouts."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from harness_search.ledger.gains import Z_95, gain
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Score, Weights, score


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class Sample:
    """The rollouts of several harnesses of one persona on one benchmark."""

    criteria: Mapping[str, int]
    """Number of criteria by task id."""
    weights: Weights
    rows: Mapping[str, Sequence[RolloutRow]]
    """By name of the harness."""

    def score(self, harness: str) -> Score:
        """Over all its trials."""
        return self._score(self.rows[harness], self.trials(harness))

    def trials(self, harness: str) -> int:
        return max(row.key.trial for row in self.rows[harness])

    def passes(self, harness: str) -> list[Score]:
        """The score of each single pass over the tasks."""
        by_trial: dict[int, list[RolloutRow]] = {}
        for row in self.rows[harness]:
            by_trial.setdefault(row.key.trial, []).append(row)
        return [self._score(rows, trial) for trial, rows in by_trial.items()]

    def effect(self, harness: str, reference: str) -> Estimate:
        """Blended points between two harnesses on these very tasks; each draws its own noise."""
        trials = max(self.trials(harness), self.trials(reference))
        found = gain(self.rows[harness], self.rows[reference], self.criteria, trials, self.weights)
        interval = found.interval(found.trial_error) if found is not None else None
        if found is None or interval is None:
            raise ValueError(f"{harness}: an effect takes two trials")
        return Estimate(found.points, *interval)

    def _score(self, rows: Iterable[RolloutRow], trials: int) -> Score:
        found = score(rows, self.criteria, trials, self.weights)
        if found is None:
            raise ValueError("no rollouts")
        return found


def mean_effect(effects: Sequence[Estimate]) -> Estimate:
    """The mean of independent effects."""
    value = statistics.fmean(effect.value for effect in effects)
    half = math.sqrt(sum(effect.half**2 for effect in effects)) / len(effects)
    return Estimate(value, value - half, value + half)


def spread(values: Sequence[float]) -> Estimate:
    """Standard deviation, with the interval that it has for normal values.

    Raises ValueError for fewer than two.
    """
    if len(values) < 2:
        raise ValueError("a spread takes two values")
    deviation, degrees = statistics.stdev(values), len(values) - 1
    low, high = (math.sqrt(degrees / _chi_square(sign * Z_95, degrees)) for sign in (1, -1))
    return Estimate(deviation, low * deviation, high * deviation)


def _chi_square(normal: float, degrees: int) -> float:
    """The quantile that belongs to one of the normal distribution (Wilson and Hilferty)."""
    part = 2 / (9 * degrees)
    return float(degrees * max(1e-9, 1 - part + normal * math.sqrt(part)) ** 3)


def rate(happened: int, times: int) -> Estimate:
    """A share in percent, with Wilson's interval."""
    square = NormalDist().inv_cdf(0.975) ** 2
    share = happened / times
    centre = (share + square / (2 * times)) / (1 + square / times)
    inside = share * (1 - share) / times + square / (4 * times**2)
    half = math.sqrt(square * inside) / (1 + square / times)
    return Estimate(100 * share, 100 * max(0.0, centre - half), 100 * min(1.0, centre + half))


@dataclass(frozen=True, slots=True)
class Meetings:
    """How often a failure befell the baseline's rollouts."""

    tasks: int
    """Tasks on which it did in more than half of all rollouts."""
    rollouts: int
    all_rollouts: int
    pass_rate: float
    """Mean share of criteria that the rollouts with it pass, in points; NaN where there is none."""


def meetings(met: Sequence[tuple[RolloutRow, frozenset[str]]]) -> dict[str, Meetings]:
    """By failure, from each rollout with all that befell it; under "none": rollouts without any."""
    everything = sorted({failure for _, failures in met for failure in failures})
    found = {
        failure: _meetings(met, [row for row, failures in met if failure in failures])
        for failure in everything
    }
    return {**found, "none": _meetings(met, [row for row, failures in met if not failures])}


def _meetings(
    met: Sequence[tuple[RolloutRow, frozenset[str]]], rows: Sequence[RolloutRow]
) -> Meetings:
    planned = Counter(row.key.task_digest for row, _ in met)
    hit = Counter(row.key.task_digest for row in rows)
    rates = [100 * row.passed / row.total for row in rows]
    return Meetings(
        tasks=sum(2 * count > planned[task] for task, count in hit.items()),
        rollouts=len(rows),
        all_rollouts=len(met),
        pass_rate=statistics.fmean(rates) if rates else math.nan,
    )
