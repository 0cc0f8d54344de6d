"""Collecting an output folder: only what is the harness's own work comes out of it."""

import ctypes  # noqa: F401  # loaded while we may still read it
import json
import os
import random
import shutil
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from conftest import rollout_row
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs import LIMIT, output, taken, taken_without_reading

from harness_search.files import DEEPEST_FOLDER, LONGEST_PATH, digest_bytes
from harness_search.rollouts import collect
from harness_search.rollouts.collect import (
    MOST_ENTRIES,
    MOST_FILES,
    MOST_REFUSED,
    collect_output,
)
from harness_search.rollouts.evidence import SUMMARY, write_summary

__all__ = ["output"]
STRANGER = 23_456
UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def plain_walk(folder: Path) -> tuple[tuple[str, ...], str]:
    names: list[str] = []
    parts: list[bytes] = []
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(Path(root, name) for name in files):
            names.append(file.relative_to(folder).as_posix())
            parts += [names[-1].encode(), file.read_bytes()]
    return tuple(names), digest_bytes(parts)


# What is taken.


NAMES = st.text(
    st.characters(exclude_categories=UNPRINTABLE, exclude_characters="/"), min_size=1, max_size=12
).filter(lambda name: name not in {".", ".."})
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        st.binary(max_size=50),
        lambda below: st.dictionaries(NAMES, below, max_size=4),
        max_leaves=8,
    ),
    max_size=5,
)


def plant(folder: Path, tree: dict[str, Any]) -> None:
    folder.mkdir()
    for name, below in tree.items():
        if isinstance(below, dict):
            plant(folder / name, below)
        else:
            (folder / name).write_bytes(below)


@settings(max_examples=30, deadline=None)
@given(TREES)
def test_regular_files_are_named_and_digested_as_a_plain_walk_does(tree: dict[str, Any]) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        plant(root / "output", tree)
        collected = collect_output(root / "output", root / "taken", LIMIT)
        assert (collected.names, collected.digest) == plain_walk(root / "output")
        assert plain_walk(root / "taken") == plain_walk(root / "output")
        assert not collected.too_large
        assert collected.refused == ()
    finally:
        shutil.rmtree(root)


def test_the_digest_is_the_one_that_earlier_rows_carry(output: Path) -> None:
    (output / "drafts").mkdir()
    (output / "drafts" / "a.txt").write_bytes(b"")
    collected = taken(output)
    assert collected.names == ("good.txt", "drafts/a.txt")
    assert collected.digest == digest_bytes([b"good.txt", b"good", b"drafts/a.txt", b""])


def test_a_large_output_is_not_held_in_memory(output: Path) -> None:
    (output / "large").write_bytes(os.urandom(20_000_000))
    tracemalloc.start()
    try:
        collected = taken_without_reading(output, 30_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert collected.names == ("good.txt", "large")
    assert peak < 5_000_000


def test_a_programs_rights_stay_behind(output: Path) -> None:
    (output / "program").write_text("#!/bin/sh\n")
    (output / "program").chmod(0o6777)
    assert taken(output).names == ("good.txt", "program")
    assert not (output.parent / "taken" / "program").stat().st_mode & 0o6111


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "a\\nb", "-rf", " ", "...", "Ab\u00a0c"])
def test_an_odd_name_that_can_be_printed_is_a_name(output: Path, name: str) -> None:
    (output / name).write_text("x")
    collected = taken(output)
    assert sorted(collected.names) == sorted([name, "good.txt"])
    assert collected.refused == ()


# Too much of it.


@pytest.mark.parametrize(("size", "too_large"), [(LIMIT - 4, False), (LIMIT - 3, True)])
def test_bytes_are_limited_over_all_files_together(
    output: Path, size: int, too_large: bool
) -> None:
    (output / "more.txt").write_bytes(b"x" * size)
    collected = taken(output)
    assert collected.too_large == too_large
    assert collected.names == (("good.txt",) if too_large else ("good.txt", "more.txt"))


def test_a_terabyte_of_nothing_is_not_read(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (output / "huge").open("wb") as stream:
        try:
            stream.truncate(1 << 40)
        except OSError:
            pytest.skip("files of a terabyte do not fit here")
    copy, read = collect._copy, []

    def noting(source: int, target: Any, limit: int) -> int:
        read.append(os.fstat(source).st_size)
        return copy(source, target, limit)

    monkeypatch.setattr(collect, "_copy", noting)
    collected = taken(output)
    assert read == [len("good")]
    assert collected.too_large
    assert collected.names == ("good.txt",)


@pytest.mark.parametrize(("number", "too_large"), [(MOST_FILES, False), (MOST_FILES + 1, True)])
def test_files_are_limited(output: Path, number: int, too_large: bool) -> None:
    for index in range(number - 1):
        (output / f"{index:04d}").touch()
    collected = taken(output)
    assert collected.too_large == too_large
    assert len(collected.names) == MOST_FILES


def test_entries_are_limited_and_what_comes_first_is_not_up_to_the_file_system(
    output: Path,
) -> None:
    (output / "a").mkdir()
    (output / "b").mkdir()
    (output / "a" / "file").touch()
    (output / "b" / "file").touch()
    for index in range(MOST_ENTRIES):
        (output / "b" / str(index)).symlink_to("x")
    collected = taken(output)
    assert collected.too_large
    assert collected.names == ("good.txt", "a/file")
    assert collected.refused == (("b", "a folder that makes it more than 10,000 entries"),)


def test_a_tree_is_taken_down_to_its_limit_and_left_below(output: Path) -> None:
    folder = os.open(output, os.O_RDONLY)
    for _ in range(200):
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
        os.mkdir("d", dir_fd=folder)
        deeper = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    collected = taken(output)
    assert collected.names[-1] == "d/" * DEEPEST_FOLDER + "file"
    assert collected.refused == (("/".join("d" * 33), "a folder nested too deep"),)


def test_a_path_is_taken_up_to_its_longest(output: Path) -> None:
    folder = output.joinpath(*["d" * 199] * 4)
    folder.mkdir(parents=True)
    (folder / ("a" * 200)).touch()
    (folder / ("b" * 201)).touch()
    (folder / ("c" * 201)).mkdir()
    collected = taken(output)
    assert [len(name) for name in collected.names] == [len("good.txt"), LONGEST_PATH]
    assert [reason for _, reason in collected.refused] == ["a name that is too long"] * 2
    assert all(name.endswith("...") and len(name) == 258 for name, _ in collected.refused)


# What is said of it.


@pytest.mark.parametrize(
    ("name", "shown", "reason"),
    [
        (b"a\nb.txt", r"a\nb.txt", "a name with control characters"),
        (b"a\x1b[2Jb.txt", r"a\x1b[2Jb.txt", "a name with control characters"),
        (b"a\x07b.txt", r"a\x07b.txt", "a name with control characters"),
        ("a\u202eb.txt".encode(), r"a\u202eb.txt", "a name with control characters"),
        ("a\u2028b.txt".encode(), r"a\u2028b.txt", "a name with control characters"),
        (b"a\xff.txt", r"a\udcff.txt", "a name that is no text"),
        (b"\xff" * 255, r"\udcff" * 255, "a name that is no text"),
    ],
)
@pytest.mark.parametrize("folder", [False, True])
def test_a_name_that_speaks_to_terminals_is_left_behind_and_said_plainly(
    output: Path, name: bytes, shown: str, reason: str, folder: bool
) -> None:
    path = output / os.fsdecode(name)
    if folder:
        path.mkdir()
        path = path / "file"
    path.touch()
    collected = taken(output)
    assert collected.names == ("good.txt",)
    assert collected.refused == ((shown, reason),)


def test_no_refused_name_is_shown_as_another_one(output: Path) -> None:
    for name in ("a\nb", "a\\nb"):
        (output / name).symlink_to("x")
    assert [name for name, _ in taken(output).refused] == [r"a\nb", r"a\\nb"]


def test_refusals_are_named_in_order_up_to_a_number_and_then_counted(output: Path) -> None:
    names = [f"link-{index:03d}" for index in range(MOST_REFUSED + 23)]
    random.Random(0).shuffle(names)
    for name in names:
        (output / name).symlink_to("x")
    refused = taken(output).refused
    assert [name for name, _ in refused[:-1]] == sorted(names)[:MOST_REFUSED]
    assert refused[-1] == ("/...", "23 more were not taken")


@pytest.mark.parametrize("trick", [True, False])
def test_the_evidence_says_what_was_refused_when_anything_was(output: Path, trick: bool) -> None:
    if trick:
        (output / "report.docx").symlink_to("x")
    collected = taken(output)
    write_summary(output.parent, "h", rollout_row("h"), (), ["report.docx"], collected)
    summary = json.loads((output.parent / SUMMARY).read_text())
    assert summary["output"] == ["good.txt"]
    assert summary.get("refused") == ({"report.docx": "a symbolic link"} if trick else None)
