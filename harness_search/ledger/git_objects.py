"""Objects of a git repository, written and read as git itself keeps them when they are new: each
in a file of its own, compressed, by the digest of what it holds."""

import hashlib
import os
import re
import struct
import zlib
from pathlib import Path

from harness_search.files import write_atomically

_INDEX = b"\xfftOc\0\0\0\x02"
_IDS_BEGIN = len(_INDEX) + 256 * 4
ID = re.compile(r"[0-9a-f]{40}")
_LINE_OF_A_TREE = re.compile(rb"100644 [^\0]+\0(.{20})", re.DOTALL)
_TREE_OF_A_COMMIT = re.compile(rb"tree ([0-9a-f]{40})\n")


def store(repository: Path, kind: str, content: bytes) -> str:
    """Store an object; returns its id. The disk is not waited for."""
    data = b"%s %d\0%s" % (kind.encode(), len(content), content)
    found = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    file = _file_of(repository, found)
    if not is_there(repository, found):
        write_atomically(file, zlib.compress(data, 9), durable=False)
        file.chmod(0o444)
    return found


def store_tree(repository: Path, files: dict[str, str]) -> str:
    """Store a folder of files, each the id of an object, in the order that git sorts them; returns
    its id."""
    lines = (
        b"100644 %s\0%s" % (name.encode(), bytes.fromhex(blob)) for name, blob in files.items()
    )
    return store(repository, "tree", b"".join(lines))


def require_whole(repository: Path, commit: str) -> None:
    """Raise ValueError unless a commit, its tree and its files are all as they were stored. What
    the index of a pack names is taken to be."""
    if not ID.fullmatch(commit):
        raise ValueError(f"{commit!r} is no id of a commit")
    tree = _TREE_OF_A_COMMIT.match(content) if (content := _read(repository, commit)) else None
    if content and tree is None:
        raise ValueError(f"commit {commit} has no tree")
    listed = _read(repository, tree[1].decode()) if tree else b""
    for blob in _LINE_OF_A_TREE.findall(listed):
        _read(repository, blob.hex())


def is_there(repository: Path, found: str) -> bool:
    """Whether an object lies in a file of its own that is not empty, or git has packed it."""
    if not ID.fullmatch(found):
        return False
    try:
        return _file_of(repository, found).stat().st_size > 0
    except FileNotFoundError:
        return _is_packed(repository, found)


def _read(repository: Path, found: str) -> bytes:
    """What an object holds; empty for one that git has packed."""
    try:
        data = zlib.decompress(_file_of(repository, found).read_bytes())
    except FileNotFoundError:
        if _is_packed(repository, found):
            return b""
        raise ValueError(f"object {found} is missing") from None
    except zlib.error as error:
        raise ValueError(f"object {found} is damaged") from error
    if hashlib.sha1(data, usedforsecurity=False).hexdigest() != found:
        raise ValueError(f"object {found} is another one")
    return data.partition(b"\0")[2]


def _is_packed(repository: Path, found: str) -> bool:
    """Whether the index of a pack names an object. Such an index (gitformat-pack, version 2) is a
    table of 256 counts by the first byte of an id, and then all ids in order."""
    wanted = bytes.fromhex(found)
    for file in (repository / "objects" / "pack").glob("*.idx"):
        index = file.read_bytes()
        if not index.startswith(_INDEX) or len(index) < _IDS_BEGIN:
            continue
        counts = struct.unpack_from(">256I", index, len(_INDEX))
        first, last = counts[wanted[0] - 1] if wanted[0] else 0, counts[wanted[0]]
        ids = index[_IDS_BEGIN + 20 * first : _IDS_BEGIN + 20 * last]
        listed = any(ids[at : at + 20] == wanted for at in range(0, len(ids), 20))
        if listed and file.with_suffix(".pack").is_file():
            return True
    return False


def _file_of(repository: Path, found: str) -> Path:
    return Path(os.fspath(repository), "objects", found[:2], found[2:])
