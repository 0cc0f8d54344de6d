"""What can go wrong between the gateway and a provider, and what follows from it.

A failure is classified by its status and by the boundary where it happened, never by the words of
a message: a harness could send such words, and every provider chooses its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from types import MappingProxyType


class Failure(StrEnum):
    """A category of failure."""

    THROTTLED = "throttled"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server error"
    UNREACHABLE = "unreachable"
    DROPPED = "dropped"
    SILENT = "silent"
    UNREADABLE = "unreadable"
    STREAM_LOST = "stream lost"
    REFUSED = "refused"
    REJECTED = "rejected"
    TOO_LARGE = "too large"


class Blame(StrEnum):
    """Whose failure it is when it lasts."""

    PROVIDER = "the provider's"
    HARNESS = "the harness's"
    TOLD = "told by a request of our own"
    """Refused as well: nobody's, the run stops, for a person has to look at key, credit or model.
    Unanswered: the provider's. Answered, while this one fails on every try: the harness's."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What follows from one category of failure."""

    recognised_by: str
    blame: Blame
    retry: bool = False
    """Sent again by the gateway, within the profile's patience."""
    cuts: bool = False
    """Cuts the number of calls in flight."""
    passed_on: bool = False
    """The API's word on the request itself, which goes to the harness as it is."""


POLICIES: Mapping[Failure, Policy] = MappingProxyType(
    {
        Failure.THROTTLED: Policy("429", Blame.PROVIDER, retry=True, cuts=True),
        Failure.OVERLOADED: Policy("503, 529", Blame.TOLD, retry=True, cuts=True),
        Failure.SERVER_ERROR: Policy("408, 409, 425, any other 5xx", Blame.TOLD, retry=True),
        Failure.UNREACHABLE: Policy(
            "connection refused, name or TLS failure, connect timeout", Blame.TOLD, retry=True
        ),
        Failure.DROPPED: Policy(
            "connection reset or closed before the whole answer, or before a stream's first event",
            Blame.TOLD,
            retry=True,
        ),
        Failure.SILENT: Policy(
            "no byte within the profile's limits, before a stream's first event",
            Blame.TOLD,
            retry=True,
        ),
        Failure.UNREADABLE: Policy(
            "status 200 that is no message with its usage", Blame.TOLD, retry=True
        ),
        Failure.STREAM_LOST: Policy(
            "after a stream's first event: reset, end without message_stop, silence, error event",
            Blame.PROVIDER,
        ),
        Failure.REFUSED: Policy("401, 402, 403, 404, any status not named here", Blame.TOLD),
        Failure.REJECTED: Policy("400, 422", Blame.TOLD, passed_on=True),
        Failure.TOO_LARGE: Policy("413", Blame.HARNESS, passed_on=True),
    }
)
"""The one table; docs/reliability.md prints it."""

_BY_STATUS = {
    400: Failure.REJECTED,
    408: Failure.SERVER_ERROR,
    409: Failure.SERVER_ERROR,
    413: Failure.TOO_LARGE,
    422: Failure.REJECTED,
    425: Failure.SERVER_ERROR,
    429: Failure.THROTTLED,
    503: Failure.OVERLOADED,
    529: Failure.OVERLOADED,
}


def failure_of(status: int) -> Failure:
    """The category of an answer's status, which is not 200."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Failure.SERVER_ERROR if status >= 500 else Failure.REFUSED


def seconds_to_wait(headers: Mapping[str, str], now: datetime | None = None) -> float:
    """What `retry-after-ms` or `retry-after` (seconds or a date) asks for; 0 without either."""
    milliseconds, seconds = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    try:
        return max(0.0, float(milliseconds) / 1000 if milliseconds else float(seconds))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(seconds)
    except (ValueError, OverflowError):  # no date, or one in a year that there is not
        return 0.0
    moment = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
