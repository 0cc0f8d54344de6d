"""What the processes of a box use together, and which limit that breaks."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness_search.sandbox.box import MEGABYTE, Limits
from harness_search.sandbox.processes import Process, proportional_bytes, read_process

MOST_FILES = 20_000
DEEPEST = 100
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
BLOCK_BYTES = 512
UNSEEN = (FileNotFoundError, ProcessLookupError, PermissionError)


@dataclass(frozen=True, slots=True)
class Usage:
    """Of all processes of a box together."""

    cpu_seconds: float
    memory_bytes: int
    processes: int
    """Threads counted."""
    workspace_bytes: int
    """Allocated, also to files that were removed and are still open."""
    workspace_files: int


def breach_of(usage: Usage, limits: Limits) -> str:
    """The first limit that is passed, as a phrase; empty when none is."""
    megabytes = limits.memory_bytes / MEGABYTE
    checks = (
        (usage.memory_bytes > limits.memory_bytes, f"memory limit of {_figure(megabytes)} MB"),
        (usage.cpu_seconds > limits.cpu_seconds, f"CPU limit of {_figure(limits.cpu_seconds)} s"),
        (usage.processes > limits.processes, f"limit of {limits.processes:,} processes"),
        (
            usage.workspace_bytes > limits.workspace_bytes,
            f"workspace limit of {_figure(limits.workspace_bytes / MEGABYTE)} MB",
        ),
        (
            usage.workspace_files > MOST_FILES,
            f"limit of {MOST_FILES:,} files or {DEEPEST} levels of folders",
        ),
    )
    return next((f"{limit} passed" for broken, limit in checks if broken), "")


def _figure(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


class CpuAccount:
    """CPU seconds of one tree over all passes."""

    def __init__(self) -> None:
        self._latest: dict[tuple[int, int], float] = {}
        self._earlier: dict[tuple[int, int], float] = {}
        self._seen_total = 0.0
        self._living_before = 0.0
        self._most = 0.0

    def known(self, process: Process) -> bool:
        """Whether one of the last two passes has seen it."""
        return process.identity in self._latest or process.identity in self._earlier

    def book(self, tree: Sequence[Process]) -> float:
        """Take in what a pass has seen; returns the total, which never falls."""
        # Two sums, of which the larger counts, for each has a gap. Children too short-lived for
        # any pass show in what their parent waited for; children that nobody waits for show only
        # while they live, so each one's last figure is kept. What is waited for counts once two
        # passes agree: a pass may read a child, and its parent only after having waited for it.
        living = sum(process.cpu_seconds + process.waited_cpu_seconds for process in tree)
        known = self._earlier | self._latest
        own = {process.identity: process.cpu_seconds for process in tree}
        self._seen_total += sum(now - known.get(who, 0.0) for who, now in own.items())
        self._most = max(self._most, self._seen_total, min(living, self._living_before))
        self._earlier, self._latest = self._latest, own
        self._living_before = living
        return self._most


def memory_bytes(tree: Sequence[Process], limit: int, known: Callable[[Process], bool]) -> int:
    """Memory of a tree; shared pages are counted once, but only where that decides about `limit`.

    `known` says whether an earlier pass has seen a process.
    """
    # Between vfork and exec a child shows all of its parent's memory as its own, and the parent
    # waits in the kernel; a new child of such a parent is left to the next pass.
    waiting = {process.pid for process in tree if process.state == "D"}
    counted = [process for process in tree if process.parent not in waiting or known(process)]
    resident = sum(process.resident_bytes for process in counted)
    return resident if resident <= limit else sum(map(_share, counted))


def _share(process: Process) -> int:
    share = proportional_bytes(process.pid)
    if share is not None:
        return share
    now = read_process(process.pid)
    return now.resident_bytes if now and now.started == process.started else 0


def folder_usage(folders: Iterable[Path], most_files: int) -> tuple[int, int]:
    """Allocated bytes (folders have some too) and number of entries beneath some folders.

    Each file counts once, whatever its links. Stops soon after `most_files`; a tree of more than
    100 levels is taken for one with more files than that, so that nothing hides in the depth.
    """
    count = _Count(most_files)
    for folder in folders:
        _walk(folder, count)
    return count.bytes, count.files


@dataclass(slots=True)
class _Count:
    most_files: int
    bytes: int = 0
    files: int = 0
    _seen: set[tuple[int, int]] = field(default_factory=set)

    @property
    def full(self) -> bool:
        return self.files > self.most_files

    def add(self, found: os.stat_result) -> bool:
        """Count its bytes, unless they were counted before."""
        if found.st_nlink > 1 or stat.S_ISDIR(found.st_mode):
            identity = (found.st_dev, found.st_ino)
            if identity in self._seen:
                return False
            self._seen.add(identity)
        self.bytes += found.st_blocks * BLOCK_BYTES
        return True

    def overflow(self) -> None:
        self.files = max(self.files, self.most_files + 1)


def _walk(folder: Path, count: _Count) -> None:
    """Folders are opened one name at a time, each in the open one above it: paths may be longer
    than the kernel takes, and a name may become a link at any moment."""
    levels: list[tuple[int, list[str]]] = []
    try:
        _enter(levels, str(folder), count)
        while levels and not count.full:
            _, names = levels[-1]
            if names:
                _enter(levels, names.pop(), count)
            else:
                os.close(levels.pop()[0])
    finally:
        for descriptor, _ in levels:
            os.close(descriptor)


def _enter(levels: list[tuple[int, list[str]]], name: str, count: _Count) -> None:
    """Open and count a folder, and put it on top of the levels, unless it may not be entered."""
    if len(levels) >= DEEPEST:
        count.overflow()
        return
    try:
        above = levels[-1][0] if levels else None
        descriptor = os.open(name, OPEN_FOLDER, dir_fd=above)
    except (NotADirectoryError, *UNSEEN):
        return
    levels.append((descriptor, []))
    if count.add(os.fstat(descriptor)):
        levels[-1][1].extend(_counted_entries(descriptor, count))


def _counted_entries(descriptor: int, count: _Count) -> Iterator[str]:
    """Count what a folder holds; yields the folders in it, which count their own bytes."""
    with os.scandir(descriptor) as entries:
        for entry in entries:
            count.files += 1
            if count.full:
                return
            if entry.is_dir(follow_symlinks=False):
                yield entry.name
                continue
            try:
                count.add(entry.stat(follow_symlinks=False))
            except UNSEEN:
                continue


def deleted_bytes(pids: Iterable[int]) -> int:
    """Bytes of files that have no name any more and that processes hold open; what may not be
    read counts nothing."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        for thread in _entries(f"/proc/{pid}/task"):  # each may have open files of its own
            for descriptor in _entries(f"{thread.path}/fd"):
                try:
                    held = descriptor.stat()
                except UNSEEN:
                    continue
                if held.st_nlink == 0 and stat.S_ISREG(held.st_mode):
                    found[held.st_dev, held.st_ino] = held.st_blocks * BLOCK_BYTES
    return sum(found.values())


def _entries(folder: str) -> "list[os.DirEntry[str]]":
    """What a folder of a process holds; nothing when it is gone or not ours to see."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except UNSEEN:
        return []
