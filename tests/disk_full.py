"""Runs searches on a disk that becomes full in the middle of something, and is freed again.

Started in a mount namespace of its own, by `test_crash_safety_disk.py`. Arguments: a folder to
mount the small disk on, a folder beside it, a new workspace to copy, a kit, and the moments to try.
Prints one JSON object.
"""

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import git
from conftest import keep_dev_tasks, opener, share_kit
from scripted_proposer import Scripted, placebo, run

from harness_search import proposals, search
from harness_search.disk import free_megabytes
from harness_search.errors import SearchStoppedError
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.judging.documents import TextStore
from harness_search.ledger.store import Ledger
from harness_search.rollouts import evidence, runner
from harness_search.sandbox.choice import NONE, strongest

MEGABYTES = 160
LIMITS = {"workspace_megabytes": 2, "output_megabytes": 2}
MOMENTS: dict[str, tuple[Any, str]] = {
    "row": (Ledger, "finish"),
    "attempt": (Ledger, "begin"),
    "iteration": (Ledger, "put_iteration"),
    "call": (TranscriptWriter, "request"),
    "reply": (TranscriptWriter, "reply"),
    "evidence": (runner, "write_summary"),
    "output": (runner, "collect_output"),
    "text": (TextStore, "_extracted"),
    "view": (runner, "make_view"),
    "log": (runner, "keep_log"),
    "interrupted": (evidence, "begin_evidence"),
    "candidate": (proposals, "write_atomically"),
    "session": (Scripted, "propose"),
    "lineage": (search, "mirror_lineage"),
    "state": (search, "write_atomically"),
}
"""Where the disk becomes full: right before such a call."""


OF_CANDIDATES = ("iteration", "candidate", "session", "state")


@dataclass(frozen=True)
class Seen:
    """What came of it."""

    error: str
    """What the launch ended with, that met the full disk; empty when it met none."""
    corrupt: list[str]
    """What a reader could not read, between the two launches."""
    outcomes: list[str]
    """Of all rollouts, after the second launch."""
    decisions: list[str]


def fill(folder: Path) -> Path:
    """Take all that is free on the disk of a folder; returns the file that holds it."""
    file = folder / "filled"
    with file.open("wb", buffering=0) as stream:
        for size in (1 << 20, 4096, 1):
            with filled_to_the_end():
                while True:
                    stream.write(bytes(size))
    return file


@contextmanager
def filled_to_the_end() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@contextmanager
def filled_before(moment: str, disk: Path, nth: int) -> Iterator[None]:
    """Fill the disk when something is called for the nth time."""
    owner, name = MOMENTS[moment]
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def filling(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            fill(disk)
        return real(*arguments, **options)

    setattr(owner, name, filling)
    try:
        yield
    finally:
        setattr(owner, name, real)


def corrupt(root: Path) -> list[str]:
    """What nobody could read any more."""
    found = []
    for file in root.rglob("*.sqlite3"):
        with closing(sqlite3.connect(file)) as database:
            (answer,) = database.execute("PRAGMA integrity_check").fetchone()
            found += [file.name] if answer != "ok" else []
    for file in root.rglob("*.json"):
        if ".building" in file.parts:  # evidence of nothing yet
            continue
        try:
            json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found.append(str(file.relative_to(root)))
    return found


def disturbed(moment: str, disk: Path, root: Path) -> Seen:
    """A search that meets a full disk, and goes on once there is room."""
    nth = 3 if moment == "state" else 1
    iterations = int(moment in OF_CANDIDATES)
    flags = {"iterations": iterations, "trials": 1, "concurrency": 2, "preset": "seed"}
    workspace = opener(root, strongest() or NONE)(**flags)
    limits = workspace.settings.limits.model_copy(update=LIMITS)
    settings = workspace.settings.model_copy(update={"limits": limits})
    workspace = replace(workspace, settings=settings)
    error = ""
    try:
        with filled_before(moment, disk, nth):
            run(workspace, Scripted(placebo))
    except SearchStoppedError as stopped:
        error = str(stopped)
    found = corrupt(root) if error else []
    (disk / "filled").unlink(missing_ok=True)
    run(workspace, Scripted(placebo))
    with closing(Ledger(root / "runs" / "ledger.sqlite3", read_only=True)) as ledger:
        outcomes = [row.outcome for row in ledger.rows()]
        decided = [row.decision.value for row in ledger.iterations() if row.decision]
    with git.Repo(root / "runs" / "lineage.git") as repository:
        repository.git.fsck("--strict")
        assert len(repository.heads) == 2 + iterations  # and the incumbent
    return Seen(error, found, [outcome.value for outcome in outcomes], decided)


def main(disk: Path, beside: Path, workspace: Path, kit: Path, moments: list[str]) -> None:
    """Try each moment with the workspace on the small disk, or, after a `/`, what is temporary."""
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(disk)], check=True
    )
    assert free_megabytes(disk) <= MEGABYTES
    found = {}
    for moment in moments:
        name, _, temporary = moment.partition("/")
        root = (beside if temporary else disk) / name
        tempfile.tempdir = str(disk if temporary else beside)
        os.environ["TMPDIR"] = tempfile.tempdir
        shutil.copytree(workspace, root)
        share_kit(root, kit)
        keep_dev_tasks(root, 2)
        found[moment] = asdict(disturbed(name, disk, root))
        shutil.rmtree(root)
    print(json.dumps(found))


if __name__ == "__main__":
    disk, beside, workspace, kit = map(Path, sys.argv[1:5])
    main(disk, beside, workspace, kit, sys.argv[5:])
