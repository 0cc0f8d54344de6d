"""Digests of files, taken again only of those that may have changed."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

RECENT = 2_000_000_000
"""Nanoseconds since a file's last change within which its times prove nothing: the clock of a file
system may be coarse, and a second change leave them as they are."""

FileState = tuple[str, int, int, int, int, int]
"""A path, where its file lies, its size, and when its content and its inode were last changed."""
Value = TypeVar("Value")


class Digests:
    """What was made of files, by name, each with the state that its files were in.

    A state holds the time of the last change of each file's inode, which no program can set back;
    a file that has changed a moment ago is read again.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[FileState, ...], Any]] = {}

    def of(self, name: str, states: Iterable[FileState], make: Callable[[], Value]) -> Value:
        """What `make` makes of the files of these states."""
        state = tuple(states)
        known = self._known.get(name)
        if known is not None and known[0] == state:
            return cast("Value", known[1])
        value, now = make(), time.time_ns()
        if all(changed_at + RECENT < now for *_, changed_at in state):
            self._known[name] = (state, value)
        return value


def state_of(file: str | Path) -> FileState:
    """The state of one file; of zeros where there is none."""
    path = os.fspath(file)
    try:
        return _state(path, os.stat(path))  # noqa: PTH116 - a thousand paths at a time
    except OSError:
        return (path, 0, 0, 0, 0, 0)


def states_below(folder: str | Path, endings: tuple[str, ...] = ("",)) -> Iterator[FileState]:
    """States of every file with one of the endings, in an order that stays while the folders do.
    Compiled code is left out: Python makes it anew of what it is given."""
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                found = [*entries]
        except OSError:
            continue
        for entry in found:
            if entry.is_dir():
                if not entry.is_symlink() and entry.name != "__pycache__":
                    waiting.append(entry.path)
            elif entry.name.endswith(endings):
                yield _state_in(entry)


def _state_in(entry: "os.DirEntry[str]") -> FileState:
    try:
        return _state(entry.path, entry.stat())
    except OSError:
        return (entry.path, 0, 0, 0, 0, 0)


def _state(path: str, found: os.stat_result) -> FileState:
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return (path, found.st_dev, found.st_ino, found.st_size, *times)
