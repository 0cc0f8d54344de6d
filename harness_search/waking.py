"""Sleeps until a limit of a provider has passed, and goes on by itself."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness_search.errors import LimitReachedError
from harness_search.layout import Layout
from harness_search.reports.progress import Reporter
from harness_search.search import Search, mirror
from harness_search.service.conduct import Conduct
from harness_search.service.events import Waiting

LONGEST_NAP = 60.0  # seconds
LONGEST_SLEEP = timedelta(days=8)
"""Between two launches; a weekly limit is the longest there is, and a clock may have been wrong."""

Result = TypeVar("Result")
Note = Callable[[datetime], object]


async def sleep_until(until: datetime, conduct: Conduct) -> None:
    """Sleep, unless `resume` ends it; raises SearchInterruptedError once the launch is to end.

    In short pieces, by two clocks: a machine that was suspended has another time of day than it
    went to sleep by, and one whose time of day was set back has slept long enough all the same.
    """
    left = (until - datetime.now(UTC)).total_seconds()
    latest = time.monotonic() + left
    while left > 0:
        if await conduct.sleep(min(left, LONGEST_NAP)):
            return
        by_day = (until - datetime.now(UTC)).total_seconds()
        left = min(by_day, latest - time.monotonic())


async def wait_out(search: Search, limit: LimitReachedError) -> None:
    """Note a limit and its end on disk, say so, sleep until then, and let calls be sent again."""
    note = partial(mirror, search.workspace, search.ledger, "waiting")
    await _wait(limit, search.bench.conduct, search.reporter, note)


async def through_limits(
    work: Callable[[], Awaitable[Result]],
    conduct: Conduct,
    reporter: Reporter,
    note: Note = lambda _: None,
) -> Result:
    """What work that can be begun again gives, however often limits make it wait."""
    while True:
        try:
            return await work()
        except LimitReachedError as limit:
            reached = limit
        await _wait(reached, conduct, reporter, note)


async def _wait(limit: LimitReachedError, conduct: Conduct, reporter: Reporter, note: Note) -> None:
    note(limit.until)
    reporter.tell(Waiting(limit.who, limit.until.isoformat(timespec="seconds"), limit.reason))
    await sleep_until(limit.until, conduct)
    limit.again()


async def wait_for_wake_up(
    layout: Layout, conduct: Conduct, reporter: Reporter, *, now: bool = False
) -> None:
    """Go on with the sleep that an earlier launch of the search was in; `now` ends it."""
    until = next_wake_up(layout.loop_state)
    if now or until is None:
        return
    left = until - datetime.now(UTC)
    if timedelta() < left <= LONGEST_SLEEP:
        reason = "an earlier launch was told so (`resume`, or `run --now`, goes on at once)"
        reporter.tell(Waiting("the provider", until.isoformat(timespec="seconds"), reason))
        await sleep_until(until, conduct)


def next_wake_up(loop_state: Path) -> datetime | None:
    """When the search that left this file meant to go on; None when it was not asleep."""
    try:
        text = json.loads(loop_state.read_text(encoding="utf-8"))["next_wake_up"]
        until = datetime.fromisoformat(text)
    except (OSError, ValueError, TypeError, KeyError):  # none, or not as we write it
        return None
    return until if until.tzinfo is not None else None
