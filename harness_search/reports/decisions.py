"""What the gate decided about one candidate, as a document and as a table.

The document is kept as it was on that day (`runs/iterations/<n>/decision.json`); nothing reads it
to decide anything.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness_search.ledger.gains import Gain, TaskDifference
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.promotion.decision import Decision

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 5
"""Tasks shown at either end."""
COLUMNS = (
    *("task", "difference", "error", "candidate", "incumbent"),
    *("trials of the candidate", "trials of the incumbent"),
)
"""Of the rows by task: each document has them once, for there are many rows."""


def decision_document(
    closed: IterationRow, decision: Decision, gate: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything about the decision of a closed iteration; points, and chances from 0 to 1.

    `verdict` is the gate's; an audit may have voided what it promoted. `gate` is what it was
    decided by, which may be changed in the middle of a search.
    """
    gain, voided = decision.gain, closed.decision is DecisionKind.REJECTED
    return {
        "iteration": closed.number,
        "harness": closed.name,
        "decision": closed.decision.value if closed.decision else None,
        "verdict": decision.verdict,
        "stage": decision.stage,
        "reason": closed.reason if voided else decision.reason,
        "notes": list(decision.notes),
        "remarks": list(decision.remarks),
        "coverage": round(float(decision.coverage), 4),
        "rollouts": {
            "candidate": decision.candidate_rollouts,
            "incumbent": decision.incumbent_rollouts,
        },
        "gate": dict(gate),
        "gain": _gain(gain) if gain else None,
        "columns": COLUMNS,
        "tasks": [_task(item) for item in by_difference(gain)] if gain else [],
    }


def by_difference(gain: Gain) -> list[TaskDifference]:
    """The tasks of a comparison, those that gained most first."""
    return sorted(gain.tasks, key=lambda item: (-item.points, item.task))


def _gain(gain: Gain) -> dict[str, Any]:
    interval = gain.interval(gain.trial_error)
    return {
        "difference": round(gain.points, 4),
        "fixed_task_error": _rounded(gain.trial_error),
        "clustered_error": _rounded(gain.task_error),
        "interval": [round(end, 4) for end in interval] if interval else None,
        "chance": _rounded(gain.chance),
        "shrunken": _rounded(gain.shrunken),
    }


def _task(item: TaskDifference) -> list[Any]:
    values = (item.points, item.error, item.challenger, item.reference)
    shown = [None if value is None else round(value, 3) for value in values]
    return [item.task, *shown, item.challenger_trials, item.reference_trials]


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if value is not None else None


def with_names(document: dict[str, Any]) -> dict[str, Any]:
    """A kept document with the figures of each task under their names, as programs are given it."""
    tasks = [_named(item) if isinstance(item, list) else item for item in document["tasks"]]
    others = {name: value for name, value in document.items() if name != "columns"}
    return {**others, "tasks": tasks}


def _named(row: list[Any]) -> dict[str, Any]:
    *figures, candidate, incumbent = row
    return {**dict(zip(COLUMNS[:5], figures, strict=True)), "trials": [candidate, incumbent]}


def print_decision(console: "Console", document: dict[str, Any]) -> None:
    """A kept document for people: the reason, the figures, and the tasks at both ends."""
    from rich.table import Table

    from harness_search.reports.tables import print_lines

    title = f"Iteration {document['iteration']}: {document['harness']}"
    said = (*document["notes"], *document["remarks"])
    voided = document.get("decision") == DecisionKind.REJECTED.value
    decided = f"Rejected by audit: {document['reason']}" if voided else document["reason"]
    lines = [title, decided, *said, *_figures(document)]
    print_lines(console, lines)
    tasks = [item if isinstance(item, list) else _as_row(item) for item in document["tasks"]]
    if not tasks:
        return
    shown = tasks if len(tasks) <= 2 * SHOWN else [*tasks[:SHOWN], None, *tasks[-SHOWN:]]
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("task", overflow="fold")
    for name in ("candidate", "incumbent", "difference", "trials"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in shown:
        table.add_row(*(_cells(item) if item else ["..."]))
    console.print(table)


def _figures(document: dict[str, Any]) -> list[str]:
    spent, gain = document["rollouts"], document["gain"]
    rollouts = f"{spent['candidate']} of the candidate"
    if spent["incumbent"]:
        rollouts += f", {spent['incumbent']} of the incumbent for this comparison"
    lines = [f"Stage: {document['stage']}. Rollouts: {rollouts}."]
    if gain is None or None in (gain["interval"], gain["chance"], gain["shrunken"]):
        return lines
    low, high = gain["interval"]
    return [
        *lines,
        f"Difference {gain['difference']:+.2f} points (95 % interval {low:+.2f} to {high:+.2f} by "
        "trial noise); under a sceptical prior, unlike a chance in the reason: chance of any gain "
        f"{gain['chance']:.0%}, gain to expect {gain['shrunken']:+.2f}. Shares of the blended "
        "score by task:",
    ]


def _as_row(item: dict[str, Any]) -> list[Any]:
    """A task as documents had it once."""
    return [*(item[name] for name in COLUMNS[:5]), *item["trials"]]


def _cells(item: list[Any]) -> list[str]:
    task, points, error, candidate, incumbent, *trials = item
    doubt = f" ±{1.96 * error:.1f}" if error is not None else ""
    scores = (f"{candidate:.1f}", f"{incumbent:.1f}")
    return [task, *scores, f"{points:+.1f}{doubt}", "{} / {}".format(*trials)]
