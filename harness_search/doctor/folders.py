"""Where a run writes: room on the disk, rights, locks, sockets."""

import fcntl
import os
import tempfile
from pathlib import Path

from harness_search.disk import FULL, free_megabytes
from harness_search.doctor.report import Finding, failed
from harness_search.layout import Layout
from harness_search.rollouts.room import room_needed
from harness_search.sandbox.box import MEGABYTE
from harness_search.service.control import LONGEST_TEMPORARY_FOLDER
from harness_search.settings import Settings


def findings_of_folders(root: Path, settings: Settings, *, is_workspace: bool) -> list[Finding]:
    """A row for the disk and the sockets; in a workspace, one for its `runs`."""
    runs = Layout(root.resolve()).runs
    disk = disk_row(free_megabytes(runs), settings)
    sockets = sockets_row(Path(tempfile.gettempdir()))
    return [disk, *([runs_row(runs)] if is_workspace else []), sockets]


def disk_row(free: int, settings: Settings) -> Finding:
    """Whether so many megabytes are enough."""
    shown = f"{free * MEGABYTE / 1e9:.1f} GB free in runs/"
    needed = room_needed(settings)
    if free >= needed:
        return Finding("disk", shown)
    missing = f"{shown}, at least {needed:,} MB are needed"
    return failed("disk", missing, "make room there, or lower search.concurrency")


def runs_row(runs: Path) -> Finding:
    """Whether files can be written, locked and forced to the disk where evidence lies.

    It is tried on a file of its own, which is gone afterwards.
    """
    folder = runs if runs.is_dir() else runs.parent
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"x")
            stream.flush()
            os.fsync(stream.fileno())
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError:
        return failed("runs/", f"{folder} cannot be written to", f"chown or chmod {folder}")
    except OSError as error:
        value = f"{folder}: {error.strerror}"
        if error.errno in FULL:
            return failed("runs/", value, "make room on its disk, or in the quota of this user")
        return failed("runs/", value, "move the workspace to a local disk that takes locks")
    return Finding("runs/", "can be written, locked and forced to the disk")


def sockets_row(temporary: Path) -> Finding:
    """Whether a run's sockets find a place with a short path."""
    folder = temporary if len(str(temporary)) <= LONGEST_TEMPORARY_FOLDER else Path("/tmp")
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = "export TMPDIR=... with a short path that you may write to"
        return failed("sockets", f"{folder} cannot be written to", fix)
    if folder != temporary:
        return Finding("sockets", f"in {folder}, since the path of {temporary} is too long")
    return Finding("sockets", f"in {folder}")
