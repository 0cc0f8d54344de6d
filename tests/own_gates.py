"""Gates of one's own, for the tests of how they are loaded."""

from dataclasses import dataclass
from fractions import Fraction

from harness_search.promotion.decision import Decision, Pairing
from harness_search.promotion.rules import GateRules


@dataclass(frozen=True)
class Generous:
    """Promotes everyone."""

    rules: GateRules

    def decide(self, pairing: Pairing) -> Decision:
        reason = f"{self.rules.min_delta:.1f} points, or none at all."
        return Decision("promote", reason, "any", None, Fraction(1), len(pairing.candidate), 0)


def undeciding(rules: GateRules) -> GateRules:
    """What it returns is no gate."""
    return rules
