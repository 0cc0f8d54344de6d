"""When a search ends: pure rules over its iterations, its incumbent's score and its money."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness_search.gateway.budget import Amount
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.settings import BudgetSettings, SearchSettings

_MEASURED = frozenset({DecisionKind.PROMOTED, DecisionKind.ORPHAN})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a search stands when its last iteration is decided."""

    iterations: Sequence[IterationRow]
    blended: float | None
    """The incumbent's blended score less what selection is estimated to have added to it, in
    points; None while it is not measured."""
    spent: Amount
    expected: Amount | None
    """Of one more iteration and of the confirmation; None before anything can be estimated."""


def stop_reason(standing: Standing, search: SearchSettings, budget: BudgetSettings) -> str:
    """Why no further iteration begins; empty while one may."""
    if not standing.iterations:
        return ""
    last = standing.iterations[-1].number
    if last >= search.iterations:
        return f"iteration {last} of {search.iterations} is decided"
    return (
        _target_reached(standing, search)
        or _no_promotion(standing, search)
        or _too_little_money(standing, budget)
    )


def _target_reached(standing: Standing, search: SearchSettings) -> str:
    target, blended = search.target_score, standing.blended
    if target is None or blended is None or blended < target:
        return ""
    return f"the incumbent's blended score of {blended:.1f} has reached the target of {target:g}"


def _no_promotion(standing: Standing, search: SearchSettings) -> str:
    """A placebo, or an iteration that was not measured, is no failed attempt."""
    measured = [row.decision for row in standing.iterations if row.decision in _MEASURED]
    since = 0
    for decision in reversed(measured):
        if decision is DecisionKind.PROMOTED:
            break
        since += 1
    if not search.plateau or since < search.plateau:
        return ""
    return f"no promotion in the last {since} iterations that were measured"


def _too_little_money(standing: Standing, budget: BudgetSettings) -> str:
    """Better to stop here than in the middle of what could then not be finished."""
    if standing.expected is None:
        return ""
    needed = standing.spent + standing.expected
    if budget.usd is not None and needed.usd > budget.usd:
        left, expected = budget.usd - standing.spent.usd, standing.expected.usd
        figures = f"{max(0.0, left):.2f} USD are left, where {expected:.2f} USD"
    elif budget.tokens is not None and needed.tokens > budget.tokens:
        left_tokens = max(0, budget.tokens - standing.spent.tokens)
        figures = f"{left_tokens:,} tokens are left, where {standing.expected.tokens:,}"
    else:
        return ""
    return f"the budget: {figures} are to be expected of an iteration and the confirmation"
