"""Sums over raw rows that SQLite makes: for a look at a long search, without its rows."""

import sqlite3
from collections import Counter
from dataclasses import astuple, dataclass, field
from pathlib import Path

from harness_search.ledger.database import open_to_read
from harness_search.ledger.reading import KEY_COLUMNS
from harness_search.ledger.rows import NO_SANDBOX, Outcome, Usage

_LOST = f"status = 'done' AND outcome = '{Outcome.INFRA_FAILED}'"
_FINISHED = f"status = 'done' AND outcome <> '{Outcome.INFRA_FAILED}'"
_IN_SEARCH = "harness IN (SELECT harness FROM iterations)"


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one harness, or of all together."""

    paid: Usage = field(default_factory=Usage)
    """By all attempts, lost and interrupted ones too."""
    paid_usd: float = 0.0
    planned: int = 0
    """Finished rollouts of those that full coverage means."""
    finished: int = 0
    """All finished ones."""
    lost: int = 0
    """Attempts."""
    sandbox: str = ""
    """What all of them ran in; empty where that differs."""

    def __sub__(self, other: "Totals") -> "Totals":
        pairs = zip(astuple(self.paid), astuple(other.paid), strict=True)
        paid = (mine - theirs for mine, theirs in pairs)
        return Totals(
            Usage(*paid),
            max(0.0, self.paid_usd - other.paid_usd),
            self.planned - other.planned,
            self.finished - other.finished,
            self.lost - other.lost,
            self.sandbox,
        )


class Adding:
    """A ledger's file, open to have its rows added up."""

    def __init__(self, file: Path) -> None:
        self._database = open_to_read(file)

    def close(self) -> None:
        self._database.close()

    def totals(self, trials: int, harness: str | None = None) -> Totals:
        """Of one harness, given by its digest, or of all; `trials` are full coverage of a task."""
        return _totals(self._database, trials, harness)

    def measured(self) -> set[str]:
        """The harnesses, by digest, that a rollout was begun of."""
        found = self._database.execute("SELECT DISTINCT harness FROM rollouts")
        return {harness for (harness,) in found}

    def sandboxes(self, searched: Totals) -> dict[str, int]:
        """Rollouts of the search by what they ran in, as `sandboxes` counts them; `searched` are
        the totals of its harnesses."""
        return _sandboxes(self._database, searched)


def _totals(database: sqlite3.Connection, trials: int, harness: str | None) -> Totals:
    condition, values = ("", ()) if harness is None else (" WHERE harness = ?", (harness,))
    *paid, usd, planned, finished, lost, sandbox, other = database.execute(
        "SELECT COALESCE(SUM(paid_input), 0), COALESCE(SUM(paid_output), 0), "
        "COALESCE(SUM(paid_cache_write), 0), COALESCE(SUM(paid_cache_read), 0), "
        f"COALESCE(SUM(paid_usd), 0.0), COALESCE(SUM({_FINISHED} AND trial <= ?), 0), "
        f"COALESCE(SUM({_FINISHED}), 0), COALESCE(SUM({_LOST}), 0), "
        "COALESCE(MIN(sandbox) FILTER (WHERE status = 'done'), ''), "
        "COALESCE(MAX(sandbox) FILTER (WHERE status = 'done'), '') "
        f"FROM rollouts{condition}",
        (trials, *values),
    ).fetchone()
    only = sandbox if sandbox == other else ""
    return Totals(Usage(*paid), usd, planned, finished, lost, only)


def _sandboxes(database: sqlite3.Connection, searched: Totals) -> dict[str, int]:
    found = Counter({searched.sandbox: searched.finished} if searched.sandbox else {})
    if not searched.sandbox:
        query = f"SELECT sandbox, COUNT(*) FROM rollouts WHERE {_FINISHED} AND {_IN_SEARCH}"
        found.update(dict(database.execute(f"{query} GROUP BY sandbox").fetchall()))
    if searched.lost:
        lost = f"SELECT DISTINCT {KEY_COLUMNS} FROM rollouts WHERE {_LOST} AND {_IN_SEARCH}"
        for key in database.execute(lost):
            _recount(database, key, found)
    return {kind: count for kind, count in found.most_common() if count}


def _recount(database: sqlite3.Connection, key: tuple[str, ...], found: Counter[str]) -> None:
    """Count a rollout that lost an attempt: one attempt without a sandbox says what it ran in."""
    same = " AND ".join(f"{name.strip()} = ?" for name in KEY_COLUMNS.split(","))
    attempts = database.execute(
        f"SELECT sandbox, {_FINISHED} FROM rollouts WHERE status = 'done' AND {same} ORDER BY id",
        key,
    ).fetchall()
    found.subtract(sandbox for sandbox, finished in attempts if finished)
    kinds = [sandbox for sandbox, _ in attempts]
    found[NO_SANDBOX if NO_SANDBOX in kinds else kinds[-1]] += 1
