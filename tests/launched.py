"""What a launch would have left on disk, without one."""

import os
import time
from dataclasses import replace
from pathlib import Path

from harness_search.sandbox.processes import boot_id, start_ticks
from harness_search.service.heartbeat import (
    Heartbeat,
    identity_of,
    iso_now,
    pid_namespace,
    write_heartbeat,
)


def beat(**parts: object) -> Heartbeat:
    """The heartbeat of a search in this very process, which is alive."""
    found = Heartbeat(
        pid=os.getpid(),
        pid_started=start_ticks(os.getpid()),
        boot=boot_id(),
        pid_namespace=pid_namespace(),
        folder="",
        run="0a1b2c3d",
        command="run",
        launched_at=iso_now(),
        written_at=iso_now(),
        uptime=time.clock_gettime(time.CLOCK_BOOTTIME),
        phase="evaluate",
        iteration=3,
        label="",
        done=0,
        planned=0,
        passed=None,
        total=None,
        paused=False,
        stopping=False,
        waiting_until="",
        socket="",
        last_error="",
        exit_code=None,
    )
    return replace(found, **parts)  # type: ignore[arg-type]


def leave(workspace: Path, **parts: object) -> None:
    """Write it where a launch writes its own."""
    folder = workspace / "runs"
    write_heartbeat(folder / "heartbeat.json", beat(folder=identity_of(folder), **parts))
