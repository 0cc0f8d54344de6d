"""What simulated searches come to: means, and differences between two gates."""

import math
from dataclasses import dataclass

from harness_search.ledger.gains import Z_95
from harness_search.promotion.simulation.searches import Outcomes
from harness_search.promotion.simulation.trials import Floats


@dataclass(frozen=True, slots=True)
class Mean:
    """Over searches, with half the width of its 95 % interval."""

    value: float
    half: float

    @classmethod
    def of(cls, values: Floats) -> "Mean":
        if len(values) < 2:
            return cls(float(values.mean()), math.inf)
        return cls(float(values.mean()), Z_95 * float(values.std(ddof=1)) / math.sqrt(len(values)))


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over searches. Gains and inflation in points, everything else in numbers a search."""

    gain: Mean
    """True blended gain of the last incumbent over the baseline."""
    promoted: float
    false: float
    """Promoted with a true gain of at most 0.1."""
    harmful: float
    """Promoted with a true gain below -0.25."""
    missed: float
    """Rejected with a true gain of at least 1."""
    real: float
    """Proposed with a true gain of at least 1."""
    rollouts: float
    inflation: float
    """Score of the last incumbent as the gate takes it, minus the true one."""

    @classmethod
    def of(cls, outcomes: Outcomes) -> "Figures":
        counts = ("promoted", "false", "harmful", "missed", "real", "rollouts", "inflation")
        return cls(
            Mean.of(outcomes.gain),
            *(float(getattr(outcomes, name).mean()) for name in counts),
        )

    @property
    def gain_per_thousand(self) -> float:
        """Points of true gain for a thousand rollouts."""
        return 1000 * self.gain.value / self.rollouts


def gained_more(outcomes: Outcomes, reference: Outcomes) -> Mean:
    """True gain against that of another gate, search by search: both met the same chances."""
    return Mean.of(outcomes.gain - reference.gain)
