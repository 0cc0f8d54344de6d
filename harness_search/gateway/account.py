"""An account at a provider: its key, its price, what it may spend, and how it stands."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.stop import stop_base
from tenacity.wait import wait_base, wait_random_exponential

from harness_search.errors import LimitReachedError
from harness_search.gateway.budget import Amount, Budget, Reservation, Shortage
from harness_search.gateway.concurrency import AdaptiveLimit, FairGate, Permit
from harness_search.gateway.failures import POLICIES, Failure
from harness_search.gateway.prices import Price, cost_of, usage_of, worst_case
from harness_search.gateway.upstream import (
    Answer,
    CallFailedError,
    Outgoing,
    Stream,
    Upstream,
    message_of,
)
from harness_search.ledger.rows import Role, Usage

Spend = Callable[[Role, Usage, float], None]
Sent = TypeVar("Sent")
MESSAGES = "/v1/messages"
LONGEST_OWN = 900.0
"""Seconds for an answer of one token, in whatever small pieces it comes."""
SHORTEST_REST, LONGEST_REST = 60.0, 24 * 3600.0
"""Seconds. A shorter wait is not worth an interruption; after a longer one we ask again, whatever
the provider says."""
LARGEST_CONTEXT = 1_000_000
"""Tokens that a model is taken to hold where its profile does not say."""


class RunStopsError(Exception):
    """No call is sent any more: the run stops, for a reason that a person has to look at."""


class Standing(StrEnum):
    """What became of a request of our own."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    LIMITED = "limited"
    """Not before a time that the provider has named, too far away to wait for in a call."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model costs, and how patiently its provider is asked."""

    model: str
    price: Price = field(default_factory=Price)
    context_tokens: int | None = None
    patience_seconds: float = 900.0
    """How long one call is tried again through failures that may pass, after its first."""
    fewest_tries: int = 3
    """Made even if the waits for a place have used the patience up."""
    longest_retry_after: float = 120.0
    """Cap, in seconds, of the wait that a provider asks for."""
    sampling: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    """Parameters that the endpoint is said to take; our own requests find out."""
    longest_backoff: float = 60.0


@dataclass(slots=True)
class Place:
    """A call's place among those in flight."""

    permit: Permit
    result: Literal["answered", "throttled", "failed"] = "failed"


class Account:
    """One key at one endpoint, shared by rollouts, judge and proposer."""

    def __init__(
        self,
        upstream: Upstream,
        terms: Terms,
        *,
        limit: AdaptiveLimit | None = None,
        budget: Budget | None = None,
        spend: Spend | None = None,
    ) -> None:
        self.upstream, self.terms = upstream, terms
        self.limit = limit or AdaptiveLimit()
        self.budget = budget or Budget()
        self.stopped = ""
        """Why no call is sent any more; empty while calls are sent."""
        self.until: datetime | None = None
        """When calls may be sent again, where the provider has named a time; with `stopped`."""
        self.failures = 0
        """Tries that failed, of all calls."""
        self._gate = FairGate(self.limit)
        self._spend = spend or _untold
        self._stop = asyncio.Event()
        self._settled = asyncio.Event()
        self._asking = asyncio.Lock()
        self._asked_at, self._standing = float("-inf"), Standing.ANSWERED

    # Stopping.

    def stop(self, reason: str) -> None:
        """Send nothing more; calls in flight are heard out."""
        if self.until is not None:  # what a person has to look at counts for more
            self.stopped, self.until = "", None
        self.stopped = self.stopped or reason
        self._stop.set()
        self._settled.set()

    def rest(self, reason: str, seconds: float) -> None:
        """The same for so many seconds, which the provider has named, or for LONGEST_REST."""
        if not self.stopped:
            wait = timedelta(seconds=min(max(seconds, 1.0), LONGEST_REST))
            self.stop(reason)
            self.until = datetime.now(UTC) + wait

    def go_on(self) -> None:
        """Send calls again after a rest."""
        if self.until is not None:
            self.stopped, self.until = "", None
            self._stop.clear()

    def limit_reached(self, who: str) -> LimitReachedError | None:
        """The limit for which the account, called so for people, rests; None when it does not."""
        if self.until is None:
            return None
        return LimitReachedError(who, self.until, self.stopped, self.go_on)

    def is_far(self, error: BaseException) -> bool:
        """Whether the provider has named a time that is too far away to wait for in a call."""
        longest = max(self.terms.patience_seconds, SHORTEST_REST)
        return isinstance(error, CallFailedError) and error.seconds_to_reset > longest

    def require_running(self) -> None:
        """Raise RunStopsError once the run stops."""
        if self.stopped:
            raise RunStopsError(self.stopped)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    # Money.

    async def reserve(
        self, role: Role, candidate: str, holder: str, size: int, max_tokens: int, calls: int = 1
    ) -> Reservation | Shortage:
        """Set aside what a call may cost at most; waits while calls in flight may give back enough.

        Without it the search's budget is spent: that stops the run. Raises RunStopsError. No call
        needs more than a full context of input and as much of output: whatever a harness asks
        for, it does not stop the run while there is money for that.
        """
        terms = self.terms
        most = calls * (terms.context_tokens or LARGEST_CONTEXT)
        amount = worst_case(size, min(max_tokens, most), terms.price, most)
        while True:
            self.require_running()
            found = self.budget.reserve(amount, role, candidate=candidate, holder=holder)
            if isinstance(found, Reservation):
                return found
            if not found.passing:
                if found.scope == "search":
                    self.stop(found.reason)
                    continue
                return found
            self._settled.clear()
            await self._settled.wait()

    def settle(self, reservation: Reservation, usage: Usage, usd: float) -> None:
        """Give a reservation back and book what was spent."""
        self.budget.settle(reservation, Amount(usd, usage.total))
        self._settled.set()

    # Sending.

    @asynccontextmanager
    async def place(self, role: Role, holder: str) -> AsyncIterator[Place]:
        """Wait for a place among the calls in flight; raises RunStopsError."""
        permit = await self._gate.enter(role, holder)
        place = Place(permit)
        try:
            self.require_running()
            yield place
        except CallFailedError as error:
            self.failures += 1
            place.result = "throttled" if POLICIES[error.failure].cuts else "failed"
            raise
        finally:
            self._gate.leave(permit, place.result)

    async def patiently(
        self,
        send: Callable[[], Awaitable[Sent]],
        stop: stop_base | None = None,
        again: Callable[[BaseException], bool] | None = None,
        failed: CallFailedError | None = None,
    ) -> Sent:
        """What `send` gives; tried again through failures that may pass, as the terms say, or
        through those that `again` names. `failed` is what became of a first try made before."""
        if failed is None:
            try:
                return await send()
            except CallFailedError as error:
                failed = error
        return await self._again(send, stop or _Patience(self.terms), again or may_pass, failed)

    async def _again(
        self,
        send: Callable[[], Awaitable[Sent]],
        stop: stop_base,
        again: Callable[[BaseException], bool],
        failed: CallFailedError,
    ) -> Sent:
        tries = AsyncRetrying(
            retry=retry_if_exception(again),
            stop=stop,
            wait=_Backoff(self.terms),
            sleep=self._sleep,
            reraise=True,
        )
        async for attempt in tries:
            with attempt:
                # The first try is made without this machinery: it costs more than most calls need,
                # and leaves cycles behind for the garbage collector.
                if attempt.retry_state.attempt_number == 1:
                    raise failed
                return await send()
        raise AssertionError("unreachable: the last try returns or raises")

    async def standing(self) -> Standing:
        """Whether the provider answers a sound request of one token now; a refusal stops the run.

        Those who ask while another's request is under way wait for one that was sent after they
        asked.
        """
        asked = time.monotonic()
        async with self._asking:
            if self._asked_at < asked:
                self._asked_at = time.monotonic()
                self._standing = await self._ask()
            return self._standing

    async def _ask(self) -> Standing:
        messages = [{"role": "user", "content": "ping"}]
        request = {"model": self.terms.model, "max_tokens": 1, "messages": messages}
        request |= self.terms.sampling
        try:
            reply = await self.patiently(
                lambda: self._send_own(json.dumps(request).encode()),
                _Doubt(self.terms),
                lambda error: may_pass(error) and not self.is_far(error),
            )
        except CallFailedError as error:
            if self.is_far(error):
                reason = f"a limit of its account is reached ({error.cause})"
                self.rest(reason, error.seconds_to_reset)
                return Standing.LIMITED
            if may_pass(error):
                return Standing.UNANSWERED
            self.stop(
                f"the provider refuses every call ({error.cause}): look at the profile's key, "
                "credit, address, model name and sampling"
            )
            return Standing.REFUSED
        self._book_own(reply)
        return Standing.ANSWERED

    async def _send_own(self, body: bytes) -> dict[str, Any]:
        async with self.place(Role.GATEWAY, "") as place:
            answer = await self._sent_in_time(Outgoing(MESSAGES, body))
            if not isinstance(answer, Answer):
                raise CallFailedError(Failure.UNREADABLE, "a stream that nobody asked for")
            reply = message_of(answer)
            place.result = "answered"
            return reply

    async def _sent_in_time(self, request: Outgoing) -> Answer | Stream:
        try:
            async with asyncio.timeout(LONGEST_OWN):
                return await self.upstream.send(request)
        except TimeoutError as error:
            raise CallFailedError(Failure.SILENT, "no answer in time") from error

    def _book_own(self, reply: dict[str, Any]) -> None:
        usage, usd = usage_of(reply), cost_of(reply["usage"], self.terms.price)
        self.budget.book(Amount(usd, usage.total), Role.GATEWAY)
        self._spend(Role.GATEWAY, usage, usd)

    # Looking.

    def state(self) -> dict[str, object]:
        """Live figures, for the mirror that `status` reads."""
        return {
            "reserved_usd": self.budget.reserved.usd,
            "reserved_tokens": self.budget.reserved.tokens,
            "spent_usd": self.budget.spent.usd,
            "spent_tokens": self.budget.spent.tokens,
            "in_flight": self._gate.in_flight,
            "waiting": self._gate.waiting,
            "limit": self.limit.limit,
            "throttled": self.limit.cuts,
            "failures": self.failures,
            "stopped": "" if self.until else self.stopped,
        }

    async def close(self) -> None:
        await self.upstream.close()


def _untold(role: Role, usage: Usage, usd: float) -> None:
    """An account without a ledger, in tests and measurements."""


def may_pass(error: BaseException) -> bool:
    """Whether a call that failed so is worth trying again."""
    return isinstance(error, CallFailedError) and POLICIES[error.failure].retry


class _Patience(stop_base):
    """The patience of one call. It begins with the first failure: a long wait for a place before it
    is no sign of the provider's."""

    def __init__(self, terms: Terms) -> None:
        self._seconds, self._fewest = terms.patience_seconds, terms.fewest_tries
        self._first_failure: float | None = None

    def __call__(self, retry_state: RetryCallState) -> bool:
        now = retry_state.outcome_timestamp or 0.0
        if self._first_failure is None:
            self._first_failure = now
        used_up = now - self._first_failure >= self._seconds
        return used_up and retry_state.attempt_number >= self._fewest


class _Doubt(_Patience):
    """Three tries tell whether a provider answers. One that throttles us is there: it is asked on,
    or a harness could make its own failure look like an outage by a flood of calls."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        patient = super().__call__(retry_state)
        if isinstance(error, CallFailedError) and error.failure is Failure.THROTTLED:
            return patient
        return retry_state.attempt_number >= 3


class _Backoff(wait_base):
    """Random exponential waits, or what the provider asked for, up to a cap."""

    def __init__(self, terms: Terms) -> None:
        self._cap = terms.longest_retry_after
        self._random = wait_random_exponential(multiplier=0.5, max=terms.longest_backoff)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.wait if isinstance(error, CallFailedError) else 0.0
        return max(self._random(retry_state), min(asked, self._cap))
