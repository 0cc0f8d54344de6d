"""What a provider says of the limit of a subscription, which ends by itself at a known time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from harness_search.gateway.failures import seconds_to_wait

PREFIX = "anthropic-ratelimit-unified-"
BUCKETS = ("requests", "tokens", "input-tokens", "output-tokens")
"""Of a rate limit; each has its `-remaining` and its `-reset`."""
LONGEST_CLAIM = 40
"""Characters of a limit's name that are kept."""


@dataclass(frozen=True, slots=True)
class AccountLimit:
    """The headers `anthropic-ratelimit-unified-status`, `-representative-claim` and `-reset`."""

    status: str
    """`allowed`, `allowed_warning` or `rejected`."""
    claim: str
    """Which limit it is about: `five_hour`, `seven_day`, `seven_day_opus`; empty if unnamed."""
    resets_at: datetime | None
    """In UTC; None where the provider names no time."""

    @property
    def reached(self) -> bool:
        """Whether nothing is answered before `resets_at`. A provider that throttles for a moment
        rejects as well, and names no time."""
        return self.status == "rejected" and self.resets_at is not None


def limit_of(headers: Mapping[str, str]) -> AccountLimit | None:
    """The limit that an answer's headers (lower case) tell of; None when they tell of none."""
    status = headers.get(f"{PREFIX}status", "")
    if not status:
        return None
    claim = headers.get(f"{PREFIX}representative-claim", "")[:LONGEST_CLAIM]
    return AccountLimit(status, claim, _moment(headers.get(f"{PREFIX}reset", "")))


def seconds_to_reset(headers: Mapping[str, str], now: datetime | None = None) -> float:
    """How long an answer's headers (lower case) say that nothing more will be answered; 0 where
    they name no time. Whatever a provider sends, it is a number of seconds; it may be infinite."""
    now = now or datetime.now(UTC)
    limit = limit_of(headers)
    moments = [limit.resets_at if limit is not None and limit.reached else None]
    moments += [
        _clock(headers.get(f"anthropic-ratelimit-{bucket}-reset", ""))
        for bucket in BUCKETS
        if headers.get(f"anthropic-ratelimit-{bucket}-remaining", "") == "0"
    ]
    waits = [(moment - now).total_seconds() for moment in moments if moment is not None]
    return max(0.0, seconds_to_wait(headers, now), *waits)


def _clock(text: str) -> datetime | None:
    """A moment as RFC 3339 writes it; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(epoch: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(epoch), UTC)
    except (ValueError, OverflowError, OSError):  # no number, or no time that there is
        return None
