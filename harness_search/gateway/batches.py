"""Message batches, for a judge: half the price, and every request and reply on the record."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from harness_search.gateway.account import Account, RunStopsError
from harness_search.gateway.answers import RefusedError
from harness_search.gateway.budget import Amount, Reservation, Shortage
from harness_search.gateway.failures import Failure
from harness_search.gateway.grants import Grant
from harness_search.gateway.prices import BATCH_FACTOR, cost_of, usage_of
from harness_search.gateway.requests import parsed
from harness_search.gateway.rights import breach_of_headers
from harness_search.gateway.upstream import (
    Answer,
    CallFailedError,
    Outgoing,
    kept_of,
    object_of,
    require_success,
)
from harness_search.ledger.rows import Usage

BATCHES = "/v1/messages/batches"
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ONE = re.compile(rf"{BATCHES}/(\w+)(/results|/cancel)?")

Check = Callable[[object], dict[str, Any]]


@dataclass(slots=True)
class _Batch:
    reservation: Reservation | None
    """None for one of an earlier launch."""
    open: dict[str, int]
    """Number of the call by `custom_id`, of those whose result has not been read."""
    spent: Usage = field(default_factory=Usage)
    usd: float = 0.0
    settled: bool = False
    booked: bool = False
    """Whether an earlier launch has paid for it."""


class Batches:
    """Relays the batches of judges; each is its maker's alone, or that grant's to which the
    scaffold names it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._batches: dict[str, _Batch] = {}

    async def answer(
        self, grant: Grant, request: web.Request, body: bytes, check: Check
    ) -> web.Response:
        """Create, look at, read or cancel a batch; raises RefusedError for anything else."""
        if (request.method, request.path) == ("POST", BATCHES):
            return await self._create(grant, request, body, check)
        named = _ONE.fullmatch(request.path)
        wanted = {"": "GET", "/results": "GET", "/cancel": "POST"}
        if named is None or request.method != wanted[named[2] or ""]:
            raise RefusedError(404, f"{request.method} {request.path} is not served here")
        if named[1] not in grant.batches:
            raise RefusedError(404, f"no batch {named[1]} of this session")
        sent = body if request.method == "POST" else None
        answer = await self._send(grant, Outgoing(request.path, sent, client_headers(request)))
        if named[2] == "/results":
            self._read(grant, named[1], answer.body)
            return web.Response(body=answer.body, headers=answer.headers)
        return _with_own_address(request, answer)

    async def _create(
        self, grant: Grant, request: web.Request, body: bytes, check: Check
    ) -> web.Response:
        entries = _entries(check, body)
        outgoing = Outgoing(BATCHES, body, client_headers(request), grant.noise)
        reservation = await self._reserve(grant, len(body), list(entries.values()))
        try:
            answer = await self._send(grant, outgoing)
            name = str(_described(answer)["id"])
            if name in self._batches:
                raise RefusedError(529, "the provider's batch is not a new one")
        except BaseException:
            self._account.settle(reservation, Usage(), 0.0)
            raise
        numbers = {}
        for custom_id, params in entries.items():
            grant.calls += 1
            numbers[custom_id] = grant.calls
            digest = hashlib.sha256(json.dumps(params).encode(errors="replace")).hexdigest()
            grant.transcript.request(grant.calls, digest, params)
        grant.batches.add(name)
        self._batches[name] = _Batch(reservation, numbers)
        return _with_own_address(request, answer)

    async def _reserve(self, grant: Grant, size: int, entries: list[dict[str, Any]]) -> Reservation:
        tokens = sum(entry["max_tokens"] for entry in entries)
        try:
            found = await self._account.reserve(
                grant.role, grant.candidate, grant.token, size, tokens, len(entries)
            )
        except RunStopsError as error:
            grant.halt()
            raise RefusedError(529, "the run stops") from error
        if isinstance(found, Shortage):
            raise RefusedError(400, found.reason)
        return found

    async def _send(self, grant: Grant, outgoing: Outgoing) -> Answer:
        try:
            return await self._account.patiently(lambda: self._try(grant, outgoing))
        except RunStopsError as error:
            grant.halt()
            raise RefusedError(529, "the run stops") from error
        except CallFailedError as error:
            status = error.answer.status if error.answer is not None else 529
            raise RefusedError(status, f"the provider did not take it ({error.cause})") from error

    async def _try(self, grant: Grant, outgoing: Outgoing) -> Answer:
        async with self._account.place(grant.role, grant.token) as place:
            answer = await self._account.upstream.send(outgoing)
            if not isinstance(answer, Answer):
                answer.close()
                raise CallFailedError(Failure.UNREADABLE, "a stream")
            require_success(answer)
            place.result = "answered"
            return answer

    def forget(self, grant: Grant) -> None:
        """Book what a holder's batches may still cost: they are not read any more, unless a later
        grant goes on with them, which then books what it reads."""
        for name in grant.batches:
            batch = self._batches.pop(name, None)
            if batch is None or batch.reservation is None or not batch.open:
                continue
            if grant.keeps_batches:
                self._account.settle(batch.reservation, batch.spent, batch.usd)
            else:
                most = batch.reservation.amount
                usage = Usage(input=most.tokens)
                grant.pay(usage, most.usd)
                self._account.settle(batch.reservation, usage, most.usd)

    def _read(self, grant: Grant, name: str, results: bytes) -> None:
        """Meter and record each result once, however often and by however many launches it is
        read."""
        entries = _results(results)
        batch = self._batches.get(name)
        if batch is None:
            batch = self._batches[name] = _adopted(grant, name, entries)
        for entry in entries:
            number = batch.open.pop(str(entry["custom_id"]), None)
            if number is None:
                continue
            if entry["result"]["type"] != "succeeded":
                kind = str(entry["result"]["type"])
                grant.transcript.failure(number, f"batch result {kind}")
                continue
            reply = entry["result"]["message"]
            price = self._account.terms.price
            usage, usd = usage_of(reply), cost_of(reply.get("usage") or {}, price, BATCH_FACTOR)
            grant.count(usage, usd, replayed=batch.booked)
            grant.transcript.reply(number, 200, reply, cost_usd=usd, replayed=batch.booked)
            if not batch.booked:
                batch.spent, batch.usd = batch.spent + usage, batch.usd + usd
        if not batch.open and not batch.settled:
            batch.settled = True
            if batch.reservation is None:
                spent = Amount(batch.usd, batch.spent.total)
                self._account.budget.book(spent, grant.role)
            else:
                self._account.settle(batch.reservation, batch.spent, batch.usd)


def _adopted(grant: Grant, name: str, entries: Sequence[dict[str, Any]]) -> _Batch:
    """A batch of an earlier launch, as far as its results tell; its requests are in the transcript
    of that launch."""
    numbers: dict[str, int] = {}
    for entry in entries:
        grant.calls += 1
        custom_id = str(entry["custom_id"])
        numbers[custom_id] = grant.calls
        asked = {"batch": name, "custom_id": custom_id, "messages": []}
        digest = hashlib.sha256(f"{name}/{custom_id}".encode()).hexdigest()
        grant.transcript.request(grant.calls, digest, asked)
    return _Batch(None, numbers, booked=name in grant.booked)


def _results(body: bytes) -> list[dict[str, Any]]:
    """The lines of a batch's results; raises RefusedError when they cannot be read."""
    try:
        entries = [json.loads(line) for line in body.splitlines()]
        for entry in entries:
            result = entry["result"]
            if result["type"] == "succeeded":
                result["message"] = _message_of(result["message"])
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise RefusedError(529, "the provider's results cannot be read") from error
    return entries


def _message_of(found: object) -> dict[str, Any]:
    message = kept_of(found) if isinstance(found, dict) else None
    if message is None or not isinstance(message.get("content"), list):
        raise ValueError("no message")
    return message


def _entries(check: Check, body: bytes) -> dict[str, dict[str, Any]]:
    """The requests of a batch by `custom_id`, each held to what its sender may ask."""
    content = parsed(body)
    requests = content.get("requests") if isinstance(content, dict) else None
    if not isinstance(requests, list) or content.keys() != {"requests"}:
        raise RefusedError(400, "requests: a list of custom_id and params is required")
    entries = {}
    for entry in requests:
        if not isinstance(entry, dict) or entry.keys() != {"custom_id", "params"}:
            raise RefusedError(400, "requests: each has a custom_id and params")
        if not isinstance(entry["custom_id"], str) or not _NAME.fullmatch(entry["custom_id"]):
            raise RefusedError(400, "custom_id: 1 to 64 letters, digits, - or _ are required")
        entries[entry["custom_id"]] = check(entry["params"])
    if not entries or len(entries) != len(requests):
        raise RefusedError(400, "requests: one or more with a custom_id of their own are required")
    return entries


def client_headers(request: web.Request) -> dict[str, str]:
    """Of a client's headers only those that say how its request is to be read."""
    names = ("anthropic-version", "anthropic-beta")
    given = {name: request.headers[name] for name in names if name in request.headers}
    breach = breach_of_headers(given)
    if breach:
        raise RefusedError(400, breach)
    return given


def _described(answer: Answer) -> dict[str, Any]:
    """A batch as the provider describes it; raises RefusedError for any other answer."""
    content = object_of(answer.body)
    name = (content or {}).get("id")
    if content is None or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RefusedError(529, "the provider's batch cannot be read")
    return content


def _with_own_address(request: web.Request, answer: Answer) -> web.Response:
    """The provider's description of a batch; its results are fetched through this door too."""
    content = _described(answer)
    if content.get("results_url"):
        address = f"{request.scheme}://{request.host}{BATCHES}/{content['id']}/results"
        content["results_url"] = address
    return web.json_response(content)
