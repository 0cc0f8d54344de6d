"""What is left to gain: the criteria that a harness fails in every trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness_search.ledger.rows import RolloutKey

SHOWN = 3
"""Tasks named in a sentence."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The operational ceiling: criteria that no trial passed. Luck will not pass them, another
    mechanism may."""

    failing: Mapping[str, tuple[str, ...]]
    """Ids of those criteria by task, the task with the most first; tasks without any are left
    out."""
    criteria: int
    """Of all dev tasks."""

    @property
    def count(self) -> int:
        return sum(map(len, self.failing.values()))

    @property
    def pooled(self) -> float:
        """The highest pooled pass rate without them, in points."""
        return 100 * (1 - self.count / self.criteria)

    def sentence(self) -> str:
        """For people: how much, and where most of it is."""
        if not self.failing:
            return "No criterion fails in every trial of the incumbent."
        most = [f"{task} ({len(ids)})" for task, ids in list(self.failing.items())[:SHOWN]]
        return (
            f"{self.count} of {self.criteria} criteria fail in every trial of the incumbent: no "
            f"more than {self.pooled:.1f} pooled without them. Most in {', '.join(most)}."
        )

    def to_json(self) -> dict[str, Any]:
        """Its part of `frontier --json`."""
        return {
            "criteria": self.criteria,
            "always_failing": self.count,
            "pooled": round(self.pooled, 4),
            "by_task": {task: list(ids) for task, ids in self.failing.items()},
        }


def ceiling(
    verdicts: Mapping[RolloutKey, Mapping[str, str]], criteria: Mapping[str, int]
) -> Ceiling | None:
    """Derive it from the verdicts of one harness's finished rollouts; None without any.

    `criteria` are criteria by dev task.
    """
    passed: dict[str, set[str]] = {}
    seen: dict[str, set[str]] = {}
    for key, found in verdicts.items():
        if key.task in criteria:
            seen.setdefault(key.task, set()).update(found)
            good = {criterion for criterion, verdict in found.items() if verdict == "pass"}
            passed.setdefault(key.task, set()).update(good)
    if not seen:
        return None
    failing = {task: tuple(sorted(ids - passed[task])) for task, ids in seen.items()}
    order = sorted(failing, key=lambda task: (-len(failing[task]), task))
    return Ceiling({task: failing[task] for task in order if failing[task]}, sum(criteria.values()))
