"""A difference between two harnesses with both of its intervals, in words and as JSON."""

from typing import Any

from harness_search.ledger.gains import Gain


def intervals(gain: Gain) -> str:
    """Both intervals, in points; a single trial says nothing of these tasks, nor a single task of
    other ones."""
    same, other = (
        "{:+.1f} to {:+.1f}".format(*interval) if interval else "unknown"
        for interval in (gain.interval(gain.trial_error), gain.interval(gain.task_error))
    )
    return f"95 % interval {same} on these tasks, {other} on other tasks of their kind"


def gain_json(item: Gain | None, name: str = "blended") -> dict[str, Any] | None:
    """A difference as an object of a JSON document; `name` says what its points are of."""
    if item is None:
        return None
    return {
        name: round(item.points, 4),
        "interval_same_tasks": _rounded(item.interval(item.trial_error)),
        "interval_other_tasks": _rounded(item.interval(item.task_error)),
    }


def _rounded(interval: tuple[float, float] | None) -> list[float] | None:
    return [round(end, 4) for end in interval] if interval else None
