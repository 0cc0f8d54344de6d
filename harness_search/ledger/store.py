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
    Role,
    RolloutKey,
    RolloutRow,
    Usage,
)

_KEY_COLUMNS = "harness, task, task_digest, trial, profile"
_PAID_COLUMNS = "paid_input, paid_output, paid_cache_write, paid_cache_read, paid_usd"
_ROW_COLUMNS = (
    f"{_KEY_COLUMNS}, attempt, outcome, reason, passed, total, tokens_input, tokens_output, "
    "tokens_cache_write, tokens_cache_read, cost_usd, calls, seconds, judge_version, "
    f"output_digest, {_PAID_COLUMNS}, sandbox"
)
_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class _Addition:
    """A column of `rollouts` that older ledgers lack."""

    declared: str
    then: str
    """What it would have said of the rows of an older ledger, in SQL."""


_COUNT = "INTEGER NOT NULL DEFAULT 0"
_ADDED = {
    # Before replies were replayed, all that counted was paid.
    "paid_input": _Addition(_COUNT, "COALESCE(tokens_input, 0)"),
    "paid_output": _Addition(_COUNT, "COALESCE(tokens_output, 0)"),
    "paid_cache_write": _Addition(_COUNT, "COALESCE(tokens_cache_write, 0)"),
    "paid_cache_read": _Addition(_COUNT, "COALESCE(tokens_cache_read, 0)"),
    "paid_usd": _Addition("REAL NOT NULL DEFAULT 0", "COALESCE(cost_usd, 0)"),
    # Before there was a sandbox, everything ran without one.
    "sandbox": _Addition("TEXT NOT NULL DEFAULT 'none'", "'none'"),
    "boot": _Addition("TEXT NOT NULL DEFAULT ''", "''"),
}


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A rollout's process as the ledger last knew it."""

    rollout: int
    pid: int
    pid_started: int
    """Start time of the process in clock ticks since boot; tells a reused pid apart."""
    boot: str
    """Which boot of the machine that was; empty in older ledgers, which do not know."""
    key: RolloutKey
    attempt: int


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

    def begin(self, key: RolloutKey, pid: int, pid_started: int, boot: str = "") -> tuple[int, int]:
        """Note that an attempt runs; returns its row id and its attempt number."""
        with self._transaction() as database:
            attempt = max(self.attempts(key), default=0) + 1
            cursor = database.execute(
                f"INSERT INTO rollouts ({_KEY_COLUMNS}, attempt, status, started_at, pid, "
                "pid_started, boot) VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?)",
                (*astuple(key), attempt, _now(), pid, pid_started, boot),
            )
            return int(cursor.lastrowid or 0), attempt

    def attempts(self, key: RolloutKey) -> list[int]:
        """Numbers of every attempt of a rollout so far, however it ended, the first one first."""
        where = " AND ".join(f"{name.strip()} = ?" for name in _KEY_COLUMNS.split(","))
        query = f"SELECT attempt FROM rollouts WHERE {where} ORDER BY attempt"
        return [attempt for (attempt,) in self._database.execute(query, astuple(key))]

    def finish(
        self, rollout: int, row: RolloutRow, verdicts: Iterable[tuple[str, str, str]]
    ) -> None:
        """Turn a running attempt into a done one, with its verdicts, in one transaction."""
        values = (row.outcome.value, row.reason, row.passed, row.total, *astuple(row.usage))
        rest = (row.cost_usd, row.calls, row.seconds, row.judge_version, row.output_digest)
        paid = (*astuple(row.paid), row.paid_usd)
        with self._transaction() as database:
            database.execute(
                "UPDATE rollouts SET status = 'done', outcome = ?, reason = ?, passed = ?, "
                "total = ?, tokens_input = ?, tokens_output = ?, tokens_cache_write = ?, "
                "tokens_cache_read = ?, cost_usd = ?, calls = ?, seconds = ?, judge_version = ?, "
                "output_digest = ?, paid_input = ?, paid_output = ?, paid_cache_write = ?, "
                "paid_cache_read = ?, paid_usd = ?, sandbox = ? "
                "WHERE id = ? AND status = 'running'",
                (*values, *rest, *paid, row.sandbox, rollout),
            )
            database.executemany(
                "INSERT INTO verdicts VALUES (?, ?, ?, ?)",
                [(rollout, *verdict) for verdict in verdicts],
            )

    def running(self) -> list[RunningProcess]:
        """What an earlier scaffold left unfinished."""
        found = self._database.execute(
            f"SELECT id, pid, pid_started, boot, attempt, {_KEY_COLUMNS} FROM rollouts "
            "WHERE status = 'running' ORDER BY id"
        )
        return [
            RunningProcess(rollout, pid, pid_started, boot, RolloutKey(*key), attempt)
            for rollout, pid, pid_started, boot, attempt, *key in found
        ]

    def mark_interrupted(self, rollout: int, usage: Usage = _NOTHING, usd: float = 0.0) -> None:
        """Close an attempt that ended with its scaffold, with what it had paid; the rollout will
        be run again."""
        with self._transaction() as database:
            database.execute(
                "UPDATE rollouts SET status = 'interrupted', paid_input = ?, paid_output = ?, "
                "paid_cache_write = ?, paid_cache_read = ?, paid_usd = ? "
                "WHERE id = ? AND status = 'running'",
                (*astuple(usage), usd, rollout),
            )

    def rows(self, harness: str | None = None) -> list[RolloutRow]:
        """Every ended attempt, oldest first; of one harness if its digest is given."""
        condition, values = ("AND harness = ?", (harness,)) if harness is not None else ("", ())
        found = self._database.execute(
            f"SELECT {_ROW_COLUMNS} FROM rollouts WHERE status = 'done' {condition} ORDER BY id",
            values,
        )
        return [_rollout_row(row) for row in found]

    # Money.

    def record_spending(self, role: Role, subject: str, usage: Usage, usd: float) -> None:
        """Note what was spent outside rollouts, and on what."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO spending (role, subject, input, output, cache_write, cache_read, usd, "
                "at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (role.value, subject, *astuple(usage), usd, _now()),
            )

    def paid_by_harness(self) -> dict[str, tuple[Usage, float]]:
        """Tokens and USD that the rollouts of each harness (its digest) paid, in every attempt."""
        sums = ", ".join(f"SUM({name})" for name in _PAID_COLUMNS.split(", "))
        found = self._database.execute(
            f"SELECT harness, {sums} FROM rollouts GROUP BY harness ORDER BY MIN(id)"
        )
        return {harness: (Usage(*tokens), usd) for harness, *tokens, usd in found}

    def spending(self) -> dict[Role, tuple[Usage, float]]:
        """Tokens and USD spent outside rollouts, by role."""
        found = self._database.execute(
            "SELECT role, SUM(input), SUM(output), SUM(cache_write), SUM(cache_read), SUM(usd) "
            "FROM spending GROUP BY role"
        )
        return {Role(role): (Usage(*tokens), usd) for role, *tokens, usd in found}

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
    _show_as_newest(database)
    return database


def _show_as_newest(database: sqlite3.Connection) -> None:
    """A reader may not add what an older ledger lacks: it is shown a newer one instead."""
    database.execute("PRAGMA temp_store = MEMORY")
    if missing := _missing_columns(database):
        columns = ", ".join(f"{_ADDED[name].then} AS {name}" for name in missing)
        database.execute(f"CREATE TEMP VIEW rollouts AS SELECT *, {columns} FROM main.rollouts")
    query = "SELECT count(*) FROM main.sqlite_master WHERE name = 'spending'"
    if database.execute(query).fetchone() == (0,):
        kinds = "input, output, cache_write, cache_read"
        database.execute(f"CREATE TEMP TABLE spending (role, {kinds}, usd)")


def _open_to_write(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
    schema = files(__package__).joinpath("schema.sql").read_text("utf-8")
    database.executescript(f"BEGIN; {schema} COMMIT;")
    if missing := _missing_columns(database):
        _add_columns(database, missing)
    return database


def _missing_columns(database: sqlite3.Connection) -> list[str]:
    """Columns that the ledger is too old to have."""
    columns = {row[1] for row in database.execute("PRAGMA main.table_info(rollouts)")}
    return [name for name in _ADDED if name not in columns]


def _add_columns(database: sqlite3.Connection, names: Iterable[str]) -> None:
    database.execute("BEGIN IMMEDIATE")
    for name in names:
        column = _ADDED[name]
        database.execute(f"ALTER TABLE rollouts ADD COLUMN {name} {column.declared}")
        database.execute(f"UPDATE rollouts SET {name} = {column.then}")
    database.execute("COMMIT")


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
