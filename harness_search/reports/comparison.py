"""One or two harnesses measured on a split: scores, the difference, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness_search.experiments.known_noise import known_variance
from harness_search.ledger.areas import Area, by_area
from harness_search.ledger.gains import Gain, gain
from harness_search.ledger.intervals import wilson
from harness_search.ledger.rows import RolloutRow, Split
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Score, Weights, score
from harness_search.reports.differences import gain_json
from harness_search.reports.transfer import Transfer, dev_gain
from harness_search.rollouts.jobs import Harness
from harness_search.workspace import Workspace

POOLED_ALONE = Weights(all_pass=0.0, cost=0.0)
"""Under these the blended score is the pooled one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores of harnesses on one split, the baseline first when there are two."""

    split: Split
    scores: tuple[tuple[str, Score | None], ...]
    gain: Gain | None
    """Last harness minus the first, in blended points; None for a single harness."""
    pooled: Gain | None
    """The same of the pooled pass rate alone."""
    areas: tuple[Area, ...]
    """By practice area, the greatest difference first; empty for a single harness, and before
    every rollout is there."""
    transfer: Transfer | None
    """What of the dev gain is found again on test; None for dev, and without a dev gain."""
    weights: Weights
    simulated: bool
    tasks: int
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

    def all_pass_interval(self, item: Score) -> tuple[float, float]:
        """Wilson's 95 % interval of the all-pass rate, in points.

        Its units are tasks: rollouts of one task resemble each other, so several trials are one
        observation, the share of them that pass.
        """
        low, high = wilson(min(1.0, item.all_pass / 100), self.tasks)
        return 100 * low, 100 * high

    def all_passes(self, item: Score, tasks: int | None = None) -> int:
        """Rollouts that pass every criterion, where all are finished; of all tasks, or of some."""
        return round(item.all_pass / 100 * (tasks or self.tasks) * self.trials)

    def to_json(self) -> dict[str, Any]:
        """The document of `evaluate --json` and `test --json`."""
        return {
            "split": self.split.value,
            "simulated": self.simulated,
            "tasks": self.tasks,
            "trials": self.trials,
            "opening": self.opening or None,
            "sandboxes": dict(self.sandboxes),
            "rows": [self._row(name, item) for name, item in self.scores],
            "gain": gain_json(self.gain),
            "pooled": gain_json(self.pooled, "points"),
            "areas": [self._area(area) for area in self.areas],
            "dev": self.transfer.to_json() if self.transfer else None,
        }

    def _row(self, name: str, item: Score | None) -> dict[str, Any]:
        ran_in = dict(self.sandboxes_of[name])
        if item is None:
            return {"harness": name, "coverage": 0.0, "sandboxes": ran_in}
        interval = self.all_pass_interval(item) if item.complete else None
        return {
            "harness": name,
            "pooled": round(item.pooled, 4),
            "all_pass": round(item.all_pass, 4),
            "all_pass_interval": [round(end, 4) for end in interval] if interval else None,
            "tokens_m": round(item.tokens_m, 6),
            "blended": round(item.blended, 4),
            "coverage": round(float(item.coverage), 4),
            "sandboxes": ran_in,
        }

    def _area(self, area: Area) -> dict[str, Any]:
        return {
            "area": area.name,
            "tasks": area.tasks,
            "criteria": area.criteria,
            "rollouts": area.tasks * self.trials,
            "pooled_before": round(area.before.pooled, 4),
            "pooled_after": round(area.after.pooled, 4),
            "difference": round(area.difference, 4),
            "all_pass_before": self.all_passes(area.before, area.tasks),
            "all_pass_after": self.all_passes(area.after, area.tasks),
        }


def compare(
    workspace: Workspace,
    split: Split,
    harnesses: Sequence[Harness],
    rows: Sequence[RolloutRow],
    opening: int,
) -> Comparison:
    """Derive the comparison from raw rows; for test also from those on dev, which are on disk."""
    settings = workspace.settings
    criteria, trials = workspace.criteria(split), settings.search.trials
    shape = (criteria, trials, settings.weights)
    by_harness = [
        [row for row in rows if row.key.harness == harness.digest] for harness in harnesses
    ]
    names = [harness.name for harness in harnesses]
    scores = [score(own, *shape) for own in by_harness]
    difference = pooled = transfer = None
    areas: tuple[Area, ...] = ()
    if len(harnesses) > 1:
        before, after = by_harness[0], by_harness[-1]
        difference, pooled = (
            gain(
                after, before, criteria, trials, weights,
                variance=known_variance(workspace, trials, weights),
            )
            for weights in (settings.weights, POOLED_ALONE)
        )  # fmt: skip
        if all(item is not None and item.complete for item in scores):
            areas = by_area(before, after, *shape)
        transfer = _transfer(workspace, split, harnesses, difference)
    return Comparison(
        split=split,
        scores=tuple(zip(names, scores, strict=True)),
        gain=difference,
        pooled=pooled,
        areas=areas,
        transfer=transfer,
        weights=settings.weights,
        simulated=settings.profile.simulated,
        tasks=len(criteria),
        trials=trials,
        opening=opening,
        sandboxes=sandboxes(row for own in by_harness for row in own),
        sandboxes_of=dict(zip(names, map(sandboxes, by_harness), strict=True)),
    )


def _transfer(
    workspace: Workspace, split: Split, harnesses: Sequence[Harness], found: Gain | None
) -> Transfer | None:
    if split is Split.DEV or found is None:
        return None
    dev = dev_gain(workspace, harnesses[0], harnesses[-1])
    return Transfer(dev, found) if dev is not None else None
