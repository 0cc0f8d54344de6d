"""Opening beneath a folder: nothing outside is ever reached, by either way of asking the kernel."""

import errno
import os
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness_search.sandbox import beneath
from harness_search.sandbox.beneath import open_beneath

FILE, FOLDER = os.O_RDONLY, os.O_RDONLY | os.O_DIRECTORY
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000


@pytest.fixture(params=["openat2", "ENOSYS", "EPERM"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system call, and where it is unknown or forbidden."""
    if request.param != "openat2":
        number = getattr(errno, request.param)

        def not_offered(folder: int, name: bytes, flags: int) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(beneath, "_openat2", not_offered)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with everything in it, and a secret beside it."""
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("content")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to("../secret")
    (root / "inner").symlink_to("a")
    (root / "a" / "up").symlink_to("..")
    (root / "proc").symlink_to("/proc/self/cwd")
    os.mkfifo(root / "pipe")
    return root


@pytest.fixture
def folder(tree: Path) -> Iterator[int]:
    """The open folder."""
    descriptor = os.open(tree, FOLDER)
    yield descriptor
    os.close(descriptor)


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def refusal(folder: int, name: str, flags: int) -> int | None:
    with pytest.raises(OSError) as caught:
        os.close(open_beneath(folder, name, flags))
    return caught.value.errno


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("steps", [["a/b/file"], ["a", "b/file"], ["a/b", "file"]])
def test_what_lies_beneath_is_opened(folder: int, steps: list[str]) -> None:
    *folders, file = steps
    opened = [folder]
    for name in folders:
        opened.append(open_beneath(opened[-1], name, FOLDER))
    descriptor = open_beneath(opened[-1], file, FILE)
    assert os.read(descriptor, 100) == b"content"
    assert not os.get_inheritable(descriptor)
    for one in [*opened[1:], descriptor]:
        os.close(one)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("name", "flags", "number"),
    [
        ("link", FILE, errno.ELOOP),
        ("link", FOLDER, errno.ELOOP),
        ("inner", FOLDER, errno.ELOOP),
        ("inner/b/file", FILE, errno.ELOOP),
        ("a/up/a/b/file", FILE, errno.ELOOP),
        ("proc", FOLDER, errno.ELOOP),
        ("..", FOLDER, errno.EXDEV),
        ("a/../../secret", FILE, errno.EXDEV),
        ("a/..", FOLDER, errno.EXDEV),
        ("/etc/passwd", FILE, errno.EXDEV),
        ("a//b", FOLDER, errno.EXDEV),
        ("", FOLDER, errno.ENOENT),
        ("a/b/file\0x", FILE, errno.EINVAL),
        ("none", FILE, errno.ENOENT),
        ("none/file", FILE, errno.ENOENT),
        ("a/b/file", FOLDER, errno.ENOTDIR),
        ("a/b/file/x", FILE, errno.ENOTDIR),
        ("n" * 256, FILE, errno.ENAMETOOLONG),
    ],
)
def test_nothing_else_is_opened(folder: int, name: str, flags: int, number: int) -> None:
    assert refusal(folder, name, flags) == number


@pytest.mark.usefixtures("way")
def test_a_pipe_that_nobody_writes_to_makes_nobody_wait(folder: int) -> None:
    descriptor = open_beneath(folder, "pipe", FILE)
    assert stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    os.close(descriptor)


@pytest.mark.usefixtures("way")
def test_a_socket_cannot_be_opened(short_folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short_folder / "socket"))
    descriptor = os.open(short_folder, FOLDER)
    assert refusal(descriptor, "socket", FILE) == errno.ENXIO
    os.close(descriptor)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["pts", "shm", "pts/ptmx"])
def test_a_mount_point_is_not_crossed(name: str) -> None:
    mount = Path("/dev", name.partition("/")[0])
    if not mount.is_mount():
        pytest.skip(f"nothing is mounted at {mount} here")
    descriptor = os.open("/dev", FOLDER)
    before = open_files()
    assert refusal(descriptor, name, FILE) == errno.EXDEV
    assert open_files() <= before
    os.close(descriptor)


@pytest.mark.usefixtures("way")
def test_a_name_that_is_no_text_is_opened_as_it_is(tree: Path, folder: int) -> None:
    name = os.fsdecode(b"\xff\xfe")
    (tree / name).write_text("x")
    descriptor = open_beneath(folder, name, FILE)
    assert os.read(descriptor, 9) == b"x"
    os.close(descriptor)


@pytest.mark.usefixtures("way")
def test_a_refusal_leaves_no_file_open(folder: int) -> None:
    before = open_files()
    for name in ("link", "inner/b/file", "a/b/none", "a/up/a", ".."):
        refusal(folder, name, FILE)
    assert open_files() <= before


def without_openat2(number: int) -> bytes:
    """A system call filter that answers openat2 with an error, and allows all else."""
    code = (
        (0x20, 0, 0, 0),  # load the call's number
        (0x15, 0, 1, beneath.OPENAT2),
        (0x06, 0, 0, REFUSE | number),
        (0x06, 0, 0, ALLOW),
    )
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


@pytest.mark.skipif(sys.platform != "linux", reason="system call filters are Linux's")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_a_container_whose_filter_refuses_the_call_loses_nothing(tree: Path, number: int) -> None:
    program = f"""
import errno, os
from harness_search.sandbox.inside.seccomp import install
from harness_search.sandbox.beneath import _openat2, open_beneath
install({without_openat2(number)!r})
folder = os.open({str(tree)!r}, os.O_RDONLY)
try:
    _openat2(folder, b"a", os.O_RDONLY)
except OSError as error:
    print(error.errno)
print(os.read(open_beneath(folder, "a/b/file", os.O_RDONLY), 9).decode())
for name in ("link", "inner/b/file", "../secret"):
    try:
        open_beneath(folder, name, os.O_RDONLY)
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(number), "content", "ELOOP", "ELOOP", "EXDEV"]


def test_an_error_of_the_file_itself_is_told_as_it_is(
    folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    step_by_step: Callable[[int, list[str], int], int] = beneath._step_by_step

    def noting(descriptor: int, parts: list[str], flags: int) -> int:
        opened.extend(parts)
        return step_by_step(descriptor, parts, flags)

    monkeypatch.setattr(beneath, "_step_by_step", noting)
    assert refusal(folder, "none", FILE) == errno.ENOENT
    assert opened == []


def test_commands_that_open_nothing_do_not_pay_for_it() -> None:
    program = "import sys, harness_search.sandbox.beneath; print('ctypes' in sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
