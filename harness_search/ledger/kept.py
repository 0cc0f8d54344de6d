"""A memo that outlives its process: a file beside the ledger that may be deleted at any time.

Each value is sealed with the state of what it was derived of: the random stamps of the rows (see
`revisions.py`), the weights, and the code that derives. A value of another state, or one that
somebody has touched, has another seal, and who could forge one has read the ledger's own stamps.
What does not fit, or cannot be read, is derived anew.
"""

import hashlib
import json
import sqlite3
from collections.abc import Hashable
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS kept (place TEXT PRIMARY KEY, value TEXT NOT NULL, "
    "seal BLOB NOT NULL) STRICT, WITHOUT ROWID"
)
_DERIVING = (
    *(f"ledger/{name}.py" for name in ("derived", "figures", "gains", "paid", "replicates")),
    *(f"ledger/{name}.py" for name in ("rows", "sandboxes", "scores")),
    *(f"promotion/{name}.py" for name in ("claim", "recall", "validation")),
    "pairing.py",
    "parsed.py",
    "reports/document/measures.py",
    "reports/pooled.py",
)
"""Code that says what is derived; of another one nothing is used."""


class Kept:
    """Values on disk, as JSON, by a name that tells their kind and subject."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._new: dict[str, tuple[str, bytes]] = {}

    def find(self, place: str, state: Hashable) -> Any:
        """The value of a state, as JSON; None where there is none."""
        text, seal = self._on_disk.pop(place, (None, b""))
        if not isinstance(text, str) or self._seal(place, state, text) != seal:
            return None
        try:
            return json.loads(text)
        except ValueError:
            return None

    def put(self, place: str, state: Hashable, value: Any) -> None:
        """Remember a value for the next `save`."""
        text = json.dumps(value, separators=(",", ":"))
        self._new[place] = (text, self._seal(place, state, text))

    def save(self, fewest: int = 1) -> None:
        """Write what is new, if it is so many values. Where that cannot be, nothing is kept."""
        if len(self._new) < fewest:
            return
        rows = [(place, text, seal) for place, (text, seal) in self._new.items()]
        self._new.clear()
        try:
            self._write(rows)
        except sqlite3.OperationalError:  # a reader's folder, another one at it, a full disk
            return
        except sqlite3.DatabaseError:  # no memo at all: nothing is lost with it
            with suppress(OSError):  # a reader may not remove it
                self._file.unlink(missing_ok=True)

    def _write(self, rows: list[tuple[str, str, bytes]]) -> None:
        with closing(sqlite3.connect(self._file, timeout=0, isolation_level=None)) as database:
            # Worth nothing after a crash of the machine, and so not worth waiting for the disk.
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA journal_mode = MEMORY")
            database.execute(_SCHEMA)
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")

    @cached_property
    def _on_disk(self) -> dict[str, tuple[Any, bytes]]:
        """All of it, until it is asked for: what is found is known from then on."""
        if not self._file.is_file():
            return {}
        uri = f"{self._file.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=0)) as database:
                found = database.execute("SELECT place, value, seal FROM kept").fetchall()
        except sqlite3.DatabaseError:
            return {}
        return {place: (text, seal) for place, text, seal in found}

    def _seal(self, place: str, state: Hashable, text: str) -> bytes:
        sealed = repr((self._code, place, state, text)).encode(errors="surrogatepass")
        return hashlib.blake2b(sealed, digest_size=16).digest()

    @cached_property
    def _code(self) -> str:
        digest = hashlib.sha256()
        package = Path(__file__).resolve().parent.parent
        for name in _DERIVING:
            digest.update(hashlib.sha256((package / name).read_bytes()).digest())
        return digest.hexdigest()
