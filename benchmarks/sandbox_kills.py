"""What outlives a scaffold that is killed while its boxes start, run, or are full of processes.

Run as a script it is that scaffold: `sandbox_kills.py SANDBOX FOLDER KIT MARK`.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sandbox_boxes import Ground, program, with_progress

from harness_search.files import remove_tree
from harness_search.sandbox.choice import make_sandbox
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.inside.identity import adopt_orphans
from harness_search.sandbox.processes import read_processes, trees

BOXES = 3
LATEST = 0.6
"""Seconds after the scaffold begins, when it is killed at the latest."""
TIME_TO_BE_GONE = 2.0
BEGINS = "begins\n"
LINGERS = """\
import subprocess, sys, time
LINGER = '''
import ctypes, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)  # no signal at its parent's death
if sys.argv[1] == "twice" and os.fork():
    os._exit(0)
if sys.argv[1] == "adopts":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    if os.fork() == 0 and os.fork():
        os._exit(0)
time.sleep(3600)
'''
def solve(task, model):
    for kind in ("child", "session", "twice", "adopts"):
        command = [sys.executable, "-c", LINGER, kind, task.instructions]
        subprocess.Popen(command, start_new_session=kind != "child")
    time.sleep(3600)
"""


@dataclass(frozen=True, slots=True)
class Killed:
    """One scaffold that was killed."""

    living: int
    """Processes below it at that moment."""
    seconds: float
    """Until the last of them, and the scaffold, was gone."""
    survivors: int
    """That were not, when the time was over."""


def measure_kills(
    folder: Path, kit: Path, name: str, kills: int, report: Callable[[str], None]
) -> list[Killed]:
    """Half of them by SIGKILL, half by SIGTERM."""
    adopt_orphans()  # whatever is left of a scaffold is then found below this process
    random = Random(0)
    found = []
    for number in range(kills):
        with_progress(report, number, kills, f"kills in {name}")
        place = folder / f"kill-{name}-{number}"
        stop = (signal.SIGKILL, signal.SIGTERM)[number % 2]
        after = LATEST * random.random() ** 2  # more of them early, while boxes start
        found.append(kill_one(place, kit, name, stop, after, report))
        remove_tree(place)
    return found


def kill_one(
    place: Path,
    kit: Path,
    name: str,
    stop: signal.Signals,
    after: float,
    report: Callable[[str], None],
) -> Killed:
    mark = f"{place.name}-of-{os.getpid()}"
    command = [sys.executable, __file__, name, str(place), str(kit), mark]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as scaffold:
        assert scaffold.stdout is not None
        if scaffold.stdout.readline() != BEGINS.encode():
            raise RuntimeError(f"{name}: the scaffold did not begin")
        time.sleep(after)
        living = len(remaining(mark)) - 1
        killed = time.monotonic()
        scaffold.send_signal(stop)
        left = remaining_in_time(mark, killed)
        seconds = time.monotonic() - killed
        for pid in left:
            report(f"left {stop.name} after {1000 * after:.0f} ms: {command_of(pid)!r}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    reap()
    return Killed(living, seconds, len(left))


def remaining_in_time(mark: str, killed: float) -> set[int]:
    """What is left when nothing is any more, or when the time is over."""
    looks_without = 0
    while time.monotonic() - killed < TIME_TO_BE_GONE:
        # One look may miss a process that was born during it.
        looks_without = 0 if remaining(mark) else looks_without + 1
        if looks_without == 2:
            return set()
        time.sleep(0.002)
    return remaining(mark)


def remaining(mark: str) -> set[int]:
    """Living processes below this one, and any other that names the mark in its command."""
    processes, own = read_processes(), os.getpid()
    below = {process.pid for process in trees(processes, [own])[own] if not process.zombie}
    return below - {own} | {pid for pid in processes if mark.encode() in command_of(pid)}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def reap() -> None:
    """Forget the orphans, once the scaffold itself is waited for."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


# The scaffold.


async def scaffold(name: str, folder: Path, kit: Path, mark: str) -> None:
    """Run boxes until a signal or the end of stdin; like the command line, SIGTERM is a cancel."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    loop.add_reader(sys.stdin.fileno(), task.cancel)
    ground = Ground(folder, kit, make_sandbox(name), LINGERS)
    with contextlib.closing(Identities()) as identities:
        uids = [identities.lease() for _ in range(BOXES)]
        first = await ground.sandbox.start(ground.box(0, uids[0]))  # prepares what is kept
        await first.kill()
        sys.stdout.write(BEGINS)
        sys.stdout.flush()
        async with asyncio.TaskGroup() as group:
            for slot, uid in enumerate(uids):
                group.create_task(fill(ground, slot, uid, mark))


async def fill(ground: Ground, slot: int, uid: int | None, mark: str) -> None:
    box = ground.box(slot, uid)
    handle = await ground.sandbox.start(box)
    try:
        await handle.give(program(handle, box, instructions=mark))
        await handle.wait()
    finally:
        await handle.kill()


if __name__ == "__main__":
    sandbox, place, kit, mark = sys.argv[1:]
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(scaffold(sandbox, Path(place), Path(kit), mark))
