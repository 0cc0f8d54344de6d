"""One call from its first try to its last word: send, relay, meter, record, and attribute."""

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from tenacity import stop_after_attempt

from harness_search.gateway.account import (
    LONGEST_REST,
    Account,
    Place,
    RunStopsError,
    Standing,
    may_pass,
)
from harness_search.gateway.answers import api_error
from harness_search.gateway.budget import Amount, Reservation
from harness_search.gateway.events import Assembler
from harness_search.gateway.failures import POLICIES, Blame, Failure
from harness_search.gateway.grants import FailedTry, Grant
from harness_search.gateway.limits import AccountLimit, limit_of
from harness_search.gateway.outlet import Outlet
from harness_search.gateway.prices import cost_of, usage_of
from harness_search.gateway.upstream import (
    Answer,
    CallFailedError,
    Outgoing,
    Stream,
    kept_of,
    message_of,
    object_of,
    require_success,
)
from harness_search.ledger.rows import Role, Usage

SURE_AFTER = 10
"""Tries of one request, over all attempts of its rollout, that must fail while requests of our own
are answered, before that is held against its sender. A provider that fails a third of all calls at
random would fail one request so often once in 60,000 times."""
NO_CALL = 0
"""Number of a request that asks for no reply, counts nothing and is not recorded."""
FAILURE_OF_EVENT = {
    "overloaded_error": Failure.OVERLOADED,
    "rate_limit_error": Failure.THROTTLED,
}


@dataclass(frozen=True, slots=True)
class _Relayed:
    """A stream that has come to its end, and is still to be read by the client."""

    outlet: Outlet
    clean: bool


@dataclass(slots=True)
class Exchange:
    """One call of a grant. `answer` is to be awaited once."""

    account: Account
    grant: Grant
    number: int
    """Of the call within the grant, from 1; or NO_CALL."""
    outgoing: Outgoing
    reservation: Reservation
    started: float
    """When the request was complete, on the monotonic clock."""
    streaming: bool = False
    """Whether a stream was asked for."""
    digest: str = ""
    """SHA-256 (hex) of the request's bytes; empty for NO_CALL."""
    _sent: float = 0.0
    _tries: int = 0
    _counted: bool = False
    _spent: Usage = field(default_factory=Usage)
    _spent_usd: float = 0.0

    async def answer(self, client: web.Request) -> web.StreamResponse:
        """Answer the client, whatever becomes of the call."""
        try:
            answered = await self._ask(client)
        except RunStopsError:
            self.grant.halt()
            self._note_failure("the run stops")
            return api_error(529, "the run stops")
        finally:
            self.account.settle(self.reservation, self._spent, self._spent_usd)
            if not self._counted:
                self.grant.asked[self.digest] -= 1
        if isinstance(answered, web.Response):
            return answered
        # Only now: a client that does not read would hold a place that others wait for.
        await answered.outlet.finish(clean=answered.clean)
        return answered.outlet.response

    async def _ask(self, client: web.Request) -> "web.Response | _Relayed":
        try:
            return await self._patiently(client)
        except CallFailedError as error:
            return await self._conclude(error, client)
        finally:
            self.grant.lost.append((self.started, self._sent))

    async def _patiently(self, client: web.Request) -> "web.Response | _Relayed":
        """Try within the account's patience. A limit that ends later, and that a request of our
        own meets as well, ends the rollout without an outcome; raises RunStopsError then."""
        try:
            return await self.account.patiently(lambda: self._try(client), again=self._is_to_wait)
        except CallFailedError as error:
            if self._is_limit(error) or not self.account.is_far(error):
                raise
            failed = error
        if await self.account.standing() is Standing.LIMITED:
            raise RunStopsError
        return await self.account.patiently(lambda: self._try(client), failed=failed)

    async def _try(self, client: web.Request) -> "web.Response | _Relayed":
        async with self.account.place(self.grant.role, self.grant.token) as place:
            self._sent = time.monotonic()
            self._tries += 1
            self.grant.hear()
            self.grant.at_provider[self.number] = self.reservation.amount
            try:
                found = await self.account.upstream.send(self.outgoing)
                self.grant.limit = limit_of(found.headers) or self.grant.limit
                if isinstance(found, Answer):
                    return self._answered(found, place)
                if not self.streaming:
                    found.close()
                    raise CallFailedError(Failure.UNREADABLE, "a stream that nobody asked for")
                return await self._relay(found, client, place)
            except CallFailedError as error:
                self._sent = time.monotonic()
                self._note_try(error.failure, error.answer)
                raise
            except asyncio.CancelledError:  # cut off: its grant has booked the same
                self._spend_at_most()
                raise
            finally:
                self.grant.at_provider.pop(self.number, None)

    def _note_try(self, failure: Failure, answer: Answer | None = None) -> None:
        if self.number != NO_CALL:
            self.grant.failed_try = FailedTry(failure, answer.status if answer else 0)

    # A whole answer.

    def _answered(self, answer: Answer, place: Place) -> web.Response:
        if self.number == NO_CALL:
            require_success(answer)
            place.result = "answered"
            return web.Response(status=200, body=answer.body, headers=answer.headers)
        reply = message_of(answer)
        place.result = "answered"
        self._count(reply)
        return web.Response(status=200, body=answer.body, headers=answer.headers)

    def _count(self, reply: dict[str, Any]) -> None:
        self._counted = True
        self.grant.failed_try = None
        usage, usd = self._book(reply)
        self.grant.count(usage, usd, replayed=False)
        self.grant.note_model(reply)
        self.grant.transcript.reply(self.number, 200, reply, cost_usd=usd)
        if self.grant.lost_streams:
            self.grant.lost_streams.pop(conversation_digest(self.outgoing.body), None)

    def _book(self, reply: dict[str, Any]) -> tuple[Usage, float]:
        usage, usd = usage_of(reply), cost_of(reply.get("usage") or {}, self.account.terms.price)
        self._spent += usage
        self._spent_usd += usd
        return usage, usd

    def _book_at_most(self) -> None:
        most = self._spend_at_most()
        self.grant.pay(Usage(input=most.tokens), most.usd)

    def _spend_at_most(self) -> Amount:
        most = self.reservation.amount
        self._spent += Usage(input=most.tokens)
        self._spent_usd += most.usd
        return most

    # A stream: tried again until its first event, then passed on as it comes.

    async def _relay(self, stream: Stream, client: web.Request, place: Place) -> "_Relayed":
        outlet = Outlet(client, stream.headers)
        try:
            assembler, cause = await _passed_on(stream, outlet, self.grant)
            return _Relayed(outlet, self._end_stream(assembler, place, cause))
        except BaseException:
            outlet.abort()
            raise
        finally:
            stream.close()

    def _end_stream(self, assembler: Assembler, place: Place, cause: str) -> bool:
        """Meter, record and attribute; returns whether the client may take it for the end."""
        message = kept_of(assembler.message) if assembler.message is not None else None
        if assembler.whole and message is not None and not cause:
            place.result = "answered"
            self._count(message)
            return True
        usd = 0.0
        if message is not None:  # the provider counts what it sent, and so do we
            usage, usd = self._book(message)
            self.grant.pay(usage, usd)
        told = assembler.error is not None and not cause
        cause = "error event in a stream" if told else cause or "stream without its end"
        self.account.failures += 1
        self._note_try(Failure.STREAM_LOST)
        self.grant.lost_streams[conversation_digest(self.outgoing.body)] = f"provider: {cause}"
        self.grant.transcript.failure(self.number, cause, partial=message, cost_usd=usd)
        return told

    # Nothing came of it.

    async def _conclude(
        self, error: CallFailedError, client: web.Request
    ) -> "web.Response | _Relayed":
        """Say whose failure a lasting one is, by what the provider answers to ourselves."""
        if self._is_limit(error):
            return self._limited(error)
        policy = POLICIES[error.failure]
        if policy.blame is Blame.TOLD:
            standing = await self.account.standing()
            self._sent = time.monotonic()
            if standing in {Standing.REFUSED, Standing.LIMITED}:
                raise RunStopsError
            if standing is Standing.UNANSWERED:
                return self._provider_failed(error)
            if not policy.passed_on:
                try:
                    return await self._once_more(error, client)
                except CallFailedError as again:
                    error = again
        policy = POLICIES[error.failure]
        sure = policy.passed_on or self._tries + self._earlier_tries() >= SURE_AFTER
        if policy.blame is Blame.PROVIDER or not sure:
            return self._provider_failed(error)
        return self._refused(error)

    def _is_to_wait(self, error: BaseException) -> bool:
        return may_pass(error) and not self._is_limit(error) and not self.account.is_far(error)

    def _is_limit(self, error: BaseException) -> bool:
        """Whether a session has come to the limit of its account. It is told at once: it can go
        on hours later, while a rollout can only be waited for or lost."""
        if self.grant.role is not Role.PROPOSER or not isinstance(error, CallFailedError):
            return False
        limit = limit_of(error.answer.headers) if error.answer else None
        reached = error.failure is Failure.THROTTLED and limit is not None and limit.reached
        return reached or self.account.is_far(error)

    def _limited(self, error: CallFailedError) -> web.Response:
        answer = error.answer
        assert answer is not None
        self.grant.limit = limit_named_by(error)
        self.grant.over.set()
        self._note_failure(error.cause)
        headers = {**answer.headers, "x-should-retry": "false"}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _once_more(
        self, error: CallFailedError, client: web.Request
    ) -> "web.Response | _Relayed":
        """What is refused at once is tried until its failure is sure; what takes long, once."""
        tries = SURE_AFTER - self._tries if error.failure is Failure.REFUSED else 1
        stop = stop_after_attempt(tries)
        return await self.account.patiently(lambda: self._try(client), stop, _is_failure)

    def _earlier_tries(self) -> int:
        return self.grant.replies.failed_tries(self.digest)

    def _provider_failed(self, error: CallFailedError) -> web.Response:
        self.grant.fail("provider", error.cause)
        self._note_failure(error.cause)
        return api_error(529, "the provider did not answer")

    def _refused(self, error: CallFailedError) -> web.Response:
        """The provider answers others: the failure belongs to the request, and to its sender."""
        answer = error.answer
        body = object_of(answer.body) if answer is not None else None
        if error.failure is Failure.TOO_LARGE and answer is None:  # its usage cannot be read
            self._book_at_most()
        if answer is None or body is None or answer.status < 400:
            self._note_failure(error.cause)
            return api_error(500, f"the provider answers, but not this request ({error.cause})")
        if self.number != NO_CALL:
            self.grant.transcript.reply(self.number, answer.status, body)
        headers = {**answer.headers, "x-should-retry": "false"}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    def _note_failure(self, cause: str) -> None:
        if self.number == NO_CALL:
            return
        paid = {"usage": {"input_tokens": self._spent.input}} if self._spent.total else None
        self.grant.transcript.failure(
            self.number, cause, partial=paid, cost_usd=self._spent_usd, tries=self._tries
        )


def _is_failure(error: BaseException) -> bool:
    return isinstance(error, CallFailedError)


async def _passed_on(stream: Stream, outlet: Outlet, grant: Grant) -> tuple[Assembler, str]:
    """Pass a stream on as it comes; returns what came, and why no more, if it broke.

    Raises CallFailedError for a stream that has no first event, or an error as its first.
    """
    assembler = Assembler()
    try:
        async for chunk in stream.chunks():
            grant.hear()
            assembler.feed(chunk)
            if assembler.started and not outlet.open:
                _require_no_error(assembler)
                outlet.start()
            outlet.put(chunk)
    except CallFailedError as error:
        if not outlet.open:
            raise
        return assembler, error.cause
    if not outlet.open:
        raise CallFailedError(Failure.DROPPED, "a stream without an event")
    return assembler, ""


def _require_no_error(assembler: Assembler) -> None:
    if assembler.error is not None:
        error = assembler.error.get("error")
        kind = error.get("type") if isinstance(error, dict) else ""
        failure = FAILURE_OF_EVENT.get(str(kind), Failure.SERVER_ERROR)
        raise CallFailedError(failure, "error event at the start of a stream")


def limit_named_by(error: CallFailedError) -> AccountLimit:
    """The limit of a subscription that an answer names, or the time alone that it names."""
    limit = limit_of(error.answer.headers) if error.answer else None
    if limit is not None and limit.reached:
        return limit
    wait = timedelta(seconds=min(error.seconds_to_reset, LONGEST_REST))
    return AccountLimit("rejected", "", datetime.now(UTC) + wait)


def conversation_digest(body: bytes | None) -> str:
    """Tells whether two requests ask for the next message of the same conversation: a client may
    ask again in another way for what a broken stream did not give."""
    content = object_of(body or b"") or {}
    asked = json.dumps([content.get("system"), content.get("messages")], sort_keys=True)
    return hashlib.sha256(asked.encode(errors="replace")).hexdigest()
