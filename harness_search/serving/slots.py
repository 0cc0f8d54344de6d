"""Pages that take long to make: so many at once, and none that nobody waits for."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from harness_search.aside import aside

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Slots:
    """Whose page is made. A visitor who goes gives up the slot at once, but a thread cannot be
    ended: those that are left behind have a bound of their own."""

    def __init__(self, waited_for: int, threads: int) -> None:
        self._slots = asyncio.Semaphore(waited_for)
        self._threads = asyncio.Semaphore(threads)

    async def make(
        self,
        work: Callable[Arguments, Result],
        /,
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Result:
        """The result of blocking work; cancelled before it has a slot it is not done at all."""
        async with self._slots:
            await self._threads.acquire()
            making = asyncio.ensure_future(aside(None, work, *arguments, **options))
            making.add_done_callback(lambda _: self._threads.release())
            return await asyncio.shield(making)
