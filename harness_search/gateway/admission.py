"""Which request bodies are read, and when: memory stays bounded whatever a harness sends."""

from dataclasses import dataclass

from harness_search.gateway.turns import Turns, Waiter

MOST_CONTAINERS = 100_000
MOST_PARTS = 500_000
MOST_COMMAS = 4_000_000


class BodyTooLargeError(Exception):
    """A body is announced larger than any request may be."""

    def __init__(self, announced: int, largest: int) -> None:
        self.announced, self.largest = announced, largest
        super().__init__(f"a request of {announced} bytes; at most {largest} are taken")


@dataclass(frozen=True, slots=True)
class BodyPermit:
    """The right to hold one request body."""

    holder: str
    size: int
    """Bytes."""


class BodyAdmission:
    """How many bytes of request bodies the gateway holds at once.

    Holders take turns, and one holder's requests are served first come, first served. A request
    that has its turn and does not fit yet keeps everybody behind it waiting, so that small ones
    never starve a large one; only a holder's own bytes over its own share let others pass it.
    """

    def __init__(self, largest: int, total: int, per_holder: int) -> None:
        """In bytes: one request at most, all that are held together, those of one holder."""
        if not 0 < largest <= per_holder <= total:
            raise ValueError(
                f"a request of {largest} bytes must fit the {per_holder} of one holder, "
                f"and those the {total} of all"
            )
        self._largest, self._total, self._per_holder = largest, total, per_holder
        self._held = 0
        self._held_by: dict[str, int] = {}
        self._turns: Turns[BodyPermit] = Turns()

    @property
    def held(self) -> int:
        """Bytes of all the bodies let in."""
        return self._held

    @property
    def waiting(self) -> int:
        """Requests that have not been let in yet."""
        return len(self._turns)

    async def enter(self, holder: str, announced: int | None) -> BodyPermit:
        """Wait until a body may be read. Cancelled while waiting, it holds nothing.

        `announced`: bytes; None, where the client does not say, is taken as the largest.
        Raises BodyTooLargeError at once.
        """
        size = self._largest if announced is None else announced
        if size > self._largest:
            raise BodyTooLargeError(size, self._largest)
        if not self._turns and self._fits(holder, size):
            self._hold(holder, size)
            return BodyPermit(holder, size)
        waiter = self._turns.add(holder, size)
        self._let_in()
        return await self._turns.wait(waiter, self._withdrawn)

    def leave(self, permit: BodyPermit) -> None:
        """The body is held no longer. Once a permit."""
        self._hold(permit.holder, -permit.size)
        self._let_in()

    def _withdrawn(self, permit: BodyPermit | None) -> None:
        if permit is not None:
            self._hold(permit.holder, -permit.size)
        self._let_in()  # it may be the one that the others waited behind

    def _hold(self, holder: str, size: int) -> None:
        self._held += size
        held = self._held_by.pop(holder, 0) + size
        if held:
            self._held_by[holder] = held

    def _let_in(self) -> None:
        while (waiter := self._next()) is not None:
            self._hold(waiter.holder, waiter.size)
            self._turns.grant(waiter, BodyPermit(waiter.holder, waiter.size))

    def _fits(self, holder: str, size: int) -> bool:
        own = self._held_by.get(holder, 0) + size
        return own <= self._per_holder and self._held + size <= self._total

    def _next(self) -> Waiter[BodyPermit] | None:
        for waiter in self._turns.heads():
            if self._held_by.get(waiter.holder, 0) + waiter.size <= self._per_holder:
                return waiter if self._held + waiter.size <= self._total else None
        return None


def too_complex(body: bytes) -> bool:
    """Whether parsing the JSON would take far more memory than the body itself.

    It counts the bytes that begin or part JSON's values, inside texts too: over 100,000 of `[` and
    `{`, over 500,000 of `[`, `{` and `:` together, or over 4,000,000 of `,` (JSON files hold about
    45,000 of all four a megabyte, source code 30,000). Measured with CPython 3.11 as growth of
    resident memory: 32 MiB of `[],` take 800 MiB; of the bodies of 32 MiB that are accepted, the
    worst of those tried takes 356 MiB at its peak and 170 once parsed. Most of that no count could
    save: one long text with an emoji and an escape in it takes 320 at its peak.

    Nesting is not counted: `json.loads` raises RecursionError about a thousand levels deep, which
    the caller handles like any other body that is no JSON.
    """
    if len(body) <= MOST_CONTAINERS:
        return False
    containers = body.count(b"[") + body.count(b"{")
    pairs = containers + body.count(b":")
    return containers > MOST_CONTAINERS or pairs > MOST_PARTS or body.count(b",") > MOST_COMMAS
