"""What one harness reaches on dev, with its intervals, and what a rollout of it takes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Any

from harness_search.files import digest_text
from harness_search.ledger.figures import Figures
from harness_search.ledger.gains import Z_95, Gain, Variance
from harness_search.ledger.memo import Codec
from harness_search.ledger.rows import DecisionKind, IterationRow, RolloutRow
from harness_search.ledger.scores import mean, pass_rates, rows_by_task
from harness_search.plots.values import Measured
from harness_search.reports.document.material import Material
from harness_search.reports.pooled import agrees, noise, pooled


@dataclass(frozen=True, slots=True)
class Taken:
    """What only the raw rows of a harness tell."""

    pooled_error: float | None
    """Standard error of the pooled pass rate from trial noise, in points; None without any
    replicate."""
    spread: float
    """The same for trials that all agree, in standard deviations of one rollout."""
    squares: float
    degrees: int
    """Trial noise of its pass rates (`Variance`)."""
    dollars: float
    """Of a rollout, at the original price of what was replayed: the mean over tasks."""

    @property
    def noise(self) -> Variance:
        return Variance(self.squares, self.degrees)


@dataclass(frozen=True, slots=True)
class Measures:
    """A harness with a finished rollout of every dev task; all intervals are of trial noise, so
    that harnesses on the same tasks compare."""

    blended: Measured
    """Points."""
    pooled: Measured
    """Points."""
    tokens: float
    """Of a rollout, of all kinds: the mean over tasks."""
    dollars: float
    """Likewise in USD."""


def measures_of(material: Material, row: IterationRow) -> Measures | None:
    """None for a harness that was not run on every dev task."""
    figures = material.history.derived.figures(row.harness)
    if not row.harness or figures.score is None or not figures.whole:
        return None
    taken = _taken(material, row.harness)
    noise = _noise(material, row, figures, taken)
    return Measures(
        with_error(figures.score.blended, blended_error(figures, noise)),
        within_rates(figures.score.pooled, _pooled_error(material, taken)),
        1e6 * figures.score.tokens_m,
        taken.dollars,
    )


def with_error(value: float, error: float | None) -> Measured:
    """A value with the 95 % interval of a standard error."""
    if error is None:
        return Measured(value)
    return Measured(value, value - Z_95 * error, value + Z_95 * error)


def within_rates(points: float, error: float | None) -> Measured:
    """The same of a rate in points, whose interval ends at 0 and at 100."""
    found = with_error(points, error)
    if found.low is None or found.high is None:
        return found
    # Rounding may have left the rate itself a little beyond them.
    return Measured(points, min(points, max(0.0, found.low)), max(points, min(100.0, found.high)))


def of_gain(gain: Gain | None) -> Measured | None:
    """A difference with the interval of trial noise, on these very tasks."""
    return None if gain is None else with_error(gain.points, gain.trial_error)


def blended_error(figures: Figures, noise: Variance) -> float | None:
    """Standard error of a blended score from trial noise, in points; None without any replicate.

    The score is the mean of T tasks' mean shares, so SE^2 = sum(v_i / m_i) / T^2 after m_i rollouts
    of each. With s^2, that of all tasks pooled, for each variance v_i: SE^2 = s^2 sum(1 / m_i) /
    T^2. Where all m_i are one number, v_i shrunk towards s^2 as the gate shrinks them
    (docs/gate.md) give the same.
    """
    variance = noise.one_rollout
    return None if variance is None else math.sqrt(variance * figures.spread) / figures.tasks


def _noise(material: Material, row: IterationRow, figures: Figures, taken: Taken) -> Variance:
    """A harness's own; with that of the lineage where it has fewer degrees of freedom than there
    are tasks, as in comparisons.

    Where the pass rates of all its trials agree, its own is that of its tokens alone, and its score
    would seem certain: that of the lineage, or none at all where that agrees too.
    """
    history = material.history
    if agrees(taken.noise):
        known = not agrees(noise_of_rates(material))
        return history.variance(len(history.iterations)) if known else Variance()
    if figures.variance.degrees >= len(history.derived.shape.criteria):
        return figures.variance
    return figures.variance + history.variance(len(history.iterations), without=row.name)


def _pooled_error(material: Material, taken: Taken) -> float | None:
    if not agrees(taken.noise):
        return taken.pooled_error
    lineage = noise_of_rates(material)
    variance = None if agrees(lineage) else lineage.one_rollout
    return None if variance is None else math.sqrt(variance) * taken.spread


def noise_of_rates(material: Material) -> Variance:
    """Trial noise of the pass rates of the baseline and of all that was promoted."""
    derived = material.history.derived
    lineage = [row.harness for row in material.history.iterations if row.decision in _LINEAGE]
    state = (*map(derived.source.stamp, lineage), _terms(material))

    def make() -> Variance:
        return sum((_taken(material, harness).noise for harness in lineage), Variance())

    return material.ledger.memo.get("noise of rates", "lineage", state, make)


def _taken(material: Material, harness: str) -> Taken:
    state = (material.history.derived.source.stamp(harness), _terms(material))
    make = partial(_taken_by, material, harness)
    return material.ledger.memo.get("taken", harness, state, make, _TAKEN)


def _terms(material: Material) -> str:
    return digest_text(repr(replace(material.history.derived.shape, variance=None)))


def _taken_by(material: Material, harness: str) -> Taken:
    rows, shape = material.history.rows(harness), material.history.derived.shape
    found = pooled(rows, shape.criteria, shape.most)
    alike = pooled(rows, shape.criteria, shape.most, _ONE)
    by_task = rows_by_task(rows, shape.criteria, shape.most).values()
    dollars = [mean([row.cost_usd for row in own]) for own in by_task if own]
    own = noise(map(pass_rates, by_task))
    return Taken(
        found.trial_error if found else None,
        alike.trial_error or 0.0 if alike else 0.0,
        own.squares,
        own.degrees,
        mean(dollars) if dollars else 0.0,
    )


def _taken_from_json(found: Sequence[Any]) -> Taken:
    return Taken(*found)


_LINEAGE = frozenset({DecisionKind.BASELINE, DecisionKind.PROMOTED})
_ONE = Variance(1.0, 1)
"""In which what is found is a standard deviation."""
_TAKEN: Codec[Taken] = Codec(astuple, _taken_from_json)


def rate_of(
    rows: Sequence[RolloutRow],
    criteria: Mapping[str, int],
    trials: int,
    lineage: Variance | None = None,
) -> Measured | None:
    """The pooled pass rate of rows at hand, in points, with the interval of trial noise; None
    without a finished rollout. `lineage` is as in `one_rollout`."""
    found = pooled(rows, criteria, trials, lineage)
    return within_rates(found.points, found.trial_error) if found else None
