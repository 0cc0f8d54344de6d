"""Who comes next while several holders wait: each in turn, however much one of them asks for."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Granted = TypeVar("Granted")


@dataclass(eq=False, slots=True)
class Waiter(Generic[Granted]):
    """Somebody who has asked; the permit is there from the moment it is granted."""

    holder: str
    size: int
    """What it asks for, in the unit of whoever grants it."""
    permit: Granted | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Turns(Generic[Granted]):
    """Holders take turns; what one holder asks for is served first come, first served.

    Joining, being served and giving up take the same time however many wait, and a holder for
    whom nothing waits leaves no trace.
    """

    def __init__(self) -> None:
        # Ordered dictionaries, because a waiter that gives up leaves from the middle of its line.
        self._lines: OrderedDict[str, OrderedDict[Waiter[Granted], None]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def add(self, holder: str, size: int = 1) -> Waiter[Granted]:
        """Queue behind the others of the same holder."""
        waiter: Waiter[Granted] = Waiter(holder, size)
        self._lines.setdefault(holder, OrderedDict())[waiter] = None
        self._count += 1
        return waiter

    def heads(self) -> Iterator[Waiter[Granted]]:
        """The first waiter of each holder, beginning with the holder whose turn it is."""
        for line in self._lines.values():
            yield next(iter(line))

    def grant(self, waiter: Waiter[Granted], permit: Granted) -> None:
        """Serve a waiter: its holder has had its turn."""
        self._remove(waiter)
        if waiter.holder in self._lines:
            self._lines.move_to_end(waiter.holder)
        waiter.permit = permit
        waiter.woken.set()

    async def wait(
        self, waiter: Waiter[Granted], withdrawn: Callable[[Granted | None], None]
    ) -> Granted:
        """The permit, once granted. A waiter that is cancelled leaves the line, and `withdrawn`
        is told, with the permit that it was granted but will not use, if it was."""
        try:
            await waiter.woken.wait()
        except asyncio.CancelledError:
            if waiter.permit is None:
                self._remove(waiter)
            withdrawn(waiter.permit)
            raise
        assert waiter.permit is not None
        return waiter.permit

    def _remove(self, waiter: Waiter[Granted]) -> None:
        line = self._lines[waiter.holder]
        del line[waiter]
        if not line:
            del self._lines[waiter.holder]
        self._count -= 1
