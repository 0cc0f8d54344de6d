"""Rows of proposer sessions: each run of a session, how it ended and what it paid."""

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

from harness_search.ledger.booking import add_spending
from harness_search.ledger.rows import Role, Usage

_COLUMNS = (
    "id, iteration, attempt, session_id, profile, model, started_at, ended_at, outcome, reason, "
    "paid_input, paid_output, paid_cache_write, paid_cache_read, paid_usd"
)
_NOTHING = Usage()


class SessionOutcome(StrEnum):
    """How one run of a session ended."""

    PROPOSED = "proposed"
    NOTHING_LEFT = "nothing left"
    TO_CORRECT = "to correct"
    """It left no sound claim, and is told so once."""
    WAITING = "waiting"
    LOST = "lost"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """It ended with its scaffold."""


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What is known of a run before it begins."""

    iteration: int
    session_id: str
    """The same for all runs of one conversation."""
    profile: str
    model: str


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What became of it, and what the gateway counted."""

    outcome: SessionOutcome
    reason: str
    """One sentence; empty when there is nothing to say."""
    paid: Usage = _NOTHING
    paid_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One run of a session."""

    id: int
    start: SessionStart
    attempt: int
    """Counted from 1 within its iteration."""
    started_at: str
    """In UTC (ISO 8601)."""
    ended_at: str
    """Empty while it runs, and for what its scaffold did not survive to end."""
    result: SessionResult | None


def add_session(database: sqlite3.Connection, start: SessionStart, now: str) -> SessionRow:
    """Note that a run begins; inside a transaction."""
    (last,) = database.execute(
        "SELECT COALESCE(MAX(attempt), 0) FROM sessions WHERE iteration = ?", (start.iteration,)
    ).fetchone()
    cursor = database.execute(
        "INSERT INTO sessions (iteration, attempt, session_id, profile, model, started_at) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (start.iteration, last + 1, start.session_id, start.profile, start.model, now),
    )
    return SessionRow(int(cursor.lastrowid or 0), start, last + 1, now, "", None)


def close_session(
    database: sqlite3.Connection, session: int, result: SessionResult, now: str
) -> SessionRow | None:
    """Note how a run ended, and book what it paid. Inside a transaction: a run is closed and
    booked, or neither. None for one that was closed before: the first word stays."""
    closed = database.execute(
        "UPDATE sessions SET ended_at = ?, outcome = ?, reason = ?, paid_input = ?, "
        "paid_output = ?, paid_cache_write = ?, paid_cache_read = ?, paid_usd = ? "
        f"WHERE id = ? AND outcome IS NULL RETURNING {_COLUMNS}",
        (now, result.outcome.value, result.reason, *astuple(result.paid), result.paid_usd, session),
    ).fetchone()
    if closed is None:
        return None
    row = _row(*closed)
    if result.paid.total or result.paid_usd:
        subject = f"session {row.start.iteration}.{row.attempt}"
        add_spending(database, Role.PROPOSER, subject, result.paid, result.paid_usd, now)
    return row


def read_sessions(database: sqlite3.Connection, iteration: int | None) -> list[SessionRow]:
    """Every run, oldest first; of one iteration if it is given."""
    condition, values = ("WHERE iteration = ?", (iteration,)) if iteration is not None else ("", ())
    found = database.execute(f"SELECT {_COLUMNS} FROM sessions {condition} ORDER BY id", values)
    return [_row(*row) for row in found]


def last_session(database: sqlite3.Connection) -> SessionRow | None:
    """The last run of all; None before the first."""
    query = f"SELECT {_COLUMNS} FROM sessions ORDER BY id DESC LIMIT 1"
    found = database.execute(query).fetchone()
    return _row(*found) if found else None


def awaited(rows: Sequence[SessionRow], iteration: int) -> SessionRow | None:
    """The last run, if the iteration that is to come of it has not been opened yet; `iteration` is
    the last one that has. None also for a session that had nothing left to try."""
    if not rows or rows[-1].start.iteration <= iteration:
        return None
    result = rows[-1].result
    left = result is not None and result.outcome is SessionOutcome.NOTHING_LEFT
    return None if left else rows[-1]


def _row(
    number: int,
    iteration: int,
    attempt: int,
    session_id: str,
    profile: str,
    model: str,
    started_at: str,
    ended_at: str,
    outcome: str | None,
    reason: str,
    *paid: float,
) -> SessionRow:
    start = SessionStart(iteration, session_id, profile, model)
    result = None
    if outcome is not None:
        result = SessionResult(SessionOutcome(outcome), reason, Usage(*map(int, paid[:4])), paid[4])
    return SessionRow(number, start, attempt, started_at, ended_at, result)


def show_no_sessions(database: sqlite3.Connection) -> None:
    """Give a reader of a ledger that is older than the sessions a table without rows."""
    query = "SELECT count(*) FROM main.sqlite_master WHERE name = 'sessions'"
    if database.execute(query).fetchone() == (0,):
        database.execute(f"CREATE TEMP TABLE sessions ({_COLUMNS})")
