"""Disks that are full or may not be written: what that ends, in one sentence."""

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness_search.errors import InputError, SearchStoppedError

MEGABYTE = 1024 * 1024
RESERVE = 100
"""Megabytes for transcripts, logs and ledger."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_GOES_ON = "Nothing is lost: make room, and the same command goes on."
# SQLite knows no quota, and says of a file that cannot grow no more than that it failed.
_PERHAPS_FULL = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})


def free_megabytes(folder: Path) -> int:
    """What may still be written where a folder lies, or would lie."""
    return shutil.disk_usage(_nearest(folder)).free // MEGABYTE


def require_room(folder: Path, megabytes: int = RESERVE) -> None:
    """Raise SearchStoppedError before something is begun that the disk has no room for."""
    if free_megabytes(folder) < megabytes:
        raise SearchStoppedError(_stopped(folder, megabytes))


def require_writable(*folders: Path) -> None:
    """Raise InputError for a folder that is there and in which nothing may be written."""
    for folder in folders:
        if folder.is_dir() and not os.access(folder, os.W_OK):
            expected = "a folder of this user's, on a disk that is not read-only"
            raise InputError(folder, "", "a folder in which nothing may be written", expected)


def is_full(error: OSError | sqlite3.Error, folder: Path) -> bool:
    """Whether an error says that the disk of a folder is full, or its quota used up."""
    if isinstance(error, OSError):
        return error.errno in FULL
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # not there where Python itself raised it
    return code == sqlite3.SQLITE_FULL or (code in _PERHAPS_FULL and free_megabytes(folder) < 1)


@contextmanager
def stopping_when_full(folder: Path, megabytes: int = RESERVE) -> Iterator[None]:
    """Raise SearchStoppedError for a disk that is full, wherever that was met.

    `folder` is named where an error names no file; `megabytes` are needed to go on.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if not is_full(error, folder):
            raise
        where = min(_perhaps_full(error, folder), key=free_megabytes)
        said = _stopped(where, megabytes)
        if _has_room(where, megabytes):
            said = f"{_full_elsewhere(where)}. {_GOES_ON}"
        raise SearchStoppedError(said) from error


def _perhaps_full(error: OSError | sqlite3.Error, folder: Path) -> list[Path]:
    """Where an error may have been met: a failed copy, for one, names what it has read."""
    names = (error.filename2, error.filename) if isinstance(error, OSError) else ()
    named = [Path(name).parent for name in names if isinstance(name, str)]
    return [*named, folder, Path(tempfile.gettempdir())]


def no_room(folder: Path, megabytes: int = RESERVE) -> str:
    """What is missing where, without the full stop."""
    place = _nearest(folder)
    return (
        f"{place}: no space left on its disk, or within its quota ({free_megabytes(place):,} MB "
        f"free, at least {megabytes:,} MB needed)"
    )


def _has_room(folder: Path, megabytes: int) -> bool:
    state = os.statvfs(_nearest(folder))
    has_entries = state.f_files == 0 or state.f_favail > 0
    return has_entries and free_megabytes(folder) >= megabytes


def _full_elsewhere(folder: Path) -> str:
    """What to say when the disk of a folder, the fullest of those that may be meant, has room:
    what it is printed to may be full, a quota, or it was full for a moment."""
    free = f"{free_megabytes(folder):,} MB free in {_nearest(folder)}"
    return f"no space left on a disk, or within a quota, that the system does not name ({free})"


def _stopped(folder: Path, megabytes: int) -> str:
    return f"{no_room(folder, megabytes)}. {_GOES_ON}"


def _nearest(folder: Path) -> Path:
    """The folder, or what is left of the path to it."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())
