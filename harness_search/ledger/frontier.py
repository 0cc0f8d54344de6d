"""The frontier: every iteration with its scores, recomputed from raw rows under current weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness_search.ledger.gains import Gain, gain
from harness_search.ledger.rows import DecisionKind, IterationRow, RolloutRow
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Score, Weights, score


@dataclass(frozen=True, slots=True)
class FrontierRow:
    """One iteration as tables show it; rates and scores in points."""

    iteration: int
    harness: str
    parent: str
    incumbent: str
    mechanism: str
    decision: DecisionKind | None
    score: Score | None
    gain: Gain | None
    """Blended points above the incumbent that it was compared with; None while incomplete."""
    reason: str
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts by what they ran in."""

    @property
    def delta(self) -> float | None:
        return self.gain.points if self.gain else None

    def to_json(self) -> dict[str, Any]:
        """The row of `frontier --json`."""
        score = self.score
        return {
            "iteration": self.iteration,
            "harness": self.harness,
            "parent": self.parent or None,
            "mechanism": self.mechanism or None,
            "decision": self.decision.value if self.decision else "open",
            "pooled": round(score.pooled, 4) if score else None,
            "all_pass": round(score.all_pass, 4) if score else None,
            "tokens_m": round(score.tokens_m, 6) if score else None,
            "blended": round(score.blended, 4) if score else None,
            "delta": round(self.delta, 4) if self.delta is not None else None,
            "coverage": round(float(score.coverage), 4) if score else 0.0,
            "sandboxes": dict(self.sandboxes),
        }


@dataclass(frozen=True, slots=True)
class Frontier:
    """The whole search so far."""

    rows: tuple[FrontierRow, ...]
    weights: Weights
    simulated: bool
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts of all its harnesses by what they ran in."""

    @property
    def incumbent(self) -> str:
        """Name of the best promoted harness; empty before the baseline is recorded."""
        return incumbent_of(self.rows)

    @property
    def iteration(self) -> int:
        return self.rows[-1].iteration if self.rows else 0

    def to_json(self) -> dict[str, Any]:
        """The object of `frontier --json`."""
        return {
            "iteration": self.iteration,
            "incumbent": self.incumbent or None,
            "simulated": self.simulated,
            "sandboxes": dict(self.sandboxes),
            "rows": [row.to_json() for row in self.rows],
        }


def incumbent_of(rows: Sequence[FrontierRow]) -> str:
    """The last promoted harness, else the baseline; empty without any row."""
    baseline = [row.harness for row in rows[:1]]
    promoted = [row.harness for row in rows if row.decision is DecisionKind.PROMOTED]
    return next(reversed([*baseline, *promoted]), "")


def frontier(
    iterations: Sequence[IterationRow],
    rows: Sequence[RolloutRow],
    criteria: Mapping[str, int],
    trials: int,
    weights: Weights,
    *,
    simulated: bool,
) -> Frontier:
    """Derive the frontier; `criteria` are criteria per dev task."""
    by_harness: dict[str, list[RolloutRow]] = {}
    for row in rows:
        by_harness.setdefault(row.key.harness, []).append(row)
    shape = (criteria, trials, weights)
    digests = {item.name: item.harness for item in iterations}
    found = []
    for item in iterations:
        own = by_harness.get(item.harness, [])
        other = by_harness.get(digests.get(item.incumbent, ""), [])
        found.append(
            _row(item, own, score(own, *shape), score(other, *shape), gain(own, other, *shape))
        )
    searched = {item.harness for item in iterations}
    ran_in = sandboxes(row for row in rows if row.key.harness in searched)
    return Frontier(tuple(found), weights, simulated, ran_in)


def _row(
    item: IterationRow,
    rows: Sequence[RolloutRow],
    own: Score | None,
    other: Score | None,
    difference: Gain | None,
) -> FrontierRow:
    comparable = own is not None and other is not None and own.complete and other.complete
    return FrontierRow(
        iteration=item.number,
        harness=item.name,
        parent=item.parent,
        incumbent=item.incumbent,
        mechanism=item.mechanism,
        decision=item.decision,
        score=own,
        gain=difference if comparable else None,
        reason=item.reason,
        sandboxes=sandboxes(rows),
    )
