"""The running launch's side of its sign of life: what its events say it is doing."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from harness_search.sandbox.processes import boot_id, start_ticks
from harness_search.service.events import (
    Ended,
    EvaluationBegan,
    Event,
    Failed,
    IterationOpened,
    Launched,
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
    Heartbeat,
    identity_of,
    iso_now,
    pid_namespace,
    write_heartbeat,
)

SECONDS_BETWEEN = 2.0
AT_ONCE = (Launched, PhaseBegan, EvaluationBegan, Paused, Resumed, Stopping, Waiting, Ended)
"""Changes that are on disk before the launch goes on: what follows may keep it busy for long."""


@dataclass(slots=True)
class Doing:
    """What a launch is doing: a fold over its events."""

    phase: str = ""
    iteration: int = 0
    label: str = ""
    done: int = 0
    planned: int = 0
    passed: int | None = None
    total: int | None = None
    paused: bool = False
    stopping: bool = False
    waiting_until: str = ""
    last_error: str = ""
    exit_code: int | None = None

    def hear(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, PhaseBegan | EvaluationBegan | SessionChanged | Resumed):
            self.waiting_until = ""
        match event:
            case PhaseBegan(phase, iteration):
                self.phase, self.iteration = phase, iteration
                self._evaluate("", 0, 0)
            case IterationOpened(iteration):
                self.iteration = iteration
            case EvaluationBegan(label, planned, done):
                self._evaluate(label, planned, done)
            case RolloutEnded():
                self._count(event)
            case Waiting(_, until):
                self.waiting_until = until
            case Paused():
                self.paused = True
            case Resumed():
                self.paused = False
            case Stopping():
                self.paused, self.stopping, self.waiting_until = False, True, ""
            case NeedsPerson(problem) | Failed(problem):
                self.last_error = problem
            case Ended(exit_code):
                self.exit_code = exit_code
            case _:
                pass

    def _evaluate(self, label: str, planned: int, done: int) -> None:
        self.label, self.planned, self.done = label, planned, done
        self.passed = self.total = None

    def _count(self, event: RolloutEnded) -> None:
        if event.lost:
            self.last_error = "a rollout was lost; it is run again"
            return
        self.done += 1
        if event.passed is not None and event.total is not None:
            self.passed = (self.passed or 0) + event.passed
            self.total = (self.total or 0) + event.total


class Pulse:
    """Keeps the heartbeat of this process's launch on disk."""

    def __init__(self, file: Path, run: str, command: str) -> None:
        self.run, self.command = run, command
        self.socket = ""
        """Where the launch is asked, once somebody listens there."""
        self.doing = Doing()
        self._file, self._folder = file, identity_of(file.parent)
        self._launched_at = iso_now()
        self._started = start_ticks(os.getpid())

    def hear(self, event: Event) -> None:
        """Take an event in; what changes what the launch does is on disk at once."""
        self.doing.hear(event)
        if isinstance(event, AT_ONCE):
            self.beat()

    def beat(self) -> None:
        """Give a sign of life."""
        write_heartbeat(self._file, self.heartbeat())

    def heartbeat(self) -> Heartbeat:
        """What there is to say now."""
        return Heartbeat(
            pid=os.getpid(),
            pid_started=self._started,
            boot=boot_id(),
            pid_namespace=pid_namespace(),
            folder=self._folder,
            run=self.run,
            command=self.command,
            launched_at=self._launched_at,
            written_at=iso_now(),
            uptime=round(time.clock_gettime(time.CLOCK_BOOTTIME), 3),
            socket="" if self.doing.exit_code is not None else self.socket,
            **asdict(self.doing),
        )

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat for as long as the event loop gets round to it: one that hangs falls silent."""
        heart = asyncio.create_task(self._beat_on())
        try:
            yield
        finally:
            heart.cancel()
            with suppress(asyncio.CancelledError):
                await heart

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN)
            self.beat()
