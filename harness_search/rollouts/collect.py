"""Takes a rollout's output out of its view, and files its evidence."""

import errno
import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from harness_search.files import DEEPEST_FOLDER, LONGEST_PATH, is_text, next_free, sync_folder
from harness_search.sandbox.beneath import open_beneath

MOST_FILES = 1_000
MOST_ENTRIES = 10_000
"""Looked at, whatever they are."""
MOST_REFUSED = 100
"""Named one by one."""
LONGEST_SHOWN = 255
ROOT = "."
"""Names the output folder itself among what was refused."""
THE_OTHERS = "/..."
"""Names what was refused beyond those; no entry can have this name."""

CHUNK = 1 << 20
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY
KINDS: Mapping[int, str] = MappingProxyType(
    {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFREG: "a regular file",
        stat.S_IFDIR: "a folder",
    }
)
KNOWN: Mapping[int, str] = MappingProxyType(
    {
        errno.ENOENT: "nothing",
        errno.ELOOP: "a symbolic link",
        errno.EXDEV: "a mount point",
    }
)
"""What the errors mean of an open beneath a folder."""
NOT_OPENED = "a folder that cannot be opened"
NOT_READABLE = "a file that is not readable"
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's control and format characters, line ends, and halves of characters."""
OUR_FAULT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors of the scaffold or its machine, which must not count against a harness."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The regular files of an output folder, copied out of reach of the harness."""

    names: tuple[str, ...]
    digest: str
    too_large: bool
    refused: tuple[tuple[str, str], ...] = ()
    """What was left behind, at most 100 entries: its name, safe to print, and what it is. The
    output folder itself goes by ".", and a last entry counts what is not named."""


class _RefusedError(Exception):
    """An entry that is not taken; says what it is."""


class _TooLargeError(Exception):
    """The output has more in it than anybody asked for."""


def collect_output(source: Path, target: Path, limit_bytes: int) -> Collected:
    """Copy every regular file below `source` that has one name and is readable into `target`.

    Nothing else is taken, and no link is followed, whoever changes the folder meanwhile. Raises
    OSError when `target` exists or cannot be written.
    """
    target.mkdir(parents=True)
    collection = _Collection(target, limit_bytes)
    too_large = False
    try:
        with _opened_root(source) as folder:
            collection.take_folder(folder, ())
    except _RefusedError as refusal:
        collection.refuse(ROOT, refusal)
    except _TooLargeError:
        too_large = True
    return collection.result(too_large)


class _Collection:
    """What was taken so far, and what was not."""

    def __init__(self, target: Path, limit_bytes: int) -> None:
        self._target = target
        self._left = limit_bytes
        self._entries = 0
        self._names: list[str] = []
        self._digest = hashlib.sha256()
        self._refused: list[tuple[str, str]] = []
        self._refused_besides = 0

    def result(self, too_large: bool) -> Collected:
        refused = self._refused
        if self._refused_besides:
            refused = [*refused, (THE_OTHERS, f"{self._refused_besides:,} more were not taken")]
        return Collected(tuple(self._names), self._digest.hexdigest(), too_large, tuple(refused))

    def refuse(self, path: str, refusal: _RefusedError) -> None:
        if len(self._refused) < MOST_REFUSED:
            self._refused.append((_printable(path), str(refusal)))
        else:
            self._refused_besides += 1

    def take_folder(self, folder: int, above: tuple[str, ...]) -> None:
        """Take the files of an open folder by name, then its folders by name."""
        names = self._listing(folder, above)
        folders = []
        for name in names:
            path = "/".join((*above, name))
            with self._refusing(path):
                if _kind_of(folder, name, path) == stat.S_IFDIR:
                    folders.append(name)
                    continue
                with _opened(folder, name, os.O_RDONLY) as source:
                    self._take_file(source, path)
        for name in folders:
            with self._refusing("/".join((*above, name))):
                if len(above) == DEEPEST_FOLDER:
                    raise _RefusedError("a folder nested too deep")
                with _opened(folder, name, OPEN_FOLDER) as deeper:
                    self.take_folder(deeper, (*above, name))

    @contextmanager
    def _refusing(self, path: str) -> Iterator[None]:
        try:
            yield
        except _RefusedError as refusal:
            self.refuse(path, refusal)

    def _listing(self, folder: int, above: tuple[str, ...]) -> list[str]:
        """The names in a folder, sorted; of a folder with far too many none is named, for which
        of them come first is up to the file system."""
        left = MOST_ENTRIES - self._entries
        with _reading("a folder that cannot be read"), os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, left + 1)]
        if len(names) > left:
            refusal = _RefusedError(f"a folder that makes it more than {MOST_ENTRIES:,} entries")
            self.refuse("/".join(above) or ROOT, refusal)
            raise _TooLargeError
        self._entries += len(names)
        return sorted(names)

    def _take_file(self, source: int, path: str) -> None:
        status = os.fstat(source)
        if not stat.S_ISREG(status.st_mode):
            raise _RefusedError(_words(status.st_mode))
        if status.st_nlink != 1:
            raise _RefusedError(f"a file with {status.st_nlink} links")
        if status.st_size > self._left or len(self._names) == MOST_FILES:
            raise _TooLargeError
        file = self._target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x+b") as copy:
            try:
                size = _copy(source, copy, self._left)
            except (_RefusedError, _TooLargeError):
                file.unlink()
                raise
            self._take_into_digest(path, copy, size)
        self._left -= size
        self._names.append(path)

    def _take_into_digest(self, path: str, copy: BinaryIO, size: int) -> None:
        """As `digest_bytes` does; read from the copy, for the length comes first, and only now is
        it known."""
        name = path.encode()
        self._digest.update(len(name).to_bytes(8, "big") + name + size.to_bytes(8, "big"))
        copy.seek(0)
        while chunk := copy.read(CHUNK):
            self._digest.update(chunk)


def _kind_of(folder: int, name: str, path: str) -> int:
    """Whether an entry is a file or a folder; anything else is refused unopened, as opening a
    device may set something off."""
    if not is_text(name):
        raise _RefusedError("a name that is no text")
    if any(unicodedata.category(character) in UNPRINTABLE for character in name):
        raise _RefusedError("a name with control characters")
    if len(path.encode()) > LONGEST_PATH:
        raise _RefusedError("a name that is too long")
    with _reading("an entry that cannot be looked at"):
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _RefusedError(_words(mode))
    return stat.S_IFMT(mode)


def _words(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "something unknown")


@contextmanager
def _opened_root(source: Path) -> Iterator[int]:
    with _reading(NOT_OPENED):
        mode = source.lstat().st_mode
    if not stat.S_ISDIR(mode):
        raise _RefusedError(_words(mode))
    with _reading(NOT_OPENED):
        descriptor = os.open(source, OPEN_FOLDER | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _opened(folder: int, name: str, flags: int) -> Iterator[int]:
    with _reading(NOT_OPENED if flags & os.O_DIRECTORY else NOT_READABLE):
        descriptor = open_beneath(folder, name, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _reading(fault: str) -> Iterator[None]:
    """Refuse what cannot be opened or read, unless that is our own fault."""
    try:
        yield
    except OSError as error:
        if error.errno in OUR_FAULT:
            raise
        raise _RefusedError(KNOWN.get(error.errno or 0, f"{fault} ({error.strerror})")) from None


def _copy(source: int, copy: BinaryIO, limit_bytes: int) -> int:
    """Copy an open file and return its bytes; it may grow or shrink meanwhile."""
    size = 0
    while True:
        with _reading(NOT_READABLE):
            chunk = os.read(source, CHUNK)
        if not chunk:
            return size
        size += len(chunk)
        if size > limit_bytes:
            raise _TooLargeError
        copy.write(chunk)


def _printable(path: str) -> str:
    """A path for people to read: one line, and no name shown like another one's."""
    shown = path if len(path) <= LONGEST_SHOWN else f"{path[:LONGEST_SHOWN]}..."
    return "".join(map(_escaped, shown))


def _escaped(character: str) -> str:
    if character == "\\" or unicodedata.category(character) in UNPRINTABLE:
        return character.encode("unicode_escape").decode("ascii")
    return character


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
    if not os.access(file, os.R_OK):  # a killed scaffold's harness shut us out of its log
        file.chmod(0o644)
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
