"""Iterations as rows for other programs: what the ledger, the gate's document and the claim say."""

import json
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any

from harness_search.layout import Layout
from harness_search.ledger.raw import Row
from harness_search.ledger.rows import IterationRow
from harness_search.reports.document.kept import KeptDocuments

_RECORDED = (
    *("iteration", "harness", "harness_digest", "parent", "incumbent", "mechanism"),
    *("decision", "reason"),
)
_GAIN = {
    "difference_points": "difference",
    "fixed_task_error_points": "fixed_task_error",
    "clustered_error_points": "clustered_error",
    "chance": "chance",
    "shrunken_points": "shrunken",
}
"""Columns, and what the gate's document calls them."""
_DECIDED = (
    *("gate_document", "verdict", "stage", "coverage", "rollouts_candidate", "rollouts_incumbent"),
    *(*_GAIN, "interval_low_points", "interval_high_points", "notes", "remarks"),
)
_TEXTS = ("hypothesis", "changes", "replay", "aim", "kind", "added", "observed")
_TASKS = ("fix_tasks", "regression_tasks")
COLUMNS = (*_RECORDED, *_DECIDED, *_TEXTS, *_TASKS)


def decision_rows(layout: Layout, iterations: Iterable[IterationRow]) -> Iterator[Row]:
    """Values in the order of `COLUMNS`; None where nothing is kept, or what is kept is damaged."""
    for row in iterations:
        found = _recorded(row) | _decided(layout, row.number) | _claimed(row.claim)
        yield [found.get(name) for name in COLUMNS]


def _recorded(row: IterationRow) -> dict[str, Any]:
    return {
        "iteration": row.number,
        "harness": row.name,
        "harness_digest": row.harness,
        "parent": row.parent,
        "incumbent": row.incumbent,
        "mechanism": row.mechanism,
        "decision": row.decision.value if row.decision else None,
        "reason": row.reason,
    }


def _decided(layout: Layout, iteration: int) -> dict[str, Any]:
    documents = KeptDocuments(layout)
    found = documents.decisions([iteration]).get(iteration)
    if found is None:
        return {"gate_document": "damaged" if documents.damaged else "none"}
    return {
        "gate_document": "kept",
        "verdict": _text(found.get("verdict")),
        "stage": found["stage"],
        "coverage": _number(found.get("coverage")),
        "rollouts_candidate": found["rollouts"]["candidate"],
        "rollouts_incumbent": found["rollouts"]["incumbent"],
        "notes": found["notes"],
        "remarks": found["remarks"],
        **_gain(found["gain"]),
    }


def _gain(gain: Mapping[str, Any] | None) -> dict[str, Any]:
    if gain is None:
        return {}
    low, high = gain["interval"] or (None, None)
    figures = {column: _number(gain.get(name)) for column, name in _GAIN.items()}
    return {**figures, "interval_low_points": low, "interval_high_points": high}


def _claimed(claim: str) -> dict[str, Any]:
    """What a claim says; nothing of one that is none."""
    try:
        candidate = json.loads(claim)["candidates"][0]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    if not isinstance(candidate, dict):
        return {}
    texts = {name: _text(candidate.get(name)) for name in _TEXTS}
    return texts | {name: _texts(candidate.get(name)) for name in _TASKS}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> list[str] | None:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -inf < value < inf else None
