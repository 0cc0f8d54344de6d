"""A started box: handshake, policy, waiting, and an end that leaves no process behind."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.aside import TookTooLongError, aside
from harness_search.errors import SearchStoppedError
from harness_search.sandbox.box import Box, Ending, Limits, Mount, SandboxStartError
from harness_search.sandbox.inside import limits as kept_inside
from harness_search.sandbox.processes import kill_tree

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
HANDSHAKE_SECONDS = 60.0
SECONDS_TO_DIE = 60.0
SECONDS_TO_END = 10.0
"""A guard ends its box within milliseconds, unless something holds it."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a sandbox starts its launcher, and what the process then needs to know."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    policy: Mapping[str, Any]
    """The `box` part of what is sent after the handshake."""
    seen: Callable[[Mount], str]
    gateway: str
    base_url: str
    descriptors: tuple[int, ...] = ()
    """To be inherited by the command itself."""


class BoxProcess:
    """A started process that waits for its program: the `Handle` of every sandbox here."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", start: Start, uid: int | None, log: int
    ) -> None:
        self.process, self._start, self._uid, self._log = process, start, uid, log
        self._ends = [os.pidfd_open(process.pid)]
        self._first = 0
        """First process of its own namespace, if it has one."""
        self._ending: asyncio.Task[Ending] | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def ours(self) -> tuple[int, ...]:
        return (self.pid, self._first)

    @property
    def gateway(self) -> str:
        return self._start.gateway

    @property
    def base_url(self) -> str:
        return self._start.base_url

    def seen(self, mount: Mount) -> str:
        return self._start.seen(mount)

    async def give(self, program: dict[str, Any]) -> None:
        """Hand over what is allowed and what to run."""
        assert self.process.stdin is not None
        line = json.dumps({"box": self._start.policy, "program": program}).encode() + b"\n"
        # A thread of its own begins in any case, and closes this: a waiting one would be cancelled.
        descriptor = os.dup(self.process.stdin.fileno())
        with contextlib.suppress(BrokenPipeError):
            await aside(None, _write_all, descriptor, line)

    async def wait(self) -> None:
        await _readable(self._ends[0])

    async def kill(self) -> Ending:
        """End every process of the box, and reap it; later calls only say how it ended."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        return await asyncio.shield(self._ending)

    async def _end(self) -> Ending:
        self.let_go()
        if self._first:
            for end in self._ends:
                _kill(end)
        try:
            async with asyncio.timeout(SECONDS_TO_END):
                for end in self._ends:
                    await _readable(end)
        except TimeoutError:
            await self._kill_by_force()
        if self._uid is not None and not self._first:
            await asyncio.to_thread(_kill_user, self._uid)
        return self._reaped()

    async def _kill_by_force(self) -> None:
        """Kill what is left, and wait for its end; one that waits for a disk comes to none."""
        try:
            await aside(SECONDS_TO_DIE, kill_tree, self.pid)
            async with asyncio.timeout(SECONDS_TO_DIE):
                for end in self._ends:
                    await _readable(end)
        except (TimeoutError, TookTooLongError) as error:
            raise SearchStoppedError(
                f"process {self.pid} of a sandbox does not end, although it was killed: most "
                "likely it waits for a disk that does not answer. Nothing was scored by it."
            ) from error

    def let_go(self) -> None:
        """Close its stdin, which it takes for the scaffold's death."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def dies_with(self, pid: int) -> None:
        """Name the first process of the box's own namespace: nothing in there outlives it."""
        self._ends.append(os.pidfd_open(pid))
        self._first = pid

    def _reaped(self) -> Ending:
        code = self.process.wait()
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            os.set_blocking(stream.fileno(), False)
            said = stream.read() or b""
        os.fchmod(self._log, 0o644)  # a harness of our own user may have shut us out of it
        for descriptor in (*self._ends, self._log):
            os.close(descriptor)
        told = re.search(rb"E(-?\d+)\n", said)
        return Ending(int(told[1]) if told else _by_signal(code), said.startswith(b"S"))


async def start_process(start: Start, box: Box) -> BoxProcess:
    """Start a launcher and wait until it listens; raises SandboxStartError."""
    try:
        started = _started(start, box)
    except OSError as error:
        raise SandboxStartError(f"{start.arguments[0]} cannot be started: {error}") from error
    process = started.process
    assert process.stdout is not None
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await _readable(process.stdout.fileno())
        ready = os.read(process.stdout.fileno(), 1) == b"R"
    except TimeoutError:
        ready = False
    except asyncio.CancelledError:
        await started.kill()
        raise
    if not ready:
        await started.kill()
        raise SandboxStartError(_complaint(box.log))
    return started


def _started(start: Start, box: Box) -> BoxProcess:
    log = os.open(box.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        process = subprocess.Popen(
            start.arguments,
            cwd=start.folder,
            env=start.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            pass_fds=start.descriptors,
        )
    except OSError:
        os.close(log)
        raise
    return BoxProcess(process, start, box.uid, log)


def breach_of_exit(code: int, limits: Limits) -> str:
    """The limit of the kernel that a program did not survive, as a phrase; empty for none."""
    megabytes = 1024 * 1024
    return {
        kept_inside.MEMORY: f"memory limit of {limits.memory_bytes // megabytes:,} MB reached",
        kept_inside.OPEN_FILES: f"limit of {limits.open_files:,} open files reached",
        kept_inside.FILE_SIZE: f"limit of {limits.file_bytes // megabytes:,} MB a file reached",
        kept_inside.PROCESSES: f"limit of {limits.processes:,} processes reached",
        kept_inside.SPACE: f"limit of {limits.temporary_bytes // megabytes:,} MB in /tmp reached",
        -signal.SIGXFSZ: f"limit of {limits.file_bytes // megabytes:,} MB a file reached",
        -signal.SIGXCPU: f"CPU limit of {limits.cpu_seconds:g} s passed",
    }.get(code, "")


def _complaint(log: Path) -> str:
    """What the command said last before it ended."""
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return said[-1] if said else "the process ended before its handshake"


def _by_signal(code: int) -> int:
    """The exit code, where a shell or bwrap made 128 and more of a signal."""
    return 128 - code if code > 128 else code


def _kill(pidfd: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def _kill_user(uid: int) -> None:
    """Kill what has an id that was lent to one box alone."""
    subprocess.run(
        ["/bin/sh", "-c", "kill -9 -1"], check=False, user=uid, group=uid, extra_groups=[]
    )


def _write_all(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


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
