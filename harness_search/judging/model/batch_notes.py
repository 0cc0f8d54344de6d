"""Which batch holds the answer to which question: what was asked once is found again, by any later
launch, in whatever company it is asked then."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness_search.errors import InputError

SECONDS_KEPT = 29 * 24 * 3600.0
"""How long the provider keeps results (source: the API's documentation of message batches)."""
BUSY_SECONDS = 30.0
VERSION = 1
"""Of the tables; 0 is the same, from before they had a number."""
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS batches (
    batch  TEXT PRIMARY KEY,
    at     REAL NOT NULL,
    booked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS questions (
    question  TEXT PRIMARY KEY,
    batch     TEXT NOT NULL REFERENCES batches ON DELETE CASCADE,
    custom_id TEXT NOT NULL,
    place     INTEGER NOT NULL,
    count     INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS questions_by_batch ON questions (batch);
PRAGMA user_version = {VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Noted:
    """Where the answer to a question will be."""

    batch: str
    custom_id: str
    """Of its call."""
    place: int
    """Among the questions of that call, from 0."""
    count: int
    """Of these questions."""


class BatchNotes:
    """The batches under way, on disk; questions are given by a digest of all that they ask."""

    def __init__(self, file: Path, now: Callable[[], float] = time.time) -> None:
        """Open the notes, or make them, and drop what the provider has forgotten.

        `now` is in seconds. Raises InputError for a file that is something else.
        """
        self._now = now
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
            self._require_known_version(file)
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.execute("PRAGMA journal_mode = WAL")
            # A lost note is a batch paid twice.
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(_SCHEMA)
            oldest = now() - SECONDS_KEPT
            self._database.execute("DELETE FROM batches WHERE at < ?", (oldest,))
        except sqlite3.DatabaseError as error:
            found = f"no readable notes of batches ({error})"
            raise InputError(file, "", found, "such notes (move the file away)") from error

    def _require_known_version(self, file: Path) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            self.close()
            found = f"notes of version {version}, from a newer Meta-Harness"
            raise InputError(file, "", found, f"at most {VERSION} (move the file away)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def batches(self) -> frozenset[str]:
        """Names of all batches with answers to come: a gateway has to let them be read."""
        return frozenset(name for (name,) in self._database.execute("SELECT batch FROM batches"))

    def booked(self) -> frozenset[str]:
        """Those of them that a launch has paid for: whoever reads them again pays nothing."""
        rows = self._database.execute("SELECT batch FROM batches WHERE booked")
        return frozenset(name for (name,) in rows)

    def book(self, batch: str) -> None:
        """Note that the results of a batch have been read and paid for; on disk at once."""
        self._database.execute("UPDATE batches SET booked = 1 WHERE batch = ?", (batch,))

    def put(self, batch: str, calls: Mapping[str, Sequence[str]]) -> None:
        """Note the questions of a batch, by the `custom_id` of their call; on disk at once."""
        rows = [
            (question, batch, custom_id, place, len(questions))
            for custom_id, questions in calls.items()
            for place, question in enumerate(questions)
        ]
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")
            query = "INSERT OR REPLACE INTO batches (batch, at) VALUES (?, ?)"
            database.execute(query, (batch, self._now()))
            database.executemany("INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?, ?)", rows)

    def find(self, questions: Iterable[str]) -> dict[str, Noted]:
        """Where the answers are to those of the questions that were asked before."""
        query = (
            "SELECT question, batch, custom_id, place, count FROM questions "
            "WHERE question IN (SELECT value FROM json_each(?))"
        )
        rows = self._database.execute(query, (json.dumps(list(questions)),))
        return {question: Noted(*noted) for question, *noted in rows}

    def forget(self, questions: Iterable[str]) -> None:
        """Let questions be asked anew."""
        query = "DELETE FROM questions WHERE question IN (SELECT value FROM json_each(?))"
        self._database.execute(query, (json.dumps(list(questions)),))
        self._database.execute(
            "DELETE FROM batches WHERE NOT EXISTS "
            "(SELECT 1 FROM questions WHERE questions.batch = batches.batch)"
        )

    def forget_batch(self, batch: str) -> None:
        """Let all questions of a batch be asked anew."""
        self._database.execute("DELETE FROM batches WHERE batch = ?", (batch,))
