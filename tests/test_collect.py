"""Collecting an output folder: only what is the harness's own work comes out of it."""

import ctypes  # noqa: F401  # loaded while we may still read it
import errno
import json
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import rollout_row
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.files import DEEPEST_FOLDER, LONGEST_PATH, digest_bytes
from harness_search.rollouts import collect
from harness_search.rollouts.collect import (
    MOST_ENTRIES,
    MOST_FILES,
    MOST_REFUSED,
    Collected,
    collect_output,
)
from harness_search.rollouts.evidence import SUMMARY, write_summary
from harness_search.sandbox import beneath

LIMIT = 1_000_000
SECRET = "the rubric"
STRANGER = 23_456
UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.fixture
def output(short_folder: Path) -> Path:
    """An output folder with one good file; a secret lies beside it."""
    (short_folder / "secrets").mkdir()
    (short_folder / "secrets" / "rubric").write_text(SECRET)
    folder = short_folder / "output"
    folder.mkdir()
    (folder / "good.txt").write_text("good")
    return folder


@pytest.fixture(params=["openat2", "without openat2"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system call that opens beneath a folder, and on a kernel without it."""

    def not_offered(folder: int, name: bytes, flags: int) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    if request.param != "openat2":
        monkeypatch.setattr(beneath, "_openat2", not_offered)


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


def taken_without_reading(output: Path, limit: int) -> Collected:
    return collect_output(output, output.parent / "taken", limit)


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


# What is left behind.


def symbolic_link(path: Path) -> None:
    path.symlink_to("../secrets/rubric")


def absolute_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "secrets" / "rubric")


def magic_link(path: Path) -> None:
    path.symlink_to("/proc/self/environ")


def inner_link(path: Path) -> None:
    path.symlink_to("good.txt")


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def folder_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "secrets")


def loop_link(path: Path) -> None:
    path.symlink_to(".")


def hard_link(path: Path) -> None:
    path.hardlink_to(path.parent.parent / "secrets" / "rubric")


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes device nodes")


TRICKS = [
    *((make, "a symbolic link") for make in (symbolic_link, absolute_link, magic_link, inner_link)),
    *((make, "a symbolic link") for make in (dangling_link, folder_link, loop_link)),
    (hard_link, "a file with 2 links"),
    (named_pipe, "a named pipe"),
    (unix_socket, "a socket"),
    (device, "a device"),
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("place", ["report.docx", "drafts/report.docx"])
@pytest.mark.parametrize(("make", "reason"), TRICKS)
def test_a_trick_is_left_behind_with_a_reason(
    output: Path, make: Callable[[Path], None], reason: str, place: str
) -> None:
    (output / "drafts").mkdir()
    make(output / "trick")
    (output / "trick").rename(output / place)
    collected = taken(output)
    assert collected.names == ("good.txt",)
    assert collected.refused == ((place, reason),)
    assert not collected.too_large


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (folder_link, "a symbolic link"),
        (dangling_link, "a symbolic link"),
        (named_pipe, "a named pipe"),
        (lambda path: path.write_text("x"), "a regular file"),
        (lambda path: None, "nothing"),
    ],
)
def test_what_took_the_output_folders_place_holds_nothing(
    short_folder: Path, make: Callable[[Path], None], reason: str
) -> None:
    (short_folder / "secrets").mkdir()
    (short_folder / "secrets" / "rubric").write_text(SECRET)
    (short_folder / "view").mkdir()
    make(short_folder / "view" / "output")
    collected = taken(short_folder / "view" / "output")
    assert collected == Collected((), digest_bytes([]), False, ((".", reason),))


def test_a_folder_that_is_no_longer_under_a_folder_holds_nothing(short_folder: Path) -> None:
    (short_folder / "view").write_text("x")
    collected = collect_output(short_folder / "view" / "output", short_folder / "taken", LIMIT)
    assert collected.names == ()
    assert collected.refused == ((".", "a folder that cannot be opened (Not a directory)"),)


@contextmanager
def somebody_without_rights(*owns: Path) -> Iterator[None]:
    """Root becomes somebody else who owns the paths; anybody else stays who they are."""
    if os.geteuid() != 0:
        yield
        return
    for path in owns:
        os.chown(path, STRANGER, STRANGER)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)


def shut(output: Path) -> None:
    (output / "shut").mkdir()
    (output / "shut" / "inner.txt").write_text("x")
    (output / "report.docx").write_text("x")
    for name in ("report.docx", "shut"):
        (output / name).chmod(0)


def test_what_nobody_may_read_is_refused_to_a_user(output: Path) -> None:
    shut(output)
    mine = [output.parent, output, *output.iterdir()]
    with somebody_without_rights(*mine):
        collected = taken_without_reading(output, LIMIT)
    assert collected.names == ("good.txt",)
    assert collected.refused == (
        ("report.docx", "a file that is not readable (Permission denied)"),
        ("shut", "a folder that cannot be opened (Permission denied)"),
    )


def test_what_nobody_may_read_is_read_by_root(output: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root reads what nobody may read")
    shut(output)
    assert taken(output).names == ("good.txt", "report.docx", "shut/inner.txt")


def test_a_shut_output_folder_is_refused_to_a_user(output: Path) -> None:
    output.chmod(0)
    with somebody_without_rights(output.parent, output):
        collected = taken_without_reading(output, LIMIT)
    assert collected.names == ()
    assert collected.refused == ((".", "a folder that cannot be opened (Permission denied)"),)


def test_a_folder_whose_entries_may_be_listed_only_is_refused_to_a_user(output: Path) -> None:
    output.chmod(0o400)
    with somebody_without_rights(output.parent, output):
        collected = taken_without_reading(output, LIMIT)
    assert collected.names == ()
    reason = "an entry that cannot be looked at (Permission denied)"
    assert collected.refused == (("good.txt", reason),)


@pytest.mark.parametrize("way", ["openat2", "without openat2"])
def test_what_is_mounted_inside_is_left_behind(output: Path, way: str) -> None:
    (output / "folder").mkdir()
    (output / "file").touch()
    program = f"""
import errno, subprocess, sys
from pathlib import Path
from harness_search.rollouts.collect import collect_output
from harness_search.sandbox import beneath
def not_offered(*asked):
    raise OSError(errno.ENOSYS, "not offered")
if {way != "openat2"}:
    beneath._openat2 = not_offered
output = Path({str(output)!r})
for source, target in (("secrets", "folder"), ("secrets/rubric", "file")):
    command = ["mount", "--bind", output.parent / source, output / target]
    if subprocess.run(command).returncode:
        sys.exit(77)
collected = collect_output(output, output.parent / "taken", 1000)
print(collected.names, collected.refused)
"""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("needs unshare from util-linux")
    command = [unshare, "--user", "--map-root-user", "--mount", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip(f"no mounts for us here: {done.stderr.strip()}")
    refused = (("file", "a mount point"), ("folder", "a mount point"))
    assert done.stdout.strip() == f"{('good.txt',)} {refused}", done.stderr


# What changes while it is looked at.


def at_opening(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[], None]) -> None:
    """Something happens after an entry was listed, and before it is opened."""

    def open_late(folder: int, entry: str, flags: int) -> int:
        if entry == name:
            change()
        return beneath.open_beneath(folder, entry, flags)

    monkeypatch.setattr(collect, "open_beneath", open_late)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (folder_link, "a symbolic link"),
        (loop_link, "a symbolic link"),
        (named_pipe, "a folder that cannot be opened (Not a directory)"),
        (lambda path: None, "nothing"),
    ],
)
def test_a_folder_that_is_swapped_after_it_was_listed_leads_nowhere(
    output: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], reason: str
) -> None:
    (output / "drafts").mkdir()
    (output / "drafts" / "rubric").write_text("mine")

    def swap() -> None:
        (output / "drafts").rename(output.parent / "aside")
        make(output / "drafts")

    at_opening(monkeypatch, "drafts", swap)
    collected = taken(output)
    assert collected.names == ("good.txt",)
    assert collected.refused == (("drafts", reason),)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        *((make, reason) for make, reason in TRICKS if make not in (unix_socket, loop_link)),
        (unix_socket, "a file that is not readable (No such device or address)"),
        (Path.mkdir, "a folder"),
        (lambda path: None, "nothing"),
    ],
)
def test_a_file_that_is_swapped_after_it_was_listed_is_left_behind(
    output: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], reason: str
) -> None:
    (output / "report.docx").write_text("mine")

    def swap() -> None:
        (output / "report.docx").unlink()
        make(output / "report.docx")

    at_opening(monkeypatch, "report.docx", swap)
    collected = taken(output)
    assert collected.names == ("good.txt",)
    assert collected.refused == (("report.docx", reason),)


def test_an_output_folder_that_is_swapped_after_the_look_at_it_leads_nowhere(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Path.lstat

    def look_and_swap(path: Path) -> os.stat_result:
        found = look(path)
        output.rename(output.parent / "aside")
        output.symlink_to(output.parent / "secrets")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Path, "lstat", look_and_swap)
        collected = collect_output(output, output.parent / "taken", LIMIT)
    assert collected.names == ()
    assert collected.refused == ((".", "a folder that cannot be opened (Not a directory)"),)


def test_a_folder_that_moves_while_it_is_open_is_still_the_one_that_was_listed(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (output / "drafts").mkdir()
    (output / "drafts" / "rubric").write_text("mine")

    def swap() -> None:
        (output / "drafts").rename(output.parent / "aside")
        (output / "drafts").symlink_to(output.parent / "secrets")

    at_opening(monkeypatch, "rubric", swap)
    assert taken(output).names == ("good.txt", "drafts/rubric")
    assert (output.parent / "taken" / "drafts" / "rubric").read_text() == "mine"


def test_a_file_that_grows_while_it_is_read_is_stopped_at_the_limit(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = collect._copy

    def copy_late(source: int, target: Any, limit: int) -> int:
        os.truncate(output / "good.txt", 1 << 40)
        return copy(source, target, limit)

    monkeypatch.setattr(collect, "_copy", copy_late)
    collected = taken(output)
    assert collected.too_large
    assert collected.names == ()


def test_a_file_that_shrinks_while_it_is_read_is_digested_as_it_was_read(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = collect._copy

    def copy_late(source: int, target: Any, limit: int) -> int:
        os.truncate(output / "good.txt", 2)
        return copy(source, target, limit)

    monkeypatch.setattr(collect, "_copy", copy_late)
    assert taken(output).digest == digest_bytes([b"good.txt", b"go"])


def test_our_own_shortage_never_counts_against_a_harness(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(folder: int, name: str, flags: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(collect, "open_beneath", exhausted)
    with pytest.raises(OSError, match="Too many open files"):
        collect_output(output, output.parent / "taken", LIMIT)


def test_a_collection_leaves_no_file_open(output: Path) -> None:
    (output / "a" / "b").mkdir(parents=True)
    (output / "a" / "pipe").symlink_to("b")
    before = len([*Path("/proc/self/fd").iterdir()])
    taken(output)
    taken(output, limit=1, label="again")
    assert len([*Path("/proc/self/fd").iterdir()]) == before


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
