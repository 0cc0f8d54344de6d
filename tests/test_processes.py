"""Processes as /proc shows them, and that none outlives its tree."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.sandbox import processes as processes_module
from harness_search.sandbox.processes import (
    MOST_STOPPING_ROUNDS,
    Process,
    boot_id,
    kill_tree,
    proportional_bytes,
    read_process,
    read_processes,
    start_ticks,
    trees,
)

SUBREAPER = "import ctypes; ctypes.CDLL(None).prctl(36, 1)\n"
SETTLED = "print('settled', flush=True); sys.stdin.read(); os._exit(0)\n"
"""Every process of a test ends with the test's: its input ends then."""


def bomb(chains: int) -> str:
    """So many chains of processes, each of which forks the next and ends: always others, two of
    each chain at the most, and for a minute at the longest."""
    return (
        SUBREAPER
        + f"""
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
root, last = os.getpid(), time.monotonic() + 60
for chain in range({chains}):
    if os.fork() == 0:
        for born in range(sys.maxsize):
            if os.fork() or time.monotonic() > last:
                os._exit(0)
            while os.getppid() != root and time.monotonic() < last:
                os.sched_yield()
            os.setsid()
            if born == 20:
                print("settled", flush=True)
"""
        + SETTLED.removeprefix("print('settled', flush=True); ")
    )


class Started:
    """A process of a test, and whether anything of it is left."""

    def __init__(self, process: "subprocess.Popen[bytes]", alive: int) -> None:
        self.process = process
        self.pid = process.pid
        self._alive = alive

    def settled(self, times: int = 1) -> None:
        """Wait until so many of its processes have said that they are."""
        assert self.process.stdout is not None
        for _ in range(times):
            assert self.process.stdout.readline() == b"settled\n"

    def nothing_left(self) -> bool:
        """Whether all that inherited the other end of a pipe have ended."""
        return bool(select.select([self._alive], [], [], 10)[0]) and not os.read(self._alive, 1)

    def family(self) -> list[Process]:
        return trees(read_processes(), [self.pid])[self.pid]


@contextmanager
def started(source: str) -> Iterator[Started]:
    """Run a source; what it starts ends here at the latest."""
    alive, held = os.pipe()
    preamble = "import os, signal, sys, threading, time\n"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", preamble + source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(held,),
    )
    os.close(held)
    try:
        yield Started(process, alive)
    finally:
        kill_tree(process.pid)
        process.communicate()
        os.close(alive)


def processes_of(parents: dict[int, int], started_at: dict[int, int]) -> dict[int, Process]:
    return {
        pid: Process(pid, parent, "S", started_at.get(pid, 0), 0.0, 0.0, 0, 1)
        for pid, parent in parents.items()
    }


pids = st.integers(1, 12)


@given(st.dictionaries(pids, pids), st.sets(pids))
def test_a_tree_is_its_root_and_all_whose_ancestors_lead_to_it(
    parents: dict[int, int], roots: set[int]
) -> None:
    processes = processes_of(parents, {})

    def leads_to(pid: int, root: int) -> bool:
        passed = set()
        while pid != root:
            if pid in passed or pid not in parents or parents[pid] not in parents:
                return False
            passed.add(pid)
            pid = parents[pid]
        return pid in parents

    found = trees(processes, roots)
    assert found.keys() == roots
    for root, tree in found.items():
        members = [process.pid for process in tree]
        assert sorted(members) == sorted(pid for pid in parents if leads_to(pid, root))
        assert not members or members[0] == root


def test_a_chain_of_a_hundred_thousand_processes_is_walked_without_recursion() -> None:
    processes = processes_of({pid: pid - 1 for pid in range(1, 100_001)}, {})
    assert len(trees(processes, [1])[1]) == 100_000


def test_a_pid_that_was_reused_while_reading_adopts_nobody() -> None:
    older_child = processes_of({10: 1, 11: 10, 12: 10}, {10: 500, 11: 499, 12: 500})
    assert [process.pid for process in trees(older_child, [10])[10]] == [10, 12]


def test_a_name_with_brackets_and_line_ends_is_no_obstacle() -> None:
    with started("open('/proc/self/comm', 'w').write(') (\\n Z 1 ('); " + SETTLED) as child:
        child.settled()
        found = read_processes()[child.pid]
        assert Path(f"/proc/{child.pid}/comm").read_text() == ") (\n Z 1 (\n"
    assert (found.parent, found.threads, found.zombie) == (os.getpid(), 1, False)


def test_threads_are_counted() -> None:
    threads = "[threading.Thread(target=sys.stdin.read).start() for _ in range(7)]\n"
    with started(threads + SETTLED) as child:
        child.settled()
        assert read_processes()[child.pid].threads == 8


def test_a_first_thread_that_ended_hides_neither_memory_nor_life() -> None:
    source = """
import ctypes
held = b"x" * 64_000_000
def stay():
    while open(f"/proc/self/task/{os.getpid()}/stat").read().rpartition(")")[2].split()[0] != "Z":
        pass
    print("settled", flush=True)
    sys.stdin.read()
threading.Thread(target=stay).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
"""
    with started(source) as child:
        child.settled()
        found = read_processes()[child.pid]
        assert found.resident_bytes > 64_000_000
        assert not found.zombie
        assert kill_tree(child.pid) == []
        assert child.nothing_left()


def test_a_process_that_is_gone_started_never() -> None:
    with started(SETTLED) as child:
        child.settled()
        pid, ticks = child.pid, start_ticks(child.pid)
        assert ticks == read_processes()[pid].started > 0
        assert read_processes()[os.getpid()].started <= ticks
    assert start_ticks(pid) == 0
    assert read_process(pid) is None
    assert proportional_bytes(pid) is None


def test_a_process_that_ended_and_was_not_waited_for_is_a_zombie() -> None:
    with started("pass") as child:
        assert child.nothing_left()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert read_processes()[child.pid].zombie
        assert kill_tree(child.pid) == []


def test_a_boot_has_one_id() -> None:
    assert len(boot_id()) == 36
    assert boot_id() == boot_id()


@pytest.mark.parametrize("chains", [1, 100])
def test_a_fork_bomb_is_ended_without_survivors(chains: int) -> None:
    with started(bomb(chains)) as root:
        root.settled()
        assert kill_tree(root.pid) == []
        assert root.process.wait() == -signal.SIGKILL
        assert root.nothing_left()


def test_sessions_double_forks_and_deaf_ears_save_nobody() -> None:
    source = (
        SUBREAPER
        + """
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCONT):
    signal.signal(number, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.setsid()
        break
else:
    os.wait(), os.wait(), os.wait()
"""
        + SETTLED
    )
    with started(source) as root:
        root.settled(4)
        assert len(root.family()) == 4
        assert kill_tree(root.pid) == []
        assert root.nothing_left()


def test_a_parent_that_waits_for_its_vforked_child_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(vforking(tmp_path / "fifo")) as root:
        root.settled()
        until(lambda: [process.state for process in root.family()] == ["D", "S"])
        with monkeypatch.context() as patience:
            patience.setattr(processes_module, "MOST_ROUNDS", MOST_STOPPING_ROUNDS)
            assert kill_tree(root.pid) == []
        assert root.nothing_left()


def test_stopped_processes_are_ended() -> None:
    with started("os.fork()\n" + SETTLED) as root:
        root.settled(2)
        for process in root.family():
            os.kill(process.pid, signal.SIGSTOP)
        assert kill_tree(root.pid) == []
        assert root.nothing_left()


def test_nobody_but_the_tree_is_ended() -> None:
    with started("os.fork()\n" + SETTLED) as root, started("os.fork()\n" + SETTLED) as sibling:
        root.settled(2)
        sibling.settled(2)
        kill_tree(root.pid)
        assert root.nothing_left()
        assert [process.state in "RS" for process in sibling.family()] == [True, True]


def test_a_later_process_with_the_same_pid_is_left_alone() -> None:
    with started(SETTLED) as later:
        later.settled()
        ticks = start_ticks(later.pid)
        assert kill_tree(later.pid, ticks - 1) == []
        assert read_processes()[later.pid].state in "RS"
        assert kill_tree(later.pid, ticks) == []
        assert later.nothing_left()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to have a process of another user")
def test_a_process_of_another_user_is_left_and_named() -> None:
    with started(SETTLED) as foreign:
        foreign.settled()
        told, tell = os.pipe()
        if (child := os.fork()) == 0:
            os.setresuid(12345, 12345, 12345)
            os.write(tell, str(kill_tree(foreign.pid)).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(tell)
        assert os.read(told, 100).decode() == f"[{foreign.pid}]"
        os.close(told)
        assert read_processes()[foreign.pid].state in "RS"


def test_shared_memory_is_shared_out() -> None:
    with started("held = b'x' * 100_000_000\nos.fork()\n" + SETTLED) as root:
        root.settled(2)
        family = root.family()
        assert sum(process.resident_bytes for process in family) > 200_000_000
        shares = [proportional_bytes(process.pid) for process in family]
        assert 100_000_000 < sum(share or 0 for share in shares) < 150_000_000


def vforking(fifo: Path, held: int = 0) -> str:
    """A process with so many bytes that starts another, which waits for ever before its exec."""
    os.mkfifo(fifo)
    actions = f"[(os.POSIX_SPAWN_OPEN, 0, {str(fifo)!r}, os.O_RDONLY, 0)]"
    return f"""
held = b"x" * {held}
print("settled", flush=True)
os.posix_spawn("/bin/true", ["true"], {{}}, file_actions={actions})
"""


def until(condition: Callable[[], bool]) -> None:
    """For a state of another process of which nothing tells us."""
    for _ in range(10_000):
        if condition():
            return
        os.sched_yield()
    raise AssertionError("it never came to that")
