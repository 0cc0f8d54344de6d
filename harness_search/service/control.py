"""The control socket of a launch: whoever may is answered, one line for one line."""

import asyncio
import json
import math
import os
import secrets
import shutil
import signal
import socket
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from harness_search.files import write_atomically
from harness_search.layout import Layout
from harness_search.sandbox.processes import boot_id, read_process, start_ticks
from harness_search.service.conduct import Conduct
from harness_search.service.heartbeat import identity_of
from harness_search.service.pulse import Pulse

PREFIX = "meta-harness-control-"
LONGEST_TEMPORARY_FOLDER = 60
"""Bytes. A unix socket's path has at most 108."""
LARGEST_REQUEST = 64 * 1024
"""Bytes in a line."""
SECONDS_FOR_A_CLIENT = 10.0
"""To ask and to read its answer in."""
WAITING_CLIENTS = 512
CREDENTIALS = struct.Struct("3i")
"""Process, user and group of the other side, as in socket(7)."""
ASKS = ("ping", "pause", "resume", "stop")
ROOT = 0
STOPPED = 128 + signal.SIGTERM


class RefusedError(Exception):
    """A request that is not carried out, and why."""


class Control:
    """Carries out what is asked of a launch."""

    def __init__(self, conduct: Conduct, pulse: Pulse, pause_file: Path | None) -> None:
        self._conduct, self._pulse, self._pause_file = conduct, pulse, pause_file

    def begin(self, *, now: bool) -> None:
        """Go on in the pause that an earlier launch was left in; `now` ends it."""
        if self._pause_file is None or not self._pause_file.exists():
            return
        if now:
            self._pause_file.unlink()
        else:
            self._conduct.pause()

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to a request, whatever it holds."""
        try:
            request = _request(line)
            _require_time(request)
            self._carry_out(request)
        except RefusedError as refusal:
            return {"ok": False, "error": str(refusal)}
        return {"ok": True, "state": self._pulse.heartbeat().to_json()}

    def _carry_out(self, request: dict[str, Any]) -> None:
        match request["ask"]:
            case "pause":
                self._pause()
            case "resume":
                self._resume()
            case "stop":
                self._stop(now=request.get("now", False))

    def _pause(self) -> None:
        if self._conduct.stopping:
            raise RefusedError("the launch is ending")
        self._conduct.pause()
        try:
            if self._pause_file is not None:
                write_atomically(self._pause_file, "")
        except OSError as error:
            raise RefusedError(
                f"paused, but a relaunch would not be: {self._pause_file}: {error.strerror}"
            ) from error

    def _resume(self) -> None:
        try:
            if self._pause_file is not None:
                self._pause_file.unlink(missing_ok=True)
        except OSError as error:
            raise RefusedError(f"{self._pause_file}: {error.strerror}") from error
        self._conduct.resume()

    def _stop(self, *, now: bool) -> None:
        """Asked again it drains on: it may be asked by several who do not know of each other."""
        if now or not self._conduct.stopping:
            self._conduct.stop("meta-harness stop", STOPPED, now=now)


def _request(line: bytes) -> dict[str, Any]:
    """Raises RefusedError for what is no request."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RefusedError("a request is one line of JSON") from error
    if not isinstance(found, dict) or found.get("ask") not in ASKS:
        raise RefusedError(f'a request is {{"ask": ...}} with one of: {", ".join(ASKS)}')
    if not isinstance(found.get("now", False), bool):
        raise RefusedError('"now" is true or false')
    if not isinstance(found.get("until", 0), int | float):
        raise RefusedError('"until" is in seconds since boot')
    return found


def _require_time(request: dict[str, Any]) -> None:
    """Raise RefusedError for what somebody has given up waiting for, and was told is not done."""
    is_same_clock = request.get("boot") == boot_id()
    late = time.clock_gettime(time.CLOCK_BOOTTIME) > request.get("until", math.inf)
    if is_same_clock and late:
        raise RefusedError("too late: whoever asked waits no longer")


@asynccontextmanager
async def controlled(layout: Layout, control: Control, pulse: Pulse) -> AsyncIterator[None]:
    """Answer on a socket of this launch, whose path is in the heartbeat."""
    clients: set[asyncio.Task[None]] = set()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_serve(control, reader, writer))
        clients.add(task)
        task.add_done_callback(clients.discard)

    with _folder(layout.control) as folder:
        path = folder / "control.sock"
        server = await asyncio.start_unix_server(
            welcome, path, limit=LARGEST_REQUEST, backlog=WAITING_CLIENTS
        )
        pulse.socket = str(path)
        pulse.beat()
        try:
            yield
        finally:
            server.close()
            for task in clients:
                task.cancel()
            await asyncio.gather(*clients, return_exceptions=True)


async def _serve(
    control: Control, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One question, one answer; a client that is slow to ask or to read is left."""
    try:
        async with asyncio.timeout(SECONDS_FOR_A_CLIENT):
            answer = await _answer(control, reader, writer)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
    except (TimeoutError, OSError):
        return
    finally:
        writer.transport.abort()


async def _answer(
    control: Control, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> dict[str, Any]:
    if _user(writer) not in {ROOT, os.geteuid()}:
        return {"ok": False, "error": "another user's launch"}
    try:
        line = await reader.readline()
    except ValueError:
        return {"ok": False, "error": f"a request has at most {LARGEST_REQUEST} bytes"}
    return control.answer(line)


def _user(writer: asyncio.StreamWriter) -> int:
    """Who is on the other side."""
    other: socket.socket = writer.get_extra_info("socket")
    found = other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _, user, _ = CREDENTIALS.unpack(found)
    return int(user)


@contextmanager
def _folder(note: Path) -> Iterator[Path]:
    """A folder that only this user may enter. It is noted before it is made, so that the next
    launch finds what a killed one left."""
    _remove_leftover(note)
    temporary = tempfile.gettempdir()
    parent = Path(temporary if len(os.fsencode(temporary)) <= LONGEST_TEMPORARY_FOLDER else "/tmp")
    folder = parent / f"{PREFIX}{secrets.token_hex(8)}"
    pid = os.getpid()
    noted = (folder, identity_of(note.parent), pid, start_ticks(pid))
    note.write_text("\n".join(map(str, noted)), encoding="utf-8")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        note.unlink(missing_ok=True)


def _remove_leftover(note: Path) -> None:
    """Remove the folder that a killed launch of this workspace left."""
    if not note.is_file():
        return
    noted = note.read_text(encoding="utf-8", errors="replace").split("\n")
    if len(noted) != 4:
        return
    old, identity, pid, started = Path(noted[0]), *noted[1:]
    ours = old.parent in {Path(tempfile.gettempdir()), Path("/tmp")}
    # A copy of a workspace has the note of the original, where somebody may be at work.
    if identity != identity_of(note.parent) or _is_alive(pid, started):
        return
    if ours and old.name.startswith(PREFIX):
        shutil.rmtree(old, ignore_errors=True)


def _is_alive(pid: str, started: str) -> bool:
    process = read_process(int(pid)) if pid.isdecimal() else None
    return process is not None and not process.zombie and str(process.started) == started
