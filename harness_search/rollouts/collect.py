"""Takes a rollout's output out of its view, and files its evidence."""

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from harness_search.files import digest_bytes, sync_folder


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
    for name in _regular_files(source):
        size += (source / name).lstat().st_size
        if size > limit_bytes:
            return Collected(tuple(names), digest_bytes(parts), too_large=True)
        content = _read_regular(source / name)
        if content is None:
            continue
        names.append(name.as_posix())
        parts += [name.as_posix().encode(), content]
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return Collected(tuple(names), digest_bytes(parts), too_large=False)


def _regular_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        found += [Path(parent, file).relative_to(folder) for file in files]
    return sorted(name for name in found if stat.S_ISREG((folder / name).lstat().st_mode))


def _read_regular(file: Path) -> bytes | None:
    """The content, or None when the path is no longer a regular file of its own."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            return None
        return stream.read()


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
