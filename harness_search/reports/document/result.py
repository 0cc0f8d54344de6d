"""One measured comparison of the baseline with a harness, as a report's headline has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness_search.ledger.gains import Variance, gain
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Weights
from harness_search.plots.values import Measured
from harness_search.reports.comparison import POOLED_ALONE
from harness_search.reports.document.measures import of_gain, rate_of, with_error


@dataclass(frozen=True, slots=True)
class Result:
    """The baseline against one harness. Without figures, `sentence` says why there are none."""

    sentence: str
    harness: str = ""
    before: Measured | None = None
    """Pooled pass rate of the baseline, in points, with the interval of trial noise."""
    after: Measured | None = None
    """The same of the harness."""
    gain: Measured | None = None
    """Blended points above the baseline on these very tasks, by trial noise."""
    elsewhere: Measured | None = None
    """The same gain with the interval to expect on other tasks of their kind."""
    pooled: Measured | None = None
    """Points of the pooled pass rate above the baseline, by trial noise."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts in a comparison."""

    criteria: Mapping[str, int]
    """Number of criteria by task."""
    trials: int
    weights: Weights
    variance: Variance | None = None
    """Trial noise of blended shares that is known from elsewhere."""
    rates: Variance | None = None
    """The same of pass rates, for trials that all agree (`reports/pooled.py`)."""


def result_of(
    sentence: str,
    harness: str,
    before: Sequence[RolloutRow],
    after: Sequence[RolloutRow],
    terms: Terms,
) -> Result:
    """The figures of two harnesses by rows whose trials count from 1."""
    criteria, trials = terms.criteria, terms.trials
    blended = gain(after, before, criteria, trials, terms.weights, variance=terms.variance)
    return Result(
        sentence,
        harness,
        rate_of(before, criteria, trials, terms.rates),
        rate_of(after, criteria, trials, terms.rates),
        of_gain(blended),
        with_error(blended.points, blended.task_error) if blended else None,
        of_gain(gain(after, before, criteria, trials, POOLED_ALONE)),
    )
