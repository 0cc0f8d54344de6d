"""How people direct a launch: by its control socket, and by signals where that is gone."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from directed import answered, asked, command, ends, launched, socket_of, stops

from harness_search.errors import SearchInterruptedError
from harness_search.layout import Layout
from harness_search.reports.launches import read_launches
from harness_search.sandbox.processes import start_ticks
from harness_search.service import control
from harness_search.service.asking import AskError
from harness_search.service.conduct import Conduct
from harness_search.service.events import CutOff, Event, Paused, Resumed, Stopping
from harness_search.service.heartbeat import identity_of, read_heartbeat, write_heartbeat
from harness_search.service.pulse import Pulse
from harness_search.workspace import Workspace

TIDIES_FOR_LONG = """\
import asyncio, sys, threading
from pathlib import Path
from harness_search.workspace import open_workspace
from harness_search.reports.progress import Reporter
from harness_search.service.events import Stopping
from harness_search.service.launch import at_work

def heard(event):
    if isinstance(event, Stopping) and event.seconds:
        print("stopping", flush=True)

async def main():
    reporter = Reporter(None)
    with reporter.heard_by(heard):
        async with at_work("run", open_workspace(Path(sys.argv[1]), {}), reporter):
            try:
                print("at work", flush=True)
                await asyncio.Event().wait()
            finally:
                print("tidies up", flush=True)
                threading.Event().wait()

asyncio.run(main())
"""


def note(folder: Path, layout: Layout, pid: int = 0) -> str:
    """What a launch notes of its control folder; process 0 is nobody's."""
    started = start_ticks(pid) if pid else 0
    return "\n".join(map(str, (folder, identity_of(layout.runs), pid, started)))


@pytest.fixture
def workspace(open_tiny: Callable[..., Workspace]) -> Workspace:
    return open_tiny()


@pytest.fixture
def layout(workspace: Workspace) -> Layout:
    return workspace.layout


async def test_a_ping_is_answered_with_what_the_launch_does(workspace: Workspace) -> None:
    async with launched(workspace, "noise"):
        beat = await asked(workspace.layout, {"ask": "ping"})
        assert (beat.pid, beat.command, beat.paused) == (os.getpid(), "noise", False)
        assert beat.socket == str(socket_of(workspace.layout))


async def test_a_pause_outlives_its_launch_until_somebody_resumes(workspace: Workspace) -> None:
    layout = workspace.layout
    async with launched(workspace) as conduct:
        assert (await asked(layout, {"ask": "pause"})).paused
        assert conduct.paused
        assert layout.paused.is_file()
    async with launched(workspace) as conduct:
        assert conduct.paused
        assert not (await asked(layout, {"ask": "resume"})).paused
        assert not conduct.paused
    assert not layout.paused.exists()


async def test_a_launch_that_is_to_begin_now_ends_a_kept_pause(workspace: Workspace) -> None:
    workspace.layout.paused.touch()
    async with launched(workspace, now=True) as conduct:
        assert not conduct.paused
    assert not workspace.layout.paused.exists()


async def test_only_the_pause_of_a_search_is_kept(workspace: Workspace) -> None:
    async with launched(workspace, "noise") as conduct:
        assert (await asked(workspace.layout, {"ask": "pause"})).paused
    assert not workspace.layout.paused.exists()
    workspace.layout.paused.touch()
    async with launched(workspace, "noise") as conduct:
        assert not conduct.paused


async def test_a_pause_that_cannot_be_kept_says_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(control, "write_atomically", full)
    async with launched(workspace) as conduct:
        with pytest.raises(AskError, match=r"relaunch would not be.*No space left"):
            await asked(workspace.layout, {"ask": "pause"})
        assert conduct.paused


async def test_stop_ends_like_sigterm_and_asked_again_it_drains_on(workspace: Workspace) -> None:
    told: list[Event] = []
    with pytest.raises(SearchInterruptedError) as stopped:
        async with launched(workspace, told=told.append) as conduct:
            for _ in range(3):
                assert (await asked(workspace.layout, {"ask": "stop"})).stopping
            with pytest.raises(AskError, match="the launch is ending"):
                await asked(workspace.layout, {"ask": "pause"})
            await ends(conduct)
    assert stopped.value.exit_code == 143
    assert stops(told) == [120.0]
    last = read_heartbeat(workspace.layout.heartbeat)
    assert last is not None
    assert (last.exit_code, last.socket) == (143, "")


async def test_stop_now_is_answered_and_waits_for_nothing(workspace: Workspace) -> None:
    with pytest.raises(SearchInterruptedError):
        async with launched(workspace):
            asking = asyncio.ensure_future(asked(workspace.layout, {"ask": "stop", "now": True}))
            try:
                await asyncio.Event().wait()
            finally:
                assert (await asking).stopping


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\n", "JSON"),
        (b"ping\n", "JSON"),
        (b'{"ask": \xff}\n', "JSON"),
        (b"[" * 50_000 + b"\n", "JSON"),
        (b"9" * 50_000 + b"\n", "JSON"),
        (b"[]\n", "one of: ping"),
        (b'{"ask": ["stop"]}\n', "one of: ping"),
        (b'{"ask": "reboot"}\n', "one of: ping"),
        (b'{"ask": "stop", "now": 1}\n', "true or false"),
        (b"x" * 200_000, "65536 bytes"),
    ],
)
async def test_a_bad_request_is_answered_and_changes_nothing(
    workspace: Workspace, line: bytes, words: str
) -> None:
    async with launched(workspace) as conduct:
        answer = await answered(workspace.layout, line)
        assert answer["ok"] is False
        assert words in answer["error"]
        assert not conduct.stopping
        assert not (await asked(workspace.layout, {"ask": "ping"})).stopping


async def test_many_silent_and_vanishing_clients_keep_nobody_waiting(workspace: Workspace) -> None:
    layout = workspace.layout
    async with launched(workspace):
        silent = [await asyncio.open_unix_connection(socket_of(layout)) for _ in range(50)]
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as gone:
                gone.connect(str(socket_of(layout)))
                gone.sendall(b'{"ask": "pi')
        answers = await asyncio.gather(
            *(answered(layout, b'{"ask": "ping"}\n') for _ in range(100))
        )
        assert all(answer["ok"] for answer in answers)
    for reader, writer in silent:
        assert await reader.read() == b""
        writer.close()


async def test_a_client_that_asks_slowly_is_left(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SECONDS_FOR_A_CLIENT", 0.01)
    async with launched(workspace):
        reader, writer = await asyncio.open_unix_connection(socket_of(workspace.layout))
        writer.write(b'{"ask":')
        assert await reader.read() == b""
        writer.close()


async def test_another_user_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with launched(workspace) as conduct:
        folder = socket_of(workspace.layout).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
        monkeypatch.setattr(control, "ROOT", 54_321)
        answer = await answered(workspace.layout, b'{"ask": "stop"}\n')
        assert answer == {"ok": False, "error": "another user's launch"}
        assert not conduct.stopping


async def test_the_sockets_folder_goes_with_its_launch_or_with_the_next_one(
    workspace: Workspace, short_folder: Path
) -> None:
    layout = workspace.layout
    left = Path("/tmp") / f"{control.PREFIX}{short_folder.name}"
    left.mkdir()
    (left / "control.sock").touch()
    layout.control.write_text(note(left, layout))
    async with launched(workspace):
        assert not left.exists()
        folder = socket_of(layout).parent
        assert layout.control.read_text().splitlines()[0] == str(folder)
    assert not folder.exists()
    assert not layout.control.exists()


async def test_a_note_of_a_foreign_folder_removes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    mine = tmp_path / f"{control.PREFIX}mine"
    mine.mkdir()
    workspace.layout.control.write_text(note(mine, workspace.layout))
    async with launched(workspace):
        assert mine.is_dir()


async def test_a_copy_of_a_workspace_leaves_the_launch_in_the_original_alone(
    workspace: Workspace, tmp_path: Path
) -> None:
    copy = Layout(tmp_path / "copy")
    async with launched(workspace) as conduct:
        shutil.copytree(workspace.layout.root, copy.root, symlinks=True)
        folder = socket_of(workspace.layout).parent
        for name in ("stop", "pause"):
            done = await asyncio.to_thread(command, name, layout=copy)
            assert done.exit_code == 2
            assert "no scaffold is running here" in done.stderr
        with control._folder(copy.control):
            assert folder.is_dir()
        assert not (conduct.stopping or conduct.paused)
        assert not read_launches(copy).alive


def test_the_folder_of_a_living_launch_is_not_removed(layout: Layout, short_folder: Path) -> None:
    living = Path("/tmp") / f"{control.PREFIX}{short_folder.name}"
    living.mkdir()
    layout.control.write_text(note(living, layout, os.getpid()))
    with control._folder(layout.control):
        assert living.is_dir()
    living.rmdir()


async def test_a_launch_says_that_the_one_before_was_cut_off(workspace: Workspace) -> None:
    told: list[Event] = []
    beat = Pulse(workspace.layout.heartbeat, "old", "run").heartbeat()
    write_heartbeat(workspace.layout.heartbeat, replace(beat, pid=9200, pid_started=1))
    async with launched(workspace, told=told.append):
        assert told[1:2] == [CutOff("old", 9200)]
        assert told[1].sentence == "The launch before, process 9200, was cut off."
    told.clear()
    async with launched(workspace, told=told.append):
        assert not any(isinstance(event, CutOff) for event in told)


async def test_a_storm_of_signals_cuts_the_tidying_up_off_no_second_time() -> None:
    told: list[Event] = []
    ends_asked: list[None] = []
    conduct = Conduct(drain_seconds=60, tell=told.append, end=lambda: ends_asked.append(None))
    for _ in range(20):
        conduct.stop("SIGTERM", 128 + signal.SIGTERM)
    conduct.close()
    assert len(ends_asked) == 1
    assert told == [Stopping("SIGTERM", 60), Stopping("SIGTERM", 0.0)]


@pytest.mark.parametrize("seconds", [0.0, 0.01])
async def test_a_stop_that_cannot_be_told_ends_the_launch_all_the_same(seconds: float) -> None:
    def tell(event: Event) -> None:
        raise OSError(5, "Input/output error")

    ended = asyncio.Event()
    conduct = Conduct(drain_seconds=seconds, tell=tell, end=ended.set)
    with pytest.raises(OSError, match="Input/output"):
        conduct.stop("SIGTERM", 128 + signal.SIGTERM)
    await ended.wait()


def test_a_third_signal_waits_for_no_tidying_up(workspace: Workspace) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TIDIES_FOR_LONG, str(workspace.layout.root)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as child:
        assert child.stdout is not None
        for line, number in (
            ("at work", signal.SIGTERM),
            ("stopping", signal.SIGTERM),
            ("tidies up", signal.SIGINT),
        ):
            assert child.stdout.readline() == f"{line}\n"
            child.send_signal(number)
        assert child.wait() == 130


async def test_resume_ends_a_wait_and_says_so_once() -> None:
    told: list[Event] = []
    conduct = Conduct(tell=told.append)
    conduct.resume()
    assert told == []
    sleeping = asyncio.ensure_future(conduct.sleep(600))
    await asyncio.sleep(0)
    conduct.resume()
    assert await sleeping is True
    conduct.pause()
    conduct.resume()
    assert told == [Resumed(), Paused(), Resumed()]
