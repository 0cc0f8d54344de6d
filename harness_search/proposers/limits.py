"""When a session goes on whose account has come to a limit."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from harness_search.gateway.limits import AccountLimit
from harness_search.proposers.session import Waiting

WEEK = timedelta(days=7)
SOONEST = timedelta(minutes=1)
"""A limit that should be over, and is not, is not asked about in a loop."""
MARGIN = timedelta(seconds=30)
"""The provider's clock and ours differ a little."""
LIMITS: Mapping[str, tuple[str, timedelta]] = MappingProxyType(
    {
        "five_hour": ("the five-hour limit", timedelta(hours=5)),
        "seven_day": ("the weekly limit", WEEK),
        "seven_day_opus": ("the weekly limit of the largest model", WEEK),
    }
)
"""Limits of a subscription by the provider's name: in words, and how long one lasts at most."""


def waiting_for(limit: AccountLimit, profile: str, now: datetime) -> Waiting:
    """Wait for a limit that is reached to end, but not for longer than such a limit lasts."""
    assert limit.resets_at is not None
    words, longest = LIMITS.get(limit.claim, ("a limit", WEEK))
    until = min(max(limit.resets_at, now + SOONEST), now + longest) + MARGIN
    return Waiting(until, f"{words} of the profile {profile!r} is reached")
