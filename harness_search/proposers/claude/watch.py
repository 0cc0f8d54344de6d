"""Tells when a session has fallen silent: a stream that hangs, a command that never ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harness_search.gateway.grants import Grant
from harness_search.profiles import Profile

LONGEST_BACKOFF = 60.0  # seconds; the gateway's own wait where the provider asks for none
MARGIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Patience:
    """How long nothing may be heard of a session, in seconds."""

    in_call: float = 300.0
    """While the gateway answers it: more than the gateway itself waits for an answer to begin or go
    on, and then for its next try. The profile says how long that is: see `on`."""
    idle: float = 1800.0
    """Between two calls: more than the longest command that it may run."""

    @classmethod
    def on(cls, profile: Profile) -> "Patience":
        """With sessions on a profile: what is cut off sooner than the gateway gives up is booked in
        full, and lost to a provider that was only slow."""
        silent = max(profile.first_byte_seconds, profile.stall_seconds)
        pause = max(profile.longest_retry_after, LONGEST_BACKOFF)
        return cls(in_call=max(cls().in_call, silent + pause + MARGIN))

    def left(self, grant: Grant, now: float) -> float:
        """Seconds until its silence is too long; `now` is on the monotonic clock."""
        longest = self.in_call if grant.answering else self.idle
        return grant.heard + longest - now


USUAL = Patience()


async def silence_of(
    grant: Grant,
    patience: Patience = USUAL,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """Wait until a session has been silent for too long; returns what to say of it."""
    while (left := patience.left(grant, clock())) > 0:
        # A call may begin in the meantime, and its silence counts sooner.
        await sleep(min(left, patience.in_call))
    if grant.answering:
        return f"no byte of an answer for {patience.in_call:g} s"
    return f"no call for {patience.idle:g} s"
