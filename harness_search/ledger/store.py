"""The ledger: SQLite in WAL mode, one writer, nothing in it that could be derived."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness_search.errors import InputError
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Outcome,
    RolloutKey,
    RolloutRow,
    Usage,
)

_KEY_COLUMNS = "harness, task, task_digest, trial, profile"
_ROW_COLUMNS = (
    f"{_KEY_COLUMNS}, attempt, outcome, reason, passed, total, tokens_input, tokens_output, "
    "tokens_cache_write, tokens_cache_read, cost_usd, calls, seconds, judge_version, output_digest"
)


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A rollout's process as the ledger last knew it."""

    rollout: int
    pid: int
    pid_started: int
    """Start time of the process in clock ticks since boot; tells a reused pid apart."""


class Ledger:
    """Raw rows of one search, or of the test split: one writer, any number of readers."""

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        try:
            self._database = _open_to_read(file) if read_only else _open_to_write(file)
        except sqlite3.DatabaseError as error:
            raise InputError(
                file, "", f"no readable ledger ({error})", "a search's ledger (see --fresh)"
            ) from error

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    # What this search is.

    def identity(self) -> dict[str, str]:
        """What the search was started with; empty before its first start."""
        return dict(self._database.execute("SELECT name, value FROM search"))

    def set_identity(self, values: dict[str, str]) -> None:
        with self._transaction() as database:
            database.executemany("INSERT INTO search VALUES (?, ?)", sorted(values.items()))

    # Rollouts.

    def begin(self, key: RolloutKey, pid: int, pid_started: int) -> tuple[int, int]:
        """Note that an attempt runs; returns its row id and its attempt number."""
        with self._transaction() as database:
            where = " AND ".join(f"{name.strip()} = ?" for name in _KEY_COLUMNS.split(","))
            (attempts,) = database.execute(
                f"SELECT COALESCE(MAX(attempt), 0) FROM rollouts WHERE {where}", astuple(key)
            ).fetchone()
            cursor = database.execute(
                f"INSERT INTO rollouts ({_KEY_COLUMNS}, attempt, status, started_at, pid, "
                "pid_started) VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)",
                (*astuple(key), attempts + 1, _now(), pid, pid_started),
            )
            return int(cursor.lastrowid or 0), attempts + 1

    def finish(
        self, rollout: int, row: RolloutRow, verdicts: Iterable[tuple[str, str, str]]
    ) -> None:
        """Turn a running attempt into a done one, with its verdicts, in one transaction."""
        values = (row.outcome.value, row.reason, row.passed, row.total, *astuple(row.usage))
        rest = (row.cost_usd, row.calls, row.seconds, row.judge_version, row.output_digest)
        with self._transaction() as database:
            database.execute(
                "UPDATE rollouts SET status = 'done', outcome = ?, reason = ?, passed = ?, "
                "total = ?, tokens_input = ?, tokens_output = ?, tokens_cache_write = ?, "
                "tokens_cache_read = ?, cost_usd = ?, calls = ?, seconds = ?, judge_version = ?, "
                "output_digest = ? WHERE id = ? AND status = 'running'",
                (*values, *rest, rollout),
            )
            database.executemany(
                "INSERT INTO verdicts VALUES (?, ?, ?, ?)",
                [(rollout, *verdict) for verdict in verdicts],
            )

    def running(self) -> list[RunningProcess]:
        """What an earlier scaffold left unfinished."""
        found = self._database.execute(
            "SELECT id, pid, pid_started FROM rollouts WHERE status = 'running'"
        )
        return [RunningProcess(*row) for row in found]

    def mark_interrupted(self, rollout: int) -> None:
        """Close an attempt that ended with its scaffold; the rollout will be run again."""
        with self._transaction() as database:
            database.execute("UPDATE rollouts SET status = 'interrupted' WHERE id = ?", (rollout,))

    def rows(self, harness: str | None = None) -> list[RolloutRow]:
        """Every ended attempt, oldest first; of one harness if its digest is given."""
        condition, values = ("AND harness = ?", (harness,)) if harness is not None else ("", ())
        found = self._database.execute(
            f"SELECT {_ROW_COLUMNS} FROM rollouts WHERE status = 'done' {condition} ORDER BY id",
            values,
        )
        return [_rollout_row(row) for row in found]

    # Iterations.

    def iterations(self) -> list[IterationRow]:
        """Every iteration, the baseline's first."""
        found = self._database.execute(
            "SELECT number, harness, name, parent, incumbent, mechanism, claim, decision, reason "
            "FROM iterations ORDER BY number"
        )
        return [_iteration_row(*row) for row in found]

    def put_iteration(self, row: IterationRow) -> None:
        """Record an iteration, or what has become of it since."""
        values = astuple(row)
        decision = row.decision.value if row.decision else None
        with self._transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO iterations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values[:7], decision, row.reason),
            )


def read_identity(file: Path) -> dict[str, str]:
    """What a ledger's search was started with, read without becoming its writer."""
    with closing(Ledger(file, read_only=True)) as ledger:
        return ledger.identity()


def has_begun(file: Path) -> bool:
    """Whether there is a ledger with its tables; a kill can leave a file without them.

    Raises InputError for a file that is no ledger at all.
    """
    if not file.is_file():
        return False
    uri = f"file:{quote(str(file))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            query = "SELECT count(*) FROM sqlite_master WHERE name = 'iterations'"
            (count,) = database.execute(query).fetchone()
    except sqlite3.DatabaseError as error:
        raise InputError(file, "", f"no readable ledger ({error})", "a search's ledger") from error
    return bool(count)


def _open_to_read(file: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(file))}?mode=ro"
    database = sqlite3.connect(uri, isolation_level=None, uri=True)
    database.execute("SELECT 1 FROM search, rollouts, verdicts, iterations LIMIT 1")
    return database


def _open_to_write(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
    schema = files(__package__).joinpath("schema.sql").read_text("utf-8")
    database.executescript(f"BEGIN; {schema} COMMIT;")
    return database


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
    )


def _iteration_row(
    number: int,
    harness: str,
    name: str,
    parent: str,
    incumbent: str,
    mechanism: str,
    claim: str,
    decision: str | None,
    reason: str,
) -> IterationRow:
    kind = DecisionKind(decision) if decision else None
    return IterationRow(number, harness, name, parent, incumbent, mechanism, claim, kind, reason)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
