"""The box of a rollout: what its harness sees, may use, and is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.rollouts.view import DOCUMENTS, TEXT
from harness_search.sandbox.box import MEGABYTE, Box, Door, Handle, Limits, Mount
from harness_search.settings import LimitSettings

WORK = "/work"
PROGRAM = "harness_main"


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one rollout under way, and the user id that they belong to."""

    folder: Path
    uid: int | None

    @property
    def view(self) -> Path:
        return self.folder / "view"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def log(self) -> Path:
        """Not among the evidence: a process can read the path of what it writes to."""
        return self.folder / "harness.log"

    @property
    def record(self) -> Path:
        """Which lines of the harness ran; in no folder that the harness is told of."""
        return self.folder / "record"


def limits_of(settings: LimitSettings) -> Limits:
    """The settings in bytes."""
    return Limits(
        cpu_seconds=settings.cpu_seconds,
        memory_bytes=settings.memory_megabytes * MEGABYTE,
        processes=settings.processes,
        open_files=settings.open_files,
        file_bytes=settings.output_megabytes * MEGABYTE,
        workspace_bytes=settings.workspace_megabytes * MEGABYTE,
        temporary_bytes=settings.temporary_megabytes * MEGABYTE,
    )


def rollout_box(kit: Path, place: Place, harness: Path, door: Door | None, limits: Limits) -> Box:
    """Workspace and output to write into; documents, their text and the harness to read."""
    work = Mount(place.view, WORK, writable=True)
    mounts = (
        work,
        *(Mount(place.view / name, f"{WORK}/{name}") for name in (DOCUMENTS, TEXT)),
        Mount(place.record, "/record", writable=True),
        Mount(harness, "/harness.py"),
    )
    return Box(kit, mounts, work, place.temporary, limits, place.log, door, place.uid)


def rollout_program(handle: Handle, box: Box, policy: Mapping[str, Any]) -> dict[str, Any]:
    """What to run: the harness, with its task and its way to the model."""
    arguments = {
        **policy,
        "harness": handle.seen(box.mounts[-1]),
        "record": handle.seen(box.mounts[-2]),
        "gateway": handle.gateway,
        "base_url": handle.base_url,
    }
    return {"module": PROGRAM, "arguments": arguments}
