"""Rows of probes: questions that no honest deliverable passes, and what the judge said to them."""

import sqlite3
from dataclasses import astuple, dataclass

_COLUMNS = (
    "harness, kind, task, trial, rubric, criterion, replicate, scope_digest, judge_version, "
    "verdict, reason"
)


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """What a judge said once to one probe of a harness's deliverables."""

    harness: str
    """Digest of the harness file."""
    kind: str
    task: str
    """Whose deliverable was read; empty for what all tasks' deliverables have in common."""
    trial: int
    rubric: str
    """The task whose criterion it was; empty for an invented one."""
    criterion: str
    replicate: int
    """1 for what was asked once more because the first answer was a pass."""
    scope_digest: str
    """Of the text that the judge read; answers about another text do not count."""
    judge_version: str
    verdict: str
    """`pass` or `fail`; what was not answered is not recorded."""
    reason: str


def add_probe(database: sqlite3.Connection, row: ProbeRow, now: str) -> None:
    """Note an answer; inside a transaction. The first one stays."""
    database.execute(
        f"INSERT OR IGNORE INTO probes ({_COLUMNS}, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*astuple(row), now),
    )


def read_probes(database: sqlite3.Connection, harness: str) -> list[ProbeRow]:
    """All answers about a harness, given by its digest, in the order in which they came."""
    query = f"SELECT {_COLUMNS} FROM probes WHERE harness = ? ORDER BY id"
    return [ProbeRow(*row) for row in database.execute(query, (harness,))]


def show_no_probes(database: sqlite3.Connection) -> None:
    """Give a reader of a ledger that is older than the probes a table without rows."""
    query = "SELECT count(*) FROM main.sqlite_master WHERE name = 'probes'"
    if database.execute(query).fetchone() == (0,):
        database.execute(f"CREATE TEMP TABLE probes (id, {_COLUMNS}, at)")
