"""Processes as a test sees them from outside: any of them may end while it is looked at."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def command_of(process: psutil.Process) -> list[str]:
    """Its command line; empty if it has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def name_of(process: psutil.Process) -> str:
    """The name of its program; empty if it has ended."""
    with suppress(psutil.Error):
        return process.name()
    return ""


def environment_of(process: psutil.Process) -> dict[str, str]:
    """Its environment; empty if it has ended."""
    with suppress(psutil.Error):
        return process.environ()
    return {}


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs: one that has ended and whose parent has not asked does not."""
    with suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def found(pids: Iterable[int]) -> list[psutil.Process]:
    """Those that there are still."""
    kept = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            kept.append(psutil.Process(pid))
    return kept
