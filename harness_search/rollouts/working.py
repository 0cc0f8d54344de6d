"""The process of a rollout at work: started, held to its limits, and ended."""

import asyncio
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

from harness_search.aside import aside
from harness_search.disk import FULL
from harness_search.gateway.grants import Grant
from harness_search.sandbox.box import Box, Ending, Handle, Sandbox, SandboxStartError
from harness_search.sandbox.process import breach_of_exit
from harness_search.sandbox.usage import folder_usage
from harness_search.sandbox.watchdog import Watchdog
from harness_search.settings import LimitSettings

NEVER_BEGUN = Ending(exit_code=0, began=False)
PAUSES_BETWEEN_STARTS = (0.0, 1.0, 5.0)  # seconds
FILES_SECONDS = 600.0
"""For a step that does no more than read, copy or remove files of one rollout."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the child ended, and why it was made to."""

    ending: Ending = NEVER_BEGUN
    timed_out: bool = False
    breach: str = ""
    """The limit that it passed, in one phrase."""
    problem: str = ""
    """Of the machine's or the provider's: nobody knows what would have come of it without."""


async def start(sandbox: Sandbox, box: Box) -> Handle | str:
    """The started box; or why not, after a few tries: a machine may be short for a moment."""
    problem = ""
    for pause in PAUSES_BETWEEN_STARTS:
        await asyncio.sleep(pause)
        try:
            return await sandbox.start(box)
        except (SandboxStartError, OSError) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            problem = f"the rollout process did not start ({error})"
    return problem


async def let_it_work(
    watchdog: Watchdog,
    child: Handle,
    box: Box,
    program: dict[str, Any],
    grant: Grant,
    limits: LimitSettings,
) -> Ended:
    """Give the child its program, wait for it within all its limits, end it, and hear its calls
    out: what they cost, and whether they failed."""
    until = time.monotonic() + limits.hard_seconds
    breached = asyncio.Event()
    breaches: list[str] = []

    def passed(reason: str) -> None:
        breaches.append(reason)
        breached.set()

    kept = [box.log.parent]
    ours = await aside(FILES_SECONDS, folder_usage, kept, sys.maxsize)
    room = replace(box.limits, workspace_bytes=box.limits.workspace_bytes + ours.bytes)
    in_time = overdue = False
    with watchdog.watching(child.pid, room, kept, passed, child.ours):
        try:
            async with asyncio.timeout_at(until):
                await child.give(program)
                in_time = await _works_in_time(child, grant, breached, limits.seconds)
        except TimeoutError:
            overdue = True
        ending = await child.kill()
    try:
        async with asyncio.timeout_at(until):
            await grant.settled()
    except TimeoutError:
        overdue = True
    if overdue:
        return Ended(ending, problem=_held_up(limits))
    breach = breaches[0] if breaches else breach_of_exit(ending.exit_code, box.limits)
    return Ended(ending, timed_out=not in_time and not breaches, breach=breach)


def _held_up(limits: LimitSettings) -> str:
    return (
        f"the rollout was held up for more than {limits.hard_seconds:g} s (limits.hard_seconds, "
        "which also counts what the provider takes)"
    )


async def _works_in_time(
    child: Handle, grant: Grant, breached: asyncio.Event, seconds: float
) -> bool:
    """Whether the child ends within the harness's time limit.

    The provider's failures do not count towards the limit, and calls in flight at its end are
    heard out first: only then is it known whether the harness or the provider was slow. A rollout
    that can no longer count, or that has passed another limit, is not waited for.
    """
    started = time.monotonic()
    heard_out = False
    while not grant.over.is_set() and not breached.is_set():
        left = started + seconds + grant.seconds_lost - time.monotonic()
        if left > 0:
            heard_out = False
            if await _ends_within(left, child, grant.over, breached):
                return True
        elif heard_out or not grant.in_flight:
            return False
        else:
            await grant.settled()
            heard_out = True
    return False


async def _ends_within(seconds: float, child: Handle, *unless: asyncio.Event) -> bool:
    """Whether the child ends within so many seconds, and before any of the events."""
    awaited = (child.wait(), *(event.wait() for event in unless))
    waits = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return waits[0].done()
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
