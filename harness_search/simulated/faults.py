"""Failures of a provider, each produced on demand.

A fault is a value: it says what goes wrong, and `delivery` makes it happen on the wire.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness_search.simulated.chance import uniform
from harness_search.simulated.received import Received


@dataclass(frozen=True, slots=True)
class Status:
    """An error status, with an error in the API's shape or with any other body."""

    status: int
    kind: str = "api_error"
    message: str = "Internal server error"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Sent in place of the API's error, as HTML unless the headers say otherwise."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is closed without an answer."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset without an answer."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer ever comes, and the connection stays open."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Status 200 with a body that is no message."""

    body: str = "<html><body>Welcome to the hotel's network</body></html>"
    content_type: str = "text/html"


@dataclass(frozen=True, slots=True)
class BreakStream:
    """The connection ends after so many events, before the end of the body was sent.

    A body that is no stream breaks in its middle, after its full length was announced.
    """

    after_events: int
    reset: bool = False
    """By a reset; otherwise it is closed like any other."""


@dataclass(frozen=True, slots=True)
class StallStream:
    """Silence after so many events, on a connection that stays open.

    A body that is no stream stalls in its middle.
    """

    after_events: int


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """An error event after so many events, and then the proper end of the body.

    Where no stream was asked for it is an answer with status 529.
    """

    after_events: int
    kind: str = "overloaded_error"
    message: str = "Overloaded"


InsteadOfAnswer = Status | Drop | Reset | Hang | Garbage
"""Faults of requests that are not looked at."""
DuringAnswer = BreakStream | StallStream | ErrorEvent
"""Faults on the way of an answer that was made."""
Fault = InsteadOfAnswer | DuringAnswer

FaultPlan = Callable[[Received], Fault | None]
"""Which fault meets a request, if any."""


def no_fault(received: Received) -> Fault | None:  # noqa: ARG001 - the shape of a FaultPlan
    """All goes well."""
    return None


@dataclass(frozen=True, slots=True)
class RandomFaults:
    """A share of all requests fails, each in one of several ways.

    Which ones depends on the seed and the request's number alone.
    """

    share: float
    """From 0, none, to 1, all."""
    seed: int
    faults: Sequence[Fault]

    def __call__(self, received: Received) -> Fault | None:
        key = (str(self.seed), str(received.number))
        if uniform("fails", *key) >= self.share:
            return None
        return self.faults[int(uniform("how", *key) * len(self.faults))]
