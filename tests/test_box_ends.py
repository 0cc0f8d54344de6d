"""A box keeps to its limits, and nothing of it is left when it or its scaffold has ended."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from boxes import LIMITS, make_place, with_limits
from seen_processes import command_of, is_alive

from harness_search.rollouts.box import rollout_box
from harness_search.sandbox.box import Door
from harness_search.sandbox.choice import LANDLOCK, make_sandbox
from harness_search.sandbox.processes import kill_tree, start_ticks

LIMITED = {
    "memory": ("x = [bytearray(10_000_000) for _ in range(200)]", "memory limit of 512 MB"),
    "memory of children": (
        "for _ in range(6):\n"
        "        if os.fork() == 0:\n"
        "            x = b'x' * 150_000_000\n"
        "            time.sleep(3600)\n"
        "    time.sleep(3600)",
        "memory limit of 512 MB",
    ),
    "processes": (
        "for _ in range(60):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(3600)\n"
        "    time.sleep(3600)",
        "limit of 48 processes",
    ),
    "a burst of processes": (
        "children = []\n"
        "    try:\n"
        "        while len(children) < 300:\n"
        "            children.append(os.fork() or time.sleep(3600))\n"
        "    finally:\n"
        "        os.kill(children.pop(), 9)",
        "limit of 48 processes",
    ),
    "open files": ("x = [open('documents/lease.txt') for _ in range(200)]", "128 open files"),
    "a large file": ("(task.output / 'x').write_bytes(bytes(21 << 20))", "20 MB a file"),
    "a full workspace": (
        "for n in range(4):\n"
        "        (task.output / str(n)).write_bytes(b'x' * (18 << 20))\n"
        "    time.sleep(3600)",
        "workspace limit of",
    ),
    "deleted files": (
        "held = [open(f'gone{n}', 'wb') for n in range(4)]\n"
        "    for n, file in enumerate(held):\n"
        "        os.unlink(f'gone{n}')\n"
        "        file.write(b'x' * (18 << 20))\n"
        "        file.flush()\n"
        "    time.sleep(3600)",
        "workspace limit of",
    ),
    "CPU": (
        "for _ in range(3):\n        os.fork()\n    while True: pass",
        "CPU limit of",
    ),
}


@pytest.mark.parametrize("case", LIMITED)
async def test_each_limit_is_kept_and_named(
    run_source: Callable[..., Any], each_sandbox: str, case: str
) -> None:
    if (case, each_sandbox) == ("a burst of processes", LANDLOCK) and os.geteuid() != 0:
        pytest.skip("the kernel would count all processes of this user: the watchdog alone does")
    body, reason = LIMITED[case]
    source = f"import os, time\ndef solve(task, model):\n    {body}\n"
    limits = with_limits(cpu_seconds=3) if case == "CPU" else LIMITS
    done = await run_source(source, limits=limits, seconds=60.0)
    assert reason in done.breach, (done.ending, done.log)
    assert done.in_time


async def test_children_that_ended_and_a_forwarder_hide_nothing(
    run_source: Callable[..., Any], short_folder: Path
) -> None:
    """A process that has ended lets nobody look into it, and is no reason to end its box."""
    source = (
        "import os, socket, time\n"
        "def solve(task, model):\n"
        "    if os.fork() == 0:\n"
        "        os._exit(0)\n"
        "    host, _, port = model.base_url.rpartition('/')[2].rpartition(':')\n"
        "    try:\n"
        "        socket.create_connection((host, int(port))).close()\n"
        "    except OSError:\n"
        "        pass\n"
        "    time.sleep(3.5)\n"
    )
    done = await run_source(source, door=Door(short_folder / "gateway.sock", 9))
    assert (done.ending.exit_code, done.breach) == (0, ""), done.log


LINGERS = """
import ctypes, os, signal, subprocess, sys, time
LINGER = '''
import ctypes, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
if sys.argv[1] == "double" and os.fork(): os._exit(0)
if sys.argv[1] == "reaper": ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
open("pid-" + sys.argv[1], "w").write(str(os.getpid()))
time.sleep(3600)
'''
KINDS = ("plain", "session", "double", "reaper")
def solve(task, model):
    for kind in KINDS:
        program = [sys.executable, "-c", LINGER, kind, task.instructions]
        subprocess.Popen(program, start_new_session=kind != "plain")
    while not all(os.path.exists("pid-" + kind) for kind in KINDS):
        time.sleep(0.01)
    (task.output / "ready").write_text("x")
"""


def lingering(mark: str) -> list[psutil.Process]:
    """Living processes with the mark as their last argument: pids inside are not ours."""
    marked = [one for one in psutil.process_iter() if command_of(one)[-1:] == [mark]]
    return [one for one in marked if is_alive(one)]


@pytest.mark.parametrize("ends", ["by itself", "too late"])
async def test_no_process_outlives_its_harness(run_source: Callable[..., Any], ends: str) -> None:
    source = LINGERS + ("    time.sleep(3600)\n" if ends == "too late" else "")
    mark = uuid4().hex
    done = await run_source(source, seconds=5.0 if ends == "too late" else 30.0, instructions=mark)
    assert done.in_time == (ends == "by itself")
    assert (done.output / "ready").exists()
    assert lingering(mark) == []


SCAFFOLD = """
import asyncio, sys
from pathlib import Path
from boxes import run_in_box
async def main(name, folder, kit, mark, source):
    source = Path(source).read_text()
    await run_in_box(name, Path(folder), source, Path(kit), seconds=3600, instructions=mark)
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("busy", ["time.sleep(3600)", "re.match('(a|aa)+$', 'a' * 60 + 'b')"])
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_killing_the_scaffold_leaves_no_process_behind(
    kit: Path,
    short_folder: Path,
    tmp_path: Path,
    each_sandbox: str,
    busy: str,
    stop: signal.Signals,
) -> None:
    """`re.match` holds the interpreter's lock for ever."""
    source = tmp_path / "lingers.py"
    source.write_text(f"import re\n{LINGERS}    {busy}\n")
    arguments = [each_sandbox, str(short_folder), str(kit), mark := uuid4().hex, str(source)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    scaffold = subprocess.Popen([sys.executable, "-c", SCAFFOLD, *arguments], env=environment)
    try:
        wait_until((short_folder / "slot" / "view" / "output" / "ready").exists)
        wait_until(lambda: len(lingering(mark)) == 4)
    finally:
        scaffold.send_signal(stop)
        scaffold.wait()
    wait_until(lambda: lingering(mark) == [])


async def test_a_leftover_is_killed_only_when_it_is_the_same_process() -> None:
    sleeper = subprocess.Popen(["sleep", "3600"], start_new_session=True)
    ticks = start_ticks(sleeper.pid)
    kill_tree(sleeper.pid, ticks + 1)
    assert sleeper.poll() is None
    kill_tree(sleeper.pid, ticks)
    assert await asyncio.to_thread(sleeper.wait) == -signal.SIGKILL
    kill_tree(sleeper.pid, ticks)


async def test_a_child_that_never_gets_a_program_ends_by_itself(
    kit: Path, short_folder: Path, each_sandbox: str
) -> None:
    (short_folder / "harness.py").write_text("")
    place = make_place(short_folder, None, {})
    box = rollout_box(kit, place, short_folder / "harness.py", None, LIMITS)
    child = await make_sandbox(each_sandbox).start(box)
    ending = await child.kill()
    assert not ending.began
    assert not psutil.pid_exists(child.pid)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in another process; a minute of waiting is a failure."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()
