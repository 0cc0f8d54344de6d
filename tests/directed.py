"""A launch that does nothing, to be directed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.layout import Layout
from harness_search.reports.progress import Reporter
from harness_search.service.asking import ask
from harness_search.service.conduct import Conduct
from harness_search.service.events import Event, Stopping
from harness_search.service.heartbeat import Heartbeat, read_heartbeat
from harness_search.service.launch import at_work
from harness_search.workspace import Workspace

Told = Callable[[Event], None]


def ignored(event: Event) -> None:
    """For launches whose events are not what a test is about."""


def stops(told: list[Event]) -> list[float]:
    """The seconds that each stop has left to what is in flight."""
    return [event.seconds for event in told if isinstance(event, Stopping)]


@asynccontextmanager
async def launched(
    workspace: Workspace, command: str = "run", *, now: bool = False, told: Told = ignored
) -> AsyncIterator[Conduct]:
    """A launch that does nothing; what goes wrong in its event loop fails the test."""
    problems: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, problem: problems.append(problem))
    reporter = Reporter(None)
    with reporter.heard_by(told):
        async with at_work(command, workspace, reporter, now=now) as conduct:
            yield conduct
    assert problems == []


async def asked(layout: Layout, request: dict[str, Any]) -> Heartbeat:
    return await asyncio.to_thread(ask, layout, request)


def socket_of(layout: Layout) -> Path:
    beat = read_heartbeat(layout.heartbeat)
    assert beat is not None
    return Path(beat.socket)


async def answered(layout: Layout, line: bytes) -> Any:
    """What is answered to any bytes."""
    reader, writer = await asyncio.open_unix_connection(socket_of(layout))
    writer.write(line)
    answer = json.loads(await reader.readline())
    writer.close()
    return answer


async def ends(conduct: Conduct) -> None:
    """What a loop does that has nothing in flight."""
    await conduct.unless_stopped(asyncio.Event().wait())


def command(*words: str, layout: Layout) -> Any:
    return CliRunner().invoke(new_application(), [*words, "--workspace", str(layout.root)])
