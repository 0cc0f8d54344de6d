"""One launch of the scaffold in a workspace: whom it tells, and what directs and ends it."""

import asyncio
import os
import secrets
import signal
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

from harness_search.disk import stopping_when_full
from harness_search.errors import InputError, SearchInterruptedError, SearchStoppedError
from harness_search.reports.progress import Reporter
from harness_search.rollouts.room import room_needed
from harness_search.service.conduct import Conduct
from harness_search.service.control import Control, controlled
from harness_search.service.events import CutOff, Ended, Failed, Launched, NeedsPerson
from harness_search.service.heartbeat import read_heartbeat
from harness_search.service.hooks import hooked
from harness_search.service.journal import Journal
from harness_search.service.pulse import Pulse
from harness_search.workspace import Workspace

SIGNALS = (signal.SIGTERM, signal.SIGINT)
INTERRUPTED = 128
"""A process that a signal ended says so by this and the signal's number."""
SEARCH = "run"
"""The command whose pause outlives its launch."""


@asynccontextmanager
async def at_work(
    command: str, workspace: Workspace, reporter: Reporter, *, now: bool = False
) -> AsyncIterator[Conduct]:
    """Tell of a launch from its beginning to its end, and let signals and people direct it.

    The workspace must be locked. What ends the work early is told and raised; a signal's end
    arrives as SearchInterruptedError. A search goes on in the pause that it was left in, unless it
    is to begin `now`.
    """
    main = asyncio.current_task()
    assert main is not None
    layout, seconds = workspace.layout, workspace.settings.service.drain_seconds
    conduct = Conduct(drain_seconds=seconds, tell=reporter.tell, end=lambda: _end(main))
    launched = Launched(secrets.token_hex(4), os.getpid(), command)
    before = read_heartbeat(layout.heartbeat)
    pulse = Pulse(layout.heartbeat, launched.run, command)
    control = Control(conduct, pulse, layout.paused if command == SEARCH else None)
    full = stopping_when_full(layout.runs, room_needed(workspace.settings))
    with (
        Journal(layout.events) as journal,
        reporter.heard_by(journal.write),
        reporter.heard_by(pulse.hear),
    ):
        async with pulse.beating():
            reporter.tell(launched)
            if before is not None and not before.ended:
                reporter.tell(CutOff(before.run, before.pid))
            with _directed(conduct), _end_told(reporter), _ended_by(conduct):
                async with hooked(workspace, reporter):
                    with _problem_told(reporter), full:
                        async with controlled(layout, control, pulse):
                            control.begin(now=now)
                            yield conduct


@contextmanager
def _ended_by(conduct: Conduct) -> Iterator[None]:
    """Say by SearchInterruptedError that the launch was ended from outside."""
    try:
        yield
    except asyncio.CancelledError:
        conduct.require_going_on()
        raise
    finally:
        conduct.close()


def _end(task: "asyncio.Task[object]") -> None:
    """End the launch by tidying up; one more signal then ends the process at once, whatever it is
    busy with: the next launch finds in the ledger what was under way."""
    task.cancel()
    for one in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(one)
        signal.signal(one, _exit)


def _exit(number: int, _: FrameType | None) -> None:
    os._exit(INTERRUPTED + number)


@contextmanager
def _directed(conduct: Conduct) -> Iterator[None]:
    """Let SIGTERM and SIGINT drain the launch, a second one end it, and a third one wait for
    nothing."""
    loop = asyncio.get_running_loop()
    for one in SIGNALS:
        loop.add_signal_handler(one, conduct.stop, one.name, INTERRUPTED + one)
    try:
        yield
    finally:
        for one in SIGNALS:
            loop.remove_signal_handler(one)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _problem_told(reporter: Reporter) -> Iterator[None]:
    """Tell what ends the launch early, unless somebody asked for that."""
    try:
        yield
    except SearchStoppedError as error:
        reporter.tell(NeedsPerson(str(error)))
        raise
    except (InputError, SearchInterruptedError):
        raise
    except Exception as error:
        reporter.tell(Failed(_place_of(error)))
        raise


@contextmanager
def _end_told(reporter: Reporter) -> Iterator[None]:
    """Tell the exit code, last of all."""
    code = 1
    try:
        yield
        code = 0
    except (InputError, SearchInterruptedError, SearchStoppedError) as error:
        code = error.exit_code
        raise
    finally:
        reporter.tell(Ended(code))


def _place_of(error: Exception) -> str:
    """The type of an error, and where it was raised."""
    (*_, last) = traceback.extract_tb(error.__traceback__) or [None]
    where = f" at {Path(last.filename).name}:{last.lineno}" if last else ""
    return f"{type(error).__name__}{where}"
