"""What is to be run: a harness, frozen, on one task in one trial."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.files import digest_bytes, write_atomically
from harness_search.ledger.rows import RolloutKey

if TYPE_CHECKING:  # what only looks at a harness needs no replay
    from harness_search.rollouts.original import Original


@dataclass(frozen=True, slots=True)
class Harness:
    """A harness file under evaluation."""

    name: str
    file: Path
    digest: str


def freeze(harness: Harness, folder: Path) -> Harness:
    """The same harness as a copy that no editor changes while its rollouts run.

    Raises InputError when the file is no longer the one that the digest was taken of.
    """
    source = harness.file.read_bytes() if harness.file.is_file() else b""
    if digest_bytes([source]) != harness.digest:
        raise InputError(harness.file, "content", "a changed file", "the harness as it was chosen")
    copy = folder / f"{harness.digest[:16]}.py"
    write_atomically(copy, source, durable=False)
    copy.chmod(0o444)
    return replace(harness, file=copy)


@dataclass(frozen=True, slots=True)
class Job:
    """One rollout to run."""

    harness: Harness
    task: Task
    key: RolloutKey
    original: "Original | None" = None
    """In a replay: the rollout of another harness that all replies are taken from."""


def freeze_all(jobs: Iterable[Job], folder: Path) -> list[Job]:
    """The same jobs on copies of their harnesses, as `freeze` makes them."""
    found = list(jobs)
    harnesses = {job.key.harness: job.harness for job in found}
    copies = {digest: freeze(harness, folder) for digest, harness in harnesses.items()}
    return [replace(job, harness=copies[job.key.harness]) for job in found]
