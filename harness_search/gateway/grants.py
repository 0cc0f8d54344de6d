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
    seconds_lost: float = 0.0
    """Time that the provider's failures took from the rollout; not the harness's to answer for."""
    in_flight: "set[asyncio.Task[object]]" = field(default_factory=set)
    """Calls being answered now; they end with the rollout."""
    provider_failure: str = ""
    """Why the provider failed this rollout; set by the gateway alone, and final."""
