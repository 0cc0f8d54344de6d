"""The live view: one screen of any size, drawn by a process that only reads."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from launched import leave
from rich.console import Console
from test_command_line import COMMAND, in_a_process
from test_status import searched

from harness_search.commands.watch import Watcher
from harness_search.reports.watch import HINTS, Screen
from harness_search.sandbox.processes import start_ticks
from harness_search.service.events import Decided, Launched, RolloutEnded
from harness_search.service.journal import Journal
from harness_search.workspace import open_workspace

HOSTILE = "[bold red]red[/] \x1b[2J\x07 \u202eevil\u2066 [link=file:///etc/passwd]x[/link]\r\n"


@pytest.fixture
def at_work(workspace_folder: Path) -> Path:
    """A search in the middle of a stage, with a history that was written to do harm."""
    searched(workspace_folder)
    leave(workspace_folder, label=f"iteration_001 {HOSTILE}", done=12, planned=72)
    with Journal(workspace_folder / "runs" / "events.jsonl") as journal:
        journal.write(Launched("a", 1, "run"))
        for number in range(40):
            journal.write(Decided(number, "h", "orphan", f"{number} {HOSTILE} {'long ' * 60}"))
        for trial in range(1, 13):
            journal.write(RolloutEnded("a/t", trial, "scored", 1, 4))
    return workspace_folder


def drawn(workspace: Path, width: int, height: int) -> list[str]:
    """The lines of the screen on such a terminal, without styles."""
    watcher = Watcher(open_workspace(workspace, {}, to_run=False))
    console = Console(file=StringIO(), width=width, height=height, color_system=None)
    lines = console.render_lines(Screen(watcher.status(), watcher.events()))
    return ["".join(segment.text for segment in line) for line in lines]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (132, 50), (30, 8), (10, 3)])
def test_the_screen_fills_a_terminal_of_any_size(at_work: Path, width: int, height: int) -> None:
    lines = drawn(at_work, width, height)
    assert len(lines) == height
    assert max(map(len, lines)) <= width


def test_80_by_24_holds_all_that_matters(at_work: Path) -> None:
    lines = drawn(at_work, 80, 24)
    rule = next(number for number, line in enumerate(lines) if set(line) == {"\u2500"})
    named = {line[:10].strip() for line in lines[:rule]} - {""}
    assert named == {
        "state",
        "iteration",
        "incumbent",
        "open",
        "rollouts",
        "spent",
        "budget",
        "next",
    }
    assert "running: process" in lines[0]
    assert "last sign of life" in lines[0]
    assert any("12/72 iteration_001" in line for line in lines)
    assert "12 rollouts ended." in lines[-2]
    assert HINTS in lines[-1]


def test_text_of_models_and_programs_does_nothing_to_a_terminal(at_work: Path) -> None:
    text = "".join(drawn(at_work, 100, 40))
    assert "[bold red]red[/]" in text
    assert text.isprintable()


def test_without_a_terminal_it_prints_lines_as_logs_do(at_work: Path) -> None:
    leave(at_work, exit_code=0)
    watched, logged = (
        in_a_process(*words, folder=at_work) for words in (("watch",), ("logs", "-f"))
    )
    assert watched.stdout == logged.stdout
    assert "12 rollouts ended." in watched.stdout
    assert "\x1b" not in watched.stdout


class Terminal:
    """A terminal of 80 x 24 in which somebody watches."""

    def __init__(self, workspace: Path) -> None:
        self._master, slave = pty.openpty()
        self.resize(24, 80)
        fixed = {"COLUMNS", "LINES"}  # by the test runner; the terminal has a size of its own
        inherited = {name: value for name, value in os.environ.items() if name not in fixed}
        environment = {**inherited, "TERM": "xterm", "NO_COLOR": "1"}
        command = [*COMMAND, "watch"]
        self.process = subprocess.Popen(
            command, cwd=workspace, stdin=slave, stdout=slave, stderr=slave, env=environment
        )
        os.close(slave)
        self.shown = b""

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, words: str) -> None:
        """Read on until some words are shown that were not before."""
        begun = len(self.shown)
        while words.encode() not in self.shown[begun:]:
            assert self._read(), self.shown[-2_000:]

    def rest(self) -> str:
        """All that is shown until the watcher ends."""
        begun = len(self.shown)
        while self._read():
            pass
        return self.shown[begun:].decode()

    def _read(self) -> bytes:
        assert select.select([self._master], [], [], 60)[0], self.shown[-2_000:]
        try:
            found = os.read(self._master, 65_536)
        except OSError:  # nobody holds the other end any more
            found = b""
        self.shown += found
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)


Watching = tuple[Terminal, subprocess.Popen[bytes]]


@pytest.fixture
def watching(at_work: Path) -> Iterator[Watching]:
    """Somebody watches a launch, which is another process of ours."""
    launch = subprocess.Popen(["sleep", "600"])
    leave(at_work, pid=launch.pid, pid_started=start_ticks(launch.pid))
    terminal = Terminal(at_work)
    yield terminal, launch
    terminal.close()
    launch.kill()
    launch.wait()


def test_it_follows_a_launch_through_a_resize_and_ends_with_it(watching: Watching) -> None:
    terminal, launch = watching
    terminal.until(HINTS)
    terminal.resize(30, 120)
    terminal.until("\u2500" * 120)
    launch.send_signal(signal.SIGKILL)
    launch.wait()
    last = " ".join(terminal.rest().rpartition("\x1b[?1049l")[2].split())
    assert terminal.process.wait() == 0
    assert f"dead (cut off): process {launch.pid} (run) gave its last sign of life" in last
    assert "Go on with `meta-harness start`" in last


def test_ctrl_c_ends_the_watcher_alone_and_gives_the_terminal_back(watching: Watching) -> None:
    terminal, launch = watching
    terminal.until(HINTS)
    terminal.until(HINTS)  # it is past its first picture, and looks on
    terminal.process.send_signal(signal.SIGINT)
    assert "\x1b[?1049l" in terminal.rest()
    assert (terminal.process.wait(), launch.poll()) == (130, None)
    assert b"\x1b[3" not in terminal.shown  # NO_COLOR
