"""`meta-harness logs` shows what happened, and what happens, to people and to programs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness_search.commands.logs import logs
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.reports.logs import folded
from harness_search.service.events import (
    Decided,
    Ended,
    EvaluationBegan,
    Event,
    Failed,
    Finished,
    Launched,
    NeedsPerson,
    Paused,
    PhaseBegan,
    RolloutEnded,
)
from harness_search.service.journal import Entry, Journal, encoded
from harness_search.service.pulse import Pulse

ROLLOUT = RolloutEnded("tax/abstract-lease", 2, "scored", 3, 4)
LOST = RolloutEnded("tax/abstract-lease", 2, "infra_failed", 0, 4)
ORPHAN = Decided(1, "worse", "orphan", "It lost 2 points.")
STORY = (
    Launched("ab12", 4711, "run"),
    PhaseBegan("evaluate", 1),
    EvaluationBegan("worse", 3, 0),
    *(ROLLOUT, LOST, ROLLOUT),
    ORPHAN,
    Paused(),
    NeedsPerson("the login has expired"),
    Failed("KeyError at loop.py:3"),
    Finished("all is done"),
    Ended(3),
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Of a folder that has settings, in which a mistake hides nothing."""
    (tmp_path / "meta_harness.toml").write_text("not TOML")
    return Layout(tmp_path)


def tell(layout: Layout, *happened: Event) -> None:
    with Journal(layout.events, clock=lambda: 1_790_000_000.25) as journal:
        for event in happened:
            journal.write(event)


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines without their time."""
    return [line.split("  ", 1)[1] for line in capsys.readouterr().out.splitlines()]


def test_people_read_sentences_with_local_time_and_rollouts_counted(
    layout: Layout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(layout, *STORY)
    logs(workspace=layout.root)
    lines = capsys.readouterr().out.splitlines()
    assert {line[:10] for line in lines} == {"2026-09-21"}
    assert [line[21:] for line in lines] == [
        "`meta-harness run` begins (process 4711).",
        "Iteration 1: evaluate.",
        "worse: 3 of 3 rollouts to run.",
        "3 rollouts ended, 1 lost and run again.",
        "Iteration 1: orphan. It lost 2 points.",
        "Paused: nothing new begins until `meta-harness resume`.",
        "A person is needed: the login has expired",
        "A bug ended the launch: KeyError at loop.py:3.",
        "Finished: all is done.",
        "The launch ended with exit code 3.",
    ]


def test_the_last_lines_are_counted_as_they_are_shown(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(layout, *STORY[:7])
    logs(workspace=layout.root, lines=2)
    assert said(capsys) == ["3 rollouts ended, 1 lost and run again.", ORPHAN.sentence]
    logs(workspace=layout.root, lines=2, every=True)
    assert said(capsys) == ["tax/abstract-lease, trial 2: scored, 3/4 criteria.", ORPHAN.sentence]
    logs(workspace=layout.root, kind="rollout, paused", lines=1)
    assert said(capsys) == ["tax/abstract-lease, trial 2: scored, 3/4 criteria."]
    logs(workspace=layout.root, lines=0)
    assert said(capsys) == []


def test_programs_read_the_lines_as_they_are_stored(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(layout, *STORY)
    logs(workspace=layout.root, json=True, lines=100)
    assert capsys.readouterr().out == layout.events.read_text()
    logs(workspace=layout.root, json=True, kind="decided,ended")
    found = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert found == ["decided", "ended"]


def test_an_unknown_kind_is_refused_with_those_there_are(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        logs(workspace=layout.root, kind="rollout,decide")
    assert ending.value.code == InputError.exit_code
    assert "--kind: found 'decide', expected one or more of: launched," in capsys.readouterr().err


def test_before_the_first_start_nothing_has_happened_and_without_settings_nothing_can(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    logs(workspace=layout.root, follow=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "nothing has happened yet" in err
    layout.settings.unlink()
    with pytest.raises(SystemExit) as ending:
        logs(workspace=layout.root)
    assert ending.value.code == InputError.exit_code


HOSTILE = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u2066 \x9b31m \r\n\udc80 \u2028 caf\u00e9 \x00"


def test_hostile_text_is_harmless_on_a_terminal(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = {"at": 1, "event": HOSTILE, "reason": HOSTILE + "x" * 5_000_000}
    tell(layout, Decided(1, "h", "orphan", HOSTILE))
    with layout.events.open("a", encoding="utf-8", errors="surrogatepass") as stream:
        stream.write(json.dumps(hostile) + "\n")
        stream.write(json.dumps({"at": 2, "event": "decided", "x": "\u202e"}, ensure_ascii=False))
        stream.write("\n")
    logs(workspace=layout.root)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() and len(line) < 1100 for line in lines)
    assert "caf\u00e9" in lines[0]
    logs(workspace=layout.root, json=True)
    assert capsys.readouterr().out.isascii()


def test_rollouts_have_one_line_up_to_a_number_of_them() -> None:
    entries = [Entry(at, "rollout", {}, ROLLOUT) for at in range(5)]
    found = [(line.at, line.text) for line in folded(entries, 2)]
    assert found == [
        (1, "2 rollouts ended."),
        (3, "2 rollouts ended."),
        (4, "1 rollout ended."),
    ]


# Following a launch.


@contextmanager
def following(layout: Layout, *more: str) -> Iterator["subprocess.Popen[str]"]:
    """`logs --follow` of a launch that this process plays."""
    pulse = Pulse(layout.heartbeat, "ab12", "run")
    pulse.beat()
    program = "from harness_search.commands.application import new_application as new; new()()"
    words = [sys.executable, "-c", program, "logs", "-f", "-w", str(layout.root), *more]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as command:
        yield command


def test_a_follower_shows_what_happens_until_the_launch_ends(layout: Layout) -> None:
    tell(layout, STORY[0])
    with following(layout, "--json") as command:
        assert command.stdout is not None
        assert json.loads(command.stdout.readline())["event"] == "launched"
        tell(layout, ORPHAN)
        assert json.loads(command.stdout.readline())["reason"] == ORPHAN.reason
        tell(layout, Ended(0), Paused())
        assert json.loads(command.stdout.read())["event"] == "ended"
    assert command.returncode == 0


def test_a_follower_of_a_dead_launch_shows_what_it_left_and_ends(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(layout, STORY[0])
    with subprocess.Popen(["true"]) as dead:
        pass
    heartbeat = {**Pulse(layout.heartbeat, "ab12", "run").heartbeat().to_json(), "pid": dead.pid}
    layout.heartbeat.write_text(json.dumps(heartbeat))
    logs(workspace=layout.root, follow=True)
    out, err = capsys.readouterr()
    assert "begins (process 4711)" in out
    assert "no launch is at work" in err


def test_ctrl_c_ends_the_follower_alone(layout: Layout) -> None:
    tell(layout, STORY[0])
    with following(layout) as command:
        assert command.stdout is not None
        command.stdout.readline()
        os.kill(command.pid, signal.SIGINT)
        out, err = command.communicate()
    assert (command.returncode, out, err) == (130, "", "")


def test_a_follower_whose_reader_went_away_ends_even_while_nothing_happens(layout: Layout) -> None:
    tell(layout, STORY[0])
    with following(layout) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.readline()
        command.stdout.close()
        assert command.stderr.read() == ""
    assert command.returncode == 0


def test_a_terminal_without_our_letters_gets_question_marks(layout: Layout) -> None:
    tell(layout, Finished("caf\u00e9"))
    program = "from harness_search.commands.application import new_application as new; new()()"
    words = [sys.executable, "-c", program, "logs", "-w", str(layout.root)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(words, capture_output=True, check=True, env=environment)
    assert done.stdout.endswith(b"Finished: caf?.\n")


def test_a_line_that_is_still_being_written_is_shown_when_it_is_whole(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(layout, ORPHAN)
    with layout.events.open("ab") as stream:
        stream.write(encoded(1, Paused())[:-5])
    logs(workspace=layout.root)
    assert said(capsys) == [ORPHAN.sentence]
