"""What a run needs of the machine: git, cores, memory, open files, a sound clock."""

import os
import platform
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness_search.doctor.report import Finding, failed, warned
from harness_search.sandbox.advice import how_to_install
from harness_search.sandbox.box import MEGABYTE
from harness_search.settings import Settings

ENOUGH_FILES = 8_000
"""From here on the gateway takes as many connections as it ever does."""
FIRST_MOMENT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""Before it no clock can be right: nothing of this existed."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What was found of the machine."""

    kernel: str
    uid: int
    cores: int
    """That this process may use."""
    available_bytes: int
    """Of memory; 0 where that is not told."""
    git: str
    """Its version; empty when it is not installed."""
    git_fix: str
    open_files: int | None
    """That one process may have open; None for any number."""
    clock: float
    """Unix time in seconds."""


def look_at_machine() -> Machine:
    """What a run needs besides sandbox and workspace."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Machine(
        kernel=f"{platform.system()} {platform.release()} ({platform.machine()})",
        uid=os.geteuid(),
        cores=len(os.sched_getaffinity(0)),
        available_bytes=_available_bytes(),
        git=_git_version(),
        git_fix=how_to_install("git"),
        open_files=None if most == resource.RLIM_INFINITY else most,
        clock=time.time(),
    )


def findings_of_machine(
    machine: Machine, settings: Settings, last_written: float = 0.0
) -> list[Finding]:
    """A row for each; `last_written` is when the workspace was last written to, in Unix time."""
    return [
        Finding("kernel", machine.kernel),
        _user(machine.uid),
        _git(machine),
        _cores(machine.cores, settings),
        _memory(machine.available_bytes, settings),
        _open_files(machine.open_files),
        _clock(machine.clock, last_written),
    ]


def _user(uid: int) -> Finding:
    if uid == 0:
        return Finding("user", "root: harness code runs as an unprivileged user id of its own")
    return Finding("user", f"id {uid}: harness code runs as the same user")


def _git(machine: Machine) -> Finding:
    if machine.git:
        return Finding("git", machine.git)
    return failed("git", "not installed, and the lineage needs it", machine.git_fix)


def _cores(cores: int, settings: Settings) -> Finding:
    at_once = settings.search.concurrency
    shown = f"{cores} for {at_once} rollouts at once"
    if at_once <= 16 * cores:
        return Finding("cores", shown)
    return warned("cores", shown, f"lower --concurrency to {16 * cores} or less")


def _memory(available: int, settings: Settings) -> Finding:
    if not available:
        return Finding("memory", "not told by this system")
    shown = f"{available / 1e9:.1f} GB available"
    most = settings.search.concurrency * settings.limits.memory_megabytes * MEGABYTE
    if available >= most:
        return Finding("memory", shown)
    might = f"the rollouts at once may take {most / 1e9:.1f} GB at most"
    fix = "lower --concurrency or limits.memory_megabytes, if rollouts need that much"
    return warned("memory", f"{shown}, and {might}", fix)


def _open_files(most: int | None) -> Finding:
    shown = "no limit" if most is None else f"{most:,}"
    if most is None or most >= ENOUGH_FILES:
        return Finding("open files", shown)
    few = f"{shown}: enough for {most // 4:,} connections of the gateway at once"
    return warned("open files", few, f"ulimit -Hn {ENOUGH_FILES}")


def _clock(clock: float, last_written: float) -> Finding:
    shown = datetime.fromtimestamp(clock, UTC).strftime("%Y-%m-%d %H:%M UTC")
    fix = "set the clock, for example by `timedatectl set-ntp true`"
    if clock < FIRST_MOMENT:
        return warned("clock", f"{shown}, which cannot be", fix)
    behind = last_written - clock
    if behind > 60:
        hours = f"{behind / 3600:,.1f} h before this workspace was last written to"
        return warned("clock", f"{shown}, {hours}", fix)
    return Finding("clock", shown)


def _available_bytes() -> int:
    """What may still be taken without swapping, as the kernel estimates it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    return 1024 * int(known.get("MemAvailable", "0 kB").split()[0])


def _git_version() -> str:
    command = shutil.which("git")
    if command is None:
        return ""
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix("git version ")
