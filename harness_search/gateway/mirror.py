"""Live figures of the running gateway on disk, for whoever looks at the search from outside."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from harness_search.files import to_json, write_atomically
from harness_search.gateway.account import Account
from harness_search.settings import BudgetSettings

SECONDS_BETWEEN = 1.0


@asynccontextmanager
async def mirrored(account: Account, file: Path, limits: BudgetSettings) -> AsyncIterator[None]:
    """Keep the file up to date, at most once a second, and once more at the end.

    `limits` is what this launch may spend, flags included.
    """
    budget = limits.model_dump()
    keeper = asyncio.create_task(_keep(account, file, budget))
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        _write(account, file, {"state": "ended", "budget": budget})


async def _keep(account: Account, file: Path, budget: dict[str, object]) -> None:
    shown: dict[str, object] = {}
    while True:
        state = account.state()
        if state != shown:
            await asyncio.to_thread(_write, account, file, {"state": "running", "budget": budget})
            shown = state
        await asyncio.sleep(SECONDS_BETWEEN)


def _write(account: Account, file: Path, facts: dict[str, object]) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    mirror = {**account.state(), "pid": os.getpid(), "written_at": now, **facts}
    write_atomically(file, to_json(mirror))
