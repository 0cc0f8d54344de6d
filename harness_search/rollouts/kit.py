"""The one folder that a rollout may import from: `harness_kit` and the document libraries.

A rollout's interpreter runs without site-packages. Adding them would hand the scaffold to the
harness, and with it the benchmark generator, that is: every rubric and oracle answer.
"""

import compileall
import py_compile
import shutil
import sys
from importlib import metadata, util
from pathlib import Path

from harness_search.files import digest_bytes, digest_text
from harness_search.rollouts import harness_main
from harness_search.sandbox import inside

INSIDE, PROGRAM = Path(inside.__file__).parent, Path(harness_main.__file__)
DOCUMENT_LIBRARIES = (
    "python-docx", "openpyxl", "pypdf", "lxml", "et-xmlfile", "typing-extensions",
)  # fmt: skip


def prepare_kit(folder: Path) -> Path:
    """Copy the kit into `folder/<digest>` unless it is there already; returns that folder."""
    source = _kit_source()
    target = folder / _digest(source)[:16]
    for left in folder.glob(".building-*"):  # by a launch that was killed
        shutil.rmtree(left, ignore_errors=True)
    if target.is_dir():
        return target
    building = folder / f".building-{target.name}"
    building.mkdir(parents=True)
    try:
        _build(source, building)
        building.rename(target)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return target


def _build(source: Path, building: Path) -> None:
    for package in (source, INSIDE):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, building / package.name, ignore=ignored)
    shutil.copy(PROGRAM, building / PROGRAM.name)
    for library in DOCUMENT_LIBRARIES:
        _copy_library(library, building)
    # A rollout may not write here; without compiled files each one would compile the libraries.
    compileall.compile_dir(
        building, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    for path in (building, *building.rglob("*")):  # whatever this user's umask
        path.chmod(0o755 if path.is_dir() else 0o644)


def _kit_source() -> Path:
    found = util.find_spec("harness_kit")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("harness_kit is not installed")
    return Path(found.origin).parent


def _digest(source: Path) -> str:
    files = [*sorted(source.rglob("*.py")), *sorted(INSIDE.glob("*.py")), PROGRAM]
    versions = digest_text(*(f"{name} {metadata.version(name)}" for name in DOCUMENT_LIBRARIES))
    return digest_bytes(
        [sys.version.encode(), versions.encode(), *(file.read_bytes() for file in files)]
    )


def _copy_library(name: str, target: Path) -> None:
    for file in metadata.files(name) or ():
        wanted = file.suffix in {".py", ".so"} or "templates" in file.parts
        if wanted and ".." not in file.parts:
            destination = target / file
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), destination)
