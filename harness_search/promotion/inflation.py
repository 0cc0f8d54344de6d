"""What selection has added to the incumbent's stored score: who is promoted was also lucky."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness_search.ledger.gains import PRIOR_POINTS, Gain


@dataclass(frozen=True, slots=True)
class Promotion:
    """One step of the promoted lineage."""

    blended: float
    """Measured score of the promoted harness, in points."""
    gain: Gain
    """Against the incumbent of that time."""


@dataclass(frozen=True, slots=True)
class Inflation:
    """An estimate over the whole promoted lineage."""

    points: float | None
    """By how much the incumbent's measured score is above what is to be expected of it; None where
    a promotion has no standard error: nobody knows how much of its step was luck."""
    known: float
    """The same with every step that has no error taken for free of luck. For decisions, which need
    a number."""
    false_promotions: float | None
    """Expected number of promotions without a gain; None where one has no standard error."""


def inflation(baseline: float, promotions: Iterable[Promotion]) -> Inflation:
    """Follow the lineage from the baseline's measured score, which nothing has selected.

    Each promotion's step is shrunk towards none: what it adds to the score to expect is its step
    above that score times tau^2 / (tau^2 + SE^2), with tau = PRIOR_POINTS.
    """
    steps = list(promotions)
    measured = expected = baseline
    for step in steps:
        noise = (step.gain.trial_error or 0.0) ** 2
        measured = step.blended
        expected += (measured - expected) * PRIOR_POINTS**2 / (PRIOR_POINTS**2 + noise)
    known = measured - expected
    chances = [chance for step in steps if (chance := step.gain.chance) is not None]
    if len(chances) < len(steps):
        return Inflation(None, known, None)
    return Inflation(known, known, sum(1 - chance for chance in chances))
