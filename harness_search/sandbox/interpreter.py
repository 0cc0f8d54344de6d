"""The Python that a box runs: what of it must be shown, and what must not be."""

import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SYSTEM = Path("/usr")
PACKAGES = ("site-packages", "dist-packages")
"""Folders that may hold the scaffold, and with it every rubric of the generated benchmark."""
UNUSED = {"test", "idlelib", "lib2to3", "ensurepip", "turtledemo", *PACKAGES}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python without its packages. A moved one can find another's library, so it is shown where
    it lies, and copied only where it could not be entered."""

    executable: Path
    folders: tuple[Path, ...]
    """What to show of it, beside the system's folders."""
    libraries: str = ""
    """Where its shared library is, when that is no longer where it was built."""


def find_interpreter() -> Interpreter:
    """The interpreter itself, not the virtual environment's: that one knows site-packages."""
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    prefix = Path(sys.base_prefix).resolve()
    if prefix == SYSTEM:
        return Interpreter(executable, ())
    parts = {executable.parent, *(prefix / name for name in ("bin", "lib", "lib64"))}
    folders = (part for part in sorted(parts) if part.is_dir() and not _under(part, SYSTEM))
    return Interpreter(executable, tuple(folders))


def system_folders() -> tuple[Path, ...]:
    """`/usr`, and what of `/bin`, `/lib` and so on is not a link into it."""
    names = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
    found = [Path("/") / name for name in names]
    return (SYSTEM, *(path for path in found if path.is_dir() and not path.is_symlink()))


def package_folders(roots: Iterable[Path]) -> tuple[Path, ...]:
    """Every folder of installed Python packages in folders that are about to be shown."""
    patterns = [f"{lib}python*/{name}" for lib in ("lib/", "lib64/", "") for name in PACKAGES]
    patterns += [f"local/{pattern}" for pattern in patterns]
    found = {path for root in roots for pattern in patterns for path in root.glob(pattern)}
    return tuple(sorted(path for path in found if path.is_dir() and not path.is_symlink()))


def without(root: Path, hidden: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """How to show a folder but for what is hidden in it, where only whole folders can be shown:
    those to show, and those to list at most."""
    inside = [path for path in hidden if _under(path, root)]
    if root in inside:
        return [], []
    if not inside:
        return [root], []
    shown: list[Path] = []
    listed = [root]
    for entry in sorted(root.iterdir()):
        if entry.is_symlink() and not entry.exists():
            continue
        more, listings = without(entry, inside)
        shown += more
        listed += listings
    return shown, listed


def closed_to_others(path: Path) -> bool:
    """Whether a user without rights of its own could not come to a file or folder."""
    return any(not folder.stat().st_mode & 0o001 for folder in path.parents)


def stage(interpreter: Interpreter, folder: Path) -> Interpreter:
    """Copy an interpreter to where everybody may enter, by hard links where that is possible.

    A folder that is there already holds it.
    """
    if not folder.is_dir():
        building = Path(tempfile.mkdtemp(prefix=".python-", dir=folder.parent))
        _copy(interpreter, building)
        try:
            building.rename(folder)
        except OSError:
            shutil.rmtree(building)
            if not folder.is_dir():  # by a box that was started at the same moment
                raise
    executable = folder / "bin" / interpreter.executable.name
    return Interpreter(executable, (folder,), str(folder / "lib"))


def _copy(interpreter: Interpreter, folder: Path) -> None:
    version = f"python{sysconfig.get_python_version()}"
    prefix = Path(sys.base_prefix).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    copied = folder / "lib" / version
    shutil.copytree(library, copied, copy_function=_link, ignore=shutil.ignore_patterns(*UNUSED))
    for shared in (prefix / "lib").glob("libpython*.so*"):
        _link(str(shared), str(folder / "lib" / shared.name))
    (folder / "bin").mkdir()
    _link(str(interpreter.executable), str(folder / "bin" / interpreter.executable.name))
    for path in (folder, *_folders(folder)):
        path.chmod(0o755)


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


def _under(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
