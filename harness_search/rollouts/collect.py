"""Takes a rollout's output out of its view, and files its evidence."""

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness_search.files import digest_bytes, sync_folder

MOST_FILES = 1_000
LONGEST_NAME = 500  # bytes, folders included


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
    for name in _file_names(source):
        content = _read_regular(source / name, limit_bytes - size)
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


def _file_names(folder: Path) -> Iterator[str]:
    """Relative paths, sorted folder by folder; names that are no UTF-8 or far too long are no
    deliverable of anyone and stay behind."""
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for file in sorted(files):
            name = Path(parent, file).relative_to(folder).as_posix()
            if len(os.fsencode(name)) <= LONGEST_NAME and _is_text(name):
                yield name


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


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
        return stream.read(limit_bytes + 1)


def file_evidence(building: Path, target: Path) -> None:
    """Move a finished evidence folder to its place in one step."""
    for file in building.rglob("*"):
        if file.is_file():
            _sync_file(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    building.rename(target)
    sync_folder(target.parent)


def _sync_file(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
