"""The baseline and the final harness by practice area and by work type."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from harness_search.benchmark.tasks import Task
from harness_search.ledger.rows import Split
from harness_search.plots.pairs import Pair, Pairs, by_area
from harness_search.reports.document.material import Material
from harness_search.reports.document.rates import both_sides
from harness_search.reports.document.tasks import work_type_of


def areas_of(material: Material) -> Pairs:
    """By practice area: the first part of a task's id."""
    return _grouped(material, lambda task: task.practice_area, "practice area")


def work_types_of(material: Material) -> Pairs:
    """By work type, as tasks name it; those that name none are a group of their own."""
    return _grouped(material, work_type_of, "work type")


def _grouped(material: Material, group_of: Callable[[Task], str], kind: str) -> Pairs:
    """Pooled pass rates with intervals of trial noise, the greatest gain first. A group without a
    finished rollout is left out."""
    baseline, final = both_sides(material)
    groups: dict[str, dict[str, float]] = {}
    for task in material.workspace.tasks(Split.DEV):
        groups.setdefault(group_of(task), {})[task.id] = len(task.criteria)
    pairs = (
        Pair(name, baseline.mean(criteria), final.mean(criteria), len(criteria))
        for name, criteria in groups.items()
    )
    found = by_area(_ordered(pairs), kind=kind, simulated=material.simulated)
    return replace(found, before=baseline.name, after=final.name)


def _ordered(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted((pair for pair in pairs if pair.before or pair.after), key=_place))


def _place(pair: Pair) -> tuple[float, str]:
    if pair.before is None or pair.after is None:
        return float("inf"), pair.name
    return pair.before.value - pair.after.value, pair.name
