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
from harness_search.rollouts import bootstrap

DOCUMENT_LIBRARIES = ("python-docx", "openpyxl", "lxml", "et-xmlfile", "typing-extensions")


def prepare_kit(folder: Path) -> Path:
    """Copy the kit into `folder/<digest>` unless it is there already; returns that folder."""
    source = _kit_source()
    target = folder / _digest(source)[:16]
    if target.is_dir():
        return target
    building = folder / f".building-{target.name}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    shutil.copytree(source, building / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_bootstrap_source(), building / "bootstrap.py")
    for library in DOCUMENT_LIBRARIES:
        _copy_library(library, building)
    # A rollout may not write here; without compiled files each one would compile the libraries.
    compileall.compile_dir(
        building, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    building.rename(target)
    return target


def _kit_source() -> Path:
    found = util.find_spec("harness_kit")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("harness_kit is not installed")
    return Path(found.origin).parent


def _bootstrap_source() -> Path:
    return Path(bootstrap.__file__)


def _digest(source: Path) -> str:
    files = [*sorted(source.glob("*.py")), _bootstrap_source()]
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
