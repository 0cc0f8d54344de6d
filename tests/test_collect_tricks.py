"""Collecting an output folder that was made to lead somewhere else."""

import ctypes  # noqa: F401  # loaded while we may still read it
import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from outputs import LIMIT, SECRET, output, taken, taken_without_reading

from harness_search.files import digest_bytes
from harness_search.rollouts import collect
from harness_search.rollouts.collect import (
    Collected,
    collect_output,
)
from harness_search.sandbox import beneath

__all__ = ["output"]
STRANGER = 23_456
UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.fixture(params=["openat2", "without openat2"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system call that opens beneath a folder, and on a kernel without it."""

    def not_offered(folder: int, name: bytes, flags: int) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    if request.param != "openat2":
        monkeypatch.setattr(beneath, "_openat2", not_offered)


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
    assert len([*Path("/proc/self/fd").iterdir()]) <= before
