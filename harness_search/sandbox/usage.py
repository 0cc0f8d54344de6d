"""What the processes of a box use together, and which limit that breaks."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness_search.sandbox.box import MEGABYTE, Limits
from harness_search.sandbox.processes import Process, proportional_bytes, read_process

MOST_FILES = 20_000
DEEPEST = 100
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
BLOCK_BYTES = 512
GONE = (FileNotFoundError, ProcessLookupError)
UNSEEN = (*GONE, PermissionError)


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
    hidden: str = ""
    """What could not be looked into again and again."""


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
    passed = next((f"{limit} passed" for broken, limit in checks if broken), "")
    return passed or usage.hidden


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


@dataclass(frozen=True, slots=True)
class FolderUsage:
    """What some folders hold."""

    bytes: int
    """Allocated; folders have some too."""
    files: int
    missed: bool
    """Whether a folder was gone between being listed and being opened."""


def folder_usage(folders: Iterable[Path], most_files: int) -> FolderUsage:
    """What lies beneath some folders.

    Each file counts once, whatever its links. Stops soon after `most_files`; a tree of more than
    100 levels is taken for one with more files than that, so that nothing hides in the depth.
    """
    count = _Count(most_files)
    for folder in folders:
        _walk(folder, count)
    return FolderUsage(count.bytes, count.files, count.missed)


@dataclass(slots=True)
class _Count:
    most_files: int
    bytes: int = 0
    files: int = 0
    missed: bool = False
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
    above = levels[-1][0] if levels else None
    try:
        descriptor = _open_folder(name, above)
    except (NotADirectoryError, *UNSEEN):
        count.missed = count.missed or bool(levels)
        return
    levels.append((descriptor, []))
    if count.add(os.fstat(descriptor)):
        levels[-1][1].extend(_counted_entries(descriptor, count))


def _open_folder(name: str, above: int | None) -> int:
    """Open a folder, and first our own door to it: who closes one hides what is in it from a
    scaffold that is not root."""
    try:
        descriptor = os.open(name, OPEN_FOLDER, dir_fd=above)
    except PermissionError:
        held = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        try:
            Path(f"/proc/self/fd/{held}").chmod(0o700)
        finally:
            os.close(held)
        return os.open(name, OPEN_FOLDER, dir_fd=above)
    found = os.fstat(descriptor)
    if not found.st_mode & stat.S_IXUSR and found.st_uid == os.geteuid():
        os.fchmod(descriptor, 0o700)
    return descriptor


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


def deleted_bytes(pids: Iterable[int]) -> tuple[int, set[int]]:
    """Bytes of files that have no name any more and that processes hold open; and the processes
    that did not let us look."""
    found: dict[tuple[int, int], int] = {}
    closed: set[int] = set()
    mapped = 0
    for pid in pids:
        try:
            for held in _open_files(pid):
                if held.st_nlink == 0 and stat.S_ISREG(held.st_mode):
                    found[held.st_dev, held.st_ino] = held.st_blocks * BLOCK_BYTES
            mapped += _deleted_mappings(pid)
        except PermissionError:
            closed.add(pid)
        except GONE:
            continue
    return sum(found.values()) + mapped, closed


def _deleted_mappings(pid: int) -> int:
    """Bytes of files without a name that a process has mapped; it may have closed them."""
    with Path(f"/proc/{pid}/maps").open("rb") as lines:
        spans = [line.split(b" ", 1)[0] for line in lines if line.endswith(b" (deleted)\n")]
    edges = (span.split(b"-") for span in spans)
    return sum(int(end, 16) - int(start, 16) for start, end in edges)


def _open_files(pid: int) -> Iterator[os.stat_result]:
    """What a process has open: all its threads, for they share one table of open files."""
    with os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(*UNSEEN):
                yield entry.stat()
