"""The journal: what happened in all launches, one JSON line an event, in a file that only grows."""

import errno
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from harness_search.service.events import EVENTS, Dropped, Event, Repaired

LONGEST_TEXT = 2_000
"""Characters of one field; the ledger has the whole."""
BLOCK = 1 << 16
LATEST = 253_402_300_800
"""Unix time of the year 10000, which no calendar here can show."""
_TYPES: Mapping[str, type[Event]] = MappingProxyType({event.kind: event for event in EVENTS})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal, read back."""

    at: float
    """Unix time, in seconds."""
    kind: str
    document: Mapping[str, Any]
    event: Event | None
    """None for what this version does not know, or not in this form."""


class Journal:
    """Writes events as they are told; its caller holds the workspace's lock.

    Opening it cuts off what a crash left unfinished at its end. What cannot be written, on a full
    disk above all, is dropped, and counted once there is space again: the ledger decides, and no
    search ends for want of a log. Nor is it synced: a power loss may take the last seconds.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(file, flags, 0o644)
        self._clock, self._dropped, self._reason = clock, 0, ""
        if repaired := _repair(self._descriptor, file.with_name(f"{file.name}.torn")):
            self.write(repaired)

    def write(self, event: Event) -> None:
        """Append one event, in one call to the system."""
        if not self._append(self._count() + encoded(self._clock(), event)):
            self._dropped += 1

    def close(self) -> None:
        """Let go of the file, and say what was dropped if that can be said by now."""
        if self._dropped:
            self._append(self._count())
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _count(self) -> bytes:
        """The line on what was dropped; empty when nothing was."""
        if not self._dropped:
            return b""
        return encoded(self._clock(), Dropped(self._dropped, self._reason))

    def _append(self, lines: bytes) -> bool:
        """Whether the lines are in the file: all of them, or nothing."""
        try:
            written = os.write(self._descriptor, lines)
            if written < len(lines):
                end = os.fstat(self._descriptor).st_size
                os.ftruncate(self._descriptor, end - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._reason = error.strerror or type(error).__name__
            return False
        self._dropped = 0
        return True


def encoded(at: float, event: Event) -> bytes:
    """The line of an event: plain ASCII, whatever a model wrote into it."""
    document = {"at": round(at, 2), **event.to_json()}
    bounded = {name: _bounded(value) for name, value in document.items()}
    return json.dumps(bounded, separators=(",", ":")).encode("ascii") + b"\n"


def _bounded(value: object) -> object:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}..."
    return value


def decoded(line: bytes) -> Entry | None:
    """The entry of a line; None for anything that is no event of any version."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    at, kind = document.get("at"), document.get("event")
    if not isinstance(kind, str) or not isinstance(at, int | float) or not 0 <= at < LATEST:
        return None
    return Entry(float(at), kind, document, _event_of(kind, document))


def _event_of(kind: str, document: Mapping[str, Any]) -> Event | None:
    """The event as its dataclass. Fields that a newer version added are left out."""
    if kind not in _TYPES:
        return None
    values: dict[str, Any] = {}
    for field in fields(_TYPES[kind]):
        value = document.get(field.name, field.default)
        expected: Any = int | float if field.type is float else field.type
        if value is MISSING or not isinstance(value, expected):
            return None
        values[field.name] = value
    return _TYPES[kind](**values)


# Reading.


class Place:
    """A place between two lines of a journal, to read on from or back.

    A line counts once it is whole. Where the file is cut, as a repair does, the place moves to its
    end; where another file takes its name, as after `--fresh`, it goes on with that one.
    """

    def __init__(self, file: Path, *, at_end: bool = False) -> None:
        self._file, self._position = file, 0
        self._descriptor = _opened(file)
        if at_end and self._descriptor is not None:
            self._position = _end_of_events(self._descriptor)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def mark(self) -> str:
        """Names this place for `go_to`; empty without a file."""
        if self._descriptor is None:
            return ""
        return f"{os.fstat(self._descriptor).st_ino}-{self._position}"

    def go_to(self, mark: str, most_bytes: int) -> bool:
        """Move to a marked place, or where the file begins if that is another file's or no mark at
        all; False where this is more than so many bytes before the end: it moves to there then."""
        found = re.fullmatch(r"(\d{1,20})-(\d{1,18})", mark)
        is_ours = found is not None and self.mark.startswith(f"{found[1]}-")
        position = int(found[2]) if found is not None and is_ours else 0
        self._position = max(position, self._size() - most_bytes)
        return self._position == position

    def earlier(self, most_bytes: int | None = None) -> Iterator[Entry]:
        """The events before this place, the latest first; the place stays."""
        if self._descriptor is None:
            return
        begin = 0 if most_bytes is None else max(0, self._position - most_bytes)
        for _, line in _lines_backward(self._descriptor, self._position, begin):
            if entry := decoded(line):
                yield entry

    def new(self) -> Iterator[Entry]:
        """The events from this place to the end of the file, which is the place from then on; none
        without a file. What is no event is passed over."""
        while True:
            is_replaced = self._is_replaced()
            for end, line in self._lines():
                if entry := decoded(line):
                    # Not beyond what is no event: at the end of the file a repair cuts that off.
                    self._position = end
                    yield entry
            if not is_replaced:
                return
            self.close()
            self._descriptor, self._position = _opened(self._file), 0

    def following(self, wait: Callable[[], bool]) -> Iterator[Entry]:
        """Every event that is there and that is added. `wait` is called when there is none, and
        says whether to look again: once more, to the end, if not."""
        goes_on = True
        while goes_on:
            yield from self.new()
            goes_on = wait()
        yield from self.new()

    def _size(self) -> int:
        return 0 if self._descriptor is None else os.fstat(self._descriptor).st_size

    def _is_replaced(self) -> bool:
        try:
            now = self._file.stat()
        except FileNotFoundError:
            return False
        if self._descriptor is None:
            return True
        mine = os.fstat(self._descriptor)
        return (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Whole lines from the place on, each with where it ends."""
        self._position, size = min(self._position, self._size()), BLOCK
        position = self._position
        while self._descriptor is not None:
            # Not through a buffer: it would show what stood there before the file was cut.
            data = os.pread(self._descriptor, size, position)
            *whole, _ = data.split(b"\n")
            if not whole and len(data) < size:
                return
            size *= 1 if whole else 2
            for line in whole:
                position += len(line) + 1
                yield position, line


def _opened(file: Path) -> int | None:
    try:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _end_of_events(descriptor: int) -> int:
    """Where the last whole event ends."""
    for offset, line in _lines_backward(descriptor, os.fstat(descriptor).st_size, 0):
        if line.endswith(b"\n") and decoded(line):
            return offset + len(line)
    return 0


def _lines_backward(descriptor: int, end: int, begin: int) -> Iterator[tuple[int, bytes]]:
    """Lines between two places with their offsets, the last first. The first one between them is
    left out unless the file begins with it: a part of it may be missing."""
    position, kept = end, b""
    while position > begin:
        size = min(max(BLOCK, len(kept)), position - begin)
        position -= size
        kept = os.pread(descriptor, size, position) + kept
        stop = len(kept)
        while (cut := kept.rfind(b"\n", 0, max(0, stop - 1))) >= 0:
            yield position + cut + 1, kept[cut + 1 : stop]
            stop = cut + 1
        kept = kept[:stop]
    if kept and position == 0:
        yield position, kept


# Repairing.


def _repair(descriptor: int, torn: Path) -> Repaired | None:
    """Cut off what follows the last whole event, and keep it aside: an unfinished line, to which
    the next one would be glued, or the NULs that some file systems leave after a power loss."""
    size, whole = os.fstat(descriptor).st_size, _end_of_events(descriptor)
    if whole == size:
        return None
    kept = _keep(descriptor, whole, size, torn)
    os.ftruncate(descriptor, whole)
    return Repaired(size - whole, kept)


def _keep(descriptor: int, begin: int, end: int, torn: Path) -> bool:
    """Whether the bytes between two places are now among those kept aside, without NULs."""
    try:
        with torn.open("ab") as stream:
            for position in range(begin, end, BLOCK):
                data = os.pread(descriptor, min(BLOCK, end - position), position)
                stream.write(data.replace(b"\0", b""))
            stream.write(b"\n")
    except OSError:
        return False
    return True
