"""One look at all boxes every moment: who passes a limit is reported, once."""

import asyncio
import errno
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from harness_search.sandbox.box import Limits
from harness_search.sandbox.processes import Process, read_processes, start_ticks, trees
from harness_search.sandbox.usage import (
    MOST_FILES,
    CpuAccount,
    Usage,
    breach_of,
    deleted_bytes,
    folder_usage,
    memory_bytes,
)

PASSES_BETWEEN_DELETED = 5
MOST_MISSED = 10
"""Passes in a row in which a folder was gone when it was opened: more is no accident."""
HIDDEN, RESTLESS = "a process that hides its open files", "a folder that is never where it was"
SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Of the machine, for a moment: the next pass may do better."""


@dataclass(eq=False, slots=True)
class _Watched:
    """One box, and what earlier passes found out about it."""

    pid: int
    started: int
    limits: Limits
    folders: Sequence[Path]
    passed: Callable[[str], None]
    ours: Collection[int] = ()
    """Processes of ours in it, which may hide and do not count as the program's."""
    passes: int = 0
    deleted: int = 0
    closed: set[int] = field(default_factory=set)
    hidden: str = ""
    missed: int = 0
    cpu: CpuAccount = field(default_factory=CpuAccount)

    def usage(self, tree: Sequence[Process]) -> Usage:
        """Take in what one pass has read; the files are looked at here."""
        self.passes += 1
        theirs = [process for process in tree if process.pid not in self.ours]
        if self.passes % PASSES_BETWEEN_DELETED == 0:  # every open file: dear
            # One that has ended holds nothing open, and lets nobody look.
            living = (process.pid for process in theirs if not process.zombie)
            self.deleted, closed = deleted_bytes(living)
            # Twice in a row: a process is closed for a moment while it starts, as ours are.
            self.hidden = HIDDEN if closed & self.closed else ""
            self.closed = closed
        held = folder_usage(self.folders, MOST_FILES)
        self.missed = self.missed + 1 if held.missed else 0
        memory = memory_bytes(tree, self.limits.memory_bytes, self.cpu.known)
        return Usage(
            cpu_seconds=self.cpu.book(tree),
            memory_bytes=memory,
            processes=sum(process.threads for process in theirs),
            workspace_bytes=held.bytes + self.deleted,
            workspace_files=held.files,
            hidden=RESTLESS if self.missed >= MOST_MISSED else self.hidden,
        )


class Watchdog:
    """Holds the processes of all boxes to their limits, as an asynchronous context.

    When a pass fails, which only a bug or a machine at its end can make it do, no box is watched
    any more: the error is raised where a box is begun or ended, and at the end of the context.
    """

    def __init__(self, interval: float = 0.2) -> None:
        """`interval` are the seconds between two passes."""
        self._interval = interval
        self._watched: set[_Watched] = set()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        self._raise_failure()

    @contextmanager
    def watching(
        self,
        pid: int,
        limits: Limits,
        folders: Sequence[Path],
        passed: Callable[[str], None],
        ours: Collection[int] = (),
    ) -> Iterator[None]:
        """Watch a process with all its descendants, and what it may write to.

        `passed` is called at most once, on the event loop's thread, with the limit that was
        passed; ending the processes is the caller's part. `ours` are those among them that are
        not the program's.
        """
        self._raise_failure()
        watched = _Watched(pid, start_ticks(pid), limits, folders, passed, ours)
        self._watched.add(watched)
        self._wanted.set()
        try:
            yield
        finally:
            self._forget(watched)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    def _forget(self, watched: _Watched) -> None:
        self._watched.discard(watched)
        if not self._watched:
            self._wanted.clear()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        # A thread of its own: the loop's shared ones may all be busy ending boxes.
        with ThreadPoolExecutor(1, "watchdog") as thread:
            while True:
                await self._wanted.wait()
                try:
                    breaches = await loop.run_in_executor(thread, _pass, tuple(self._watched))
                except OSError as error:
                    if error.errno not in SHORTAGES:
                        raise
                    breaches = {}
                for watched, reason in breaches.items():
                    if watched in self._watched:
                        self._forget(watched)
                        watched.passed(reason)
                await asyncio.sleep(self._interval)


def _pass(everything: Collection[_Watched]) -> Mapping[_Watched, str]:
    """Look at all that is watched; returns the limits that were passed."""
    processes = read_processes()
    families = trees(processes, {watched.pid for watched in everything})
    breaches = {}
    for watched in everything:
        family = families[watched.pid]
        if family and family[0].started != watched.started:
            family = []  # its pid is another process's by now
        if reason := breach_of(watched.usage(family), watched.limits):
            breaches[watched] = reason
    return breaches
