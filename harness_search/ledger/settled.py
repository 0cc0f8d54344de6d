"""What a second judge was asked about, and what the first one had said of it."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from harness_search.ledger.regrading import Flipped, rollout_of
from harness_search.ledger.rows import RolloutKey, RolloutRow


@dataclass(frozen=True, slots=True)
class FirstWord:
    """A verdict that a second judge was asked for."""

    verdict: str
    """What the first judge had said."""
    settled_by: str
    """Version of the second judge."""


def settle_verdicts(
    database: sqlite3.Connection,
    row: RolloutRow,
    by: str,
    verdicts: Iterable[tuple[str, str, str]],
) -> Flipped:
    """Let a second judge's verdicts, given by its version, count for a rollout, and keep what the
    first judge said beside them; inside a transaction."""
    rollout, to_pass, from_pass = rollout_of(database, row), 0, 0
    for criterion, verdict, reason in verdicts:
        place = (rollout, criterion)
        query = "SELECT verdict FROM verdicts WHERE rollout = ? AND criterion = ?"
        (before,) = database.execute(query, place).fetchone()
        to_pass += before != "pass" and verdict == "pass"
        from_pass += before == "pass" and verdict != "pass"
        database.execute(
            "INSERT INTO settled SELECT rollout, criterion, verdict, reason, ? FROM verdicts "
            "WHERE rollout = ? AND criterion = ? "
            "ON CONFLICT (rollout, criterion) DO UPDATE SET settled_by = excluded.settled_by",
            (by, *place),
        )
        database.execute(
            "UPDATE verdicts SET verdict = ?, reason = ? WHERE rollout = ? AND criterion = ?",
            (verdict, reason, *place),
        )
    database.execute(
        "UPDATE rollouts SET passed = (SELECT count(*) FROM verdicts WHERE rollout = id AND "
        "verdict = 'pass') WHERE id = ?",
        (rollout,),
    )
    return Flipped(to_pass, from_pass)


def read_settled(
    database: sqlite3.Connection, harness: str
) -> dict[RolloutKey, dict[str, FirstWord]]:
    """By rollout and criterion, all that was settled for a harness, given by its digest."""
    found = database.execute(
        "SELECT harness, task, task_digest, trial, profile, criterion, first, settled_by "
        "FROM settled JOIN rollouts ON id = rollout WHERE status = 'done' AND harness = ? "
        "ORDER BY id, criterion",
        (harness,),
    )
    by_rollout: dict[RolloutKey, dict[str, FirstWord]] = {}
    for *key, criterion, first, by in found:
        by_rollout.setdefault(RolloutKey(*key), {})[criterion] = FirstWord(first, by)
    return by_rollout


def show_none_settled(database: sqlite3.Connection) -> None:
    """Give a reader of a ledger that is older than second judges a table without rows."""
    query = "SELECT count(*) FROM main.sqlite_master WHERE name = 'settled'"
    if database.execute(query).fetchone() == (0,):
        columns = "rollout, criterion, first, reason, settled_by"
        database.execute(f"CREATE TEMP TABLE settled ({columns})")
