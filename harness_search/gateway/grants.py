"""What the holder of one token may do, and what it has used so far."""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from harness_search.gateway.replay import Replies
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Role, Usage


@dataclass(slots=True)
class Grant:
    """The rights and the meter of one rollout, or of one session of judge or proposer."""

    model: str
    transcript: TranscriptWriter
    role: Role = Role.ROLLOUT
    noise: str = ""
    """Noise key of the rollout; passed on to a simulated upstream only."""
    candidate: str = ""
    """Digest of the harness, whose token budget the calls count against."""
    replies: Replies = field(default_factory=Replies)
    """Paid replies of earlier attempts, which are not paid again."""
    most_requests: int = 1000
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    requests: int = 0
    calls: int = 0
    """Requests that ask for a reply; counting tokens is none."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    paid: Usage = field(default_factory=Usage)
    """Without replayed replies."""
    paid_usd: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    """How often a request, by its digest, was answered or is being answered."""
    lost: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the provider held a call up, on the monotonic clock."""
    answering: "set[asyncio.Task[Any]]" = field(default_factory=set)
    """Requests that have begun and are not answered yet; they end with the rollout."""
    in_flight: "set[asyncio.Task[Any]]" = field(default_factory=set)
    """Those of them that have come whole. Only they are heard out: a request that never comes
    whole would keep its rollout alive."""
    batches: set[str] = field(default_factory=set)
    """Batches that this grant has made: nobody else may look at them."""
    limit_reached: str = ""
    """Which limit of its own ended the holder's calls; the harness is told, and nobody is ended."""
    lost_streams: dict[str, str] = field(default_factory=dict)
    """Cause by conversation, of streams that broke half-way and were not asked for again since."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """No further reply will come: the provider failed, or the run stops."""
    halted: bool = False
    """The run stops. The attempt is neither scored nor lost: it goes on with the next launch."""
    _failure: str = ""

    @property
    def failure(self) -> str:
        """Boundary and cause of an infrastructure failure, which the gateway alone declares."""
        return self._failure or next(iter(self.lost_streams.values()), "")

    def fail(self, boundary: str, cause: str) -> None:
        """Attribute this rollout's end to the infrastructure; the first cause stays."""
        self._failure = self._failure or f"{boundary}: {cause}"
        self.over.set()

    def halt(self) -> None:
        self.halted = True
        self.over.set()

    def count(self, usage: Usage, usd: float, *, replayed: bool) -> None:
        """Meter one reply; a replayed one counts as what it once was, and is not paid again."""
        self.usage += usage
        self.cost_usd += usd
        if not replayed:
            self.pay(usage, usd)

    def pay(self, usage: Usage, usd: float) -> None:
        """Book what was spent, whether a reply came of it or not."""
        self.paid += usage
        self.paid_usd += usd

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
