"""More of the machine than it was given. Each attack has a bound of its own."""

import contextlib
import ctypes
import mmap
import os
import resource
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from common import Targets, daemon, hold, libc, lingers, pages, run, wait_all

MEGABYTE = 1024 * 1024


def solve(task: Any, model: Any) -> None:
    run(globals(), task, model)


def forks_without_end(t: Targets) -> str | None:
    """Starts 400 processes."""
    children = _children(400, lambda: lingers(t.mark, 12))
    return hold(f"{children} processes")


def starts_threads_without_end(t: Targets) -> str | None:
    """Starts 400 threads."""
    threading.stack_size(65536)
    ended = threading.Event()
    for _ in range(400):
        threading.Thread(target=ended.wait, args=(12,), daemon=True).start()
    return hold("400 threads")


def takes_memory(t: Targets) -> str | None:
    """Takes 1 GB of memory in one process."""
    taken = [pages(64) for _ in range(16)]
    return hold(f"{64 * len(taken)} MB")


def takes_memory_in_many_processes(t: Targets) -> str | None:
    """Takes 1 GB of memory in eight processes, each with little."""
    return _held_by(8, lambda: [pages(128)], "1,024 MB")


def takes_shared_memory(t: Targets) -> str | None:
    """Takes 512 MB of memory that processes share."""
    shared = mmap.mmap(-1, 512 * MEGABYTE)
    shared[::4096] = b"x" * len(shared[::4096])
    return hold("512 MB")


def hides_memory_in_unmapped_files(t: Targets) -> str | None:
    """Takes 512 MB in files that lie in memory and are mapped nowhere."""
    block = b"x" * MEGABYTE
    for number in range(64):
        held = os.memfd_create(f"{t.brand}-{number}")
        for _ in range(8):
            os.write(held, block)
    return hold("512 MB")


def hides_memory_in_system_v_segments(t: Targets) -> str | None:
    """Takes 512 MB of System V shared memory, which outlives its processes."""
    libc.shmat.restype = ctypes.c_void_p
    made = []
    try:
        for _ in range(8):
            made.append(libc.shmget(0, 64 * MEGABYTE, 0o1600))
            address = libc.shmat(made[-1], None, 0)
            if made[-1] == -1 or address == ctypes.c_void_p(-1).value:
                raise MemoryError(os.strerror(ctypes.get_errno()))
            libc.shmctl(made[-1], 0, None)
            ctypes.memset(address, 1, 64 * MEGABYTE)
        return hold("512 MB")
    finally:
        for segment in made:
            libc.shmctl(segment, 0, None)


def hides_memory_in_sockets(t: Targets) -> str | None:
    """Takes 384 MB of the kernel's memory in sockets that nobody reads."""
    held = sum(_filled_sockets(t, 48) for _ in range(8))
    return hold(f"{held} MB") if held >= 384 else None


def burns_processor_time(t: Targets) -> str | None:
    """Uses six seconds of processor time in eight processes, each with little."""
    children = [daemon(lambda: _burn(0.75)) for _ in range(8)]
    ended = wait_all(children)
    return "6 s" if ended == [0] * 8 else None


def burns_processor_time_in_short_lives(t: Targets) -> str | None:
    """Uses four seconds of processor time in processes that end before anybody looks."""
    for _ in range(45):
        wait_all([daemon(lambda: _burn(0.05)), daemon(lambda: _burn(0.05))])
    return "4 s"


def burns_on_past_the_warning(t: Targets) -> str | None:
    """Ignores the signal that says that its processor time is used up."""
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))
    _burn(4.0)
    return "4 s"


def fills_the_disk_with_one_file(t: Targets) -> str | None:
    """Writes a file of 160 MB."""
    try:
        with Path("large").open("wb") as stream:
            stream.writelines(bytes(8 * MEGABYTE) for _ in range(20))
        return hold("160 MB")
    finally:
        Path("large").unlink()


def fills_the_disk_with_many_files(t: Targets) -> str | None:
    """Writes 40 files of 4 MB each."""
    for number in range(40):
        Path(f"file-{number}").write_bytes(bytes(4 * MEGABYTE))
    return hold("160 MB")


def fills_the_disk_with_deleted_files(t: Targets) -> str | None:
    """Writes 40 files of 4 MB each, and deletes them while they are open."""
    streams = []
    for number in range(40):
        stream = Path(f"file-{number}").open("wb", buffering=0)  # noqa: SIM115
        Path(f"file-{number}").unlink()
        stream.write(bytes(4 * MEGABYTE))
        streams.append(stream)
    return hold(f"160 MB in {len(streams)} files without a name")


def fills_the_disk_with_deleted_mappings(t: Targets) -> str | None:
    """Writes 40 files of 4 MB each, and keeps them as memory only: closed, and deleted."""
    size = 4 * MEGABYTE
    for number in range(40):
        file = os.open(f"file-{number}", os.O_CREAT | os.O_RDWR)
        os.write(file, bytes(size))
        Path(f"file-{number}").unlink()
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap(None, ctypes.c_size_t(size), mmap.PROT_READ, mmap.MAP_SHARED, file, 0)
        os.close(file)
    return hold("160 MB in 40 files without a name or a descriptor")


def fills_the_disk_behind_a_closed_folder(t: Targets) -> str | None:
    """Writes 40 files of 4 MB each into a folder that nobody may list."""
    Path("closed").mkdir(0o300)
    for number in range(40):
        Path(f"closed/{number}").write_bytes(bytes(4 * MEGABYTE))
    return hold("160 MB in a folder that nobody may list")


def fills_the_disk_behind_a_restless_folder(t: Targets) -> str | None:
    """Writes 40 files of 4 MB each into a folder that it renames without a pause."""
    for number in range(8_000):
        os.close(os.open(f"dummy-{number}", os.O_CREAT | os.O_WRONLY))
    here, there = Path("here"), Path("there")
    here.mkdir()
    for number in range(40):
        Path(f"here/{number}").write_bytes(bytes(4 * MEGABYTE))
    deadline = time.monotonic() + 8.0
    while time.monotonic() < deadline:
        here.rename(there)
        there.rename(here)
    return "160 MB in a folder that is never where it was"


def fills_the_disk_beyond_the_end_of_its_log(t: Targets) -> str | None:
    """Takes 100 MB of the disk behind what its log shows as its size."""
    size = ctypes.c_long(100 * MEGABYTE)
    return "100 MB" if libc.fallocate(2, 1, ctypes.c_long(0), size) == 0 else None


def hides_what_it_has_open(t: Targets) -> str | None:
    """Keeps everybody of its user from seeing which files it has open."""
    return "hidden" if libc.prctl(4, 0, 0, 0, 0) == 0 else None


def hides_memory_in_page_tables(t: Targets) -> str | None:
    """Maps so many addresses that the tables of them alone would be 128 MB."""
    libc.mmap.restype = ctypes.c_long
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000
    return "64 GB" if libc.mmap(None, ctypes.c_size_t(1 << 36), 1, flags, -1, 0) != -1 else None


def hides_memory_in_a_pipe_of_pages(t: Targets) -> str | None:
    """Gives pages to a pipe, which keeps them whole when they are mapped nowhere any more."""
    reading, writing = os.pipe()
    page = ctypes.create_string_buffer(4096)
    area = (ctypes.c_void_p * 2)(ctypes.addressof(page), 4096)
    given = libc.vmsplice(writing, area, ctypes.c_ulong(1), 0)
    os.close(reading)
    return "given" if given > 0 else None


def makes_a_sibling(t: Targets) -> str | None:
    """Makes a process that is its parent's child, and so nobody's that is being watched."""
    child = libc.syscall(56, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    return "made" if child > 0 else None


def fills_the_disk_with_names(t: Targets) -> str | None:
    """Makes 21,000 names of empty files."""
    # Links: to give new files the places of ones just removed takes some file systems seconds.
    for folder in (Path(f"folder-{number}") for number in range(21)):
        folder.mkdir()
        (folder / "0").write_bytes(b"")
        for number in range(1, 1_000):
            os.link(folder / "0", folder / str(number))
    return hold("21,000 names")


def fills_the_temporary_folder(t: Targets) -> str | None:
    """Writes 160 MB into /tmp."""
    return _filled(t, Path(tempfile.gettempdir()))


def fills_the_shared_memory(t: Targets) -> str | None:
    """Writes 160 MB into /dev/shm, which is memory."""
    return _filled(t, Path("/dev/shm"))


def opens_files_without_end(t: Targets) -> str | None:
    """Opens 2,000 files in one process."""
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(2_000)]
    return hold(f"{len(opened)} files")


def raises_its_own_limits(t: Targets) -> str | None:
    """Raises a limit that it was given."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    return "raised"


def floods_its_log(t: Targets) -> None:
    """Prints 200 MB."""
    for _ in range(200):
        os.write(2, b"x" * MEGABYTE)


def floods_its_log_by_turns(t: Targets) -> None:
    """Prints 200 MB from ten processes, after emptying what was printed before."""
    for _ in range(10):
        with contextlib.suppress(OSError):
            os.ftruncate(2, 0)
        with contextlib.suppress(OSError):
            os.lseek(2, 0, os.SEEK_SET)
        wait_all([daemon(lambda: [os.write(2, b"x" * MEGABYTE) for _ in range(20)] and None)])


def waits_for_ever(t: Targets) -> str | None:
    """Does nothing, deaf to all signals, until it is ended."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    time.sleep(7)
    return "was left alone"


def _children(count: int, work: Any) -> int:
    for number in range(count):
        try:
            daemon(work)
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror} after {number} processes") from error
    return count


def _held_by(count: int, work: Any, what: str) -> str | None:
    """Whether so many processes could each take something, and hold it together."""

    def hold_it() -> None:
        taken = work()
        time.sleep(8)
        del taken

    ended = wait_all([daemon(hold_it) for _ in range(count)])
    return what if ended == [0] * count else None


def _filled_sockets(t: Targets, megabytes: int) -> int:
    """How many megabytes a new process came to hold in sockets."""
    reading, telling = os.pipe()

    def fill() -> None:
        held, kept = 0, []
        with contextlib.suppress(OSError):
            while held < megabytes * MEGABYTE:
                kept.append(socket.socketpair())
                writing = kept[-1][0]
                writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MEGABYTE)
                writing.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while held < megabytes * MEGABYTE:
                        held += writing.send(bytes(65536))
        os.write(telling, f"{held // MEGABYTE}".encode())
        lingers(t.mark, 12)

    daemon(fill)
    os.close(telling)
    return int(os.read(reading, 10) or b"0")


def _burn(seconds: float) -> None:
    while time.process_time() < seconds:
        sum(range(10_000))


def _filled(t: Targets, folder: Path) -> str | None:
    files = [folder / f"{t.brand}-{number}" for number in range(40)]
    try:
        for file in files:
            file.write_bytes(bytes(4 * MEGABYTE))
        return hold("160 MB")
    finally:
        for file in files:
            file.unlink(missing_ok=True)
