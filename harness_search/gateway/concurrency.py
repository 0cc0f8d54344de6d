"""How many calls one account of a provider may have in flight: found by itself, shared fairly."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from harness_search.gateway.turns import Turns
from harness_search.ledger.rows import Role

Result = Literal["answered", "throttled", "failed"]


class AdaptiveLimit:
    """Start, double until the first throttling, then additive increase and multiplicative cut.

    There is no clock in it: what ends a cut's cooldown is the first answer to a call sent after
    the cut. So a provider's long Retry-After cannot extend it, and a provider that turns everyone
    away for a while, whatever their number, cuts once and not down to one call.
    """

    def __init__(self, start: int = 20, most: int = 512) -> None:
        if not 1 <= start <= most:
            raise ValueError(f"a limit starts between 1 and {most}, not at {start}")
        self._limit, self._most = start, most
        self._successes = 0
        """Of this round: since the limit last changed."""
        self._answered = True
        """A call of this epoch was."""
        self.cuts = 0

    @property
    def limit(self) -> int:
        """Calls that may be in flight together."""
        return self._limit

    @property
    def epoch(self) -> int:
        """The number of cuts so far; a call carries the epoch that it was sent in."""
        return self.cuts

    def succeeded(self, epoch: int, *, full: bool) -> None:
        """A call was answered. A round of as many such calls as the limit allows raises it.

        `full`: the call took the last free place. Only those count, or a run that needs few
        places would raise a limit that it never tried.
        """
        if epoch != self.epoch:
            return
        self._answered = True
        if not full:
            return
        self._successes += 1
        if self._successes < self._limit:
            return
        step = max(1, self._limit // 20) if self.cuts else self._limit
        self._limit = min(self._most, self._limit + step)
        self._successes = 0

    def throttled(self, epoch: int) -> None:
        """The provider turned a call away. Cuts only for a call of the current epoch, of which one
        was answered: those under way at a cut tell nothing about the limit that it left."""
        if epoch != self.epoch or not self._answered:
            return
        self._answered = False
        self.cuts += 1
        self._limit = max(1, self._limit * 4 // 5)
        self._successes = 0


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to have one call in flight."""

    role: Role
    holder: str
    epoch: int
    """Of the limit, when the call was let in."""
    full: bool
    """Whether it took the last free place."""


class FairGate:
    """Lets calls through as the limit allows.

    Roles take turns, and within a role its holders (rollouts, sessions) take turns, so that one
    flood delays nobody else by more than one turn. For one event loop; nothing is locked.
    """

    def __init__(self, limit: AdaptiveLimit) -> None:
        self._limit = limit
        self._in_flight = 0
        self._roles: OrderedDict[Role, Turns[Permit]] = OrderedDict(
            (role, Turns()) for role in Role
        )
        """The role served longest ago first."""

    @property
    def in_flight(self) -> int:
        """Calls that were let in and have not left; above the limit for a while after a cut."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """Calls that have not been let in yet."""
        return sum(map(len, self._roles.values()))

    async def enter(self, role: Role, holder: str) -> Permit:
        """Wait for a place. Cancelled while waiting, the call takes none."""
        if self._in_flight < self._limit.limit and not self.waiting:
            return self._admit(role, holder)
        turns = self._roles[role]
        waiter = turns.add(holder)
        self._let_in()
        return await turns.wait(waiter, self._withdrawn)

    def leave(self, permit: Permit, result: Result) -> None:
        """Free the place, tell the limit how the call went, and let the next in. Once a permit."""
        self._in_flight -= 1
        if result == "answered":
            self._limit.succeeded(permit.epoch, full=permit.full)
        elif result == "throttled":
            self._limit.throttled(permit.epoch)
        self._let_in()

    def _withdrawn(self, permit: Permit | None) -> None:
        if permit is not None:
            self.leave(permit, "failed")

    def _let_in(self) -> None:
        while self._in_flight < self._limit.limit:
            role = next((role for role, turns in self._roles.items() if turns), None)
            if role is None:
                return
            turns = self._roles[role]
            waiter = next(turns.heads())
            turns.grant(waiter, self._admit(role, waiter.holder))

    def _admit(self, role: Role, holder: str) -> Permit:
        self._roles.move_to_end(role)
        self._in_flight += 1
        return Permit(role, holder, self._limit.epoch, self._in_flight == self._limit.limit)
