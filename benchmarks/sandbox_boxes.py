"""Boxes like those of rollouts, for measuring."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness_search.rollouts.box import Place, limits_of, rollout_box, rollout_program
from harness_search.rollouts.traces import make_record
from harness_search.rollouts.view import DOCUMENTS, OUTPUT, TEXT, give_to
from harness_search.sandbox.box import Box, Door, Handle, Sandbox
from harness_search.settings import LimitSettings

PORT = 4
"""Of a door that nobody opens."""
ARGUMENTS = {
    "token": "a token",
    "model": "a model",
    "instructions": "",
    "deliverables": ["memo.docx"],
    "sampling": {},
    "context_tokens": None,
}


class Ground:
    """A folder in which boxes of one sandbox are run with one harness.

    The folder is new, has a short path, and lies where every user may enter.
    """

    def __init__(self, folder: Path, kit: Path, sandbox: Sandbox, harness: str) -> None:
        folder.mkdir(mode=0o711)
        self.folder, self.sandbox = folder, sandbox
        self._kit = Path(shutil.copytree(kit, folder / "kit", copy_function=os.link))
        self._harness = folder / "harness.py"
        self._harness.write_text(harness, encoding="utf-8")
        (folder / "gateway").mkdir()

    def box(self, slot: int, uid: int | None) -> Box:
        """A rollout's box, furnished anew: one document, and room for its output."""
        place = Place(self.folder / f"slot-{slot}", uid)
        shutil.rmtree(place.folder, ignore_errors=True)
        for name in (DOCUMENTS, TEXT, OUTPUT):
            (place.view / name).mkdir(parents=True)
        (place.view / DOCUMENTS / "lease.txt").write_text("The annual rent is 100,000 USD.")
        place.temporary.mkdir()
        make_record(place.record, self._harness)
        place.folder.chmod(0o700)
        given = (place.folder, place.view, place.view / OUTPUT, place.temporary, place.record)
        give_to(uid, *given)
        door = Door(self.folder / "gateway" / "gateway.sock", PORT)
        limits = limits_of(LimitSettings())
        return rollout_box(self._kit, place, self._harness, door, limits)


def program(handle: Handle, box: Box, **arguments: Any) -> dict[str, Any]:
    """What to run in the box: its harness."""
    return rollout_program(handle, box, {**ARGUMENTS, **arguments})


def with_progress(report: Callable[[str], None], done: int, of: int, what: str) -> None:
    """Say how far a long measure is, ten times at most."""
    if done % max(1, of // 10) == 0:
        report(f"{what}: {done} of {of}")
