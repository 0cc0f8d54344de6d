"""The sign of life of a launch: who reads it knows whether anybody is there, and what it does."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.sandbox.processes import boot_id, start_ticks
from harness_search.service import pulse as pulses
from harness_search.service.events import (
    Ended,
    EvaluationBegan,
    Event,
    Failed,
    NeedsPerson,
    Paused,
    PhaseBegan,
    Resumed,
    RolloutEnded,
    SessionChanged,
    Stopping,
    Waiting,
)
from harness_search.service.heartbeat import (
    HUNG_SECONDS,
    Heartbeat,
    Moment,
    came_with_copy,
    heartbeat_of,
    read_heartbeat,
    write_heartbeat,
)
from harness_search.service.pulse import Doing, Pulse

UNTIL = "2026-11-22T05:00:00+01:00"


def scored(passed: int | None = 3, total: int | None = 4) -> RolloutEnded:
    return RolloutEnded("tax/a", 1, "scored", passed, total)


def after(*events: Event) -> Doing:
    doing = Doing()
    for event in events:
        doing.hear(event)
    return doing


@pytest.fixture
def pulse(tmp_path: Path) -> Pulse:
    return Pulse(tmp_path / "heartbeat.json", "run-1", "run")


@pytest.fixture
def beat(pulse: Pulse) -> Heartbeat:
    return pulse.heartbeat()


def of_process(beat: Heartbeat, pid: int) -> Heartbeat:
    return replace(beat, pid=pid, pid_started=start_ticks(pid))


def aged(beat: Heartbeat, seconds: float) -> Heartbeat:
    return replace(beat, uptime=beat.uptime - seconds)


def test_an_evaluation_is_followed_rollout_by_rollout() -> None:
    began = (PhaseBegan("evaluate", 2), EvaluationBegan("second_look", 6, 2))
    lost = RolloutEnded("tax/a", 1, "infra_failed", 0, 0)
    doing = after(*began, scored(), lost, scored(1))
    assert (doing.phase, doing.iteration, doing.label) == ("evaluate", 2, "second_look")
    assert (doing.done, doing.planned, doing.passed, doing.total) == (4, 6, 4, 8)
    assert "lost" in doing.last_error
    next_phase = after(*began, scored(), PhaseBegan("decide", 2))
    assert (next_phase.label, next_phase.planned, next_phase.passed) == ("", 0, None)


def test_a_secret_score_is_in_no_heartbeat() -> None:
    doing = after(EvaluationBegan("baseline", 6, 0), scored(None, None), scored(None, None))
    assert (doing.done, doing.passed, doing.total) == (2, None, None)


@pytest.mark.parametrize(
    "event",
    [Resumed(), PhaseBegan("propose", 1), EvaluationBegan("h", 1, 0), SessionChanged(1, 1, "", "")],
)
def test_a_wait_is_over_when_something_happens(event: Event) -> None:
    waiting = after(Waiting("the model", UNTIL, "a rate limit"))
    assert waiting.waiting_until == UNTIL
    waiting.hear(event)
    assert waiting.waiting_until == ""


def test_pause_stop_end_and_errors_are_told() -> None:
    assert after(Paused()).paused
    assert not after(Paused(), Resumed()).paused
    stopping = after(Paused(), Stopping("SIGTERM", 120.0))
    assert (stopping.paused, stopping.stopping) == (False, True)
    assert after(NeedsPerson("no credit"), Ended(3)).last_error == "no credit"
    assert after(Failed("KeyError at search.py:3"), Ended(1)).exit_code == 1


@given(jump=st.floats(-1e9, 1e9), seconds=st.floats(0, 1e7))
def test_a_jump_of_the_clock_changes_no_age_within_a_boot(jump: float, seconds: float) -> None:
    beat = Pulse(Path("unused"), "run-1", "run").heartbeat()
    moment = Moment(beat.boot, beat.uptime + seconds, 1.8e9 + jump)
    assert beat.age_at(moment) == pytest.approx(seconds, abs=1e-2)


def test_after_another_boot_the_wall_clock_says_the_age(beat: Heartbeat) -> None:
    old = replace(beat, written_at="2026-11-22T01:00:00+00:00")
    wall = 1_795_309_200.0  # 2026-11-22 01:00 UTC
    assert old.age_at(Moment("another boot", 5.0, wall + 90)) == 90
    assert old.age_at(Moment("another boot", 5.0, wall - 90)) == 0


def test_a_process_is_known_by_its_start_and_boot(beat: Heartbeat) -> None:
    assert beat.alive
    assert not replace(beat, pid_started=beat.pid_started + 1).alive
    assert not replace(beat, boot="another boot").alive
    assert not replace(beat, pid=-1).alive


def test_a_process_that_nobody_has_waited_for_is_dead(beat: Heartbeat) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        theirs = of_process(beat, child.pid)
        assert theirs.alive
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_ticks(child.pid) == theirs.pid_started
        assert not theirs.alive


def test_only_a_living_process_hangs(beat: Heartbeat) -> None:
    assert not beat.hung
    silent = aged(beat, HUNG_SECONDS + 1)
    assert silent.hung
    assert not replace(silent, exit_code=0).hung
    assert not replace(silent, pid_started=1).hung


def test_in_another_container_a_launch_lives_as_long_as_it_says_so(beat: Heartbeat) -> None:
    there = replace(beat, pid_namespace=beat.pid_namespace + 1, pid=1)
    assert there.alive
    assert not aged(there, HUNG_SECONDS + 1).alive
    assert not replace(there, exit_code=0).alive


def test_what_is_written_is_read(tmp_path: Path, pulse: Pulse, beat: Heartbeat) -> None:
    file = tmp_path / "heartbeat.json"
    assert read_heartbeat(file) is None
    write_heartbeat(file, beat)
    assert read_heartbeat(file) == beat
    assert json.loads(file.read_text())["state"] == "running"
    pulse.hear(Ended(143))
    ended = read_heartbeat(file)
    assert ended is not None
    assert (ended.ended, ended.exit_code, ended.socket) == (True, 143, "")
    assert json.loads(file.read_text())["state"] == "ended"


@given(
    found=st.dictionaries(
        st.sampled_from([*Heartbeat.__slots__, "more"]), st.none() | st.text() | st.integers()
    )
)
def test_a_damaged_heartbeat_is_none(found: dict[str, Any]) -> None:
    whole = Pulse(Path("unused"), "run-1", "run").heartbeat().to_json()
    read = heartbeat_of({**whole, **found})
    assert read is None or read.age_seconds >= 0


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"pid": 1}'])
def test_a_file_that_holds_no_heartbeat_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "heartbeat.json").write_bytes(content)
    assert read_heartbeat(tmp_path / "heartbeat.json") is None


def test_a_full_disk_ends_no_launch(tmp_path: Path, pulse: Pulse) -> None:
    pulse.hear(PhaseBegan("propose", 1))
    (tmp_path / ".heartbeat.json").unlink(missing_ok=True)
    (tmp_path / ".heartbeat.json").symlink_to("/dev/full")
    pulse.hear(PhaseBegan("evaluate", 1))
    kept = read_heartbeat(tmp_path / "heartbeat.json")
    assert kept is not None
    assert kept.phase == "propose"
    write_heartbeat(tmp_path / "gone" / "heartbeat.json", kept)


def test_what_a_launch_turns_to_is_on_disk_before_it_goes_on(tmp_path: Path, pulse: Pulse) -> None:
    for event in (PhaseBegan("evaluate", 4), Paused(), Waiting("the judge", UNTIL, "a limit")):
        pulse.hear(event)
        assert read_heartbeat(tmp_path / "heartbeat.json") is not None
    pulse.hear(EvaluationBegan("h", 3, 0))
    written = read_heartbeat(tmp_path / "heartbeat.json")
    assert written is not None
    assert (written.iteration, written.paused, written.planned) == (4, True, 3)


async def test_it_beats_while_the_loop_gets_round_to_it(
    tmp_path: Path, pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulses, "SECONDS_BETWEEN", 0.001)
    file = tmp_path / "heartbeat.json"
    seen = set[float]()
    async with pulse.beating():
        while len(seen) < 3:
            await asyncio.sleep(0)
            written = read_heartbeat(file)
            seen |= {written.uptime} if written else set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_the_boot_is_the_machines_own(beat: Heartbeat) -> None:
    assert beat.boot == boot_id()
    assert beat.here


def test_a_copy_of_a_workspace_has_no_heartbeat_and_a_moved_one_keeps_it(tmp_path: Path) -> None:
    original = tmp_path / "ws" / "runs"
    original.mkdir(parents=True)
    beat = Pulse(original / "heartbeat.json", "run-1", "run").heartbeat()
    write_heartbeat(original / "heartbeat.json", beat)
    copy = shutil.copytree(tmp_path / "ws", tmp_path / "ws2") / "runs" / "heartbeat.json"
    assert read_heartbeat(copy) is None
    assert came_with_copy(copy)
    moved = original.parent.rename(tmp_path / "ws3") / "runs" / "heartbeat.json"
    assert read_heartbeat(moved) == beat
    assert not came_with_copy(moved)
    write_heartbeat(copy, replace(beat, exit_code=0))
    assert read_heartbeat(copy) is not None  # how the last launch ended holds for the copy too
