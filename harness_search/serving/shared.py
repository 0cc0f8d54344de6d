"""What takes long to make and is asked for by many: made once for each state of its sources."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from harness_search.aside import aside

Value = TypeVar("Value")


class Shared(Generic[Value]):
    """A value made in a thread. Whoever asks while it is being made waits for that one."""

    def __init__(
        self,
        make: Callable[[], Value],
        stamp: Callable[[], Hashable],
        *,
        rest: float = 0.0,
        seconds: float = 0.0,
    ) -> None:
        """`stamp` changes with what the value is made of. `within` makes it anew at most once in so
        many `seconds`, and not before `rest` times as long as that took have passed."""
        self._make, self._stamp = make, stamp
        self._rest, self._seconds = rest, seconds
        self._kept: tuple[Hashable, Value] | None = None
        self._due = 0.0
        self._making: asyncio.Task[Value] | None = None
        self._tried: Hashable = None
        self._failure: tuple[Hashable, BaseException] | None = None

    @property
    def kept(self) -> Value | None:
        """The last one that was made; None before the first."""
        return self._kept[1] if self._kept else None

    async def now(self) -> Value:
        """The value of this moment; raises what making it raises."""
        if self._making is None and self._kept and self._kept[0] == await aside(None, self._stamp):
            return self._kept[1]
        # A client that goes must not end what others wait for.
        return await asyncio.shield(self._begin())

    async def within(self, seconds: float) -> Value | None:
        """The value, or after so long the last one while a newer one is made; None before the
        first. Raises what making it raised, while its sources are still those."""
        is_due = time.monotonic() >= self._due
        if self._making is None and (is_due or self._failure is not None):
            stamp = await aside(None, self._stamp)
            if self._failure is not None and self._failure[0] != stamp:
                self._failure = None
            if is_due and (self._kept is None or self._kept[0] != stamp):
                self._begin()
        if seconds and self._making is not None:
            await asyncio.wait({self._making}, timeout=seconds)
        if self._failure is not None:
            raise self._failure[1].with_traceback(None)  # which would grow with each time
        return self.kept

    def _begin(self) -> "asyncio.Task[Value]":
        if self._making is None:
            self._making = asyncio.create_task(self._make_anew())
            self._making.add_done_callback(self._ended)
        return self._making

    def _ended(self, task: "asyncio.Task[Value]") -> None:
        self._making = None
        error = None if task.cancelled() else task.exception()
        self._failure = None if error is None else (self._tried, error)

    async def _make_anew(self) -> Value:
        began = time.monotonic()
        self._tried = None
        try:
            self._tried = stamp = await aside(None, self._stamp)
            value = await aside(None, self._make)
            self._kept = (stamp, value)
            return value
        finally:
            took = time.monotonic() - began
            self._due = time.monotonic() + max(self._seconds, self._rest * took)
