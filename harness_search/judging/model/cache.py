"""Verdicts that a model gave, kept by content: the same question is never paid for twice."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from harness_search.benchmark.tasks import Criterion
from harness_search.errors import InputError
from harness_search.files import digest_text
from harness_search.judging.model.questions import Answer
from harness_search.ledger.rows import Usage

APPLICATION = 0x4D485643
"""In the header of the file: tells it from any other SQLite database."""
SCHEMA_VERSION = 2
BUSY_SECONDS = 30.0
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS answers (
    key           TEXT PRIMARY KEY,
    scope         TEXT NOT NULL,
    criterion     TEXT NOT NULL,
    judge         TEXT NOT NULL,
    prompt        TEXT NOT NULL,
    replicate     INTEGER NOT NULL,
    verdict       TEXT NOT NULL,
    quote         TEXT NOT NULL,
    reason        TEXT NOT NULL,
    served_model  TEXT NOT NULL,
    input         INTEGER NOT NULL,
    output        INTEGER NOT NULL,
    cache_write   INTEGER NOT NULL,
    cache_read    INTEGER NOT NULL,
    usd           REAL NOT NULL,
    request_id    TEXT NOT NULL,
    raw           TEXT NOT NULL,
    at            TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS served (
    judge  TEXT PRIMARY KEY,
    model  TEXT NOT NULL,
    at     TEXT NOT NULL
) STRICT;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_ANSWER_COLUMNS = (
    "verdict, quote, reason, served_model, input, output, cache_write, cache_read, usd, "
    "request_id, raw"
)


def criterion_digest(criterion: Criterion, task_title: str) -> str:
    """SHA-256 over all that a judge is told of a criterion, the title of its task included."""
    return digest_text(task_title, criterion.title, criterion.match_criteria)


@dataclass(frozen=True)
class CacheKey:
    """All that an answer depends on. Task and rollout are not in it: they change no answer."""

    scope_digest: str
    criterion_digest: str
    judge: str
    """Profile, model and parameters of the judge, as one text."""
    prompt_version: str
    replicate: int = 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the parts."""
        return digest_text(
            self.scope_digest,
            self.criterion_digest,
            self.judge,
            self.prompt_version,
            str(self.replicate),
        )


class VerdictCache:
    """Answers on disk: any number of threads and processes may read and write.

    What was put is there after the process is killed; after a power cut the last answers may be
    missing, and are asked for again.
    """

    def __init__(self, file: Path) -> None:
        """Open the store, or make it. Raises InputError for a file that is none, or a newer one."""
        self._lock = threading.Lock()
        try:
            self._database = _opened(file)
        except sqlite3.DatabaseError as error:
            raise _unusable(file, f"no readable store of verdicts ({error})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def get(self, keys: Iterable[CacheKey]) -> dict[CacheKey, Answer]:
        """The answers that are there, by one query however many are asked for."""
        by_digest = {key.digest: key for key in keys}
        query = (
            f"SELECT key, {_ANSWER_COLUMNS} FROM answers "
            "WHERE key IN (SELECT value FROM json_each(?))"
        )
        with self._lock:
            found = self._database.execute(query, (json.dumps(list(by_digest)),)).fetchall()
        return {by_digest[digest]: _answer(values) for digest, *values in found}

    def count(self) -> int:
        """Answers that are kept."""
        with self._lock:
            (count,) = self._database.execute("SELECT count(*) FROM answers").fetchone()
        return int(count)

    def put(self, key: CacheKey, answer: Answer) -> None:
        """Keep an answer at once; a later one to the same question takes its place."""
        values = (*astuple(key), answer.verdict, answer.quote, answer.reason, answer.served_model)
        paid = (*astuple(answer.usage), answer.usd, answer.request_id, answer.raw)
        places = ", ".join("?" * (1 + len(values) + len(paid) + 1))
        with self._lock:
            self._database.execute(
                f"INSERT OR REPLACE INTO answers VALUES ({places})",
                (key.digest, *map(_text, values), *map(_text, paid), _now()),
            )

    def bind(self, judge: str, served_model: str) -> str:
        """The model that a judge's answers come from: the first one that served it."""
        query = "SELECT model FROM served WHERE judge = ?"
        with self._lock:
            found = self._database.execute(query, (judge,)).fetchone()
            if found is None:
                self._database.execute(
                    "INSERT OR IGNORE INTO served VALUES (?, ?, ?)", (judge, served_model, _now())
                )
                found = self._database.execute(query, (judge,)).fetchone()
        return str(found[0])


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(
        file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _require_ours(file, database)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        if _pragma(database, "user_version") < SCHEMA_VERSION:
            database.executescript(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def _require_ours(file: Path, database: sqlite3.Connection) -> None:
    """Raise InputError unless the file is empty or ours; nothing is changed before that."""
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and _pragma(database, "application_id") != APPLICATION:
        raise _unusable(file, "another program's database")
    version = _pragma(database, "user_version")
    if version > SCHEMA_VERSION:
        raise _unusable(file, f"a store of version {version}, from a newer Meta-Harness,")


def _unusable(file: Path, found: str) -> InputError:
    expected = f"a store of verdicts of version {SCHEMA_VERSION} (move the file away for a new one)"
    return InputError(file, "", found, expected)


def _pragma(database: sqlite3.Connection, name: str) -> int:
    (value,) = database.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _text(value: object) -> object:
    """A reply may hold half a character, which SQLite refuses; no verdict hangs on it."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _answer(values: Sequence[Any]) -> Answer:
    verdict, quote, reason, served_model, *tokens, usd, request_id, raw = values
    return Answer(verdict, quote, reason, served_model, Usage(*tokens), usd, request_id, raw)
