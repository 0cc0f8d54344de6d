"""One or two harnesses measured on a split: scores, the difference, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness_search.ledger.gains import Gain, gain
from harness_search.ledger.rows import RolloutRow, Split
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Score, Weights, score
from harness_search.rollouts.runner import Harness
from harness_search.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores of harnesses on one split, the baseline first when there are two."""

    split: Split
    scores: tuple[tuple[str, Score | None], ...]
    gain: Gain | None
    """Last harness minus the first, in blended points; None for a single harness."""
    weights: Weights
    simulated: bool
    trials: int
    opening: int
    """How often the test split has been opened, this time included; 0 for dev."""
    sandboxes: Mapping[str, int]
    """Rollouts of all its harnesses by what they ran in."""
    sandboxes_of: Mapping[str, Mapping[str, int]]
    """The same of each harness, by name."""

    @property
    def complete(self) -> bool:
        return all(item is not None and item.complete for _, item in self.scores)

    def to_json(self) -> dict[str, Any]:
        """The document of `evaluate --json` and `test --json`."""
        return {
            "split": self.split.value,
            "simulated": self.simulated,
            "trials": self.trials,
            "opening": self.opening or None,
            "sandboxes": dict(self.sandboxes),
            "rows": [_row(name, item, self.sandboxes_of[name]) for name, item in self.scores],
            "gain": _gain(self.gain),
        }


def compare(
    workspace: Workspace,
    split: Split,
    harnesses: Sequence[Harness],
    rows: Sequence[RolloutRow],
    opening: int,
) -> Comparison:
    """Derive the comparison from raw rows."""
    settings = workspace.settings
    shape = (workspace.criteria(split), settings.search.trials, settings.weights)
    by_harness = [
        [row for row in rows if row.key.harness == harness.digest] for harness in harnesses
    ]
    names = [harness.name for harness in harnesses]
    scores = [score(own, *shape) for own in by_harness]
    difference = gain(by_harness[-1], by_harness[0], *shape) if len(harnesses) > 1 else None
    return Comparison(
        split=split,
        scores=tuple(zip(names, scores, strict=True)),
        gain=difference,
        weights=settings.weights,
        simulated=settings.profile.simulated,
        trials=settings.search.trials,
        opening=opening,
        sandboxes=sandboxes(row for own in by_harness for row in own),
        sandboxes_of=dict(zip(names, map(sandboxes, by_harness), strict=True)),
    )


def _row(name: str, item: Score | None, ran_in: Mapping[str, int]) -> dict[str, Any]:
    if item is None:
        return {"harness": name, "coverage": 0.0, "sandboxes": dict(ran_in)}
    return {
        "harness": name,
        "pooled": round(item.pooled, 4),
        "all_pass": round(item.all_pass, 4),
        "tokens_m": round(item.tokens_m, 6),
        "blended": round(item.blended, 4),
        "coverage": round(float(item.coverage), 4),
        "sandboxes": dict(ran_in),
    }


def _gain(item: Gain | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {
        "blended": round(item.points, 4),
        "interval_same_tasks": _rounded(item.interval(item.trial_error)),
        "interval_other_tasks": _rounded(item.interval(item.task_error)),
    }


def _rounded(interval: tuple[float, float] | None) -> list[float] | None:
    return [round(end, 4) for end in interval] if interval else None
