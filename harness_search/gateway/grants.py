"""What the holder of one token may do, and what it has used so far."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness_search.gateway.budget import Amount
from harness_search.gateway.failures import Failure
from harness_search.gateway.limits import AccountLimit
from harness_search.gateway.replay import Replies
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Role, Usage

LONGEST_MODEL_NAME = 200


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try of a call that failed at the provider, or on the way to it."""

    failure: Failure
    status: int
    """Of its answer; 0 without one."""


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
    replay_only: bool = False
    """Those are all that there is: a request without one ends the rollout, and nobody is asked."""
    most_requests: int = 1000
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    requests: int = 0
    calls: int = 0
    """Requests that ask for a reply; counting tokens is none."""
    served: set[str] = field(default_factory=set)
    """Models that answered, as the replies name them: an alias may come to mean another one."""
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
    at_provider: dict[int, Amount] = field(default_factory=dict)
    """What calls may cost at most, by their number, that were sent and not answered yet."""
    batches: set[str] = field(default_factory=set)
    """Batches that this grant has made, or goes on with: nobody else may look at them."""
    keeps_batches: bool = False
    """Whether a later grant goes on with those that this one has not read."""
    booked: frozenset[str] = frozenset()
    """Batches of earlier launches that were read and paid for: to read them again costs nothing."""
    limit_reached: str = ""
    """Which limit of its own ended the holder's calls; the harness is told, and nobody is ended."""
    lost_streams: dict[str, str] = field(default_factory=dict)
    """Cause by conversation, of streams that broke half-way and were not asked for again since."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """No further reply will come: the provider failed, or the run stops."""
    failed_try: FailedTry | None = None
    """The last try, if it failed; a reply makes up for it."""
    limit: AccountLimit | None = None
    """What the provider said last of the limit of its subscription, if it has one."""
    heard: float = field(default_factory=time.monotonic)
    """When something last came from the holder or for it, on the monotonic clock."""
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

    def hear(self) -> None:
        """Note that the holder's session is alive."""
        self.heard = time.monotonic()

    def halt(self) -> None:
        self.halted = True
        self.over.set()

    def count(self, usage: Usage, usd: float, *, replayed: bool) -> None:
        """Meter one reply; a replayed one counts as what it once was, and is not paid again."""
        self.usage += usage
        self.cost_usd += usd
        if not replayed:
            self.pay(usage, usd)

    def note_model(self, reply: Mapping[str, Any]) -> None:
        """Remember which model a reply says it is of."""
        if isinstance(name := reply.get("model"), str):
            self.served.add(name[:LONGEST_MODEL_NAME])

    def pay(self, usage: Usage, usd: float) -> None:
        """Book what was spent, whether a reply came of it or not."""
        self.paid += usage
        self.paid_usd += usd

    def cut_off(self) -> None:
        """Book calls that nobody waits for any more: the provider may have charged them."""
        for most in self.at_provider.values():
            self.pay(Usage(input=most.tokens), most.usd)

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
