"""The guard of a box: no process of it outlives the program, or the scaffold."""

import os
import select
import signal

from . import identity

TYPE_CHECKING = False  # the real one costs a tenth of a start
if TYPE_CHECKING:
    from typing import Any

EVERYBODY = -1


def guard(worker: int, box: "dict[str, Any]", listener: int | None) -> None:
    """Wait for the worker's end or the scaffold's, kill what is left, and say how it ended."""
    if box["sweep"] == "namespace":
        identity.die_with_parent()
    else:
        identity.adopt_orphans()
    codes: dict[int, int] = {}
    ended = os.pidfd_open(worker)
    # Whoever loses its parent here becomes ours, and would stay a zombie that counts as a process.
    signal.signal(signal.SIGCHLD, lambda *_: _reap(codes))
    _reap(codes)
    if _wait(ended, box, listener) == ended:
        _reap(codes)
        sweep(box["sweep"], box["uid"], codes)
        _tell(codes[worker])
    else:
        sweep(box["sweep"], box["uid"], codes)
    os._exit(0)


def _wait(ended: int, box: "dict[str, Any]", listener: int | None) -> int:
    """Serve the loopback port until the worker has ended, or stdin has; says which."""
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    waiting.register(0, select.POLLIN)
    if listener is not None:
        waiting.register(listener, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in waiting.poll()]
        if ended in ready or 0 in ready:
            return ended if ended in ready else 0
        assert listener is not None
        waiting.unregister(listener)
        _forward(listener, box["forward"]["socket"])


def _reap(codes: dict[int, int]) -> bool:
    """Take in all children that have ended; whether there are any left."""
    try:
        while True:
            pid, status = os.waitpid(EVERYBODY, os.WNOHANG)
            if not pid:
                return True
            codes[pid] = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        return False


def _tell(code: int) -> None:
    try:
        os.write(1, b"E%d\n" % code)
    except BrokenPipeError:  # nobody is left to hear it
        return


def _forward(listener: int, socket: str) -> None:
    """Serve the loopback port in a process of its own; made when first used."""
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        identity.show()  # it holds no secret, and a watchdog looks into whatever may hide
        from .forwarder import forward

        forward(listener, socket)
        os._exit(0)


def sweep(way: str, uid: int | None, codes: dict[int, int]) -> None:
    """Kill every other process of the box, however it hid from its parents.

    By `namespace` there is nothing to do: it ends with its first process, which is this one. By
    `user`, everybody with the id that the scaffold has lent to this box alone. By `children`, over
    and over: as their reaper this process inherits all orphans.
    """
    while way != "namespace":
        if way == "user" and uid and os.getuid() == uid:
            _kill(EVERYBODY)
        for child in _children():
            _kill(child)
        if not _reap(codes):
            return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _children() -> list[int]:
    own = os.getpid()
    try:
        with open(f"/proc/{own}/task/{own}/children", encoding="ascii") as listed:  # noqa: PTH123
            return [int(pid) for pid in listed.read().split()]
    except FileNotFoundError:  # a kernel without the file
        everybody = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
        return [pid for pid in everybody if _parent(pid) == own]


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123
            return int(stat.read().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
