"""Whether the disk has room for rollouts: a full disk is no harness's failure."""

from pathlib import Path

from harness_search.disk import RESERVE, free_megabytes
from harness_search.settings import LimitSettings, Settings


def room_needed(settings: Settings) -> int:
    """Megabytes that a launch may need at once."""
    return _needed(settings.limits, settings.search.concurrency)


def _needed(limits: LimitSettings, slots: int) -> int:
    return RESERVE + slots * (limits.workspace_megabytes + limits.output_megabytes)


def shortage(folders: tuple[Path, ...], limits: LimitSettings, slots: int) -> str:
    """Why so many rollouts had better not begin, in one sentence; empty when there is room.

    Room is reserved for all that they may write: what one of them fills must not fail another.
    """
    megabytes = _needed(limits, slots)
    for folder in folders:
        free = free_megabytes(folder)
        if free < megabytes:
            return (
                f"{folder}: {free:,} MB free on its disk, and {slots} rollouts at once may need "
                f"{megabytes:,} MB (see limits.workspace_megabytes, search.concurrency)"
            )
    return ""
