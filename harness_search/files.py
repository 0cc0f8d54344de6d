"""Files written so that a crash leaves the old content or the new, never a mixture."""

import errno
import hashlib
import json
import os
import re
import secrets
import stat
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LONGEST_PATH = 1_000  # bytes
DEEPEST_FOLDER = 32
_UNFINISHED = re.compile(r"\.(\d+)-[0-9a-f]{8}\.part$")


def write_atomically(
    path: Path, content: str | bytes, *, private: bool = False, durable: bool = True
) -> None:
    """Replace `path` by `content` durably: temporary file, fsync, rename, fsync of the folder.

    What is private, only this user may read. What is not durable is whole after any kill, and may
    be old, empty or gone after a power loss: for what can be made again, and for people alone.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path, private=private, durable=durable) as stream:
        stream.write(data)


@contextmanager
def replacing(path: Path, *, private: bool = False, durable: bool = True) -> Iterator[BinaryIO]:
    """As `write_atomically`, of what is too much to be held at once: what was written takes the
    place of `path` at the end, and nothing does when that is not reached."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with _new_file(temporary, private=private) as stream:
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def _new_file(path: Path, *, private: bool) -> BinaryIO:
    """A file that is not there yet, in a folder that is made for it.

    Raises PermissionError where nothing can be made: /proc says that there is no such folder.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if private:
            path.touch(0o600)
        return path.open("wb")
    except FileNotFoundError as error:
        said = "nothing can be made in this folder"
        raise PermissionError(errno.EACCES, said, str(path.parent)) from error


def remove_unfinished(*folders: Path) -> None:
    """Remove what processes that are no more have left of files that they were killed in the
    middle of."""
    for folder in folders if Path("/proc/self").exists() else ():
        for file in folder.glob(".*.part"):
            found = _UNFINISHED.search(file.name)
            if found and not Path("/proc", found[1]).exists():
                file.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_regular(path: Path) -> bool:
    """Whether a path is a regular file itself, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def untrusted_files(folder: Path) -> Iterator[Path]:
    """Regular files below a folder that nobody trusts, sorted folder by folder.

    Links are not followed, not even the folder's own. Names that are no text or far too long, and
    folders nested far too deep, are left out: they are nobody's work.
    """
    waiting = [(folder, 0)] if not folder.is_symlink() else []
    while waiting:
        parent, depth = waiting.pop()
        try:
            with os.scandir(parent) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            path = parent / entry.name
            if not is_text(entry.name) or len(os.fsencode(path)) > LONGEST_PATH:
                continue
            if entry.is_file(follow_symlinks=False):
                yield path
        folders = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        if depth < DEEPEST_FOLDER:
            waiting += [(parent / name, depth + 1) for name in reversed(folders)]


def next_free(path: Path) -> Path:
    """`path-1`, `path-2` ...: the first after all that are taken."""
    taken = [other.name.rpartition("-")[2] for other in path.parent.glob(f"{path.name}-*")]
    numbers = [int(number) for number in taken if number.isdecimal()]
    return path.with_name(f"{path.name}-{max(numbers, default=0) + 1}")


def is_text(value: str) -> bool:
    """Whether a string can be written as UTF-8; names of files need not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def remove_tree(folder: Path) -> None:
    """Remove a folder that a harness may have made hard to remove.

    Not with `shutil.rmtree`: it keeps a descriptor open for each level, and a deep tree would take
    all that this process may have.
    """
    if not folder.is_symlink() and not folder.exists():
        return
    remove = ["rm", "-rf", "--", str(folder)]
    if subprocess.run(remove, stderr=subprocess.DEVNULL, check=False).returncode:
        subprocess.run(["chmod", "-R", "u+rwX", "--", str(folder)], check=False)
        subprocess.run(remove, check=True)


def digest_text(*parts: str) -> str:
    """SHA-256 (hex) over the parts, each length-prefixed so that no two lists collide."""
    return digest_bytes(part.encode() for part in parts)


def digest_bytes(parts: Iterable[bytes]) -> str:
    """SHA-256 (hex) over the parts, each length-prefixed."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def to_json(value: object) -> str:
    """JSON as we store it for people: indented, keys in the given order, ends with a newline."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def to_compact_json(value: object) -> str:
    """JSON of which there is much, for programs that show it to people: in one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"


def share(file: Path, other: Path) -> None:
    """Let two files of the same content be one on disk, where the file system has such links."""
    if not is_regular(file) or not is_regular(other) or file.samefile(other):
        return
    if file.read_bytes() != other.read_bytes():
        return
    temporary = file.with_name(f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        temporary.hardlink_to(other)
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
