"""Runs one command of a person's own, and ends it with all it started.

A program of its own, with the standard library alone, so that nothing is left of the command when
the scaffold is killed: its request comes through stdin, and the end of stdin is the scaffold's
death. On stdout it says what went wrong, or nothing.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

BLOCK = 1 << 16
LONGEST_LOG = 1_000_000  # bytes
PR_SET_CHILD_SUBREAPER = 36
SECONDS_TO_DIE = 10.0
"""For what was killed; one that waits for a disk that does not answer may take longer."""


def run(request: dict[str, Any]) -> str:
    """Run the command of a request to its end, or its limit; what went wrong, or nothing."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of it become ours
    try:
        hook = subprocess.Popen(
            request["words"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        problem, printed = f"it cannot be started ({error})", b""
    else:
        ending, printed = _attend(hook, request)
        code = _end(hook)
        problem = ending or _told(code)
    _keep(request, printed, problem)
    return problem


def _end(hook: "subprocess.Popen[bytes]") -> int:
    """Kill what is left of the command's process group and wait until none of it lives; the exit
    code of the command itself."""
    # Its leader is not reaped yet, so the group's number is nobody else's.
    os.killpg(hook.pid, signal.SIGKILL)
    code = hook.wait()
    until = time.monotonic() + SECONDS_TO_DIE
    with suppress(ChildProcessError):  # there is none any more
        while os.waitpid(-hook.pid, os.WNOHANG)[0] or time.monotonic() < until:
            time.sleep(0.001)
    return code


def _attend(hook: "subprocess.Popen[bytes]", request: dict[str, Any]) -> tuple[str, bytes]:
    """Pass the event in and take what it prints, until it ends, its time is up or the scaffold is
    gone; why it has to be ended, and what it printed first."""
    assert hook.stdin is not None
    assert hook.stdout is not None
    given, out, ended = hook.stdin.fileno(), hook.stdout.fileno(), os.pidfd_open(hook.pid)
    os.set_blocking(given, False)
    waiting, printed = request["event"].encode(), b""
    deadline = time.monotonic() + request["seconds"]
    events = select.poll()
    for descriptor in (sys.stdin.fileno(), out, ended):
        events.register(descriptor, select.POLLIN)
    events.register(given, select.POLLOUT)
    while (left := deadline - time.monotonic()) > 0:
        ready = {descriptor for descriptor, _ in events.poll(1000 * left)}
        if given in ready and not (waiting := _given(given, waiting)):
            events.unregister(given)
            hook.stdin.close()
        if out in ready:
            data = os.read(out, BLOCK)
            printed = (printed + data)[: request["most_bytes"]]
            if not data:
                events.unregister(out)
        elif ended in ready:
            return "", printed
        if sys.stdin.fileno() in ready:
            return "the scaffold ended before it", printed
    return f"it took longer than {request['seconds']:g} s", printed


def _given(descriptor: int, data: bytes) -> bytes:
    """What is left to pass in. A command need not read it."""
    try:
        return data[os.write(descriptor, data) :]
    except BrokenPipeError:
        return b""


def _told(code: int) -> str:
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with exit code {code}" if code else ""


def _keep(request: dict[str, Any], printed: bytes, problem: str) -> None:
    """Add what it printed to the log, of which there are never more than two files. A full disk
    takes the log, and nothing else."""
    log = Path(request["log"])
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        if log.exists() and log.stat().st_size > LONGEST_LOG:
            log.replace(f"{log}.old")
        with log.open("ab") as stream:
            stream.write(f"--- {now} {request['hook']}: {problem or 'done'}\n".encode())
            stream.write(printed + (b"" if printed.endswith(b"\n") or not printed else b"\n"))
    except OSError:
        return


if __name__ == "__main__":
    line = sys.stdin.buffer.readline()
    if line.endswith(b"\n"):
        print(run(json.loads(line)))
