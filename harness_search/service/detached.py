"""Starting a launch in the background, and knowing that it has begun."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.disk import require_writable
from harness_search.layout import Layout
from harness_search.service.asking import exchange
from harness_search.service.heartbeat import Heartbeat, heartbeat_of, read_heartbeat

SCRIPT = Path(__file__).resolve().parents[2] / "meta_harness.py"
SECONDS_BETWEEN_LOOKS = 0.02
SECONDS_FOR_AN_ANSWER = 2.0
SECONDS_TO_END = 10.0
MOST_LAST_LINES = 20
OURS = "meta-harness: "
"""What our own sentences on stderr begin with."""


class NotStartedError(Exception):
    """No launch was started, or it ended at once: `exit_code`, and what it said."""

    def __init__(self, exit_code: int, said: str) -> None:
        self.exit_code = exit_code
        super().__init__(said)


@dataclass(frozen=True, slots=True)
class Started:
    """A launch that has answered on its control socket."""

    pid: int
    run: str
    control_socket: str
    log: str
    workspace: str
    paused: bool
    """As an earlier launch was left."""

    def to_json(self) -> dict[str, Any]:
        """The line that `start` prints."""
        return {
            "event": "launch",
            "pid": self.pid,
            "run": self.run,
            "control_socket": self.control_socket,
            "log": self.log,
            "workspace": self.workspace,
            "paused": self.paused,
        }


def start(layout: Layout, words: Sequence[str], seconds: float) -> Started:
    """Begin `meta-harness run` with such options in a session of its own, which neither a closed
    terminal nor the end of this process reaches; it prints into the workspace's service log.

    Raises InputError where nothing may be written, and NotStartedError when it ends before it
    answers, or does not answer in time: it is then ended.
    """
    require_writable(layout.root, layout.runs)
    layout.runs.mkdir(exist_ok=True)
    with layout.service_log.open("ab") as log:
        begin = log.tell()
        child = _spawn(layout, words, log.fileno())
    beat = None
    try:
        beat = _await_answer(layout, child, seconds)
    finally:
        if beat is None:
            _end(child)
    if beat is None:
        code = child.returncode
        raise NotStartedError(
            code if code >= 0 else 128 - code, _last_words(layout.service_log, begin)
        )
    log_file, root = str(layout.service_log), str(layout.root)
    return Started(beat.pid, beat.run, beat.socket, log_file, root, beat.paused)


def run_here(layout: Layout, words: Sequence[str]) -> int:
    """The same command in the foreground, for options with which it starts nothing; its code."""
    return subprocess.run(_command(layout, words), stdin=subprocess.DEVNULL, check=False).returncode


def _command(layout: Layout, words: Sequence[str]) -> list[str]:
    return [sys.executable, str(SCRIPT), "run", "--workspace", str(layout.root), *words]


def _spawn(layout: Layout, words: Sequence[str], log: int) -> "subprocess.Popen[bytes]":
    command = _command(layout, words)
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    """A start that failed leaves nothing behind."""
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _await_answer(
    layout: Layout, child: "subprocess.Popen[bytes]", seconds: float
) -> Heartbeat | None:
    """What the child says of itself; None when it has ended."""
    deadline = time.monotonic() + seconds
    while child.poll() is None:
        if (answered := _answer_of(layout, child.pid)) is not None:
            return answered
        if time.monotonic() >= deadline:
            said = f"the launch did not answer within {seconds:g} s, and was ended"
            raise NotStartedError(3, f"{OURS}{said}: see {layout.service_log}")
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return None


def _answer_of(layout: Layout, pid: int) -> Heartbeat | None:
    beat = read_heartbeat(layout.heartbeat)
    if beat is None or beat.pid != pid or not beat.socket or not beat.alive:
        return None
    try:
        answer = exchange(Path(beat.socket), {"ask": "ping"}, SECONDS_FOR_AN_ANSWER)
    except (OSError, ValueError):
        return None
    return heartbeat_of(answer.get("state") or {})


def _last_words(log: Path, begin: int) -> str:
    """What was printed since; of that our own sentences, if there are any: a launch that holds the
    workspace may print into the same log."""
    with log.open("rb") as stream:
        stream.seek(begin)
        lines = stream.read().decode(errors="replace").splitlines()
    said = [line for line in lines if line.startswith(OURS)] or lines[-MOST_LAST_LINES:]
    text = "\n".join(said).replace(f"Usage: {SCRIPT.name} run", "Usage: meta-harness start")
    return text.replace(f"'{SCRIPT.name} run", "'meta-harness run")
