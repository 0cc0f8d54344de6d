"""Whether the disk has room for rollouts: a full disk is no harness's failure."""

import shutil
from pathlib import Path

from harness_search.sandbox.box import MEGABYTE
from harness_search.settings import LimitSettings

RESERVE = 100
"""Megabytes for transcripts, logs and ledger."""


def shortage(folders: tuple[Path, ...], limits: LimitSettings, slots: int) -> str:
    """Why so many rollouts had better not begin, in one sentence; empty when there is room.

    Room is reserved for all that they may write: what one of them fills must not fail another.
    """
    needed = RESERVE + slots * (limits.workspace_megabytes + limits.output_megabytes)
    for folder in folders:
        free = shutil.disk_usage(folder).free // MEGABYTE
        if free < needed:
            return (
                f"{folder}: {free:,} MB free on its disk, and {slots} rollouts at once may need "
                f"{needed:,} MB (see limits.workspace_megabytes, search.concurrency)"
            )
    return ""
