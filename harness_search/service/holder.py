"""Who holds a workspace, for somebody who was kept out of it."""

import errno
import fcntl
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.sandbox.processes import read_process, start_ticks
from harness_search.service.heartbeat import Heartbeat, in_words, read_heartbeat

SECONDS_TO_SIGN = 1.0
"""Whoever has just taken the lock says so within this time."""
UNSUPPORTED = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP})


def require_locks(file: Path) -> None:
    """Raise InputError where files cannot be locked: two scaffolds would not see each other."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # to ask by locking would keep another one out
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        found = "a file system that cannot lock files (flock)"
        raise InputError(file, "", found, "a workspace on a local disk") from error
    finally:
        os.close(descriptor)


def sign(layout: Layout) -> None:
    """Say who took the lock. A full disk takes the name away, not the lock."""
    pid = os.getpid()
    with suppress(OSError):
        layout.lock_holder.write_text(f"{pid} {start_ticks(pid)}\n", encoding="ascii")


def holder(layout: Layout) -> str:
    """`held by process 4711 (meta-harness run) since 2026-11-22 01:40`, as far as that is known."""
    deadline = time.monotonic() + SECONDS_TO_SIGN
    while not (found := _signed(layout)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found or "held by another process"


def _signed(layout: Layout) -> str:
    """Empty while neither the signature nor the heartbeat is of a living process."""
    beat = read_heartbeat(layout.heartbeat)
    if beat is not None and beat.alive and not beat.ended:
        return f"held by {introduced(beat)}"
    try:
        pid, started = map(int, layout.lock_holder.read_text(encoding="ascii").split())
        since = layout.lock_holder.stat().st_mtime
    except (OSError, ValueError):
        return ""
    process = read_process(pid)
    if process is None or process.started != started:
        return ""
    return f"held by process {pid} since {in_words(datetime.fromtimestamp(since, UTC).isoformat())}"


def introduced(beat: Heartbeat) -> str:
    """A launch in words."""
    named = f"process {beat.pid} (meta-harness {beat.command}) since {in_words(beat.launched_at)}"
    if not beat.here:
        return f"{named}, in another container"
    return f"{named}, which hangs" if beat.hung else named


def advice(layout: Layout) -> str:
    """What to do about a holder that hangs; empty for one that does its work."""
    beat = read_heartbeat(layout.heartbeat)
    return f": {how_to_end(beat)}" if beat is not None and beat.hung else ""


def how_to_end(beat: Heartbeat) -> str:
    """What ends a launch that answers nobody; one that has said its last word, and hangs all the
    same, is nothing that a search's own commands know of."""
    command = f"kill -9 {beat.pid}" if beat.ended else "meta-harness stop --now"
    return f"end it with `{command}`, then the same command goes on"
