"""Whether the disk has room for a rollout: a full disk is no harness's failure."""

import shutil
from pathlib import Path

from harness_search.sandbox.box import MEGABYTE
from harness_search.settings import LimitSettings

RESERVE = 100
"""Megabytes for transcript, log and ledger."""


def shortage(folders: tuple[Path, ...], limits: LimitSettings) -> str:
    """Why a rollout had better not begin, in one sentence; empty when there is room."""
    needed = limits.workspace_megabytes + limits.output_megabytes + RESERVE
    for folder in folders:
        free = shutil.disk_usage(folder).free // MEGABYTE
        if free < needed:
            return f"{folder}: {free:,} MB free on its disk, and a rollout may need {needed:,} MB"
    return ""
