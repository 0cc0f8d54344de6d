"""What follows from how one run of a session ended. No clock, no I/O.

What stops a search, or makes it wait, is known from the gateway alone. What the session's own
messages say may be forged by any of its commands: it tells at most whether a run is worth
repeating.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from harness_search.gateway.failures import Failure
from harness_search.gateway.grants import FailedTry
from harness_search.gateway.limits import AccountLimit
from harness_search.proposers.boxed import Why
from harness_search.proposers.claude.messages import Said
from harness_search.proposers.limits import waiting_for
from harness_search.proposers.session import NothingLeft, Proposed, Stopped, Waiting

LONGEST_TEXT = 200
"""Characters of what a command line says that are repeated."""
ADVICE: Mapping[int, str] = MappingProxyType(
    {
        400: "look at its credit, and at the profile's sampling",
        401: "its key was refused or its login has expired: set a new key, or log in again with "
        "`claude setup-token`",
        402: "its credit is spent: add some, or name another profile",
        403: "it may not use this model or endpoint: look at its rights, or log in again with "
        "`claude setup-token`",
        404: "the model or the address is not known there: correct the profile",
    }
)
"""What a person does about a refusal, by its status."""


class Ended(StrEnum):
    """How a session ended, by its own word."""

    DONE = "came to its end"
    MAX_TURNS = "used up its turns"
    CRASHED = "its command line was killed or crashed"
    UNREADABLE = "its command line wrote a message too large to read"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the scaffold finds in the view."""

    problem: str = ""
    """What is wrong with claim or candidate, for the session to read; empty for sound ones."""
    nothing_left: str = ""
    """Why the session says that there is nothing to propose; empty where it does not say so."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that an outcome depends on."""

    now: datetime
    delivery: Delivery
    why: Why = "ended"
    """How its box ended."""
    reason: str = ""
    said: Said = Said()  # noqa: RUF009 - frozen
    profile: str = "claude"
    calls: int = 1
    """Calls to the model that the gateway saw."""
    limit: AccountLimit | None = None
    failed_try: FailedTry | None = None
    """The last try of the last call, if it failed and nothing was answered since."""
    stopped: str = ""
    """Why the gateway sends nothing more."""
    limit_reached: str = ""
    """Which limit of its own the session has come to."""
    resumed: bool = False
    corrected: bool = False
    """Whether it was told before what is wrong with its claim."""


@dataclass(frozen=True, slots=True)
class Again:
    """Lost to what may pass: another run is worth trying."""

    reason: str
    fresh: bool = False
    """With a new conversation: this one cannot go on."""


@dataclass(frozen=True, slots=True)
class Correct:
    """One more turn of the same conversation, which says what is wrong."""

    problem: str


Verdict = Proposed | NothingLeft | Waiting | Stopped | Again | Correct


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    case: str
    applies: Callable[[Facts], bool]
    verdict: Callable[[Facts], Verdict]


def verdict_on(facts: Facts) -> Verdict:
    """What follows: the first rule that applies says it, and the last one always does."""
    return rule_of(facts).verdict(facts)


def rule_of(facts: Facts) -> Rule:
    return next(rule for rule in RULES if rule.applies(facts))


# What the rules look at.


def _failed(*failures: Failure) -> Callable[[Facts], bool]:
    return lambda facts: facts.failed_try is not None and facts.failed_try.failure in failures


def _at_limit(facts: Facts) -> bool:
    limit = facts.limit
    failed = _failed(Failure.THROTTLED, Failure.OVERLOADED)
    return limit is not None and limit.reached and failed(facts)


def _said(*ends: Ended) -> Callable[[Facts], bool]:
    return lambda facts: facts.why == "ended" and ended_by_its_word(facts.said) in ends


# What they conclude.


def _waiting(facts: Facts) -> Waiting:
    assert facts.limit is not None
    return waiting_for(facts.limit, facts.profile, facts.now)


def _run_stops(facts: Facts) -> Stopped:
    return _refused(facts) if _failed(Failure.REFUSED, Failure.REJECTED)(facts) else _told(facts)


def _told(facts: Facts) -> Stopped:
    return Stopped(facts.stopped)


def _refused(facts: Facts) -> Stopped:
    status = facts.failed_try.status if facts.failed_try else 0
    advice = ADVICE.get(status, "look at its key, credit, address and model")
    return Stopped(f"the profile {facts.profile!r} was refused (status {status}): {advice}")


def _again(facts: Facts, reason: str, *, fresh: bool = False) -> Again:
    """A conversation that never came to its first call is not there to go on with."""
    return Again(reason, fresh or not (facts.calls or facts.resumed))


def _transient(facts: Facts) -> Again:
    tried = facts.failed_try
    assert tried is not None
    status = f" (status {tried.status})" if tried.status else ""
    return _again(facts, f"the provider failed: {tried.failure.value}{status}")


def _rejected(facts: Facts) -> Again:
    status = facts.failed_try.status if facts.failed_try else 0
    reason = f"the provider rejects the session's next request (status {status})"
    return _again(facts, reason, fresh=True)


def _of_the_box(facts: Facts) -> Again:
    return _again(facts, facts.reason or f"the box {facts.why}")


def _silent_start(facts: Facts) -> Again:
    text = _plain(facts.said.text or facts.reason)
    reason = f"it asked the model nothing ({text})" if text else "it asked the model nothing"
    # The command line may have said that it knows no such conversation; the killed say nothing.
    return _again(facts, reason, fresh=bool(facts.said.exception))


def _crashed(facts: Facts) -> Again:
    return _again(facts, ended_by_its_word(facts.said).value)


def _proposed(_: Facts) -> Proposed:
    return Proposed()


RULES: tuple[Rule, ...] = (
    Rule("limit of the subscription reached (429 that names a reset)", _at_limit, _waiting),
    Rule("the gateway sends nothing more", lambda facts: bool(facts.stopped), _run_stops),
    Rule("silent for too long", lambda facts: facts.why == "stopped", _of_the_box),
    Rule("401, 402, 403, 404 on the last call", _failed(Failure.REFUSED), _refused),
    Rule("400, 413, 422 on it", _failed(Failure.REJECTED, Failure.TOO_LARGE), _rejected),
    Rule("any other failure on it", lambda facts: facts.failed_try is not None, _transient),
    Rule("box did not begin", lambda facts: facts.why == "never began", _of_the_box),
    Rule(
        "ended without a call",
        lambda facts: facts.why == "ended" and not facts.calls,
        _silent_start,
    ),
    Rule("command line killed, or unreadable", _said(Ended.CRASHED, Ended.UNREADABLE), _crashed),
    Rule("limit of its box passed", lambda facts: facts.why == "limit", _of_the_box),
    Rule("gateway failed", lambda facts: facts.why == "access", _of_the_box),
    Rule(
        "says that nothing is left",
        lambda facts: bool(facts.delivery.nothing_left),
        lambda facts: NothingLeft(facts.delivery.nothing_left),
    ),
    Rule("claim and candidate are sound", lambda facts: not facts.delivery.problem, _proposed),
    Rule(
        "its time, its calls or its tokens are used up, without a claim",
        lambda facts: facts.why == "time" or bool(facts.limit_reached),
        _proposed,
    ),
    Rule(
        "no sound claim, for the first time",
        lambda facts: not facts.corrected,
        lambda facts: Correct(facts.delivery.problem),
    ),
    Rule("no sound claim, again", lambda _: True, _proposed),
)
"""The one table, in the order in which it is asked. To say Proposed without a claim is how an
iteration ends without one: the scaffold looks for itself."""


# A session's own word.


def ended_by_its_word(said: Said) -> Ended:
    """What a session says of its end; one that says nothing was killed."""
    if said.exception == "CLIJSONDecodeError":
        return Ended.UNREADABLE
    if said.terminal_reason == "max_turns":
        return Ended.MAX_TURNS
    return Ended.DONE if said.finished or said.terminal_reason else Ended.CRASHED


def _plain(text: str) -> str:
    """One line without control characters: it is shown on a terminal."""
    line = " ".join(text.split())
    return "".join(letter for letter in line if letter.isprintable())[:LONGEST_TEXT]
