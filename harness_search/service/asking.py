"""Asking a launch something, from another process."""

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from harness_search.layout import Layout
from harness_search.sandbox.processes import boot_id
from harness_search.service.heartbeat import Heartbeat, heartbeat_of, read_heartbeat
from harness_search.service.holder import how_to_end

SECONDS = 10.0
SECONDS_TO_LISTEN = 2.0
"""A launch that has just begun is asked this much later at the latest."""
SHARE_TO_ACT = 0.9
"""Of the time to answer in: what is left is for the answer's way back."""
LARGEST_ANSWER = 1024 * 1024


class AskError(Exception):
    """Nobody did what was asked; the sentence says why, and what to do."""

    exit_code = 3


class NobodyThereError(AskError):
    """No launch is at work in the workspace."""

    exit_code = 2


class HangsError(AskError):
    """A launch is there, and gives no sign of life."""

    def __init__(self, beat: Heartbeat) -> None:
        self.beat = beat
        minutes = int(beat.age_seconds // 60)
        super().__init__(
            f"process {beat.pid} has not answered for {minutes} min: {how_to_end(beat)}"
        )


class OutOfReachError(AskError):
    """A launch is at work, but it cannot be asked."""

    def __init__(self, beat: Heartbeat, sentence: str) -> None:
        self.beat = beat
        super().__init__(sentence)


def ask(layout: Layout, request: dict[str, Any], seconds: float = SECONDS) -> Heartbeat:
    """What the launch at work says it does, once it has done what was asked.

    What it gets round to only after so many seconds, it does not do. Raises NobodyThereError,
    HangsError, OutOfReachError, and AskError with the reason of a refusal.
    """
    beat = _listening(layout)
    if beat.hung:
        raise HangsError(beat)
    until = time.clock_gettime(time.CLOCK_BOOTTIME) + SHARE_TO_ACT * seconds
    try:
        answer = exchange(
            Path(beat.socket), {**request, "boot": boot_id(), "until": until}, seconds
        )
    except TimeoutError as error:
        raise AskError(
            f"process {beat.pid} is busy and has not answered within {seconds:g} s: this was not "
            "carried out, and will not be; ask again"
        ) from error
    except PermissionError as error:
        raise AskError(_of_another_user(beat)) from error
    except (OSError, ValueError) as error:
        scaffold_at_work(layout)
        raise OutOfReachError(beat, _out_of_reach(beat)) from error
    state = heartbeat_of(answer.get("state") or {})
    if not answer.get("ok") or state is None:
        raise AskError(f"process {beat.pid} refuses: {answer.get('error', 'no reason given')}")
    return state


def scaffold_at_work(layout: Layout) -> Heartbeat:
    """What the launch at work last said; raises NobodyThereError."""
    beat = read_heartbeat(layout.heartbeat)
    if beat is None or beat.ended or not beat.alive:
        raise NobodyThereError(f"no scaffold is running here ({layout.root})")
    return beat


def _listening(layout: Layout) -> Heartbeat:
    """The launch at work, once it says where it is asked."""
    deadline = time.monotonic() + SECONDS_TO_LISTEN
    while not (beat := scaffold_at_work(layout)).socket and time.monotonic() < deadline:
        time.sleep(0.02)
    return beat


def _out_of_reach(beat: Heartbeat) -> str:
    if not beat.here:
        return f"process {beat.pid} runs in another container: ask it there"
    return (
        f"the control socket of process {beat.pid} is gone: it can only be ended, "
        "with `meta-harness stop`, and started again"
    )


def terminate(beat: Heartbeat) -> None:
    """Send SIGTERM to a launch whose socket is gone; raises AskError where its process cannot be
    named for sure."""
    if not (beat.here and beat.alive):
        raise AskError(_out_of_reach(beat))
    _send(beat, signal.SIGTERM)


def kill(beat: Heartbeat, seconds: float = SECONDS) -> None:
    """End a launch that hangs, and return once its process is gone; raises AskError where that
    cannot be named for sure, or does not end in time."""
    if not beat.here:
        raise AskError(_out_of_reach(beat))
    _send(beat, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while beat.alive:
        if time.monotonic() >= deadline:
            raise AskError(
                f"process {beat.pid} was killed, and is still there: the system holds it"
            )
        time.sleep(0.01)


def _send(beat: Heartbeat, number: signal.Signals) -> None:
    """Send a signal to this process alone, whoever has its id by now."""
    try:
        descriptor = os.pidfd_open(beat.pid)
    except ProcessLookupError:
        return
    try:
        if beat.alive:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise AskError(_of_another_user(beat)) from error
    finally:
        os.close(descriptor)


def _of_another_user(beat: Heartbeat) -> str:
    return f"process {beat.pid} belongs to another user: ask as that one"


def exchange(path: Path, request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """One line for one line; raises OSError, TimeoutError among them, and ValueError."""
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        _connect(link, path, deadline)
        link.sendall(json.dumps(request).encode() + b"\n")
        line = bytearray()
        while not line.endswith(b"\n"):
            link.settimeout(max(0.001, deadline - time.monotonic()))
            piece = link.recv(65536)
            if not piece or len(line) > LARGEST_ANSWER:
                raise ConnectionError("the answer broke off")
            line += piece
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("the answer is no object")
    return answer


def _connect(link: socket.socket, path: Path, deadline: float) -> None:
    """A socket that many wait for at once refuses for a moment."""
    while True:
        link.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            return link.connect(str(path))
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise TimeoutError from error
            time.sleep(0.01)
