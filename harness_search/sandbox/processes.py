"""The machine's processes as /proc shows them: read, sorted into trees, ended without survivors."""

import errno
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MOST_ROUNDS = 1000
MOST_STOPPING_ROUNDS = 200
DEAD = frozenset({b"Z", b"X"})
GONE = (errno.ESRCH, errno.ENOENT, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Process:
    """A process at the moment it was read."""

    pid: int
    parent: int
    state: str
    """One letter, as in proc(5)."""
    started: int
    """Clock ticks since boot; with the pid this names a process once and for all."""
    cpu_seconds: float
    """Its own, in all its threads."""
    waited_cpu_seconds: float
    """Of its children that ended and were waited for, and of theirs."""
    resident_bytes: int
    threads: int

    @property
    def identity(self) -> tuple[int, int]:
        """What no other process has until the next boot."""
        return self.pid, self.started

    @property
    def zombie(self) -> bool:
        """Ended, and not yet waited for."""
        return self.state in "ZX" and self.threads <= 1


def read_processes() -> dict[int, Process]:
    """Every process that this one may see, by pid."""
    return {pid: process for pid in _pids() if (process := read_process(pid))}


def _pids() -> list[int]:
    with os.scandir("/proc") as entries:
        return [int(entry.name) for entry in entries if entry.name.isdecimal()]


def read_process(pid: int) -> Process | None:
    """One process, None when it is gone."""
    fields = _stat(f"/proc/{pid}/stat")
    if fields is None:
        return None
    threads = int(fields[17])
    # Where the first thread has left the others behind, its line shows a zombie without memory.
    shown = _surviving_thread(pid) if fields[0] in DEAD and threads > 1 else None
    return Process(
        pid=pid,
        parent=int(fields[1]),
        state=(shown or fields)[0].decode(),
        started=int(fields[19]),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / TICKS_A_SECOND,
        waited_cpu_seconds=(int(fields[13]) + int(fields[14])) / TICKS_A_SECOND,
        resident_bytes=int((shown or fields)[21]) * PAGE_BYTES,
        threads=threads,
    )


def _surviving_thread(pid: int) -> list[bytes] | None:
    try:
        with os.scandir(f"/proc/{pid}/task") as threads:
            paths = [thread.path for thread in threads]
    except (FileNotFoundError, ProcessLookupError):
        return None
    read = (_stat(f"{path}/stat") for path in paths)
    return next((fields for fields in read if fields and fields[0] not in DEAD), None)


def _stat(path: str) -> list[bytes] | None:
    """The fields after the name, which may hold anything, brackets and line ends too."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # hidden by `hidepid`
        return None
    try:
        line = os.read(descriptor, 4096)
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)
    return line[line.rindex(b")") + 1 :].split(maxsplit=22)


def trees(processes: Mapping[int, Process], roots: Iterable[int]) -> dict[int, list[Process]]:
    """Each root with its descendants, itself first; an empty list for a root that is gone."""
    children = _children(processes)
    return {root: _descent(processes, children, [root]) for root in roots}


def _children(processes: Mapping[int, Process]) -> dict[int, list[Process]]:
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    return children


def _descent(
    processes: Mapping[int, Process], children: Mapping[int, list[Process]], roots: Iterable[int]
) -> list[Process]:
    """The roots and all below them, each once, no child before its parent."""
    seen = {root: processes[root] for root in roots if root in processes}
    waiting = list(seen.values())[::-1]
    while waiting:
        parent = waiting.pop()
        for child in children.get(parent.pid, ()):
            # A parent is never younger than its child: such a pid was reused while we read.
            if child.pid not in seen and child.started >= parent.started:
                seen[child.pid] = child
                waiting.append(child)
    return list(seen.values())


def proportional_bytes(pid: int) -> int | None:
    """Memory of a process, a page that n processes share counted as an n-th; None when it may not
    be read, or there is none any more."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    for line in text.splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return None


def start_ticks(pid: int) -> int:
    """Start time of a process in clock ticks since boot, 0 when it is gone."""
    fields = _stat(f"/proc/{pid}/stat")
    return int(fields[19]) if fields else 0


def boot_id() -> str:
    """What tells this boot of the machine from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def kill_tree(root: int, started: int = 0) -> list[int]:
    """End a process and all its descendants, a fork bomb too; blocks until they have ended.

    `started` says which process with this pid is meant, 0 whichever has it now. Nothing is killed
    before all are stopped, and the root last: killed earlier, one would leave its children to a
    foreign parent. Returns the pids that it could not end: those of other users, and any that the
    kernel still holds after some ten seconds.
    """
    family = _Family(root, started)
    for turn in range(MOST_ROUNDS):
        living = family.stop()
        if not living:
            break
        if not family.quiet and turn < MOST_STOPPING_ROUNDS:
            continue
        others = [process for process in living if process.pid != root]
        family.send(others if others and turn < 2 * MOST_STOPPING_ROUNDS else living)
        time.sleep(0.001 if turn < MOST_STOPPING_ROUNDS else 0.01)
    return family.survivors()


class _Family:
    """A process and every descendant found so far, orphans included."""

    def __init__(self, root: int, started: int) -> None:
        first = start_ticks(root)
        self._found = {root: first} if first and started in {0, first} else {}
        self._asked: set[tuple[int, int]] = set()
        self._barred: set[tuple[int, int]] = set()
        self.quiet = False
        """Whether the last look proved that none of them runs, and that it missed none."""

    def stop(self) -> list[Process]:
        """Stop all that can be found; returns those that have not ended and may be signalled."""
        processes: dict[int, Process] = {}
        # What ended between list and look may have forked in between.
        self.quiet = True
        # The newest first, and at once: they may live for less than the time that a look takes.
        for pid in sorted(_pids(), reverse=True):
            process = read_process(pid)
            if process is None:
                self.quiet = False
                continue
            processes[pid] = process
            if self._moving(process) and self._child(process):
                self.send([process], signal.SIGSTOP)
        living = self._living(processes)
        moving = [process for process in living if self._moving(process)]
        self.send(moving, signal.SIGSTOP)
        self.quiet = self.quiet and not moving
        return living

    def send(self, processes: Iterable[Process], number: signal.Signals = signal.SIGKILL) -> None:
        for process in processes:
            self._asked.add(process.identity)
            if not _signal(process, number):
                self._barred.add(process.identity)

    def survivors(self) -> list[int]:
        self._barred.clear()
        return [process.pid for process in self._living(read_processes())]

    def _child(self, process: Process) -> bool:
        started = self._found.get(process.parent)
        return started is not None and start_ticks(process.parent) == started

    def _moving(self, process: Process) -> bool:
        """Whether it could still fork. One that waits in the kernel, as a parent does for a
        vforked child that we stopped, will meet its signal before it does anything else."""
        held = process.state == "D" and process.identity in self._asked
        return not process.zombie and process.state not in "Tt" and not held

    def _living(self, processes: Mapping[int, Process]) -> list[Process]:
        known = [
            pid
            for pid, started in self._found.items()
            if pid in processes and processes[pid].started == started
        ]
        found = _descent(processes, _children(processes), known)
        self._found = {process.pid: process.started for process in found}
        return [
            process
            for process in found
            if not process.zombie and process.identity not in self._barred
        ]


def _signal(process: Process, number: signal.Signals) -> bool:
    """Signal exactly this process, if it is still there; False when that is not allowed."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError as error:
        if error.errno in GONE:
            return True
        raise
    try:
        # The handle was opened before this look: what it holds cannot be a later process.
        if start_ticks(process.pid) == process.started:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    finally:
        os.close(handle)
    return True
