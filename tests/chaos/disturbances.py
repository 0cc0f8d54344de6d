"""What is done to a launch, and how the launch then ends."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from seen_processes import is_alive

from chaos.dying import POINTS
from chaos.processes import DYING, PROGRAM, start
from chaos.searches import Place

ENOUGH = 240.0
"""Seconds within which anything ends."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
ENDINGS = {
    "kill": {0, -signal.SIGKILL},
    "kill of all": {0, -signal.SIGKILL},
    "kill at": {0, -signal.SIGKILL},
    "storm": {0, 130, 143, -signal.SIGTERM, -signal.SIGINT},
    "second scaffold": {0},
    "disk full": {0, 3},
    "socket removed": {0, 3},
    "nothing": {0},
}
"""Exit codes that a launch may have, by what was done to it."""


@dataclass(frozen=True)
class Disturbed:
    """One launch, and what was done to it."""

    kind: str
    where: str
    """Phase or point that it was met in; empty when it had ended before."""
    code: int
    said: str
    """On stderr."""
    problems: tuple[str, ...] = ()

    @property
    def is_kill(self) -> bool:
        return self.code == -signal.SIGKILL


class Launch:
    """A process of the one command."""

    def __init__(self, place: Place, module: str, arguments: list[str]) -> None:
        self.place = place
        self._seen = place.events.stat().st_size if place.events.is_file() else 0
        self._said = place.said
        environment, forked = place.environment(), place.forked
        self.process = start(module, arguments, environment, self._said, forked=forked)

    def lines(self) -> list[str]:
        """What it has told so far, without what it is still writing."""
        if not self.place.events.is_file():
            return []
        with self.place.events.open("rb") as stream:
            stream.seek(self._seen)
            return stream.read().decode().split("\n")[:-1]

    def wait_for(self, count: int, delay: float) -> bool:
        """Wait until it has told so many events, and a moment longer; False once it has ended."""
        until = time.monotonic() + ENOUGH
        while len(self.lines()) < count:
            if self.process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.002)
        time.sleep(delay)
        return self.process.poll() is None

    def where(self) -> str:
        """The phase that it is in."""
        phases = [line for line in self.lines() if '"event":"phase"' in line]
        if not phases:
            return "start"
        return phases[-1].partition('"phase":"')[2].partition('"')[0]

    def end(self) -> tuple[int, str]:
        """Wait for its end; its exit code, and what it said."""
        code = self.process.wait(ENOUGH)
        return code, self._said.read_text(errors="replace")


def disturbed(kind: str, place: Place, chance: random.Random) -> Disturbed:
    """Launch a search, and do something to it at a random moment."""
    if kind == "kill at" and not place.in_last_iteration:
        return _killed_at(place, chance)
    launch = Launch(place, PROGRAM, place.arguments())
    if kind == "nothing":
        return _ended(kind, "", launch)
    first = 0 if kind.startswith("kill") else 1
    delay = chance.uniform(0.0, 0.6 if first == 0 and chance.random() < 0.1 else 0.05)
    count = chance.randint(first, 2 if place.in_last_iteration else 9)
    if not launch.wait_for(count, delay):
        return _ended(kind, "", launch)
    where = launch.where()
    return _DONE[kind](launch, where, chance)


def _killed_at(place: Place, chance: random.Random) -> Disturbed:
    point, when = chance.choice(sorted(POINTS)), chance.choice(["before", "after"])
    most = {"ledger commit": 14, "atomic write": 12, "lineage commit": 9, "mirror": 6}
    count = str(chance.randint(1, most.get(point, 2)))
    arguments = [point, when, count, *place.arguments()]
    return _ended("kill at", f"{when} {point}", Launch(place, DYING, arguments))


def _ended(kind: str, where: str, launch: Launch, *problems: str) -> Disturbed:
    code, said = launch.end()
    if code not in ENDINGS[kind]:
        problems = (*problems, f"{kind} ({where}): exit code {code}: {said[-2000:]}")
    met = where if kind != "kill at" or code else ""
    left = survivors(launch.place)
    return Disturbed(kind, met, code, said, (*problems, *left))


def _kill(launch: Launch, where: str, _: random.Random) -> Disturbed:
    launch.process.kill()
    return _ended("kill", where, launch)


def _kill_all(launch: Launch, where: str, _: random.Random) -> Disturbed:
    with suppress(ProcessLookupError):
        os.killpg(launch.process.pid, signal.SIGKILL)
    return _ended("kill of all", where, launch)


def _storm(launch: Launch, where: str, chance: random.Random) -> Disturbed:
    for _ in range(chance.randint(1, 30)):
        if launch.process.poll() is None:
            launch.process.send_signal(chance.choice(SIGNALS))
        time.sleep(chance.choice([0.0, 0.0, 0.01]))
    return _ended("storm", where, launch)


def _second(launch: Launch, where: str, _: random.Random) -> Disturbed:
    second = subprocess.run(
        [sys.executable, "-m", PROGRAM, *launch.place.arguments()],
        env=launch.place.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=ENOUGH,
    )
    problems = []
    refused = second.returncode == 4 and str(launch.process.pid) in second.stderr
    if not refused and launch.process.poll() is None:
        problems = [f"a second scaffold: exit code {second.returncode}: {second.stderr[-500:]}"]
    return _ended("second scaffold", where, launch, *problems)


def _full(launch: Launch, where: str, chance: random.Random) -> Disturbed:
    filling = launch.place.root.with_name("filled")
    with filling.open("wb", buffering=0) as stream:
        while launch.process.poll() is None:
            try:
                for size in (1 << 20, 1 << 12, 1):
                    _fill(stream, size)
            finally:
                time.sleep(0.01)
    found = _ended("disk full", where, launch)
    filling.unlink()
    return found


def _fill(stream: Any, size: int) -> None:
    with suppress(OSError):
        while True:
            stream.write(bytes(size))


def _socket(launch: Launch, where: str, _: random.Random) -> Disturbed:
    runtime = launch.place.runs / "runtime"
    if runtime.is_file():
        folder = Path(runtime.read_text(encoding="utf-8").split("\n")[0])
        (folder / "gateway" / "gateway.sock").unlink(missing_ok=True)
    return _ended("socket removed", where, launch)


_DONE: dict[str, Callable[[Launch, str, random.Random], Disturbed]] = {
    "kill": _kill,
    "kill at": _kill,  # too late for a point that may not come again
    "kill of all": _kill_all,
    "storm": _storm,
    "second scaffold": _second,
    "disk full": _full,
    "socket removed": _socket,
}


def survivors(place: Place, patience: float = 10.0) -> list[str]:
    """Processes of a launch that live on after it; they have become children of this process. They
    are ended then."""
    until = time.monotonic() + patience
    while (left := _descendants()) and time.monotonic() < until:
        time.sleep(0.01)
    found = []
    for process in left:
        with suppress(psutil.Error):
            found.append(f"a process lives on: {process.pid} {' '.join(process.cmdline())[:300]}")
            process.kill()
    return found


def _descendants() -> list[psutil.Process]:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return [one for one in psutil.Process().children(recursive=True) if is_alive(one)]
