"""Opens a ledger's file, whichever of our versions made it, also where nothing may be written."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

from harness_search.ledger import probes, sessions, settled
from harness_search.ledger.versions import (
    bring_up_to_date,
    missing_columns,
    require_known_version,
)


def open_to_read(file: Path) -> sqlite3.Connection:
    """Open a ledger without becoming its writer; one of an older kind is shown as a new one.

    Raises InputError for a ledger of a newer version.
    """
    database = connect_to_read(file)
    try:
        require_known_version(file, database)
        # Not LIMIT 1: where one table is empty, all pairs of the others would be walked through.
        database.execute("SELECT 1 FROM search, rollouts, verdicts, iterations LIMIT 0")
        _show_as_newest(database)
    except BaseException:
        database.close()
        raise
    return database


def connect_to_read(file: Path) -> sqlite3.Connection:
    """A connection that changes nothing, and sees all that was committed. Raises DatabaseError."""
    database = _connected(file, "mode=ro")
    try:
        _look(database)
    except sqlite3.OperationalError:
        database.close()
        if os.access(file.parent, os.W_OK):
            raise
        return _connected_where_nothing_is_written(file)
    return database


def _connected_where_nothing_is_written(file: Path) -> sqlite3.Connection:
    """SQLite can read a log only with an index of it, a file that it would have to make."""
    log = file.with_name(f"{file.name}-wal")
    if not log.is_file() or not log.stat().st_size:
        database = _connected(file, "immutable=1")
        _look(database)
        return database
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        for path in (file, log):
            shutil.copyfile(path, copy.with_name(path.name))
        database = _connected(copy, "mode=ro")
        _look(database)  # its files are open from here on, and need their names no more
    return database


def _connected(file: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(file))}?{how}", isolation_level=None, uri=True)


def _look(database: sqlite3.Connection) -> None:
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _show_as_newest(database: sqlite3.Connection) -> None:
    """A reader may not add what an older ledger lacks: it is shown a newer one instead."""
    database.execute("PRAGMA temp_store = MEMORY")
    if missing := missing_columns(database):
        columns = ", ".join(f"{then} AS {name}" for name, then in missing.items())
        database.execute(f"CREATE TEMP VIEW rollouts AS SELECT *, {columns} FROM main.rollouts")
    query = "SELECT count(*) FROM main.sqlite_master WHERE name = 'spending'"
    if database.execute(query).fetchone() == (0,):
        kinds = "input, output, cache_write, cache_read"
        database.execute(f"CREATE TEMP TABLE spending (role, subject, {kinds}, usd, at)")
    sessions.show_no_sessions(database)
    probes.show_no_probes(database)
    settled.show_none_settled(database)


def open_to_write(file: Path) -> sqlite3.Connection:
    """Open a ledger, or make it; one of an older kind is brought up to date.

    Raises InputError for a ledger of a newer version, which stays as it is to the last byte.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file():
        reader = connect_to_read(file)
        try:
            require_known_version(file, reader)
        finally:
            reader.close()
    database = sqlite3.connect(file, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        bring_up_to_date(file, database)
    except BaseException:
        database.close()
        raise
    return database
