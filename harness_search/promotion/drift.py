"""When an incumbent's stored rollouts are no fair comparison, and it is measured anew."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from harness_search.ledger.replicates import search_rows
from harness_search.ledger.rows import RolloutRow
from harness_search.promotion.rules import GateRules


def control_reason(
    rules: GateRules,
    candidate: Sequence[RolloutRow],
    incumbent: Sequence[RolloutRow],
    seen: str = "",
) -> str:
    """Why the incumbent is measured beside the candidate, in a sentence; empty when it is not.

    `seen` is what the A/A run showed of a pass or day component, as a sentence; empty for none.
    """
    if rules.control == "stored":
        return ""
    if rules.control == "same_day":
        return "The gate's rules ask for a control of the same day."
    own = search_rows(incumbent)
    return (
        seen
        or _changed("judge", _judges(candidate), _judges(own))
        or _changed("served model", _models(candidate), _models(own))
        or _too_old(rules, candidate, own)
    )


def _changed(what: str, new: set[str], old: set[str]) -> str:
    """What is unknown of one arm has not been seen to change."""
    if not new or not old or new == old:
        return ""
    return (
        f"The {what} has changed: the candidate's rollouts have {', '.join(sorted(new))}, the "
        f"incumbent's {', '.join(sorted(old))}."
    )


def _judges(rows: Iterable[RolloutRow]) -> set[str]:
    return {row.judge_version for row in rows if row.outcome.finished and row.judge_version}


def _models(rows: Iterable[RolloutRow]) -> set[str]:
    return {row.served_model for row in rows if row.outcome.finished and row.served_model}


def _too_old(
    rules: GateRules, candidate: Iterable[RolloutRow], incumbent: Iterable[RolloutRow]
) -> str:
    new, old = _first_start(candidate), _first_start(incumbent)
    if new is None or old is None or new - old <= timedelta(days=rules.oldest_days):
        return ""
    days = (new - old) / timedelta(days=1)
    return (
        f"The incumbent's rollouts are up to {days:.1f} days older than the candidate's, "
        f"more than {rules.oldest_days:g}."
    )


def _first_start(rows: Iterable[RolloutRow]) -> datetime | None:
    """When the earliest finished rollout began; None where that is unknown."""
    known = [
        datetime.fromisoformat(row.started_at)
        for row in rows
        if row.outcome.finished and row.started_at
    ]
    return min(known, default=None)
