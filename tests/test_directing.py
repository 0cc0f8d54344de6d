"""What a person who directs a launch is told: nobody there, hanging, out of reach, or done."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from directed import answered, asked, command, ends, launched, socket_of, stops

from harness_search.errors import SearchInterruptedError
from harness_search.layout import Layout
from harness_search.sandbox.processes import boot_id, start_ticks
from harness_search.service import asking
from harness_search.service.asking import (
    AskError,
    HangsError,
    NobodyThereError,
    OutOfReachError,
    ask,
    exchange,
)
from harness_search.service.directing import Stopping as StoppingLaunch
from harness_search.service.events import Event
from harness_search.service.heartbeat import write_heartbeat
from harness_search.service.pulse import Pulse
from harness_search.workspace import Workspace


@pytest.fixture
def workspace(open_tiny: Callable[..., Workspace]) -> Workspace:
    return open_tiny()


@pytest.fixture
def layout(workspace: Workspace) -> Layout:
    return workspace.layout


def test_without_a_scaffold_nobody_is_asked(layout: Layout) -> None:
    with pytest.raises(NobodyThereError, match="no scaffold is running here"):
        ask(layout, {"ask": "ping"})
    ended = replace(Pulse(layout.heartbeat, "r", "run").heartbeat(), pid_started=1)
    write_heartbeat(layout.heartbeat, ended)
    for name in ("pause", "resume", "stop"):
        done = command(name, layout=layout)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "no scaffold is running here" in done.stderr


def test_a_pause_is_lifted_without_a_scaffold_too(layout: Layout) -> None:
    layout.paused.touch()
    done = command("resume", layout=layout)
    assert done.exit_code == 0
    assert "No longer paused" in done.stdout
    assert not layout.paused.exists()


def test_a_scaffold_that_hangs_is_named_with_what_ends_it(layout: Layout) -> None:
    beat = Pulse(layout.heartbeat, "r", "run").heartbeat()
    silent = replace(beat, uptime=beat.uptime - 185, socket="/nowhere")
    write_heartbeat(layout.heartbeat, silent)
    for name in ("pause", "stop"):
        done = command(name, layout=layout)
        assert done.exit_code == 3
        assert f"process {os.getpid()} has not answered for 3 min" in done.stderr
        assert "`meta-harness stop --now`" in done.stderr


@pytest.mark.parametrize(("age", "minutes"), [(61, 1), (90, 1), (110, 1), (125, 2)])
def test_silence_is_rounded_down(layout: Layout, age: int, minutes: int) -> None:
    beat = Pulse(layout.heartbeat, "r", "run").heartbeat()
    write_heartbeat(layout.heartbeat, replace(beat, uptime=beat.uptime - age, socket="/nowhere"))
    with pytest.raises(HangsError, match=f"has not answered for {minutes} min"):
        ask(layout, {"ask": "ping"})


def test_stop_now_kills_a_launch_that_hangs_and_no_other(layout: Layout) -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        beat = Pulse(layout.heartbeat, "r", "run").heartbeat()
        silent = replace(beat, pid=child.pid, uptime=beat.uptime - 90, socket="/nowhere")
        write_heartbeat(layout.heartbeat, silent)  # the process that had this id has ended
        assert command("stop", "--now", layout=layout).exit_code == 2
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0)
        begun = start_ticks(child.pid)
        write_heartbeat(layout.heartbeat, replace(silent, pid_started=begun))
        assert command("stop", layout=layout).exit_code == 3
        done = command("stop", "--now", layout=layout)
        assert done.exit_code == 0
        assert f"Killed process {child.pid} (meta-harness run), which hung" in done.stdout
        assert child.wait() == -signal.SIGKILL


async def test_what_was_asked_too_long_ago_is_not_carried_out(workspace: Workspace) -> None:
    async with launched(workspace) as conduct:
        late = {"ask": "stop", "boot": boot_id(), "until": time.clock_gettime(time.CLOCK_BOOTTIME)}
        answer = await answered(workspace.layout, json.dumps(late).encode() + b"\n")
        assert answer == {"ok": False, "error": "too late: whoever asked waits no longer"}
        assert not conduct.stopping
        other = {**late, "ask": "pause", "boot": "another"}
        assert (await answered(workspace.layout, json.dumps(other).encode() + b"\n"))["ok"]


@pytest.mark.parametrize("socket_is_there", [True, False])
def test_the_launch_of_another_user_is_left_to_that_one(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, socket_is_there: bool
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if socket_is_there:
        monkeypatch.setattr(asking, "exchange", refused)
    monkeypatch.setattr(signal, "pidfd_send_signal", refused)
    beat = Pulse(layout.heartbeat, "r", "run").heartbeat()
    write_heartbeat(layout.heartbeat, replace(beat, socket="/nowhere"))
    done = command("stop", layout=layout)
    assert done.exit_code == 3
    said = f"meta-harness: process {os.getpid()} belongs to another user: ask as that one\n"
    assert done.stderr == said


@pytest.mark.parametrize(
    ("flying", "now", "words"),
    [
        (4, True, "Stopping at once: 4 rollouts in flight are broken off and run again."),
        (1, True, "Stopping at once: 1 rollout in flight is broken off and run again."),
        (0, False, "no rollout is in flight."),
        (2, False, "2 rollouts in flight to wait for."),
    ],
)
def test_stop_says_what_becomes_of_what_is_in_flight(
    layout: Layout, flying: int, now: bool, words: str
) -> None:
    beat = Pulse(layout.heartbeat, "r", "run").heartbeat()
    stopping = StoppingLaunch(beat, flying, now)
    assert stopping.sentence.endswith(words)
    assert stopping.to_json()["in_flight"] == flying


def test_a_busy_scaffold_is_asked_no_longer_than_there_is_time(
    layout: Layout, short_folder: Path
) -> None:
    path = short_folder / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        beat = Pulse(layout.heartbeat, "r", "run").heartbeat()
        write_heartbeat(layout.heartbeat, replace(beat, socket=str(path)))
        with pytest.raises(AskError, match=r"is busy.*within 0.02 s: this was not carried out"):
            ask(layout, {"ask": "ping"}, 0.02)


async def test_without_its_socket_a_launch_is_stopped_by_a_signal(workspace: Workspace) -> None:
    layout = workspace.layout
    with pytest.raises(SearchInterruptedError) as stopped:
        async with launched(workspace) as conduct:
            socket_of(layout).unlink()
            with pytest.raises(OutOfReachError, match="can only be ended"):
                await asked(layout, {"ask": "pause"})
            done = await asyncio.to_thread(command, "stop", "--no-wait", "--json", layout=layout)
            assert json.loads(done.stdout) == {
                "event": "stop",
                "pid": os.getpid(),
                "in_flight": 0,
                "killed": False,
                "ended": False,
                "exit_code": None,
            }
            await ends(conduct)
    assert stopped.value.exit_code == 143


async def test_without_its_socket_stop_now_signals_twice(workspace: Workspace) -> None:
    layout, told = workspace.layout, list[Event]()
    with pytest.raises(SearchInterruptedError):
        async with launched(workspace, told=told.append):
            socket_of(layout).unlink()
            stopping = asyncio.to_thread(command, "stop", "--now", "--no-wait", layout=layout)
            asking = asyncio.ensure_future(stopping)
            try:
                await asyncio.Event().wait()
            finally:
                assert (await asking).exit_code == 0
    assert stops(told) == [120.0, 0.0]


async def test_commands_say_in_a_sentence_what_they_did(workspace: Workspace) -> None:
    layout, pid = workspace.layout, os.getpid()
    async with launched(workspace):
        done = await asyncio.to_thread(command, "pause", layout=layout)
        named = f"process {pid} (meta-harness run)"
        assert done.stdout == f"Paused: {named} begins nothing new; no rollouts in flight.\n"
        done = await asyncio.to_thread(command, "resume", "--json", layout=layout)
        assert json.loads(done.stdout) == {"event": "resume", "pid": pid}


async def test_an_answer_that_breaks_off_is_an_error(short_folder: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"ok": tr')
        writer.close()

    async with await asyncio.start_unix_server(silent, short_folder / "s"):
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(exchange, short_folder / "s", {"ask": "ping"}, 5.0)
