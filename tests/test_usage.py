"""What the processes of a box use is found, whatever hides it."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_processes import SETTLED, SUBREAPER, Started, started, until, vforking

from harness_search.sandbox.box import MEGABYTE, Limits
from harness_search.sandbox.processes import Process
from harness_search.sandbox.usage import (
    DEEPEST,
    MOST_FILES,
    CpuAccount,
    FolderUsage,
    Usage,
    breach_of,
    deleted_bytes,
    folder_usage,
    memory_bytes,
)

LIMITS = Limits(
    cpu_seconds=600,
    memory_bytes=2048 * MEGABYTE,
    processes=128,
    open_files=256,
    file_bytes=100 * MEGABYTE,
    workspace_bytes=500 * MEGABYTE,
    temporary_bytes=100 * MEGABYTE,
)
AT_LIMITS = Usage(600, 2048 * MEGABYTE, 128, 500 * MEGABYTE, MOST_FILES)


def at_most(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most)


@given(
    st.builds(
        Usage,
        st.floats(0, LIMITS.cpu_seconds),
        at_most(LIMITS.memory_bytes),
        at_most(LIMITS.processes),
        at_most(LIMITS.workspace_bytes),
        at_most(MOST_FILES),
    )
)
def test_what_keeps_to_every_limit_breaks_none(usage: Usage) -> None:
    assert breach_of(usage, LIMITS) == ""


@pytest.mark.parametrize(
    ("usage", "phrase"),
    [
        (replace(AT_LIMITS, memory_bytes=2049 * MEGABYTE), "memory limit of 2,048 MB passed"),
        (replace(AT_LIMITS, cpu_seconds=600.01), "CPU limit of 600 s passed"),
        (replace(AT_LIMITS, processes=129), "limit of 128 processes passed"),
        (replace(AT_LIMITS, workspace_bytes=501 * MEGABYTE), "workspace limit of 500 MB passed"),
        (
            replace(AT_LIMITS, workspace_files=20_001),
            "limit of 20,000 files or 100 levels of folders passed",
        ),
        (Usage(601, 2049 * MEGABYTE, 129, 0, 0), "memory limit of 2,048 MB passed"),
    ],
)
def test_the_first_broken_limit_is_named_with_its_figure(usage: Usage, phrase: str) -> None:
    assert breach_of(AT_LIMITS, LIMITS) == ""
    assert breach_of(usage, LIMITS) == phrase


def burnt(pid: int, own: float, waited: float = 0.0, born: int = 0) -> Process:
    return Process(pid, 1, "R", born, own, waited, 0, 1)


def test_children_that_no_pass_sees_count_once_they_are_waited_for() -> None:
    account = CpuAccount()
    account.book([burnt(1, 1.0)])
    account.book([burnt(1, 1.0, waited=50.0)])
    assert account.book([burnt(1, 1.0, waited=50.0)]) == 51.0


def test_children_that_nobody_waits_for_count_as_last_seen() -> None:
    account = CpuAccount()
    for pid in range(2, 12):
        total = account.book([burnt(1, 1.0), burnt(pid, 5.0)])
    assert total == 51.0


def test_a_child_that_is_seen_and_waited_for_in_one_pass_counts_once() -> None:
    account = CpuAccount()
    account.book([burnt(1, 1.0), burnt(2, 300.0)])
    account.book([burnt(1, 1.0, waited=300.0), burnt(2, 300.0)])
    assert account.book([burnt(1, 1.0, waited=300.0)]) == 301.0


def test_a_process_that_one_pass_misses_counts_once() -> None:
    account = CpuAccount()
    account.book([burnt(1, 1.0), burnt(2, 300.0)])
    account.book([burnt(1, 1.0)])
    assert account.book([burnt(1, 1.0), burnt(2, 301.0)]) == 302.0


def test_a_reused_pid_is_another_process() -> None:
    account = CpuAccount()
    account.book([burnt(2, 5.0, born=1)])
    assert account.book([burnt(2, 3.0, born=2)]) == 8.0


@given(st.lists(st.lists(st.tuples(st.integers(1, 4), at_most(9), at_most(9)), max_size=4)))
def test_cpu_time_never_falls(passes: list[list[tuple[int, int, int]]]) -> None:
    account, own, before = CpuAccount(), dict.fromkeys(range(1, 5), 0), 0.0
    for found in passes:
        for pid, more, _ in found:
            own[pid] += more
        tree = {pid: burnt(pid, own[pid], waited) for pid, _, waited in found}
        total = account.book(list(tree.values()))
        assert total >= max(before, *(process.cpu_seconds for process in tree.values()), 0.0)
        before = total


def memory_of(root: Started, limit: int) -> int:
    return memory_bytes(root.family(), limit, lambda process: True)


def test_eight_children_that_share_200_mb_hold_it_once() -> None:
    shared = """
held = b"x" * 200_000_000
for _ in range(8):
    if os.fork() == 0:
        break
"""
    with started(shared + SETTLED) as root:
        root.settled(9)
        assert sum(process.resident_bytes for process in root.family()) > 1_800_000_000
        assert 200_000_000 < memory_of(root, 512 * MEGABYTE) < 512 * MEGABYTE


def test_double_forked_children_with_200_mb_each_are_found_and_added() -> None:
    with started(SUBREAPER + hogs(4, 200_000_000)) as root:
        root.settled(5)
        assert len(root.family()) == 5
        assert memory_of(root, 512 * MEGABYTE) > 800_000_000


def hogs(number: int, size: int) -> str:
    return (
        f"""
for _ in range({number}):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        held = b"x" * {size}
        break
    os.wait()
"""
        + SETTLED
    )


def test_a_child_before_its_exec_does_not_double_its_parent(tmp_path: Path) -> None:
    with started(vforking(tmp_path / "fifo", held=100_000_000)) as root:
        root.settled()
        until(lambda: [process.state for process in root.family()] == ["D", "S"])
        family, parent = root.family(), root.pid
        once = memory_bytes(family, MEGABYTE, lambda process: process.pid == parent)
        assert 100_000_000 < once < 120_000_000
        assert memory_bytes(family, MEGABYTE, lambda process: True) > 200_000_000


def test_files_and_folders_count_with_what_they_occupy(tmp_path: Path) -> None:
    empty = folder_usage([tmp_path], MOST_FILES).bytes
    (tmp_path / "written").write_bytes(b"x" * 1_000_000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**9)
    os.link(tmp_path / "written", tmp_path / "again")
    found = folder_usage([tmp_path], MOST_FILES)
    occupied, files = found.bytes, found.files
    assert files == 3
    assert 1_000_000 <= occupied - empty < 1_100_000


def test_a_folder_given_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "file").write_bytes(b"x" * 1_000_000)
    once = folder_usage([tmp_path], MOST_FILES).bytes
    assert folder_usage([tmp_path, tmp_path / "output"], MOST_FILES).bytes == once


def test_links_are_not_followed_and_odd_files_not_opened(tmp_path: Path) -> None:
    (tmp_path / "all").symlink_to("/")
    (tmp_path / "itself").symlink_to("itself")
    os.mkfifo(tmp_path / "fifo")
    assert folder_usage([tmp_path], MOST_FILES).files == 3
    assert folder_usage([tmp_path / "all"], MOST_FILES) == FolderUsage(0, 0, missed=False)


def test_a_folder_that_is_gone_counts_nothing_and_a_closed_one_all_that_it_holds(
    tmp_path: Path,
) -> None:
    for name, mode in (("closed", 0), ("entered", 0o300), ("listed", 0o444)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * 1_000_000)
        (tmp_path / name).chmod(mode)
    with as_somebody(tmp_path):
        found = folder_usage([Path(), Path("gone")], MOST_FILES)
    assert found.files == 6
    assert found.bytes > 3_000_000


@contextmanager
def as_somebody(folder: Path) -> Iterator[None]:
    """In a folder of his own; root may enter everything, so we become him."""
    before, somebody = os.geteuid(), os.geteuid() or 12345
    for path in (folder, *folder.iterdir()):
        os.chown(path, somebody, -1)
    with contextlib.chdir(folder):
        os.seteuid(somebody)
        try:
            yield
        finally:
            os.seteuid(before)


def test_counting_stops_soon_after_the_most_files(tmp_path: Path) -> None:
    for folder in range(5):
        (tmp_path / str(folder)).mkdir()
        for number in range(20):
            (tmp_path / str(folder) / str(number)).touch()
    assert folder_usage([tmp_path], 105).files == 105
    assert folder_usage([tmp_path], 50).files == 51


@pytest.mark.parametrize("levels", [DEEPEST - 1, 3_000])
def test_nothing_hides_in_the_depth(tmp_path: Path, levels: int) -> None:
    top = tmp_path / "top"
    top.mkdir()
    folder = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("a_rather_long_name", dir_fd=folder)
        below = os.open("a_rather_long_name", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    counted = folder_usage([top], MOST_FILES).files
    subprocess.run(["rm", "-rf", str(top)], check=True)
    assert counted == (levels if levels < DEEPEST else MOST_FILES + 1)


def test_an_open_file_without_a_name_counts_once(tmp_path: Path) -> None:
    source = f"""
file = open({str(tmp_path / "file")!r}, "wb")
file.write(b"x" * 3_000_000)
file.flush()
os.unlink(file.name)
again = os.dup(file.fileno())
unnamed = os.memfd_create("unnamed")
os.write(unnamed, b"x" * 2_000_000)
named = open(sys.executable)
os.fork()
"""
    with started(source + SETTLED) as root:
        root.settled(2)
        held, closed = deleted_bytes(process.pid for process in root.family())
    assert 5_000_000 <= held < 5_100_000
    assert closed == set()
    assert deleted_bytes([root.pid]) == (0, set())


def test_a_process_that_hides_its_open_files_is_named() -> None:
    if os.geteuid() == 0:
        pytest.skip("nobody hides anything from root")
    source = "import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
    with started(source + SETTLED) as root:
        root.settled()
        assert deleted_bytes([root.pid]) == (0, {root.pid})
