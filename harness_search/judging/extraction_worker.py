"""Documents are opened in another process: one that was made to hang, to fill the memory or to
crash its reader fails as a deliverable and leaves the scaffold as it was."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import harness_kit
from harness_search.judging import extraction_program as program

_KIT = Path(harness_kit.__file__).parent.parent
_LONGEST_ANSWER = 64 * 2**20  # bytes; ten million characters have at most forty million
_STARTING, _GRACE = 60.0, 10.0  # seconds on the clock
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL")
_OUT_OF_TIME, _OUT_OF_CLOCK = -signal.SIGXCPU, -signal.SIGALRM


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What the reading of one document may take."""

    processor_seconds: int = 40
    clock_seconds: int = 400
    """Far above: only a machine without time to spare, or one that sleeps, comes near it."""
    memory_bytes: int = 2**30
    kept_bytes: int = 2**28
    """A process that holds more after a document is replaced, as the next one needs the room."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What reading a document gave."""

    text: str | None
    """None where it is unreadable."""
    reason: str = ""
    """Why it is unreadable."""
    digest: str = ""
    """Of the bytes that were read; empty where time or memory ran out before that was told."""
    lasting: bool = True
    """Whether the same bytes would give the same at another time."""


class ExtractionWorker:
    """Extracts texts in a process that is started for the first document and then kept.

    Threads wait for each other. The process ends with this object or with the scaffold, however
    that ends.
    """

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        self._limits = limits or ReadingLimits()
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def extract(self, path: Path) -> Extracted:
        """Read a document; raises OSError when its file cannot be read or no process be started.

        A process that ends early is asked again in a fresh one: a former document may have left
        it too little memory, and somebody else may have ended it.
        """
        with self._lock:
            answer = self._asked(path)
            if isinstance(answer, int) and answer not in {_OUT_OF_TIME, _OUT_OF_CLOCK}:
                answer = self._asked(path)
        if isinstance(answer, int):
            return Extracted(None, self._why(answer), lasting=answer != _OUT_OF_CLOCK)
        kind, digest = answer[:1], answer[1 : program.DIGEST + 1].decode().strip()
        said = answer[program.DIGEST + 1 :].decode()
        if kind == program.ERROR:
            raise OSError(int(said), os.strerror(int(said)), str(path))
        text, reason = (said, "") if kind == program.TEXT else (None, said)
        return Extracted(text, reason, digest)

    def close(self) -> None:
        """End the process; the next document starts another."""
        with self._lock:
            self._end()

    def _asked(self, path: Path) -> bytes | int:
        """The process's answer, or the exit status of one that gave none."""
        if self._process is None:
            self._process = _Process(self._limits)
        try:
            answer = self._process.ask(path, self._limits.clock_seconds + _GRACE)
        except TimeoutError:
            self._end()
            return _OUT_OF_CLOCK
        except ConnectionError:
            return self._end()
        if answer[:1] == program.LEAVES:
            self._end()
        return answer[1:]

    def _end(self) -> int:
        process, self._process = self._process, None
        return process.end() if process is not None else 0

    def _why(self, status: int) -> str:
        limits = self._limits
        if status == _OUT_OF_TIME:
            return f"it takes more than {limits.processor_seconds} seconds to read"
        if status == _OUT_OF_CLOCK:
            return f"it was not read within {limits.clock_seconds} seconds"
        if status == program.OUT_OF_MEMORY:
            return f"it takes more than {limits.memory_bytes // 2**20} MB of memory to read"
        return f"it ends whatever reads it (status {status})"


class _Process:
    """One process of a worker, and the connection to it."""

    def __init__(self, limits: ReadingLimits) -> None:
        with ExitStack() as opened:
            self._connection, theirs = socket.socketpair()
            opened.enter_context(self._connection)
            with theirs:
                self._process = _started(theirs, limits)
            opened.pop_all()
        self._finish = weakref.finalize(self, _end, self._connection, self._process)
        try:
            self._message(time.monotonic() + _STARTING)
        except OSError as error:  # nothing that a document could be blamed for
            status = self.end()
            raise ChildProcessError(
                f"the process that reads documents does not start (status {status})"
            ) from error

    def ask(self, path: Path, seconds: float) -> bytes:
        """The answer on a document.

        Raises ConnectionError when the process ended, and TimeoutError when it gave none in time.
        """
        request = json.dumps(str(path.absolute())).encode()
        self._connection.settimeout(seconds)
        self._connection.sendall(len(request).to_bytes(program.FRAME, "big") + request)
        return self._message(time.monotonic() + seconds)

    def _message(self, until: float) -> bytes:
        size = int.from_bytes(self._received(program.FRAME, until), "big")
        if size > _LONGEST_ANSWER:
            raise ConnectionAbortedError
        return self._received(size, until)

    def _received(self, size: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._connection.settimeout(max(until - time.monotonic(), 0.001))
            piece = self._connection.recv(min(size - len(data), 2**20))
            if not piece:
                raise ConnectionResetError
            data += piece
        return bytes(data)

    def end(self) -> int:
        """End it, if it has not ended; its exit status."""
        self._finish()
        return self._process.returncode


def _started(theirs: socket.socket, limits: ReadingLimits) -> "subprocess.Popen[bytes]":
    numbers = (
        theirs.fileno(), limits.processor_seconds, limits.clock_seconds, limits.memory_bytes,
        limits.kept_bytes,
    )  # fmt: skip
    arguments = [str(_KIT), *map(str, numbers)]
    # No secrets in its environment, and not in the group that a keyboard interrupts.
    return subprocess.Popen(
        [sys.executable, "-I", program.__file__, *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        pass_fds=[theirs.fileno()], cwd="/", start_new_session=True,
    )  # fmt: skip


def _end(connection: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    connection.close()
    try:
        process.wait(timeout=1.0)  # without a connection it ends by itself, unless it is at work
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def shared_worker() -> ExtractionWorker:
    """The one worker of this process; a fork of it has its own."""
    return _worker_of(os.getpid())


@cache
def _worker_of(pid: int) -> ExtractionWorker:  # noqa: ARG001
    return ExtractionWorker()
