"""Files written so that a crash leaves the old content or the new, never a mixture."""

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path


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
