"""Versions of a ledger's tables: a file of an older one is copied, then brought up to date."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from harness_search.disk import MEGABYTE, require_room
from harness_search.errors import InputError
from harness_search.files import next_free, sync_folder

VERSION = 1
"""Of `schema.sql`, and in the header of each ledger (`PRAGMA user_version`). Raise it with each
change of the tables, and say in `_STEPS` how a ledger of the version before gets there."""

VERSION_FIELD = "version of its tables"


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
    "served_model": _Addition("TEXT NOT NULL DEFAULT ''", "''"),
}


def require_known_version(file: Path, database: sqlite3.Connection) -> int:
    """The version of an open ledger; raises InputError for one that only a newer program knows."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise InputError(
            file,
            VERSION_FIELD,
            version,
            f"at most {VERSION}: a newer Meta-Harness wrote it; install that one to go on with it",
        )
    return int(version)


def bring_up_to_date(file: Path, database: sqlite3.Connection) -> None:
    """Make the tables of a new ledger, or of an older one those of today, in one transaction.

    What an older ledger was is kept beside it, as `<name>.before-v<version>`. Raises InputError for
    another program's database, and for a ledger of a newer version.
    """
    version = require_known_version(file, database)
    if version == VERSION:
        return
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if tables and not {"search", "rollouts"} <= tables:
        raise InputError(file, "", "another program's database", "a search's ledger")
    steps = [_schema()]
    if tables:
        keep_copy(file, database)
        steps = [sql for step in _STEPS[version:] for sql in step(database)]
    script = ";\n".join([*steps, f"PRAGMA user_version = {VERSION}"])
    database.executescript(f"BEGIN IMMEDIATE;\n{script};\nCOMMIT;")


def missing_columns(database: sqlite3.Connection) -> dict[str, str]:
    """Columns of `rollouts` that an unnumbered ledger may be too old to have, each with what it
    would have said, in SQL."""
    columns = {row[1] for row in database.execute("PRAGMA main.table_info(rollouts)")}
    return {name: column.then for name, column in _ADDED.items() if name not in columns}


def keep_copy(file: Path, database: sqlite3.Connection) -> None:
    """Keep a ledger as it is, whole or not at all; a copy that says something else stays too."""
    copy = file.with_name(f"{file.name}.before-v{VERSION}")
    part = file.with_name(f".{copy.name}.part")
    part.unlink(missing_ok=True)
    # The copy, and as much again twice while all rows change.
    require_room(file.parent, 1 + 3 * file.stat().st_size // MEGABYTE)
    try:
        with closing(sqlite3.connect(part)) as target:
            database.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        _sync(part)
        if copy.is_file() and copy.read_bytes() == part.read_bytes():
            part.unlink()  # of an opening that was killed before it had changed anything
        else:
            part.rename(next_free(copy) if copy.exists() else copy)
    except (OSError, sqlite3.Error):
        part.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def _sync(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _schema() -> str:
    return files(__package__).joinpath("schema.sql").read_text("utf-8").rstrip().rstrip(";")


def _from_unnumbered(database: sqlite3.Connection) -> list[str]:
    """The columns first: what else the tables of version 1 have may refer to them."""
    statements = []
    for name, then in missing_columns(database).items():
        statements.append(f"ALTER TABLE rollouts ADD COLUMN {name} {_ADDED[name].declared}")
        statements.append(f"UPDATE rollouts SET {name} = {then}")
    return [*statements, _schema()]


_STEPS: tuple[Callable[[sqlite3.Connection], list[str]], ...] = (_from_unnumbered,)
"""From version n, the n-th one: statements that lead to the version after it."""
