"""Reads raw rows out of a ledger's tables."""

import sqlite3
from collections.abc import Iterable
from typing import Any

from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Outcome,
    RolloutKey,
    RolloutRow,
    Usage,
)

KEY_COLUMNS = "harness, task, task_digest, trial, profile"
PAID_COLUMNS = "paid_input, paid_output, paid_cache_write, paid_cache_read, paid_usd"
_ROW_COLUMNS = (
    f"{KEY_COLUMNS}, attempt, outcome, reason, passed, total, tokens_input, tokens_output, "
    "tokens_cache_write, tokens_cache_read, cost_usd, calls, seconds, judge_version, "
    f"output_digest, {PAID_COLUMNS}, sandbox, started_at, served_model"
)


def read_rows(
    database: sqlite3.Connection, harness: str | None = None, part: int | None = None
) -> list[RolloutRow]:
    """Every ended attempt, oldest first; of one harness if its digest is given, and of one
    thousand of its trials if that is."""
    condition, values = "", list[str | int]()
    if harness is not None:
        condition, values = "AND harness = ?", [harness]
    if part is not None:
        condition += " AND trial >= ? AND trial < ?"
        values += [part * CONTROL_STEP, (part + 1) * CONTROL_STEP]
    found = database.execute(
        f"SELECT {_ROW_COLUMNS} FROM rollouts WHERE status = 'done' {condition} ORDER BY id",
        values,
    )
    return [_rollout_row(row) for row in found]


def read_verdicts(database: sqlite3.Connection, harness: str) -> dict[RolloutKey, dict[str, str]]:
    """Verdicts by criterion of each finished rollout of a harness (its digest)."""
    found = database.execute(
        f"SELECT {KEY_COLUMNS}, id FROM rollouts "
        "WHERE status = 'done' AND harness = ? AND outcome <> ? ORDER BY id",
        (harness, Outcome.INFRA_FAILED.value),
    ).fetchall()
    query = "SELECT criterion, verdict FROM verdicts WHERE rollout = ? ORDER BY criterion"
    by_rollout: dict[RolloutKey, dict[str, str]] = {}
    for *key, rollout in found:
        if verdicts := dict(database.execute(query, (rollout,)).fetchall()):
            by_rollout.setdefault(RolloutKey(*key), {}).update(verdicts)
    return by_rollout


def read_lost(database: sqlite3.Connection) -> dict[RolloutKey, int]:
    """The attempts that each rollout has lost, for those that have lost one."""
    # Both in so many words: of its index of such rows SQLite must know that it has them all, and of
    # the one by key, which has every row in this order, it must not.
    key = ", ".join(f"+{name}" for name in KEY_COLUMNS.split(", "))
    found = database.execute(
        f"SELECT {KEY_COLUMNS}, COUNT(*) FROM rollouts "
        f"WHERE status = 'done' AND outcome = 'infra_failed' GROUP BY {key}"
    )
    return {RolloutKey(*names): count for *names, count in found}


def read_iterations(database: sqlite3.Connection, first: int = 0) -> list[IterationRow]:
    """The iterations from a number on."""
    found = database.execute(
        "SELECT number, harness, name, parent, incumbent, mechanism, claim, decision, reason "
        "FROM iterations WHERE number >= ? ORDER BY number",
        (first,),
    )
    return [_iteration_row(row) for row in found]


def parts_of(keys: Iterable[RolloutKey]) -> list[tuple[str, int]]:
    """The harnesses, and the thousands of their trials, that rollouts are of; each once."""
    return list(dict.fromkeys((key.harness, key.trial // CONTROL_STEP) for key in keys))


def _iteration_row(row: tuple[Any, ...]) -> IterationRow:
    number, harness, name, parent, incumbent, mechanism, claim, decision, reason = row
    kind = DecisionKind(decision) if decision else None
    return IterationRow(number, harness, name, parent, incumbent, mechanism, claim, kind, reason)


def _rollout_row(row: tuple[Any, ...]) -> RolloutRow:
    attempt, outcome, reason, passed, total = row[5:10]
    cost_usd, calls, seconds, judge_version, output_digest = row[14:19]
    return RolloutRow(
        key=RolloutKey(*row[:5]),
        attempt=attempt,
        outcome=Outcome(outcome),
        reason=reason,
        passed=passed,
        total=total,
        usage=Usage(*row[10:14]),
        cost_usd=cost_usd,
        calls=calls,
        seconds=seconds,
        judge_version=judge_version,
        output_digest=output_digest,
        paid=Usage(*row[19:23]),
        paid_usd=row[23],
        sandbox=row[24],
        started_at=row[25],
        served_model=row[26],
    )
