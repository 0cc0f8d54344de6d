"""Pass rates of one harness by task, with intervals that the noise of all tasks tells of.

A practice area may be a single task of three trials, of which alone no interval can be said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness_search.ledger.gains import Variance
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.ledger.scores import mean, pass_rates, rows_by_task
from harness_search.plots.values import Measured
from harness_search.reports.document.material import Material
from harness_search.reports.document.measures import noise_of_rates, within_rates
from harness_search.reports.pooled import one_rollout, trial_error

NO_FINAL = "nothing promoted"
"""Stands where the name of the final harness would."""


@dataclass(frozen=True)
class Rates:
    """The finished rollouts of one harness that count, as shares of passed criteria in points."""

    name: str
    by_task: Mapping[str, Sequence[float]]
    """Of every task of the split; those not begun have none."""
    lineage: Variance | None = None
    """Noise of what was promoted, for trials that all agree (`reports/pooled.py`)."""

    def of_task(self, task: str) -> float | None:
        """The mean over trials; None without a finished rollout."""
        found = self.by_task[task]
        return mean(found) if found else None

    def mean(self, weights: Mapping[str, float]) -> Measured | None:
        """The mean of the tasks' rates under these weights, over the tasks with a rollout, with the
        95 % interval of trial noise; None without any. With criteria as weights it is the pooled
        pass rate.

        Trial noise is taken as `pooled` takes it, by the variance of one rollout over all tasks of
        the split.
        """
        seen = [task for task in weights if self.by_task[task]]
        if not seen:
            return None
        total = sum(weights[task] for task in seen)
        shares = [weights[task] / total for task in seen]
        rates = [self.by_task[task] for task in seen]
        value = sum(share * mean(own) for share, own in zip(shares, rates, strict=True))
        variance = self._one_rollout
        error = None if variance is None else trial_error(shares, rates, variance)
        return within_rates(value, error)

    @cached_property
    def _one_rollout(self) -> float | None:
        return one_rollout(self.by_task.values(), self.lineage)


def rates_of(material: Material, row: IterationRow) -> Rates:
    """Of the harness of an iteration, by its own trials."""
    shape = material.history.derived.shape
    by_task = rows_by_task(material.history.rows(row.harness), shape.criteria, shape.most)
    rates = {task: pass_rates(found) for task, found in by_task.items()}
    return Rates(row.name, rates, noise_of_rates(material))


def promoted(material: Material) -> list[IterationRow]:
    """The promoted lineage without the baseline, oldest first."""
    rows = material.history.iterations
    return [row for row in rows if row.decision is DecisionKind.PROMOTED]


def both_sides(material: Material) -> tuple[Rates, Rates]:
    """The baseline, and the last promoted harness, which has no rollout where nothing is."""
    empty = Rates(NO_FINAL, dict.fromkeys(material.history.derived.shape.criteria, ()))
    start, lineage = material.baseline, promoted(material)
    baseline = rates_of(material, start) if start else Rates("baseline", empty.by_task)
    return baseline, rates_of(material, lineage[-1]) if lineage else empty
