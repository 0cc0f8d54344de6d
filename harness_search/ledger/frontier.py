"""The frontier: every iteration with its scores, recomputed from raw rows under current weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness_search.ledger.ceiling import Ceiling
from harness_search.ledger.derived import Derived, Pair, RowsAtHand
from harness_search.ledger.figures import Figures, Shape, added_up
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import DecisionKind, IterationRow, RolloutRow
from harness_search.ledger.scores import Score, Weights

UNKNOWN_INFLATION = "unknown, for want of repeated rollouts"
"""What selection has added where a promotion has no standard error."""


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
    """Of the tasks that it has finished a rollout of."""
    gain: Gain | None
    """Blended points above the incumbent that it was compared with, as far as the gate looked; None
    while that is open, and for an iteration that stayed inconclusive."""
    reason: str
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts by what they ran in."""
    rollouts: int = 0
    """Finished ones of this harness that count."""
    tasks: int = 0
    """Dev tasks that have one."""
    whole: bool = True
    """Whether every dev task has one; a score of some tasks compares with nothing."""
    compared: int = 0
    """Tasks that the gain is of."""

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
            "interval": self._interval(),
            "chance": _rounded(self.gain.chance if self.gain else None),
            "shrunken": _rounded(self.gain.shrunken if self.gain else None),
            "rollouts": self.rollouts,
            "tasks": self.tasks,
            "whole": self.whole,
            "compared": self.compared,
            "coverage": round(float(score.coverage), 4) if score else 0.0,
            "sandboxes": dict(self.sandboxes),
        }

    def _interval(self) -> list[float] | None:
        interval = self.gain.interval(self.gain.trial_error) if self.gain else None
        return [round(end, 4) for end in interval] if interval else None


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if value is not None else None


@dataclass(frozen=True, slots=True)
class GateRecord:
    """What a search says of its own gate."""

    preset: str
    overrides: Mapping[str, float | int | str]
    """Numbers of the gate that are not the preset's, as they are now."""
    promotions: int
    false_promotions: float | None
    """Expected number of promotions without any gain; None where noise is not known."""
    inflation: float | None
    """Points that selection is estimated to have added to the incumbent's blended score; None where
    noise is not known."""
    placebos: int
    placebos_passed: int
    """Placebos that the gate would have promoted."""
    recall: float | None
    """Share that claims named of the tasks that their mechanisms fixed; None while unknown."""

    def to_json(self) -> dict[str, Any]:
        """Its part of `frontier --json`."""
        return {
            "preset": self.preset,
            "overrides": dict(self.overrides),
            "promotions": self.promotions,
            "expected_false_promotions": _rounded(self.false_promotions),
            "inflation": _rounded(self.inflation),
            "placebos": self.placebos,
            "placebos_passed": self.placebos_passed,
            "recall": _rounded(self.recall),
        }

    @property
    def name(self) -> str:
        """The preset, with the numbers that are not its own."""
        numbers = ", ".join(
            f"{name} {value if isinstance(value, str) else f'{value:g}'}"
            for name, value in self.overrides.items()
        )
        return f"{self.preset} with {numbers}" if numbers else self.preset

    def sentence(self) -> str:
        """For people."""
        promotions = f"{self.promotions} promotion{'' if self.promotions == 1 else 's'}"
        more = self.name.removeprefix(self.preset)
        parts = [f"Gate `{self.preset}`{more}: {promotions}"]
        if self.promotions and self.false_promotions is not None:
            parts.append(f"{self.false_promotions:.1f} of them expected to be without a gain")
        if self.promotions:
            parts.append(self._selection())
        if self.placebos:
            parts.append(f"{self.placebos_passed} of {self.placebos} placebos would have passed")
        if self.recall is not None:
            parts.append(f"claims named {self.recall:.0%} of what they fixed")
        return "; ".join(parts) + "."

    def _selection(self) -> str:
        if self.inflation is None:
            return f"how much selection has raised the incumbent's score is {UNKNOWN_INFLATION}"
        raised = f"raised the incumbent's score by {self.inflation:.1f} points"
        return f"selection is estimated to have {raised}"


@dataclass(frozen=True, slots=True)
class Frontier:
    """The whole search so far."""

    rows: tuple[FrontierRow, ...]
    weights: Weights
    simulated: bool
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts of all its harnesses by what they ran in."""
    gate: GateRecord | None = None
    """What is known of the gate's own errors; None before the first candidate."""
    ceiling: Ceiling | None = None
    """What the incumbent fails in every trial; None before it is measured."""

    @property
    def incumbent(self) -> str:
        """Name of the best promoted harness; empty before the baseline is recorded."""
        return incumbent_of(self.rows)

    @property
    def promoted_in(self) -> int:
        """The iteration that made the incumbent what it is; 0 for the baseline."""
        found = [row.iteration for row in self.rows if row.decision is DecisionKind.PROMOTED]
        return found[-1] if found else 0

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
            "gate": self.gate.to_json() if self.gate else None,
            "ceiling": self.ceiling.to_json() if self.ceiling else None,
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
    shape: Shape,
    *,
    simulated: bool,
) -> Frontier:
    """Derive the frontier of a search on dev."""
    return frontier_of(iterations, Derived(RowsAtHand(rows), shape), simulated=simulated)


def frontier_of(
    iterations: Sequence[IterationRow], derived: Derived, *, simulated: bool
) -> Frontier:
    """The frontier by what is derived of each harness."""
    digests = {item.name: item.harness for item in iterations}

    def made(item: IterationRow) -> FrontierRow:
        return frontier_row(item, digests.get(item.incumbent, ""), derived)

    found = derived.of_iterations("row", iterations, digests, made)
    ran_in = {item.harness: row.sandboxes for item, row in zip(iterations, found, strict=True)}
    return Frontier(tuple(found), derived.shape.weights, simulated, added_up(ran_in.values()))


def rows_by_harness(rows: Iterable[RolloutRow]) -> dict[str, list[RolloutRow]]:
    """Raw rows by the digest of their harness."""
    found: dict[str, list[RolloutRow]] = {}
    for row in rows:
        found.setdefault(row.key.harness, []).append(row)
    return found


_CLOSED = frozenset({DecisionKind.PROMOTED, DecisionKind.ORPHAN, DecisionKind.PLACEBO})


def frontier_row(item: IterationRow, incumbent: str, derived: Derived) -> FrontierRow:
    """One iteration; its incumbent is given by its digest."""
    own = derived.figures(item.harness)
    shown = None
    if item.decision in _CLOSED or (item.decision is None and _is_whole(own, incumbent, derived)):
        shown = derived.gain(Pair(item.harness, incumbent, item.number))
    return FrontierRow(
        iteration=item.number,
        harness=item.name,
        parent=item.parent,
        incumbent=item.incumbent,
        mechanism=item.mechanism,
        decision=item.decision,
        score=own.score,
        gain=shown.gain if shown else None,
        reason=item.reason,
        sandboxes=derived.sandboxes(item.harness),
        rollouts=own.rollouts,
        tasks=own.tasks,
        whole=own.whole,
        compared=shown.tasks if shown else 0,
    )


def _is_whole(own: Figures, incumbent: str, derived: Derived) -> bool:
    """Whether an open iteration and its incumbent have every planned rollout."""
    scores = (own.score, derived.figures(incumbent).score)
    return all(score is not None and score.complete for score in scores)
