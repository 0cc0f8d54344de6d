"""A folder that a command writes whole, and may write again: a list in it names what it wrote."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from harness_search.errors import InputError
from harness_search.files import is_regular, write_atomically

LIST = ".meta-harness-report"
MARKER = "Meta-Harness report"
"""First line of the list; each other one is a path below the folder."""
_OURS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_.-]+)*")


def require_own(option: str, folder: Path) -> None:
    """Raise InputError unless a folder is new, empty, or one that was written by `write_folder`,
    and no folder in it is a link to somewhere else."""
    if folder.exists() and not folder.is_dir():
        raise InputError("command line", option, f"the file {folder}", "a folder")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not _is_marked(folder):
        raise InputError("command line", option, f"{folder}, with other files", "an empty folder")
    for place, folders, _ in os.walk(folder):
        for name in folders:
            if (link := Path(place) / name).is_symlink():
                raise InputError("command line", option, f"the link {link}", "folders alone")


def write_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files, given by paths below a folder that `require_own` has passed, and remove those
    that were written there before and are not now."""
    before = _listed(folder)
    written: dict[str, None] = {}
    if not before:
        write_atomically(folder / LIST, f"{MARKER}\n", durable=False)
    # Before the file itself: what a run that was cut off has written is removed by a later one.
    with (folder / LIST).open("a", encoding="utf-8") as listed:
        for name, content in files:
            print(name, file=listed, flush=True)
            write_atomically(folder / name, content, durable=False)
            written[name] = None
    for name in before - written.keys():
        _remove(folder, name)
    write_atomically(folder / LIST, "\n".join((MARKER, *written, "")), durable=False)


def _is_marked(folder: Path) -> bool:
    file = folder / LIST
    if not is_regular(file):
        return False
    with file.open("rb") as stream:
        return stream.readline(len(MARKER) + 1).rstrip() == MARKER.encode()


def _listed(folder: Path) -> set[str]:
    """What was written before, as far as it may be our work."""
    if not _is_marked(folder):
        return set()
    lines = (folder / LIST).read_text(encoding="utf-8", errors="replace").split("\n")[1:]
    return {name for name in lines if _OURS.fullmatch(name) and ".." not in name.split("/")}


def _remove(folder: Path, name: str) -> None:
    """A file, and the folders that hold nothing then."""
    file = folder / name
    if not is_regular(file):
        return
    file.unlink()
    for parent in file.relative_to(folder).parents:
        if not parent.name or any((folder / parent).iterdir()):
            return
        (folder / parent).rmdir()
