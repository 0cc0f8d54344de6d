"""What the holder of one token may do, and what it has used so far."""

import asyncio
import secrets
from dataclasses import dataclass, field

from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Usage


@dataclass(slots=True)
class Grant:
    """The rights and the meter of one rollout."""

    model: str
    noise: str
    """Noise key of the rollout; passed on to a simulated upstream only."""
    transcript: TranscriptWriter
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    usage: Usage = field(default_factory=Usage)
    calls: int = 0
    lost: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the provider's failures held a call up, on the monotonic clock."""
    in_flight: "set[asyncio.Task[object]]" = field(default_factory=set)
    """Calls being answered now; they end with the rollout."""
    provider_failure: str = ""
    """Why the provider failed this rollout; set by the gateway alone, and final."""

    @property
    def seconds_lost(self) -> float:
        """Time that the provider took from the rollout; calls held up together count once."""
        total, covered = 0.0, 0.0
        for start, end in sorted(self.lost):
            total += max(0.0, end - max(start, covered))
            covered = max(covered, end)
        return total

    async def settled(self) -> None:
        """Wait for the calls that are in flight now: what they cost, and whether they failed."""
        if self.in_flight:
            await asyncio.wait(self.in_flight)
