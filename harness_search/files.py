"""Files written so that a crash leaves the old content or the new, never a mixture."""

import hashlib
import json
import os
import secrets
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

LONGEST_PATH = 1_000  # bytes
DEEPEST_FOLDER = 32


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by `content` durably: temporary file, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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
