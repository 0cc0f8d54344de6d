"""Rows that a new judge grades: verdicts replaced, the old ones kept, rollouts set aside."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from harness_search.errors import InputError
from harness_search.ledger.rows import Outcome, RolloutRow

JUDGE = "judge"
"""What a search's identity calls the judge of its rows."""
UNFINISHED = "unfinished regrade to "
"""Stands before the judge while the rows are of two."""
_THIS_ROW = (
    "harness = ? AND task = ? AND task_digest = ? AND trial = ? AND profile = ? "
    "AND attempt = ? AND status = 'done'"
)


@dataclass(frozen=True, slots=True)
class Flipped:
    """Verdicts that a new judge gave otherwise."""

    to_pass: int = 0
    from_pass: int = 0

    def __add__(self, other: "Flipped") -> "Flipped":
        return Flipped(self.to_pass + other.to_pass, self.from_pass + other.from_pass)


def begin(database: sqlite3.Connection, judge: str) -> None:
    """From now on the rows are of no one judge; inside a transaction."""
    _put_judge(database, f"{UNFINISHED}{judge}")


def complete(database: sqlite3.Connection, judge: str) -> None:
    """All rows are of this judge now; inside a transaction. What no judge was asked about, any
    judge would have said."""
    database.execute(
        "UPDATE rollouts SET judge_version = ? WHERE status = 'done' AND outcome <> ?",
        (judge, Outcome.SCORED.value),
    )
    _put_judge(database, judge)


def replace_verdicts(
    database: sqlite3.Connection,
    row: RolloutRow,
    judge: str,
    verdicts: Iterable[tuple[str, str, str]],
) -> Flipped:
    """Give a scored rollout the verdicts of another judge and keep the old ones; inside a
    transaction. What a second judge had settled is open again."""
    rollout = rollout_of(database, row)
    query = "SELECT judge_version FROM rollouts WHERE id = ?"
    (before,) = database.execute(query, (rollout,)).fetchone()
    query = "SELECT criterion, verdict FROM verdicts WHERE rollout = ?"
    old: dict[str, str] = dict(database.execute(query, (rollout,)))
    database.execute(
        "INSERT OR REPLACE INTO earlier_verdicts "
        "SELECT rollout, ?, criterion, verdict, reason FROM verdicts WHERE rollout = ?",
        (before, rollout),
    )
    database.execute("DELETE FROM verdicts WHERE rollout = ?", (rollout,))
    database.execute("DELETE FROM settled WHERE rollout = ?", (rollout,))
    new = list(verdicts)
    database.executemany(
        "INSERT INTO verdicts VALUES (?, ?, ?, ?)", [(rollout, *verdict) for verdict in new]
    )
    passed = {criterion for criterion, verdict, _ in new if verdict == "pass"}
    database.execute(
        "UPDATE rollouts SET passed = ?, total = ?, judge_version = ? WHERE id = ?",
        (len(passed), len(new), judge, rollout),
    )
    had_passed = {criterion for criterion, verdict in old.items() if verdict == "pass"}
    return Flipped(len((passed - had_passed) & old.keys()), len(had_passed - passed))


def set_aside(database: sqlite3.Connection, row: RolloutRow) -> None:
    """Let a rollout count no longer, so that it is run again; inside a transaction. The row keeps
    all that it says and what it has paid, and its verdicts stay with it."""
    database.execute(f"UPDATE rollouts SET status = 'interrupted' WHERE {_THIS_ROW}", _named(row))


def another_judge(file: Path, known: str, wanted: str) -> InputError:
    """Why rows of the ledger in `file` do not go with those of the judge of now."""
    if known.startswith(UNFINISHED):
        expected = "rows of one judge (go on with `meta-harness regrade`)"
        return InputError(file, JUDGE, f"an {known}", expected)
    expected = (
        f"the judge of now, {wanted!r} (grade them anew with `meta-harness regrade`, or set the "
        "old search aside with --fresh)"
    )
    found = f"rows that were graded by {known!r}"
    if known.rpartition("/")[0] == wanted.rpartition("/")[0] != "":
        found += ", with another profile, endpoint or options"  # the digest that ends a version
    return InputError(file, JUDGE, found, expected)


def rollout_of(database: sqlite3.Connection, row: RolloutRow) -> int:
    """The id of a finished rollout."""
    found = database.execute(f"SELECT id FROM rollouts WHERE {_THIS_ROW}", _named(row)).fetchone()
    return int(found[0])


def _named(row: RolloutRow) -> tuple[object, ...]:
    return (*astuple(row.key), row.attempt)


def _put_judge(database: sqlite3.Connection, value: str) -> None:
    database.execute("INSERT OR REPLACE INTO search VALUES (?, ?)", (JUDGE, value))
