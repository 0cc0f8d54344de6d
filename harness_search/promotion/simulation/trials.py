"""Many harnesses' trials at once, as counts, means and sums of squares; and their differences.

Arrays have one row for each simulated search and one column for each dev task. The formulas are
those of `ledger/gains.py`, which a test holds them to.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from harness_search.ledger.gains import PRIOR_DEGREES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]


@dataclass(slots=True)
class Trials:
    """What is kept of the measured shares y of the blended score, in points."""

    count: Floats
    mean: Floats
    squares: Floats
    """Sum of squared distances from the mean."""

    @classmethod
    def none(cls, searches: int, tasks: int) -> "Trials":
        shape = (searches, tasks)
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def add(self, at: Integers, shares: Floats, wanted: Truths) -> Integers:
        """One trial more where `wanted`, in the rows `at`; returns how many that were by row."""
        before = self.mean[at]
        count = self.count[at] + wanted
        step = np.where(wanted, shares - before, 0.0)
        after = before + step / np.maximum(count, 1)
        self.squares[at] += step * (shares - after)
        self.mean[at] = after
        self.count[at] = count
        added: Integers = wanted.sum(axis=1)
        return added

    def take(self, at: Integers | Truths) -> "Trials":
        """A copy of some rows."""
        return Trials(self.count[at], self.mean[at], self.squares[at])

    def put(self, at: Integers | Truths, other: "Trials") -> None:
        """Replace some rows."""
        self.count[at], self.mean[at] = other.count, other.mean
        self.squares[at] = other.squares

    def degrees(self) -> Floats:
        """Degrees of freedom by task."""
        return np.maximum(self.count - 1, 0)

    def blended(self) -> Floats:
        """Mean share over the tasks."""
        score: Floats = self.mean.mean(axis=1)
        return score


@dataclass(frozen=True, slots=True)
class KnownVariance:
    """Trial noise from elsewhere (the A/A run), by row: sum of squares and degrees of freedom."""

    squares: Floats
    degrees: Floats

    def take(self, at: Integers | Truths) -> "KnownVariance":
        return KnownVariance(self.squares[at], self.degrees[at])


@dataclass(frozen=True, slots=True)
class Differences:
    """Candidate minus incumbent, by row."""

    points: Floats
    error: Floats
    """Fixed-task standard error; nan where nothing is known of the noise."""
    share: Floats
    """Of the tasks, those that both arms have."""

    @property
    def has_error(self) -> Truths:
        """Whether noise is known and not nothing."""
        return np.nan_to_num(self.error) > 0

    def raised(self, inflation: Floats) -> "Differences":
        """The same against an incumbent whose score is lowered by its inflation, task by task."""
        return replace(self, points=self.points + inflation * self.share)

    def may_reach(self, threshold: float, chance: float) -> Truths:
        """Whether the gain is at least the threshold with this chance; so where no error is known.

        Chance and threshold are compared as distances: a quantile for all rows replaces a
        probability for each.
        """
        if chance <= 0:
            return np.ones(len(self.points), dtype=np.bool_)
        if chance >= 1:
            return np.isnan(self.error)
        distance = NormalDist().inv_cdf(chance) * np.nan_to_num(self.error)
        return np.isnan(self.error) | (self.points - threshold >= distance)

    def nearly(self, threshold: float, band: float) -> Truths:
        """Whether the gain misses the threshold by at most so many standard errors."""
        return threshold - self.points <= band * np.nan_to_num(self.error)


def differences(
    candidate: Trials, incumbent: Trials, known: KnownVariance | None = None
) -> Differences:
    """Over the tasks that both arms have; the others contribute nothing."""
    tasks = candidate.mean.shape[1]
    both = (candidate.count > 0) & (incumbent.count > 0)
    by_task = np.where(both, candidate.mean - incumbent.mean, 0.0)
    degrees = candidate.degrees() + incumbent.degrees()
    squares = candidate.squares + incumbent.squares
    pooled = _pooled(squares, degrees, known)
    own = (squares + PRIOR_DEGREES * pooled[:, None]) / (degrees + PRIOR_DEGREES)
    shares = 1 / np.maximum(candidate.count, 1) + 1 / np.maximum(incumbent.count, 1)
    error = np.sqrt(np.where(both, own * shares, 0.0).sum(axis=1)) / tasks
    return Differences(by_task.sum(axis=1) / tasks, error, both.mean(axis=1))


def _pooled(squares: Floats, degrees: Floats, known: KnownVariance | None) -> Floats:
    """Variance of one share, over all tasks; with `known` where the arms have too few trials."""
    total, freedom = squares.sum(axis=1), degrees.sum(axis=1)
    if known is not None:
        scarce = freedom < squares.shape[1]
        total = total + np.where(scarce, known.squares, 0.0)
        freedom = freedom + np.where(scarce, known.degrees, 0.0)
    return np.where(freedom > 0, total / np.maximum(freedom, 1), np.nan)
