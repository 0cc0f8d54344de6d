"""Output folders that a harness left, and what is collected of them."""

import ctypes  # noqa: F401  # loaded while we may still read it
import stat
from pathlib import Path

import pytest

from harness_search.rollouts.collect import (
    Collected,
    collect_output,
)

LIMIT = 1_000_000
SECRET = "the rubric"


@pytest.fixture
def output(short_folder: Path) -> Path:
    """An output folder with one good file; a secret lies beside it."""
    (short_folder / "secrets").mkdir()
    (short_folder / "secrets" / "rubric").write_text(SECRET)
    folder = short_folder / "output"
    folder.mkdir()
    (folder / "good.txt").write_text("good")
    return folder


def taken(output: Path, limit: int = LIMIT, label: str = "taken") -> Collected:
    """Collects, and checks that what was copied is what was named."""
    target = output.parent / label
    collected = collect_output(output, target, limit)
    files = [path for path in target.rglob("*") if not stat.S_ISDIR(path.lstat().st_mode)]
    assert sorted(path.relative_to(target).as_posix() for path in files) == sorted(collected.names)
    assert all(stat.S_ISREG(path.lstat().st_mode) for path in files)
    assert not any(SECRET.encode() in path.read_bytes() for path in files)
    assert sum(path.stat().st_size for path in files) <= limit
    return collected


def taken_without_reading(output: Path, limit: int) -> Collected:
    """Collects, where the copies are not to be looked at."""
    return collect_output(output, output.parent / "taken", limit)
