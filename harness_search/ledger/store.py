"""The ledger: SQLite in WAL mode, one writer, nothing in it that could be derived."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path

from harness_search.disk import is_full
from harness_search.errors import InputError
from harness_search.ledger import probes, regrading, sessions, settled
from harness_search.ledger.booking import add_spending
from harness_search.ledger.database import connect_to_read, open_to_read, open_to_write
from harness_search.ledger.kept import Kept
from harness_search.ledger.memo import Memo
from harness_search.ledger.paid import Paid
from harness_search.ledger.probes import ProbeRow
from harness_search.ledger.reading import (
    KEY_COLUMNS,
    parts_of,
    read_iterations,
    read_lost,
    read_rows,
    read_verdicts,
)
from harness_search.ledger.regrading import Flipped
from harness_search.ledger.revisions import ITERATIONS, Revisions
from harness_search.ledger.rows import (
    IterationRow,
    Role,
    RolloutKey,
    RolloutRow,
    Usage,
)
from harness_search.ledger.sessions import SessionResult, SessionRow, SessionStart
from harness_search.ledger.settled import FirstWord

MEMO = "memo.sqlite3"
"""Beside a ledger: what was derived of it, and may be deleted at any time."""
_NOTHING = Usage()
# As `dataclasses.astuple` has them, which copies each of them on the way.
_key_values = attrgetter(*(field.name for field in fields(RolloutKey)))
_tokens = attrgetter(*(field.name for field in fields(Usage)))
_iteration_values = attrgetter(*(field.name for field in fields(IterationRow)))


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
        self.file = file
        self._followers: list[Callable[[SessionRow], None]] = []
        self._iterations: list[IterationRow] = []
        try:
            self._database = open_to_read(file) if read_only else open_to_write(file)
        except sqlite3.DatabaseError as error:
            if is_full(error, file.parent):
                raise
            raise InputError(
                file, "", f"no readable ledger ({error})", "a search's ledger (see --fresh)"
            ) from error
        self._revisions = Revisions(self._database)
        self.memo = Memo(Kept(file.with_name(MEMO)))
        """What was derived of its rows; nothing in the ledger itself is."""
        self._paid = Paid(self._database, self._revisions, self.memo)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """What is not durable is there after any kill, and after a power loss only if something
        durable came later."""
        if not durable:
            self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # a full disk has undone it already
                self._database.execute("ROLLBACK")
            raise
        finally:
            if not durable:
                self._database.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Within, all rows are those of its first look, whatever the writer does meanwhile."""
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.execute("ROLLBACK")

    def look(self) -> Revisions:
        """In which state all rows are now; what is kept of them here follows."""
        changed = self._revisions.refresh()
        if numbers := [part for harness, part in changed if harness == ITERATIONS]:
            first = min(numbers)
            kept = (row for row in self._iterations if row.number < first)
            self._iterations = [*kept, *read_iterations(self._database, first)]
        self._paid.follow(harness for harness, _ in changed if harness != ITERATIONS)
        return self._revisions

    # What this search is.

    def identity(self) -> dict[str, str]:
        """What the search was started with; empty before its first start."""
        return dict(self._database.execute("SELECT name, value FROM search"))

    def set_identity(self, values: dict[str, str]) -> None:
        with self._transaction() as database:
            database.executemany("INSERT INTO search VALUES (?, ?)", sorted(values.items()))

    # Rollouts.

    def begin(self, key: RolloutKey, pid: int, pid_started: int, boot: str = "") -> tuple[int, int]:
        """Note that an attempt runs; returns its row id and its attempt number.

        The disk is not waited for. The row is there to find a process that outlives its scaffold,
        and none outlives the machine; what an attempt has paid is read from its transcript, which
        nobody waits for either.
        """
        with self._transaction(durable=False) as database:
            attempt = max(self.attempts(key), default=0) + 1
            cursor = database.execute(
                f"INSERT INTO rollouts ({KEY_COLUMNS}, attempt, status, started_at, pid, "
                "pid_started, boot) VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?)",
                (*_key_values(key), attempt, _start(database), pid, pid_started, boot),
            )
            return int(cursor.lastrowid or 0), attempt

    def attempts(self, key: RolloutKey) -> list[int]:
        """Numbers of every attempt of a rollout so far, however it ended, the first one first."""
        where = " AND ".join(f"{name.strip()} = ?" for name in KEY_COLUMNS.split(","))
        query = f"SELECT attempt FROM rollouts WHERE {where} ORDER BY attempt"
        return [attempt for (attempt,) in self._database.execute(query, _key_values(key))]

    def finish(
        self, rollout: int, row: RolloutRow, verdicts: Iterable[tuple[str, str, str]]
    ) -> None:
        """Turn a running attempt into a done one, with its verdicts, in one transaction."""
        values = (row.outcome.value, row.reason, row.passed, row.total, *_tokens(row.usage))
        rest = (row.cost_usd, row.calls, row.seconds, row.judge_version, row.output_digest)
        paid = (*_tokens(row.paid), row.paid_usd)
        with self._transaction() as database:
            database.execute(
                "UPDATE rollouts SET status = 'done', outcome = ?, reason = ?, passed = ?, "
                "total = ?, tokens_input = ?, tokens_output = ?, tokens_cache_write = ?, "
                "tokens_cache_read = ?, cost_usd = ?, calls = ?, seconds = ?, judge_version = ?, "
                "output_digest = ?, paid_input = ?, paid_output = ?, paid_cache_write = ?, "
                "paid_cache_read = ?, paid_usd = ?, sandbox = ?, "
                "served_model = ? WHERE id = ? AND status = 'running'",
                (*values, *rest, *paid, row.sandbox, row.served_model, rollout),
            )
            database.executemany(
                "INSERT INTO verdicts VALUES (?, ?, ?, ?)",
                [(rollout, *verdict) for verdict in verdicts],
            )

    def running(self) -> list[RunningProcess]:
        """What an earlier scaffold left unfinished."""
        found = self._database.execute(
            f"SELECT id, pid, pid_started, boot, attempt, {KEY_COLUMNS} FROM rollouts "
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
                (*_tokens(usage), usd, rollout),
            )

    def rows(self, harness: str | None = None, part: int | None = None) -> list[RolloutRow]:
        """Every ended attempt, oldest first; of one harness if its digest is given, and of one
        part of its trials (see `revisions.py`) if that is."""
        return read_rows(self._database, harness, part)

    def rows_beside(self, keys: Iterable[RolloutKey]) -> list[RolloutRow]:
        """Every ended attempt of rollouts, and others of the same harnesses and parts."""
        return [row for harness, part in parts_of(keys) for row in self.rows(harness, part)]

    def lost(self) -> dict[RolloutKey, int]:
        """The attempts that each rollout has lost so far; those that lost none are left out."""
        return read_lost(self._database)

    def verdicts(self, harness: str) -> dict[RolloutKey, dict[str, str]]:
        """Verdicts by criterion of each finished rollout of a harness (its digest)."""
        return read_verdicts(self._database, harness)

    def record_probe(self, row: ProbeRow) -> None:
        """Note what the judge said to a probe; the first word stays."""
        with self._transaction() as database:
            probes.add_probe(database, row, _now())

    def probes(self, harness: str) -> list[ProbeRow]:
        """Every answer to a probe of a harness (its digest), oldest first."""
        return probes.read_probes(self._database, harness)

    # Another judge.

    def note_judge(self, judge: str, *, whole: bool) -> None:
        """Note that all rows are of this judge; or, unless `whole`, that they are on the way."""
        with self._transaction() as database:
            (regrading.complete if whole else regrading.begin)(database, judge)

    def regrade(
        self, row: RolloutRow, judge: str, verdicts: Iterable[tuple[str, str, str]]
    ) -> Flipped:
        """Replace the verdicts of a scored rollout; the old ones are kept beside."""
        with self._transaction() as database:
            return regrading.replace_verdicts(database, row, judge, verdicts)

    def settle(self, row: RolloutRow, by: str, verdicts: Iterable[tuple[str, str, str]]) -> Flipped:
        """Let a second judge's verdicts count for a rollout; the first judge's are kept beside."""
        with self._transaction() as database:
            return settled.settle_verdicts(database, row, by, verdicts)

    def settled(self, harness: str) -> dict[RolloutKey, dict[str, FirstWord]]:
        """What a second judge was asked about of a harness (its digest), by rollout and
        criterion, with the first judge's verdict."""
        return settled.read_settled(self._database, harness)

    def first_verdicts(self, harness: str) -> dict[RolloutKey, dict[str, str]]:
        """Verdicts as `verdicts` gives them, but of the first judge alone."""
        found = self.verdicts(harness)
        for key, words in self.settled(harness).items():
            found[key] |= {criterion: word.verdict for criterion, word in words.items()}
        return found

    def set_aside(self, row: RolloutRow) -> None:
        """Let an ended attempt count no longer: the rollout will be run again."""
        with self._transaction() as database:
            regrading.set_aside(database, row)

    # Money.

    def record_spending(self, role: Role, subject: str, usage: Usage, usd: float) -> None:
        """Note what was spent outside rollouts, and on what."""
        with self._transaction() as database:
            add_spending(database, role, subject, usage, usd, _now())

    def paid_by_harness(self) -> dict[str, tuple[Usage, float]]:
        """Tokens and USD that the rollouts of each harness (its digest) paid, in every attempt."""
        self.look()
        return self._paid.sums()

    def spending(self) -> dict[Role, tuple[Usage, float]]:
        """Tokens and USD spent outside rollouts, by role."""
        found = self._database.execute(
            "SELECT role, SUM(input), SUM(output), SUM(cache_write), SUM(cache_read), SUM(usd) "
            "FROM spending GROUP BY role"
        )
        return {Role(role): (Usage(*tokens), usd) for role, *tokens, usd in found}

    def booked(self, role: Role) -> set[str]:
        """What a role has spent something on, and what was booked for that."""
        found = self._database.execute(
            "SELECT DISTINCT subject FROM spending WHERE role = ?", (role.value,)
        )
        return {subject for (subject,) in found}

    # Iterations.

    def iterations(self) -> list[IterationRow]:
        """Every iteration, the baseline's first."""
        self.look()
        if not self._revisions.known:
            return read_iterations(self._database)
        return list(self._iterations)

    def put_iteration(self, row: IterationRow) -> None:
        """Record an iteration, or what has become of it since."""
        values = _iteration_values(row)
        decision = row.decision.value if row.decision else None
        with self._transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO iterations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values[:7], decision, row.reason),
            )

    # Proposer sessions.

    def begin_session(self, start: SessionStart) -> SessionRow:
        """Note that a run of a proposer session begins, and count it within its iteration."""
        with self._transaction() as database:
            row = sessions.add_session(database, start, _now())
        self._tell(row)
        return row

    def end_session(self, session: int, result: SessionResult) -> None:
        """Note how a run, given by its row id, ended, and book what it paid; what has ended stays
        as it is, and is not booked again."""
        with self._transaction() as database:
            closed = sessions.close_session(database, session, result, _now())
        if closed is not None:
            self._tell(closed)

    @contextmanager
    def following_sessions(self, follower: Callable[[SessionRow], None]) -> Iterator[None]:
        """Show a follower each run that is begun or ended through this ledger, once that is on
        disk, whichever proposer holds it."""
        self._followers.append(follower)
        try:
            yield
        finally:
            self._followers.remove(follower)

    def _tell(self, row: SessionRow) -> None:
        for follower in self._followers:
            follower(row)

    def sessions(self, iteration: int | None = None) -> list[SessionRow]:
        """Every run of a proposer session, oldest first; of one iteration if it is given."""
        return sessions.read_sessions(self._database, iteration)

    def last_session(self) -> SessionRow | None:
        """The last run of a proposer session; None before the first."""
        return sessions.last_session(self._database)


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
    try:
        with closing(connect_to_read(file)) as database:
            query = "SELECT count(*) FROM sqlite_master WHERE name = 'iterations'"
            (count,) = database.execute(query).fetchone()
    except sqlite3.DatabaseError as error:
        raise InputError(file, "", f"no readable ledger ({error})", "a search's ledger") from error
    return bool(count)


def _start(database: sqlite3.Connection) -> str:
    """When a rollout begins: later than all before it, even where the clock was set back, for the
    gate tells by it what ran before a candidate and what beside it."""
    now = _now()
    query = "SELECT started_at FROM rollouts ORDER BY id DESC LIMIT 1"
    (last,) = database.execute(query).fetchone() or ("",)
    if last < now:
        return now
    later = datetime.fromisoformat(last) + timedelta(milliseconds=1)
    return later.isoformat(timespec="milliseconds")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
