"""Takes a rollout's output out of its view, and files its evidence."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from harness_search.files import digest_bytes, next_free, sync_folder, untrusted_files

MOST_FILES = 1_000


@dataclass(frozen=True, slots=True)
class Collected:
    """The regular files of an output folder, copied out of reach of the harness."""

    names: tuple[str, ...]
    digest: str
    too_large: bool


def collect_output(source: Path, target: Path, limit_bytes: int) -> Collected:
    """Copy every regular file below `source`; links, pipes and devices are left behind."""
    target.mkdir(parents=True)
    parts: list[bytes] = []
    names: list[str] = []
    size = 0
    for file in untrusted_files(source):
        name = file.relative_to(source).as_posix()
        content = _read_regular(file, limit_bytes - size)
        if content is None:
            continue
        size += len(content)
        if size > limit_bytes or len(names) == MOST_FILES:
            return Collected(tuple(names), digest_bytes(parts), too_large=True)
        names.append(name)
        parts += [name.encode(), content]
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return Collected(tuple(names), digest_bytes(parts), too_large=False)


def _read_regular(file: Path, limit_bytes: int) -> bytes | None:
    """The content, at most a byte more than the limit; None for anything but a regular file of
    its own."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            return None
        try:
            return stream.read(limit_bytes + 1)
        except OSError:
            return None


def file_evidence(building: Path, target: Path) -> None:
    """Move a finished evidence folder to its place in one step.

    Evidence that lies there already, of a row that was never written, is kept beside it.
    """
    for path in building.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            _sync_file(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.rename(next_free(target.with_name(f"{target.name}.earlier")))
    building.rename(target)
    sync_folder(target.parent)


def _sync_file(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
