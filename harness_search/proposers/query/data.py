"""What `mh-query` answers from: small JSON documents, derived anew for every session.

Everything is recomputed from raw rows under the current weights; the evidence itself stays in its
folder, and the command reads it there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness_search.ledger.frontier import Frontier, rows_by_harness
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import IterationRow, RolloutRow, is_placebo
from harness_search.ledger.scores import rows_by_task
from harness_search.proposers.feedback import FeedbackPolicy

LONGEST_TEXT = 2_000
"""Characters of a claim's or a decision's words."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger says when a session starts; placebos may be among it and are left out."""

    frontier: Frontier
    iterations: Sequence[IterationRow]
    rows: Sequence[RolloutRow]


def query_data(
    recorded: Recorded, dev_tasks: Sequence[str], policy: FeedbackPolicy
) -> dict[str, Any]:
    """The documents by name, as `prepare_view` takes them."""
    shown = [item for item in recorded.iterations if not is_placebo(item.name)]
    return {
        "session": _session(recorded.frontier, dev_tasks, policy),
        "frontier": _frontier(recorded.frontier, {item.number for item in shown}),
        "results": _results(shown, recorded.rows, dev_tasks),
        "candidates": {item.name: _candidate(item) for item in shown if item.number},
    }


def _session(found: Frontier, dev_tasks: Sequence[str], policy: FeedbackPolicy) -> dict[str, Any]:
    """`prepare_view` adds the iteration and where the evidence lies."""
    return {
        "feedback": policy.value,
        "incumbent": found.incumbent,
        "simulated": found.simulated,
        "weights": {"all_pass": found.weights.all_pass, "cost": found.weights.cost},
        "dev_tasks": list(dev_tasks),
    }


def _frontier(found: Frontier, numbers: set[int]) -> list[dict[str, Any]]:
    """Rows as `frontier --json` has them, without what they ran in."""
    rows = [row.to_json() for row in found.rows if row.iteration in numbers]
    return [{name: row[name] for name in row if name != "sandboxes"} for row in rows]


def _results(
    iterations: Sequence[IterationRow], rows: Sequence[RolloutRow], dev_tasks: Sequence[str]
) -> dict[str, dict[str, list[list[int]]]]:
    """By harness and task, each trial of its own as `[trial, passed, total, tokens]`."""
    by_harness = rows_by_harness(rows)
    return {
        item.name: {
            task: [[row.key.trial, row.passed, row.total, row.usage.total] for row in trials]
            for task, trials in _trials(by_harness.get(item.harness, ()), dev_tasks).items()
            if trials
        }
        for item in iterations
        if item.harness
    }


def _trials(
    rows: Sequence[RolloutRow], dev_tasks: Sequence[str]
) -> Mapping[str, Sequence[RolloutRow]]:
    """Finished rollouts by task, without the controls that were run beside later candidates."""
    return rows_by_task(rows, dev_tasks, CONTROL_STEP - 1)


def _candidate(item: IterationRow) -> dict[str, Any]:
    """What was claimed, and what has been observed of it: one line for each evaluation, replay or
    comparison on fresh rollouts."""
    candidates = json.loads(item.claim).get("candidates") if item.claim else None
    said: Mapping[str, Any] = candidates[0] if candidates else {}
    observed = str(said.get("observed", "")).splitlines()
    return {
        "iteration": item.number,
        "parent": item.parent,
        "incumbent": item.incumbent,
        "mechanism": item.mechanism,
        "decision": item.decision.value if item.decision else "open",
        "reason": item.reason[:LONGEST_TEXT],
        "hypothesis": str(said.get("hypothesis", ""))[:LONGEST_TEXT],
        "fix_tasks": list(said.get("fix_tasks", ())),
        "regression_tasks": list(said.get("regression_tasks", ())),
        "observed": [line[:LONGEST_TEXT] for line in observed if line.strip()],
    }
