"""Two harnesses by practice area: a pure function of raw rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Score, Weights, score


@dataclass(frozen=True, slots=True)
class Area:
    """The tasks of one practice area, measured with two harnesses."""

    name: str
    """First part of the ids of its tasks."""
    tasks: int
    criteria: int
    before: Score
    after: Score

    @property
    def sides(self) -> tuple[Score, Score]:
        return self.before, self.after

    @property
    def difference(self) -> float:
        """Points of the pooled pass rate that the second harness is above the first."""
        return self.after.pooled - self.before.pooled


def by_area(
    before: Sequence[RolloutRow],
    after: Sequence[RolloutRow],
    criteria: Mapping[str, int],
    trials: int,
    weights: Weights,
) -> tuple[Area, ...]:
    """The areas of the tasks in `criteria`, the greatest difference first.

    An area that one of the harnesses has no finished rollout in is left out.
    """
    grouped: dict[str, dict[str, int]] = {}
    for task, number in criteria.items():
        grouped.setdefault(task.split("/", 1)[0], {})[task] = number
    found: list[Area] = []
    for name, own in grouped.items():
        scores = [score(rows, own, trials, weights) for rows in (before, after)]
        if scores[0] is not None and scores[1] is not None:
            found.append(Area(name, len(own), sum(own.values()), scores[0], scores[1]))
    return tuple(sorted(found, key=lambda area: (-area.difference, area.name)))
