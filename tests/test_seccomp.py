"""The system call filter refuses what it promises, and ordinary work goes on under it."""

import errno
import json
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness_search.sandbox import inside, seccomp
from harness_search.sandbox.seccomp import program
from harness_search.sandbox.system_calls import AARCH64, HIGHEST, X86_64

TABLES: dict[str, Mapping[str, int]] = {"x86_64": X86_64, "aarch64": AARCH64}
MACHINE = platform.machine()
NUMBERS = TABLES.get(MACHINE, {})
BARE = {"own_network": False, "own_processes": False, "own_files": False}
ROOMY = {"own_network": True, "own_processes": True, "own_files": True}
INT = 0xFFFFFFFF

on_linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in TABLES,
    reason="no Linux on x86_64 or aarch64, for which the filters are made",
)


PRELUDE = """
import ctypes, errno, json, os, sys
def load(name):
    import importlib.util
    spec = importlib.util.spec_from_file_location(name, f"{FOLDER}/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
libc = ctypes.CDLL(None, use_errno=True)
NAMES = errno.errorcode | {errno.EOPNOTSUPP: "EOPNOTSUPP"}
def call(number, *arguments):
    ctypes.set_errno(0)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *wide)
    return NAMES[ctypes.get_errno()] if result == -1 else result
"""


def run_filtered(
    tmp_path: Path, own: dict[str, bool], code: str, **names: Any
) -> subprocess.CompletedProcess[str]:
    """Run code in a child under the filter."""
    names |= {"FOLDER": str(Path(inside.__file__).parent), "FILTER": program(MACHINE, **own)}
    given_names = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    script = tmp_path / "script.py"
    start = 'load("seccomp").install(FILTER)'
    script.write_text(f"{given_names}\n{PRELUDE}\n{start}\n{code}\n")
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
        start_new_session=True,
    )


def under_filter(tmp_path: Path, own: dict[str, bool], code: str, **names: Any) -> Any:
    """What the code printed, as JSON."""
    ended = run_filtered(tmp_path, own, code, **names)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@on_linux
@pytest.mark.parametrize("own", [BARE, ROOMY], ids=["bare", "roomy"])
def test_every_denied_call_is_refused(tmp_path: Path, own: dict[str, bool]) -> None:
    denied = {name: NUMBERS[name] for name in seccomp.DENIED if name in NUMBERS}
    code = "print(json.dumps({name: call(number, *[-1] * 6) for name, number in DENIED.items()}))"
    answers = under_filter(tmp_path, own, code, DENIED=denied)
    assert answers == dict.fromkeys(denied, "EPERM")


CALLS: list[tuple[str, tuple[int, ...], Any, Any]] = [
    # call, arguments, answer with nothing of its own, answer with everything of its own
    ("clone3", (0, 0), "ENOSYS", "ENOSYS"),
    ("clone", (0x10000000 | 17, 0, 0, 0, 0), "EPERM", "EPERM"),
    ("clone", (0x40000000 | 17, 0, 0, 0, 0), "EPERM", "EPERM"),
    ("personality", (INT,), 0, 0),
    ("prctl", (4, 0, 0, 0, 0), "EPERM", "EPERM"),
    ("clone", (0x8000 | 17, 0, 0, 0, 0), "EPERM", "EPERM"),
    ("fallocate", (-1, 1, 0, 4096), "EOPNOTSUPP", "EOPNOTSUPP"),
    ("fallocate", (-1, 0, 0, 4096), "EBADF", "EBADF"),
    ("ioctl", (0, 0x40305828, 0), "EPERM", "EPERM"),
    ("prctl", (3, 0, 0, 0, 0), 1, 1),
    ("personality", (0x0040000,), "EPERM", "EPERM"),
    ("ioctl", (0, 0x5412, 0), "EPERM", "EPERM"),
    ("ioctl", (0, 0x541C, 0), "EPERM", "EPERM"),
    ("ioctl", (0, 1 << 32 | 0x5412, 0), "EPERM", "EPERM"),
    ("fcntl", (0, 1024, 0), "EPERM", "EPERM"),
    ("fcntl", (-1, 3, 0), "EBADF", "EBADF"),
    ("socket", (1, 1, 0), "EAFNOSUPPORT", "opened"),
    ("socket", (2, 1, 0), "opened", "opened"),
    ("socket", (2, 0x80801, 6), "opened", "opened"),
    ("socket", (2, 1, 262), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socket", (2, 2, 0), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socket", (2, 3, 6), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socket", (10, 1, 0), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socket", (16, 3, 0), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socket", (17, 3, 0), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socket", (38, 5, 0), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socket", (40, 1, 0), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socketpair", (2, 1, 0, 0), "EAFNOSUPPORT", "EAFNOSUPPORT"),
    ("socketpair", (1, 2, 0, 0), "EAFNOSUPPORT", "EFAULT"),
    ("socketpair", (1, 3, 0, 0), "EAFNOSUPPORT", "EFAULT"),
    ("socketpair", (1, 0x80001, 0, 0), "EFAULT", "EFAULT"),
    ("sendto", (-1, 0, 0, 0x20000000, 0, 0), "EOPNOTSUPP", "EOPNOTSUPP"),
    ("sendto", (-1, 0, 0, 0, 0, 0), "EBADF", "EBADF"),
    ("sendmsg", (-1, 0, 0x20000040), "EOPNOTSUPP", "EOPNOTSUPP"),
    ("sendmmsg", (-1, 0, 1, 0x20000000), "EOPNOTSUPP", "EOPNOTSUPP"),
    ("setsockopt", (-1, 6, 23, 0, 0), "EOPNOTSUPP", "EOPNOTSUPP"),
    ("setsockopt", (-1, 6, 30, 0, 0), "EOPNOTSUPP", "EOPNOTSUPP"),
    ("setsockopt", (-1, 6, 31, 0, 0), "EOPNOTSUPP", "EOPNOTSUPP"),
    ("setsockopt", (-1, 6, 1, 0, 0), "EBADF", "EBADF"),
    ("setsockopt", (-1, 1, 23, 0, 0), "EBADF", "EBADF"),
    ("bind", (-1, 0, 0), "EACCES", "EBADF"),
    ("listen", (-1, 0), "EACCES", "EBADF"),
    ("prlimit64", (-1, 0, 0, 0), "EPERM", "ESRCH"),
    ("prlimit64", (0, 0, 0, 0), 0, 0),
    ("sched_setaffinity", (-1, 8, 0), "EPERM", "EFAULT"),
    ("sched_setscheduler", (1 << 22, 0, 0), "EPERM", "EINVAL"),
    ("setpriority", (0, 1 << 22, 0), "EPERM", "ESRCH"),
    ("setpriority", (1, 0, 19), "EPERM", 0),
    ("setpriority", (0, 0, 19), 0, 0),
    ("ioprio_set", (1, 1 << 22, 2 << 13), "EPERM", "ESRCH"),
    ("ioprio_set", (1, 0, 2 << 13), 0, 0),
    ("process_mrelease", (-1, 0), "EPERM", "EBADF"),
    ("fchmod", (-1, 0), 0, "EBADF"),
    ("fchown", (-1, 0, 0), 0, "EBADF"),
    ("fchmodat", (-1, 0, 0), 0, "EFAULT"),
    ("utimensat", (-1, 0, 0, 0), 0, "EBADF"),
    ("fsetxattr", (-1, 0, 0, 0, 0), 0, "EFAULT"),
    ("fremovexattr", (-1, 0), 0, "EFAULT"),
    ("inotify_add_watch", (-1, 0, 0), "EACCES", "EINVAL"),
]


@on_linux
@pytest.mark.parametrize("own", [BARE, ROOMY], ids=["bare", "roomy"])
def test_real_calls_are_answered_as_promised(tmp_path: Path, own: dict[str, bool]) -> None:
    calls = [(NUMBERS[name], *arguments) for name, arguments, _, _ in CALLS]
    answers = under_filter(
        tmp_path, own, "print(json.dumps([call(*one) for one in CALLS]))", CALLS=calls
    )
    column = 2 if own is BARE else 3
    for row, answer in zip(CALLS, answers, strict=True):
        if row[column] == "opened":
            assert isinstance(answer, int), row
        else:
            assert answer == row[column], row


@on_linux
def test_a_number_beyond_the_known_ones_does_not_exist(tmp_path: Path) -> None:
    code = "print(json.dumps([call(HIGHEST + 1), call(0x3fffffff)]))"
    answers = under_filter(tmp_path, BARE, code, HIGHEST=HIGHEST)
    assert answers == ["ENOSYS", "ENOSYS"]


@on_linux
def test_a_call_by_the_second_set_of_numbers_kills(tmp_path: Path) -> None:
    if MACHINE != "x86_64":
        pytest.skip("only x86_64 has a second set of system calls")
    assert run_filtered(tmp_path, ROOMY, "call(0x40000000 + 39)").returncode == -31


@on_linux
def test_the_filter_cannot_be_taken_off_and_passes_on_to_children(tmp_path: Path) -> None:
    code = """
    import subprocess
    child = f"import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.unshare(0x10000000), \
ctypes.get_errno())"
    said = subprocess.run([sys.executable, "-I", "-S", "-c", child], capture_output=True, text=True)
    status = open("/proc/self/status").read()
    print(json.dumps([said.stdout.split(), "Seccomp:\\t2" in status, "NoNewPrivs:\\t1" in status]))
    """
    answers = under_filter(tmp_path, BARE, "if True:" + code)
    assert answers == [["-1", str(errno.EPERM)], True, True]


@on_linux
def test_a_program_that_is_none_is_an_error(tmp_path: Path) -> None:
    code = """
try:
    load("seccomp").install(bytes(16))
except OSError as failure:
    print(json.dumps([failure.errno, str(failure)]))
"""
    number, text = under_filter(tmp_path, ROOMY, code)
    assert number == errno.EINVAL
    assert "system call filter" in text


@on_linux
def test_memory_that_stays_full_unmapped_cannot_be_had(tmp_path: Path) -> None:
    code = """
import mmap
try:
    mmap.mmap(-1, 4096)
    shared = "had"
except PermissionError:
    shared = "refused"
private = len(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
print(json.dumps([shared, private]))
"""
    assert under_filter(tmp_path, ROOMY, code) == ["refused", 4096]


@on_linux
def test_a_socket_outside_is_not_reached_from_a_connected_pair(tmp_path: Path) -> None:
    code = """
import socket
found = []
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    try:
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        one.connect("outside")
        found.append(kind)
    except OSError:
        pass
print(json.dumps(found))
"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outside:
        outside.bind(str(tmp_path / "outside"))
        assert under_filter(tmp_path, BARE, code) == []
        # Without the rule it works, so the attack is a real one.
        shared_files_only = BARE | {"own_network": True}
        assert under_filter(tmp_path, shared_files_only, code) == [int(socket.SOCK_DGRAM)]


@on_linux
def test_metadata_of_files_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "rubric").write_text("x")
    before = (tmp_path / "rubric").stat()
    code = """
os.chmod("rubric", 0)
os.utime("rubric", (0, 0))
os.chown("rubric", 12345, 12345)
print(json.dumps(True))
"""
    assert under_filter(tmp_path, BARE, code)
    after = (tmp_path / "rubric").stat()
    assert (after.st_mode, after.st_mtime, after.st_uid) == (
        *(before.st_mode, before.st_mtime, before.st_uid),
    )


ORDINARY_WORK = """
import asyncio, concurrent.futures, shutil, socket, sqlite3, subprocess, tempfile, threading
import zipfile
done = []
thread = threading.Thread(target=done.append, args=["thread"])
thread.start(); thread.join()
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    done.append(sum(pool.map(abs, range(50))))
said = subprocess.run("echo a b | tr a-z A-Z; exit 3", shell=True, capture_output=True, text=True)
done.append([said.stdout, said.returncode])
base = sqlite3.connect("base.sqlite3")
base.execute("pragma journal_mode=wal")
base.execute("create table t (x)")
base.execute("insert into t values (1)")
base.commit()
done.append(base.execute("select count(*) from t").fetchone()[0])
base.close()
async def work():
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, len, "x")
    return "loop"
done.append(asyncio.run(work()))
with tempfile.TemporaryDirectory(dir=".") as folder:
    with open(folder + "/a", "w") as file:
        file.write("text")
    shutil.copy(folder + "/a", folder + "/b")
    shutil.copy2(folder + "/a", folder + "/c")
    shutil.copytree(folder, "copied")
    shutil.make_archive("archive", "gztar", folder)
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.write(folder + "/a", "a")
    with zipfile.ZipFile("a.zip") as archive:
        archive.extractall("out")
done.append(sorted(os.listdir("copied")) + os.listdir("out"))
os.nice(1)
left, right = socket.socketpair()
left.sendall(b"x")
done.append(right.recv(1).decode())
"""
EXPECTED = ["thread", 1225, ["A B\n", 3], 1, "loop", ["a", "b", "c", "a"], "x"]


@on_linux
@pytest.mark.parametrize("own", [BARE, ROOMY], ids=["bare", "roomy"])
def test_ordinary_work_goes_on(tmp_path: Path, own: dict[str, bool]) -> None:
    assert under_filter(tmp_path, own, ORDINARY_WORK + "print(json.dumps(done))") == EXPECTED


@on_linux
def test_worker_processes_and_a_server_work_in_a_network_of_their_own(tmp_path: Path) -> None:
    code = """
import asyncio, multiprocessing
async def answer(reader, writer):
    writer.write(await reader.readline())
    writer.close()
async def talk():
    found = []
    unix = await asyncio.start_unix_server(answer, "socket")
    tcp = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    for opened in (asyncio.open_unix_connection("socket"),
                   asyncio.open_connection("127.0.0.1", port)):
        reader, writer = await opened
        writer.write(b"hello\\n")
        found.append((await reader.readline()).decode().strip())
        writer.close()
    unix.close(); tcp.close()
    return found
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        squares = pool.map(abs, [-1, -2, -3])
    with multiprocessing.Manager() as manager:
        shared = manager.list([1])
        shared.append(2)
        squares.append(list(shared))
    print(json.dumps([squares, asyncio.run(talk())]))
"""
    assert under_filter(tmp_path, ROOMY, code) == [[1, 2, 3, [1, 2]], ["hello", "hello"]]
