"""Processes that outlive their rollout.

None returns evidence: the trusted side looks for processes with this run's name.
"""

import contextlib
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

from common import Targets, daemon, libc, lingers, run


def solve(task: Any, model: Any) -> None:
    run(globals(), task, model)


def leaves_a_child(t: Targets) -> None:
    """Leaves a child behind."""
    daemon(lambda: lingers(t.mark))


def leaves_a_session(t: Targets) -> None:
    """Leaves a process that leads a session of its own."""
    daemon(lambda: _session(t))


def forks_twice(t: Targets) -> None:
    """Leaves a grandchild whose parent is gone."""
    os.waitpid(daemon(lambda: daemon(lambda: _session(t)) and None), 0)


def adopts_its_grandchildren(t: Targets) -> None:
    """Leaves a process that takes the place of a parent for all below it."""

    def adopt() -> None:
        libc.prctl(36, 1, 0, 0, 0)
        os.waitpid(daemon(lambda: daemon(lambda: _session(t)) and None), 0)
        _session(t)

    daemon(adopt)


def ignores_every_signal(t: Targets) -> None:
    """Leaves a process that no signal but SIGKILL ends."""

    def ignore() -> None:
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGALRM}:
            with contextlib.suppress(OSError):
                signal.signal(number, signal.SIG_IGN)
        _session(t)

    daemon(ignore)


def clears_its_death_signal(t: Targets) -> None:
    """Leaves a process that does not die with its parent."""

    def clear() -> None:
        libc.prctl(1, 0, 0, 0, 0)
        _session(t)

    daemon(clear)


def holds_on_to_its_output(t: Targets) -> None:
    """Leaves a process that keeps the pipes to the scaffold open."""

    def keep() -> None:
        os.setsid()
        lingers(t.mark)

    daemon(keep)


def runs_ahead_of_its_killer(t: Targets) -> None:
    """Leaves a process that becomes another one all the time."""

    def flee() -> None:
        libc.prctl(15, t.mark.encode(), 0, 0, 0)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            os.setsid()
            if os.fork():
                os._exit(0)

    daemon(flee)


def stops_itself(t: Targets) -> None:
    """Leaves a stopped process, which handles no signal."""

    def stop() -> None:
        libc.prctl(15, t.mark.encode(), 0, 0, 0)
        os.setsid()
        os.kill(os.getpid(), signal.SIGSTOP)

    daemon(stop)
    time.sleep(0.1)


def kills_its_guard(t: Targets) -> None:
    """Kills its guard, and leaves a process behind."""
    daemon(lambda: _session(t))
    os.kill(t.guard, signal.SIGKILL)


def stops_its_guard(t: Targets) -> None:
    """Stops its guard, and leaves a process behind."""
    daemon(lambda: _session(t))
    os.kill(t.guard, signal.SIGSTOP)


def starves_its_guard(t: Targets) -> None:
    """Takes all processor time from its guard, and leaves a process behind."""
    daemon(lambda: _session(t))
    resource.prlimit(t.guard, resource.RLIMIT_CPU, (0, 0))


def deafens_its_guard(t: Targets) -> None:
    """Takes the guard's descriptors from it by its limits, and leaves a process behind."""
    daemon(lambda: _session(t))
    resource.prlimit(t.guard, resource.RLIMIT_NOFILE, (0, 0))


def kills_every_process_it_may(t: Targets) -> None:
    """Kills all processes that it may, where it sees none but its own, and leaves one behind."""
    daemon(lambda: _session(t))
    # Elsewhere it could end the session of whoever runs the tests.
    if Path("/proc/self/ns/pid").stat().st_ino != t.pid_namespace:
        os.kill(-1, signal.SIGUSR1)


def _session(t: Targets) -> None:
    os.setsid()
    lingers(t.mark)
