"""A passed limit is reported once, and to whom it concerns."""

import asyncio
import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from test_processes import SETTLED, SUBREAPER, started
from test_usage import LIMITS, hogs

from harness_search.sandbox import watchdog
from harness_search.sandbox.box import MEGABYTE, Limits
from harness_search.sandbox.processes import Process, read_processes
from harness_search.sandbox.watchdog import Watchdog

QUICK = 0.02


class Box:
    """A box as its handle sees it: what it was told, on the loop's thread."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self._told = asyncio.Event()
        self._thread = threading.get_ident()

    def passed(self, reason: str) -> None:
        assert threading.get_ident() == self._thread
        self.reasons.append(reason)
        self._told.set()

    async def reason(self) -> str:
        await asyncio.wait_for(self._told.wait(), 30)
        return self.reasons[0]


async def breach(source: str, limits: Limits, *folders: Path) -> str:
    box = Box()
    with started(source) as root:
        async with Watchdog(QUICK) as dog:
            with dog.watching(root.pid, limits, folders, box.passed):
                return await box.reason()


async def test_memory_of_a_whole_tree_is_limited() -> None:
    limits = replace(LIMITS, memory_bytes=100 * MEGABYTE)
    assert await breach(SUBREAPER + hogs(4, 30_000_000), limits) == "memory limit of 100 MB passed"


async def test_threads_are_limited_as_processes_are() -> None:
    threads = "[threading.Thread(target=sys.stdin.read).start() for _ in range(20)]\n"
    limits = replace(LIMITS, processes=20)
    assert await breach(threads + SETTLED, limits) == "limit of 20 processes passed"


@pytest.mark.parametrize("handler", ["SIG_IGN", "SIG_DFL"])
async def test_cpu_time_of_children_is_limited_waited_for_or_not(handler: str) -> None:
    source = f"""
signal.signal(signal.SIGCHLD, signal.{handler})
for _ in range(300):
    if os.fork() == 0:
        while time.process_time() < 0.1:
            pass
        os._exit(0)
    try:
        os.wait()
    except ChildProcessError:
        pass
"""
    limits = replace(LIMITS, cpu_seconds=0.3)
    assert await breach(source, limits) == "CPU limit of 0.3 s passed"


async def test_a_growing_workspace_is_limited(tmp_path: Path) -> None:
    source = f"""
for number in range(4):
    open({str(tmp_path)!r} + f"/{{number}}", "wb").write(b"x" * 1_000_000)
"""
    limits = replace(LIMITS, workspace_bytes=3 * MEGABYTE)
    reason = await breach(source + SETTLED, limits, tmp_path)
    assert reason == "workspace limit of 3 MB passed"


async def test_removed_files_that_are_open_count_as_workspace(tmp_path: Path) -> None:
    assert await breach(hidden(tmp_path), HIDING, tmp_path) == "workspace limit of 3 MB passed"


HIDING = replace(LIMITS, workspace_bytes=3 * MEGABYTE)


def hidden(folder: Path) -> str:
    return (
        f"""
file = open({str(folder / "file")!r}, "wb")
os.unlink(file.name)
file.write(b"x" * 4_000_000)
file.flush()
"""
        + SETTLED
    )


async def test_a_limit_is_told_once_and_only_about_who_passed_it(tmp_path: Path) -> None:
    modest, greedy, later = Box(), Box(), Box()
    two_processes = replace(LIMITS, processes=1)
    async with Watchdog(QUICK) as dog:
        with ExitStack() as stack:
            first, second, third = (
                stack.enter_context(started(source))
                for source in (SETTLED, "os.fork()\n" + SETTLED, hidden(tmp_path))
            )
            stack.enter_context(dog.watching(first.pid, two_processes, [], modest.passed))
            stack.enter_context(dog.watching(second.pid, two_processes, [], greedy.passed))
            assert await greedy.reason() == "limit of 1 processes passed"
            # The last one's limit is found on a fifth pass: four more went before it.
            stack.enter_context(dog.watching(third.pid, HIDING, [], later.passed))
            await later.reason()
    assert len(greedy.reasons) == 1
    assert modest.reasons == []


async def test_who_left_during_a_pass_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, left = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow() -> dict[int, Process]:
        processes = read_processes()
        loop.call_soon_threadsafe(begun.set)
        assert left.wait(30)
        return processes

    monkeypatch.setattr(watchdog, "read_processes", slow)
    gone, later = Box(), Box()
    with started("os.fork()\n" + SETTLED) as first, started(hidden(tmp_path)) as second:
        first.settled(2)
        async with Watchdog(QUICK) as dog:
            with dog.watching(first.pid, replace(LIMITS, processes=1), [], gone.passed):
                await begun.wait()
            left.set()
            with dog.watching(second.pid, HIDING, [], later.passed):
                await later.reason()
    assert gone.reasons == []


async def test_a_process_that_ended_meanwhile_breaks_nothing(tmp_path: Path) -> None:
    ended, later = Box(), Box()
    with started(SETTLED) as first, started(hidden(tmp_path)) as second:
        first.settled()
        async with Watchdog(QUICK) as dog:
            with (
                dog.watching(first.pid, replace(LIMITS, processes=0), [], ended.passed),
                dog.watching(second.pid, HIDING, [tmp_path], later.passed),
            ):
                os.kill(first.pid, signal.SIGKILL)
                first.process.wait()
                await later.reason()
    assert ended.reasons == []


async def test_no_pass_is_made_while_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []

    def counted() -> dict[int, Process]:
        passes.append(threading.get_ident())
        return read_processes()

    monkeypatch.setattr(watchdog, "read_processes", counted)
    box = Box()
    async with Watchdog(interval=0.0) as dog:
        await passes_time()
        assert passes == []
        with dog.watching(os.getpid(), replace(LIMITS, processes=0), [], box.passed):
            await box.reason()
        made = len(passes)
        await passes_time()
        assert len(passes) == made
    assert threading.get_ident() not in passes


async def passes_time() -> None:
    """As long as some passes would take."""
    for _ in range(5):
        await asyncio.to_thread(read_processes)


async def test_a_watchdog_that_failed_says_so_to_everybody(tmp_path: Path) -> None:
    unthinkable = tmp_path / ("x" * 300)
    greedy, waiting = Box(), Box()
    dog = Watchdog(QUICK)
    with started(SETTLED) as root, pytest.raises(OSError, match="too long"):
        async with dog:
            with pytest.raises(OSError, match="too long"):
                async with asyncio.timeout(30):
                    while True:
                        with dog.watching(root.pid, LIMITS, [unthinkable], greedy.passed):
                            await asyncio.sleep(0)
            with (
                pytest.raises(OSError, match="too long"),
                dog.watching(root.pid, LIMITS, [], waiting.passed),
            ):
                greedy.passed("begun all the same")
    assert greedy.reasons == waiting.reasons == []
