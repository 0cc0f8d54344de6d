"""Which criteria are a matter of luck, and which nothing has ever passed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness_search.ledger.criteria import CriterionHistory, Habit, habits
from harness_search.reports.document.material import Material
from harness_search.reports.judged import criterion_titles, history_in

MOST_SHOWN = 30
"""Of each kind."""


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One criterion over all harnesses of the search."""

    task: str
    criterion: str
    title: str
    """Empty for one that its task has no more."""
    passed: int
    rollouts: int
    """Those with a verdict on it."""
    disagreement: float | None
    """Share of pairs of trials of one harness whose verdicts differ; None where none has two."""
    flagged: int
    """Fails because the judge could not judge, or gave no usable answer."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What became of the criteria of the dev split."""

    counts: Mapping[Habit, int]
    """Criteria by what they do; all 0 before the first verdict."""
    coin_flips: tuple[CriterionRow, ...]
    """Those that disagree most first."""
    more_coin_flips: int
    """Left out."""
    always_fail: tuple[CriterionRow, ...]
    more_always_fail: int
    sentence: str
    """In place of tables where nothing was judged."""


def criteria_of(material: Material) -> Criteria:
    """Of all scored rollouts of the search."""
    history = history_in(material.ledger)
    titles = criterion_titles(material.workspace)
    coin_flips = _rows(history, Habit.COIN_FLIP, titles)
    always_fail = _rows(history, Habit.ALWAYS_FAIL, titles)
    return Criteria(
        counts=habits(history),
        coin_flips=coin_flips[:MOST_SHOWN],
        more_coin_flips=max(0, len(coin_flips) - MOST_SHOWN),
        always_fail=always_fail[:MOST_SHOWN],
        more_always_fail=max(0, len(always_fail) - MOST_SHOWN),
        sentence="" if history else "Nothing has been judged yet.",
    )


def _rows(
    history: Iterable[CriterionHistory], habit: Habit, titles: Mapping[tuple[str, str], str]
) -> tuple[CriterionRow, ...]:
    return tuple(_row(item, titles) for item in history if item.habit is habit)


def _row(item: CriterionHistory, titles: Mapping[tuple[str, str], str]) -> CriterionRow:
    return CriterionRow(
        task=item.task,
        criterion=item.criterion,
        title=titles.get((item.task, item.criterion), ""),
        passed=item.pooled.passed,
        rollouts=item.pooled.decided,
        disagreement=item.disagreement,
        flagged=item.flagged,
    )
