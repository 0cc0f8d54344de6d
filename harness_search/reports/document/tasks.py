"""Every task of the dev split, from the baseline to what was promoted."""

from dataclasses import dataclass

from harness_search.benchmark.tasks import Task
from harness_search.ledger.gains import TaskDifference, difference
from harness_search.ledger.rows import Split
from harness_search.plots.distribution import Distribution, Spread
from harness_search.plots.heat_map import HeatMap, TaskRates
from harness_search.plots.values import Measured
from harness_search.reports.document.material import Material
from harness_search.reports.document.measures import with_error
from harness_search.reports.document.rates import Rates, both_sides, promoted, rates_of

UNSPECIFIED = "unspecified"
"""Work type of a task that names none."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task; rates are per cent of criteria passed, mean over trials."""

    task: str
    area: str
    work_type: str
    criteria: int
    baseline: float | None
    """None without a finished rollout."""
    final: float | None
    """Under the last promoted harness; None while nothing is promoted."""
    difference: Measured | None
    """Final minus baseline, in points, by trial noise."""


@dataclass(frozen=True, slots=True)
class TaskTable:
    """The dev split, by practice area and task."""

    rows: tuple[TaskRow, ...]
    baseline: str
    """Names of the two harnesses."""
    final: str
    heat_map: HeatMap
    """The baseline and every promoted harness."""
    distribution: Distribution


def tasks_of(material: Material) -> TaskTable:
    """The table of tasks, with what its two pictures show."""
    baseline, final = both_sides(material)
    tasks = sorted(material.workspace.tasks(Split.DEV), key=lambda task: task.id)
    found = difference(final.by_task, baseline.by_task)
    differences = {item.task: item for item in found.tasks} if found else {}
    return TaskTable(
        rows=tuple(_row(task, baseline, final, differences.get(task.id)) for task in tasks),
        baseline=baseline.name,
        final=final.name,
        heat_map=_heat_map(material, tasks, baseline),
        distribution=Distribution(_spread(baseline), _spread(final), material.simulated),
    )


def work_type_of(task: Task) -> str:
    """As the task names it."""
    return (task.content.work_type or "").strip() or UNSPECIFIED


def _row(task: Task, baseline: Rates, final: Rates, item: TaskDifference | None) -> TaskRow:
    return TaskRow(
        task=task.id,
        area=task.practice_area,
        work_type=work_type_of(task),
        criteria=len(task.criteria),
        baseline=baseline.of_task(task.id),
        final=final.of_task(task.id),
        difference=with_error(item.points, item.error) if item else None,
    )


def _heat_map(material: Material, tasks: list[Task], baseline: Rates) -> HeatMap:
    lineage = [rates_of(material, row) for row in promoted(material)]
    rows = [
        TaskRates(
            task.id,
            task.practice_area,
            baseline.of_task(task.id),
            tuple(rates.of_task(task.id) for rates in lineage),
        )
        for task in tasks
    ]
    begun = any(row.baseline is not None for row in rows)
    names = tuple(rates.name for rates in lineage)
    return HeatMap(names, tuple(rows) if begun or names else (), material.simulated)


def _spread(rates: Rates) -> Spread:
    """Every task counts alike, as in the picture."""
    found = (rates.of_task(task) for task in rates.by_task)
    known = tuple(rate for rate in found if rate is not None)
    return Spread(rates.name, known, rates.mean(dict.fromkeys(rates.by_task, 1)))
