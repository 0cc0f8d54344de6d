"""The promotion gate: decides about a candidate from raw rows, under the current weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

from harness_search.ledger.rows import DecisionKind, RolloutRow
from harness_search.ledger.scores import Score, Weights, score

ROUNDING = 1e-9
"""Points. Floating point may miss a gain of exactly min_delta by about 1e-13; a gain that the
margin is meant to stop is larger than this by far."""


@dataclass(frozen=True, slots=True)
class EvaluationShape:
    """What both sides must have finished before they are compared."""

    criteria: Mapping[str, int]
    """Number of criteria by task id."""
    trials: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate concludes about one candidate against the incumbent."""

    verdict: Literal["promote", "reject", "undecided"]
    reason: str
    """One sentence that a person can act on."""
    delta: float | None
    """Blended points above the incumbent; None while a side is incomplete."""
    challenger: Score | None
    """None without a finished rollout."""
    incumbent: Score | None
    coverage: Fraction
    """Finished / planned rollouts of the side that has fewer."""

    @property
    def kind(self) -> DecisionKind:
        """What becomes of the iteration. Incomplete after every try is inconclusive, not worse."""
        kinds = {"promote": DecisionKind.PROMOTED, "reject": DecisionKind.ORPHAN}
        return kinds.get(self.verdict, DecisionKind.INCONCLUSIVE)


class Gate(Protocol):
    """One method: compare two harnesses by their raw rows."""

    def decide(
        self,
        challenger: Sequence[RolloutRow],
        incumbent: Sequence[RolloutRow],
        shape: EvaluationShape,
        weights: Weights,
    ) -> Decision: ...


@dataclass(frozen=True, slots=True)
class SeedRule:
    """The study's rule: promote iff blended(challenger) >= blended(incumbent) + min_delta.

    Both sides are computed here and now from raw rows. The study once compared a fresh score with
    a stored one, computed under an older cost weight, and promoted a worse harness.
    """

    min_delta: float = 1.0
    """Points."""

    def decide(
        self,
        challenger: Sequence[RolloutRow],
        incumbent: Sequence[RolloutRow],
        shape: EvaluationShape,
        weights: Weights,
    ) -> Decision:
        """Undecided until both sides have finished every planned rollout."""
        new = score(challenger, shape.criteria, shape.trials, weights)
        old = score(incumbent, shape.criteria, shape.trials, weights)
        coverage = min(_coverage(new), _coverage(old))
        if new is None or old is None or coverage < 1:
            reason = _incomplete(new, old, shape)
            return Decision("undecided", reason, None, new, old, coverage)
        delta = new.blended - old.blended
        promoted = delta >= self.min_delta - ROUNDING
        reason = (
            f"Blended {new.blended:.2f} against the incumbent's {old.blended:.2f}, "
            f"{delta:+.2f} points, where at least {self.min_delta:+.2f} are needed."
        )
        return Decision("promote" if promoted else "reject", reason, delta, new, old, coverage)


def _coverage(side: Score | None) -> Fraction:
    return side.coverage if side is not None else Fraction(0)


def _incomplete(new: Score | None, old: Score | None, shape: EvaluationShape) -> str:
    planned = shape.trials * len(shape.criteria)
    sides = {"the candidate": _coverage(new), "the incumbent": _coverage(old)}
    lacking = [
        f"{name} has finished {coverage * planned} of {planned} rollouts"
        for name, coverage in sides.items()
        if coverage < 1
    ]
    return f"Nothing is compared before every rollout is there: {' and '.join(lacking)}."
