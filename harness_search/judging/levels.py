"""The pass rate that a reference would find in all rollouts, from those that it was asked about."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness_search.judging.agreement import Estimate, estimate
from harness_search.ledger.scores import mean


@dataclass(frozen=True, slots=True)
class Labelled:
    """A verdict that both judges gave."""

    task: str
    reference: bool
    judged: bool


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A verdict of the judge alone."""

    task: str
    judged: bool


@dataclass(frozen=True, slots=True)
class Level:
    """The pass rate of one harness, in points."""

    harness: str
    judged: float
    """By the judge alone, over all its verdicts."""
    estimate: Estimate
    """By the reference, as it is estimated to be over the same."""
    tuning: float
    """How much the judge's verdicts count: 0 is the reference's sample alone, 1 plain PPI."""


def level(harness: str, labelled: Sequence[Labelled], unlabelled: Sequence[Unlabelled]) -> Level:
    """PPI++ (Angelopoulos, Duchi and Zrnic 2023): n verdicts of both, N more of the judge alone.

    theta = mean(y, n) + lam (mean(f, N) - mean(f, n)), lam = cov(y, f) / var(f) / (1 + n/N), kept
    from 0 to 1; clustered by task, and for a sample drawn at random. Raises ValueError for no
    labelled verdict.
    """
    if not labelled:
        raise ValueError("no verdict of the reference")
    judged = [float(item.judged) for item in labelled]
    reference = [float(item.reference) for item in labelled]
    rest = [float(item.judged) for item in unlabelled]
    tuning = _tuning(reference, judged, len(rest))
    others = mean(rest) if rest else 0.0
    theta = mean(reference) + tuning * (others - mean(judged))
    corrected = [y - tuning * f for y, f in zip(reference, judged, strict=True)]
    own, centre = zip(labelled, corrected, strict=True), mean(corrected)
    influences = [
        *((item.task, 100 * (one - centre) / len(corrected)) for item, one in own),
        *(
            (item.task, 100 * tuning * (float(item.judged) - others) / len(rest))
            for item in unlabelled
        ),
    ]
    everything = 100 * mean([*judged, *rest])
    return Level(harness, everything, estimate(100 * theta, influences), tuning)


def _tuning(reference: Sequence[float], judged: Sequence[float], more: int) -> float:
    """The weight of least variance; 0 where there is nothing more, or the judge never differs."""
    centre, other = mean(judged), mean(reference)
    spread = sum((f - centre) ** 2 for f in judged)
    if not spread or not more:
        return 0.0
    together = sum((f - centre) * (y - other) for f, y in zip(judged, reference, strict=True))
    return min(1.0, max(0.0, together / spread / (1 + len(judged) / more)))
