"""One child process per rollout: started with a handshake, ended with its whole process group."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": "."}
HANDSHAKE_SECONDS = 60.0


class ChildStartError(Exception):
    """The process ended before it could be given its task; never the harness's fault."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended."""

    exit_code: int
    timed_out: bool
    began: bool
    """Whether the bootstrap came as far as the harness; before that, nothing is its fault."""


class Child:
    """A started rollout process, waiting for its policy."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls, kit: Path, view: Path, log: Path) -> "Child":
        """Start the bootstrap in `view` and wait until it listens; raises ChildStartError."""
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [_interpreter(), "-I", "-S", str(kit / "bootstrap.py")],
                cwd=view,
                env=ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                start_new_session=True,
            )
        child = cls(process)
        assert process.stdout is not None
        try:
            await asyncio.wait_for(_readable(process.stdout.fileno()), HANDSHAKE_SECONDS)
            ready = os.read(process.stdout.fileno(), 1) == b"R"
        except TimeoutError:
            ready = False
        if not ready:
            await child.end()
            raise ChildStartError("the rollout process ended before its handshake")
        return child

    async def give(self, policy: dict[str, Any]) -> None:
        """Hand over the policy; it is never in an argument, a file or the environment."""
        assert self._process.stdin is not None
        line = json.dumps(policy).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):
            await asyncio.to_thread(_write_all, self._process.stdin.fileno(), line)

    def close_stdin(self) -> None:
        """Let go of the child; it takes that for the scaffold's death."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    async def ended_within(self, seconds: float, *, unless: asyncio.Event | None = None) -> bool:
        """Whether the process ends within so many seconds, and before the event if one is given."""
        waits = [asyncio.create_task(_readable(self._pidfd))]
        if unless is not None:
            waits.append(asyncio.create_task(_set(unless)))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].done()
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def end(self, *, timed_out: bool = False) -> Ending:
        """Kill the process group and reap the child."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await _readable(self._pidfd)
        code = self._process.wait()
        self.close_stdin()
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        began = self._process.stdout.read(1) == b"S"
        self._process.stdout.close()
        os.close(self._pidfd)
        return Ending(code, timed_out, began)


def _interpreter() -> str:
    """The interpreter itself, not the virtual environment's: that one knows site-packages."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _readable(descriptor: int) -> None:
    """Wait until a descriptor can be read; a pidfd can once its process has ended."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def start_ticks(pid: int) -> int:
    """Start time of a process in clock ticks since boot, 0 when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def kill_leftover(pid: int, pid_started: int) -> bool:
    """Kill the group of a process that an earlier scaffold left, unless its pid was reused."""
    if pid_started == 0 or start_ticks(pid) != pid_started:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return True
