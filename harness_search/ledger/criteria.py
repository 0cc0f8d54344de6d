"""What became of each criterion over a search: a pure function of its verdicts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

FEWEST_ROLLOUTS = 3
"""Fewer tell no habit."""
COIN_FLIP = 2 * 0.2 * 0.8
"""Chance that two trials of one harness disagree, where it passes in 0.2 or in 0.8 of them: what
disagrees at least so often passes in between."""


class Habit(StrEnum):
    """What a criterion does, the one that deserves most attention first."""

    COIN_FLIP = "coin-flip"
    """Trials of one and the same harness disagree as often as chance would have them."""
    ALWAYS_FAIL = "always-fail"
    MIXED = "mixed"
    """Some harness passes it, or mostly does, and another does not."""
    ALWAYS_PASS = "always-pass"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class Count:
    """Verdicts on a criterion."""

    passed: int
    decided: int

    @property
    def share(self) -> float:
        return self.passed / self.decided

    @property
    def disagreeing(self) -> int:
        """Ordered pairs of rollouts with different verdicts."""
        return 2 * self.passed * (self.decided - self.passed)

    @property
    def pairs(self) -> int:
        """Ordered pairs of rollouts."""
        return self.decided * (self.decided - 1)


@dataclass(frozen=True, slots=True)
class CriterionHistory:
    """All verdicts on one criterion of one task."""

    task: str
    criterion: str
    by_harness: Mapping[str, Count]
    flagged: int
    """Fails because the judge said that it could not judge, or gave no usable answer."""

    @property
    def pooled(self) -> Count:
        """Over all harnesses."""
        counts = self.by_harness.values()
        return Count(sum(item.passed for item in counts), sum(item.decided for item in counts))

    @property
    def disagreement(self) -> float | None:
        """Share of pairs of trials of the same harness whose verdicts differ; None where no harness
        has two. It is 2 p (1 - p) of a harness that passes with chance p."""
        pairs = sum(item.pairs for item in self.by_harness.values())
        if not pairs:
            return None
        return sum(item.disagreeing for item in self.by_harness.values()) / pairs

    @property
    def habit(self) -> Habit:
        pooled, disagreement = self.pooled, self.disagreement
        if pooled.decided < FEWEST_ROLLOUTS:
            return Habit.TOO_FEW
        if pooled.passed in {0, pooled.decided}:
            return Habit.ALWAYS_PASS if pooled.passed else Habit.ALWAYS_FAIL
        if disagreement is not None and disagreement >= COIN_FLIP:
            return Habit.COIN_FLIP
        return Habit.MIXED


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one harness passed one criterion of one task; undecided verdicts say nothing."""

    harness: str
    task: str
    criterion: str
    passed: int
    decided: int
    flagged: int = 0


def history_of(tallies: Iterable[Tally]) -> tuple[CriterionHistory, ...]:
    """Every criterion with a verdict, the most interesting first.

    Coin flips come first, the one that disagrees most on top; then what always fails, what is mixed
    and what always passes.
    """
    passed: Counter[tuple[str, str, str]] = Counter()
    decided: Counter[tuple[str, str, str]] = Counter()
    flagged: Counter[tuple[str, str]] = Counter()
    for item in tallies:
        decided[item.task, item.criterion, item.harness] += item.decided
        passed[item.task, item.criterion, item.harness] += item.passed
        flagged[item.task, item.criterion] += item.flagged
    counts: dict[tuple[str, str], dict[str, Count]] = {}
    for task, criterion, harness in decided:
        key = (task, criterion, harness)
        counts.setdefault(key[:2], {})[harness] = Count(passed[key], decided[key])
    found = [CriterionHistory(*key, own, flagged[key]) for key, own in counts.items()]
    return tuple(sorted(found, key=_interest))


def _interest(item: CriterionHistory) -> tuple[int, float, int, str, str]:
    order = list(Habit).index(item.habit)
    return order, -(item.disagreement or 0.0), -item.flagged, item.task, item.criterion


def habits(history: Iterable[CriterionHistory]) -> dict[Habit, int]:
    """How many criteria have each habit."""
    found = Counter(item.habit for item in history)
    return {habit: found[habit] for habit in Habit}
