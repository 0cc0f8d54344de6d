"""Runs a harness's source in a sandbox, with everything that a rollout has but its judge."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness_search.rollouts.box import Place, rollout_box, rollout_program
from harness_search.rollouts.view import DOCUMENTS, OUTPUT, TEXT, give_to
from harness_search.sandbox.box import MEGABYTE, Door, Ending, Limits
from harness_search.sandbox.choice import make_sandbox
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.interpreter import closed_to_others
from harness_search.sandbox.process import breach_of_exit
from harness_search.sandbox.watchdog import Watchdog

LIMITS = Limits(
    cpu_seconds=30,
    memory_bytes=512 * MEGABYTE,
    processes=48,
    open_files=128,
    file_bytes=20 * MEGABYTE,
    workspace_bytes=50 * MEGABYTE,
    temporary_bytes=16 * MEGABYTE,
)


@dataclass(frozen=True, slots=True)
class Boxed:
    """What came of a box."""

    ending: Ending
    in_time: bool
    breach: str
    log: str
    view: Path
    pid: int

    @property
    def output(self) -> Path:
        return self.view / OUTPUT


def make_place(folder: Path, uid: int | None, documents: Mapping[str, str]) -> Place:
    """A rollout's folders, as the scaffold makes them."""
    place = Place(folder / "slot", uid)
    for name in (DOCUMENTS, TEXT, OUTPUT):
        (place.view / name).mkdir(parents=True)
    for name, text in documents.items():
        (place.view / DOCUMENTS / name).write_text(text, encoding="utf-8")
        (place.view / DOCUMENTS / name).chmod(0o444)
    (place.view / DOCUMENTS).chmod(0o555)
    (place.view / TEXT).chmod(0o555)
    place.temporary.mkdir()
    place.record.write_bytes(bytes(10_000))
    place.folder.chmod(0o700)
    given = (place.folder, place.view, place.view / OUTPUT, place.temporary, place.record)
    give_to(uid, *given)
    return place


async def run_in_box(
    sandbox: str,
    folder: Path,
    source: str,
    kit: Path,
    *,
    instructions: str = "",
    limits: Limits = LIMITS,
    door: Door | None = None,
    token: str = "token-of-this-rollout",
    seconds: float = 30.0,
    documents: Mapping[str, str] = {"lease.txt": "The annual rent is 100,000 USD."},
) -> Boxed:
    """Run `solve(task, model)` of a source; `folder` is empty, has a short path, and is ours.

    Root's boxes get a user id of their own, as always; the folder must then let others pass.
    """
    folder.chmod(0o711)
    chosen = make_sandbox(sandbox)
    harness = folder / "harness.py"
    harness.write_text(source, encoding="utf-8")
    harness.chmod(0o444)
    if not chosen.isolated and os.geteuid() == 0 and closed_to_others(kit):
        kit = Path(shutil.copytree(kit, folder / "kit"))
    with contextlib.closing(Identities()) as identities:
        place = make_place(folder, identities.lease(), documents)
        box = rollout_box(kit, place, harness, door, limits)
        policy = {
            "token": token,
            "model": "m",
            "instructions": instructions,
            "deliverables": ["memo.docx"],
            "sampling": {},
            "context_tokens": None,
        }
        child = await chosen.start(box)
        breaches: list[str] = []
        breached = asyncio.Event()

        def passed(reason: str) -> None:
            breaches.append(reason)
            breached.set()

        kept = [place.folder]
        try:
            async with Watchdog() as watchdog:
                with watchdog.watching(child.pid, limits, kept, passed, child.ours):
                    await child.give(rollout_program(child, box, policy))
                    ends = [asyncio.ensure_future(child.wait())]
                    ends.append(asyncio.ensure_future(breached.wait()))
                    await asyncio.wait(ends, timeout=seconds, return_when="FIRST_COMPLETED")
                    in_time = ends[0].done() or ends[1].done()
                    for end in ends:
                        end.cancel()
        finally:
            ending = await child.kill()
    breach = breaches[0] if breaches else breach_of_exit(ending.exit_code, limits)
    log = box.log.read_text(encoding="utf-8", errors="replace")
    return Boxed(ending, in_time, breach, log, place.view, child.pid)


def with_limits(**changes: float) -> Limits:
    """The usual limits of these tests, but for some."""
    return replace(LIMITS, **changes)  # type: ignore[arg-type]
