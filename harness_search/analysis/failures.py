"""How the baseline failed and how the final harness does: counts, shares and differences.

Means and differences are computed task by task, over the tasks that both have rollouts of, so that
a task with more trials weighs no more than another. Lost rollouts count among the endings alone.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness_search.analysis.actions import Action
from harness_search.analysis.evidence import Facts
from harness_search.analysis.outcomes import LOST, Ending
from harness_search.analysis.rules import HARNESS_FAILED, ErrorRules, NamedClass
from harness_search.ledger.gains import Z_95
from harness_search.ledger.scores import mean

OTHER_TASKS = "rollout of a task that only one harness has"
Metric = Callable[[Facts], float | None]
"""A figure of one rollout; None where its evidence does not tell."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure per rollout: the mean over tasks of each task's mean over its trials."""

    baseline: float
    final: float
    error: float | None
    """Standard error of the difference, clustered by task; None with a single task."""
    tasks: int
    """That both have such a figure of."""

    @property
    def difference(self) -> float:
        """Final minus baseline."""
        return self.final - self.baseline

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the difference: what to expect on other tasks of the kind."""
        if self.error is None:
            return None
        return self.difference - Z_95 * self.error, self.difference + Z_95 * self.error

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "difference": self.difference, "interval": self.interval}


@dataclass(frozen=True, slots=True)
class ClassChange:
    """One error class in both harnesses."""

    name: str
    unit: str
    control: str
    baseline: int
    final: int
    """Failed criteria."""
    baseline_share: float | None
    final_share: float | None
    """Of all its failed criteria, 0 to 1; None where none failed."""
    per_rollout: Change | None


@dataclass(frozen=True, slots=True)
class EndingChange:
    """One way to end, in both harnesses."""

    ending: Ending
    baseline: int
    final: int
    """Rollouts."""
    per_rollout: Change | None
    """As a share of rollouts that count; None for lost ones, which do not."""


@dataclass(frozen=True, slots=True)
class Side:
    """What was counted of one harness."""

    harness: str
    rollouts: int
    lost: int
    criteria: int
    failed: int


@dataclass(frozen=True, slots=True)
class FailureAnalysis:
    """Baseline against final."""

    baseline: Side
    final: Side
    tasks: int
    """That both have rollouts of which count."""
    classes: tuple[ClassChange, ...]
    """In the order of the rules; their counts add up to the failed criteria."""
    endings: tuple[EndingChange, ...]
    actions: Mapping[Action, Change | None]
    turns: Change | None
    words: Change | None
    """Of the deliverables that could be read."""
    coverage: Change | None
    """Share of a task's documents that was looked into, 0 to 1."""
    skipped: Mapping[str, int]
    """What could not be counted, by what it is, of both harnesses."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "baseline": asdict(self.baseline),
            "final": asdict(self.final),
            "tasks": self.tasks,
            "classes": [_row_to_json(item) for item in self.classes],
            "endings": [_row_to_json(item) for item in self.endings],
            "actions": {kind.value: _to_json(change) for kind, change in self.actions.items()},
            "turns": _to_json(self.turns),
            "words": _to_json(self.words),
            "document_coverage": _to_json(self.coverage),
            "skipped": dict(self.skipped),
        }


def _to_json(change: Change | None) -> dict[str, Any] | None:
    return change.to_json() if change else None


def _row_to_json(row: ClassChange | EndingChange) -> dict[str, Any]:
    return {**asdict(row), "per_rollout": _to_json(row.per_rollout)}


def analyse_failures(
    rules: ErrorRules,
    baseline: Sequence[Facts],
    final: Sequence[Facts],
    *,
    names: tuple[str, str] = ("baseline", "final"),
    skipped: Mapping[str, int] | None = None,
) -> FailureAnalysis:
    """Both harnesses' rollouts compared; `skipped` adds what the caller could not even read.

    A rollout of a task that only one of them has is left out and counted as skipped.
    """
    left_out = Counter(skipped or {})
    both = {facts.task for facts in baseline} & {facts.task for facts in final}
    sides: list[list[Facts]] = []
    for side in (baseline, final):
        sides.append([facts for facts in side if facts.task in both])
        left_out[OTHER_TASKS] += len(side) - len(sides[-1])
        for facts in sides[-1]:
            left_out.update(facts.skipped)
    pair = _Pair(*([facts for facts in side if facts.ending not in LOST] for side in sides))
    ends = [Counter(facts.ending for facts in side) for side in sides]
    return FailureAnalysis(
        baseline=_side(names[0], sides[0], pair.baseline),
        final=_side(names[1], sides[1], pair.final),
        tasks=pair.tasks,
        classes=_class_changes(rules, pair),
        endings=tuple(_ending_change(kind, ends[0][kind], ends[1][kind], pair) for kind in Ending),
        actions={kind: pair.change(_count_of(kind)) for kind in Action},
        turns=pair.change(_turns),
        words=pair.change(_words),
        coverage=pair.change(_coverage),
        skipped={name: count for name, count in sorted(left_out.items()) if count},
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """The rollouts that count, of the same tasks."""

    baseline: Sequence[Facts]
    final: Sequence[Facts]

    @property
    def tasks(self) -> int:
        return len({item.task for item in self.baseline} & {item.task for item in self.final})

    def change(self, metric: Metric) -> Change | None:
        """How a figure changes; None where no task has it on both sides."""
        before, after = _by_task(self.baseline, metric), _by_task(self.final, metric)
        tasks = sorted(before.keys() & after.keys())
        if not tasks:
            return None
        old, new = ([side[task] for task in tasks] for side in (before, after))
        differences = [later - earlier for earlier, later in zip(old, new, strict=True)]
        return Change(mean(old), mean(new), _error_of_mean(differences), len(tasks))


def _by_task(side: Iterable[Facts], metric: Metric) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for facts in side:
        if (value := metric(facts)) is not None:
            values.setdefault(facts.task, []).append(value)
    return {task: mean(found) for task, found in values.items()}


def _error_of_mean(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    middle = mean(values)
    squares = sum((value - middle) ** 2 for value in values)
    return math.sqrt(squares / (len(values) - 1) / len(values))


def _side(name: str, everything: Sequence[Facts], counted: Sequence[Facts]) -> Side:
    criteria = sum(facts.criteria for facts in counted)
    failed = sum(sum(facts.failed.values()) for facts in counted)
    return Side(name, len(counted), len(everything) - len(counted), criteria, failed)


def _class_changes(rules: ErrorRules, pair: _Pair) -> tuple[ClassChange, ...]:
    counts = [Counter[str](), Counter[str]()]
    for count, side in zip(counts, (pair.baseline, pair.final), strict=True):
        for facts in side:
            count.update(facts.failed)
    shown = [*rules.all, _without_verdict()]
    return tuple(_class_change(item, counts[0], counts[1], pair) for item in shown)


def _without_verdict() -> NamedClass:
    return NamedClass(
        name=HARNESS_FAILED,
        unit="Every criterion of a rollout that ended by a limit or a crash.",
        control="Limits and error handling of the harness.",
    )


def _class_change(
    item: NamedClass, before: Counter[str], after: Counter[str], pair: _Pair
) -> ClassChange:
    name = item.name
    old, new = before[name], after[name]
    return ClassChange(
        name=name,
        unit=item.unit,
        control=item.control,
        baseline=old,
        final=new,
        baseline_share=old / before.total() if before.total() else None,
        final_share=new / after.total() if after.total() else None,
        per_rollout=pair.change(lambda facts: facts.failed.get(name, 0)),
    )


def _ending_change(kind: Ending, before: int, after: int, pair: _Pair) -> EndingChange:
    change = None if kind in LOST else pair.change(lambda facts: facts.ending is kind)
    return EndingChange(kind, before, after, change)


def _count_of(kind: Action) -> Metric:
    return lambda facts: facts.activity.actions.count(kind) if facts.activity else None


def _turns(facts: Facts) -> float | None:
    return facts.activity.turns if facts.activity else None


def _coverage(facts: Facts) -> float | None:
    return facts.activity.coverage.share if facts.activity else None


def _words(facts: Facts) -> float | None:
    return facts.words
