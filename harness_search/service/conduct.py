"""How a running launch is directed: to pause, to go on, to drain and end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from harness_search.errors import SearchInterruptedError
from harness_search.service.events import Event, Paused, Resumed, Stopping

Result = TypeVar("Result")


class Conduct:
    """What people and signals have asked of a launch.

    Asked from within the event loop alone. `tell` hears of each change; `end` ends the launch at
    once, whatever it does.
    """

    def __init__(
        self,
        *,
        drain_seconds: float = 0.0,
        tell: Callable[[Event], None] = lambda _: None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self.drain_seconds = drain_seconds
        self._tell, self._end = tell, end
        self._going_on, self._stopped, self._awake = (
            asyncio.Event(),
            asyncio.Event(),
            asyncio.Event(),
        )
        self._going_on.set()
        self._stop: SearchInterruptedError | None = None
        self._bound: asyncio.TimerHandle | None = None
        self._sleepers = 0
        self._is_over = False

    @property
    def paused(self) -> bool:
        return not self._going_on.is_set()

    @property
    def stopping(self) -> bool:
        """Whether nothing new may begin any more."""
        return self._stop is not None

    def pause(self) -> None:
        """Begin nothing new; what is in flight goes on."""
        if not self.paused and not self.stopping:
            self._going_on.clear()
            self._tell(Paused())

    def resume(self) -> None:
        """End a pause, and a wait for a provider's limit to pass."""
        waited = self.paused or self._sleepers > 0
        self._awake.set()
        self._going_on.set()
        if waited and not self.stopping:
            self._tell(Resumed())

    def stop(self, why: str, exit_code: int, *, now: bool = False) -> None:
        """Begin nothing new, and end once what is in flight has ended, after `drain_seconds` at
        the latest. Asked again, or with `now`: end at once."""
        if self._is_over:
            return
        again = self._stop is not None
        if not again:
            self._stop = SearchInterruptedError(exit_code)
            self._going_on.set()
            self._stopped.set()
        seconds = 0.0 if again or now else self.drain_seconds
        if seconds:
            self._bound = asyncio.get_running_loop().call_later(seconds, self._end_once)
        else:
            self._end_once()
        self._tell(Stopping(why, seconds))  # last: telling may fail

    def _end_once(self) -> None:
        if not self._is_over:  # a second cancellation would cut off what the first tidies up
            self._is_over = True
            self._end()

    def close(self) -> None:
        """Forget the bound of a drain: the launch has ended."""
        self._is_over = True
        if self._bound is not None:
            self._bound.cancel()

    def require_going_on(self) -> None:
        """Raise SearchInterruptedError once the launch is to end."""
        if self._stop is not None:
            raise self._stop

    @property
    def interruption(self) -> SearchInterruptedError | None:
        """How the launch is to end; None while it goes on."""
        return self._stop

    async def checkpoint(self) -> None:
        """Wait while the launch is paused; raises SearchInterruptedError once it is to end."""
        await self._going_on.wait()
        self.require_going_on()

    async def may_begin(self) -> bool:
        """Whether something new may begin, once the launch is not paused. What is in flight is to
        be waited for, and `require_going_on` called then."""
        await self._going_on.wait()
        return not self.stopping

    async def unless_stopped(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of work that can be taken up again by the next launch: it is ended as soon as
        the launch is to end, and SearchInterruptedError raised."""
        doing, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            self.require_going_on()
            raise AssertionError("unreachable: a stop has its interruption")
        finally:
            for task in (doing, stopped):
                task.cancel()
            await asyncio.gather(doing, stopped, return_exceptions=True)

    async def sleep(self, seconds: float) -> bool:
        """Sleep so long; True when `resume` cut it short. Raises SearchInterruptedError once the
        launch is to end."""
        self._awake.clear()
        self._sleepers += 1
        waits = [asyncio.ensure_future(event.wait()) for event in (self._awake, self._stopped)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sleepers -= 1
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self.require_going_on()
        return self._awake.is_set()
