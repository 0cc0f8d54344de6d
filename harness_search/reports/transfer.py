"""Dev gain against test gain: whether what was found on dev carries over, in words."""

import math
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from harness_search.experiments.confirmed import confirmations_of
from harness_search.ledger.gains import Z_95, Gain, gain
from harness_search.ledger.replicates import search_rows
from harness_search.ledger.rows import Split
from harness_search.ledger.scores import score
from harness_search.ledger.store import Ledger, has_begun
from harness_search.rollouts.jobs import Harness
from harness_search.workspace import Workspace

SELECTED = (
    "The dev gain is the search's own, which selection has raised: a part of the gap is that."
)


@dataclass(frozen=True, slots=True)
class DevGain:
    """What a harness gained on dev over the baseline."""

    gain: Gain
    confirmed: bool
    """Measured by the confirmation, and not by the rollouts that the harness was chosen by."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The gain on dev beside that on test, in blended points."""

    dev: DevGain
    test: Gain

    @property
    def gap(self) -> float:
        """Points by which the dev gain is larger."""
        return self.dev.gain.points - self.test.points

    @property
    def error(self) -> float | None:
        """Standard error of the gap, for tasks drawn anew; None when a split has a single task."""
        errors = (self.dev.gain.task_error, self.test.task_error)
        if errors[0] is None or errors[1] is None:
            return None
        return math.hypot(errors[0], errors[1])

    def words(self) -> str:
        """What a person may conclude, and what not."""
        dev, test = round(self.dev.gain.points, 1), round(self.test.points, 1)
        # What a reader gets who subtracts the two figures.
        apart = f"{abs(dev - test):.1f} apart"
        said = f"Dev gain {dev:+.1f}, test gain {test:+.1f}: {apart}{self._weighed()}"
        return said if self.dev.confirmed else f"{said} {SELECTED}"

    def _weighed(self) -> str:
        error = self.error
        if not error:
            return "; how much of that is chance, these tasks cannot tell."
        return (
            f", where the standard error is {error:.1f} ({abs(self.gap) / error:.1f} of them): "
            f"{judgement(self.gap, error)}."
        )

    def to_json(self) -> dict[str, Any]:
        """The object `dev` of `test --json`."""
        error = self.error
        return {
            "gain": round(self.dev.gain.points, 4),
            "confirmed": self.dev.confirmed,
            "gap": round(self.gap, 4),
            "standard_error": round(error, 4) if error is not None else None,
            "words": self.words(),
        }


def judgement(gap: float, error: float) -> str:
    """What a gap of so many points (dev minus test) means, beside its standard error."""
    ratio = gap / error
    if ratio > 2:
        return "more than chance explains, so part of the dev gain does not carry over"
    if ratio >= 1:
        return "a hint of overfitting to dev, which chance alone can explain"
    if ratio > -1:
        return (
            "no sign of overfitting to dev, and too little precision to rule it out "
            f"(a gap of {gap + Z_95 * error:.1f} would fit as well)"
        )
    size = "by what chance alone can explain" if ratio >= -2 else "by more than chance explains"
    return f"no sign of overfitting to dev; the test gain is the larger one, {size}"


def dev_gain(workspace: Workspace, baseline: Harness, harness: Harness) -> DevGain | None:
    """The gain of the harness's latest complete confirmation, else the search's own; None for a
    harness that was not fully measured on dev."""
    wanted = (baseline.digest, harness.digest)
    for found in reversed(confirmations_of(workspace)):
        same = (found.baseline.digest, found.harness.digest) == wanted
        if same and found.gain is not None:
            return DevGain(found.gain, confirmed=True)
    return _of_the_search(workspace, baseline, harness)


def _of_the_search(workspace: Workspace, baseline: Harness, harness: Harness) -> DevGain | None:
    settings = workspace.settings
    if not has_begun(workspace.layout.ledger):
        return None
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        before, after = (search_rows(ledger.rows(side.digest)) for side in (baseline, harness))
    criteria, trials = workspace.criteria(Split.DEV), settings.search.trials
    scores = [score(rows, criteria, trials, settings.weights) for rows in (before, after)]
    if not all(item is not None and item.complete for item in scores):
        return None
    found = gain(after, before, criteria, settings.most_trials, settings.weights)
    return DevGain(found, confirmed=False) if found is not None else None
