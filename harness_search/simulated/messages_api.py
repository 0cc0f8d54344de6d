"""A Messages API on a loopback port, answering what its maker tells it to."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

from aiohttp import web

from harness_search.gateway.events import error_body, events_of
from harness_search.gateway.requests import problem_of
from harness_search.simulated.batches import Batch, ended_batch, problem_of_batch
from harness_search.simulated.caching import LookUp, PromptCache, caching_problem_of
from harness_search.simulated.delivery import Answer, answer_not, deliver, failure
from harness_search.simulated.faults import ErrorEvent, Fault, FaultPlan, InsteadOfAnswer, no_fault
from harness_search.simulated.prompts import prompt_tokens, tokens
from harness_search.simulated.received import Received

LARGEST_REQUEST = 64 * 1024 * 1024  # bytes
SECONDS_TO_STOP = 0.1
"""Given to handlers when the server stops; those that hang would take any time."""


class MessagesApi:
    """Serves messages, streams of them, token counts and batches; faults happen where planned.

    `reply` makes the message that answers a sound request; for a request in a batch it gets that
    request's parameters as the body, under the batch's number and path. `key` is the only key that
    is let in; without one everybody is. `tokens_per_second` is the pace of its answers, streamed or
    whole; 0 is at once. `keep` bounds how many requests are remembered.
    """

    def __init__(
        self,
        reply: Callable[[Received], dict[str, Any]],
        *,
        key: str | None = None,
        fault: FaultPlan = no_fault,
        cache: PromptCache | None = None,
        count: Callable[[dict[str, Any]], int] = prompt_tokens,
        latency_seconds: float = 0.0,
        seconds_per_event: float = 0.0,
        tokens_per_second: float = 0.0,
        keep: int | None = None,
        keep_bodies: bool = True,
    ) -> None:
        self.base_url = ""
        self.received: list[Received] = []
        self._reply, self._key, self._fault = reply, key, fault
        self._cache, self._count = cache, count
        self._latency_seconds, self._seconds_per_event = latency_seconds, seconds_per_event
        self._tokens_per_second = tokens_per_second
        self._keep, self._keep_bodies = keep, keep_bodies
        self._requests = 0
        self._batches: dict[str, Batch] = {}
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=SECONDS_TO_STOP,
            handler_cancellation=True,  # or an answer that hangs would outlive its client
        )

    async def start(self) -> None:
        """Listen on a free loopback port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """End every connection, whatever its handler waits for."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def fault_of(self, received: Received) -> Fault | None:
        """Which fault meets a request."""
        return self._fault(received)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await _body_of(request)
        received = Received(self._next(), request.path, request.headers, body or b"")
        self._remember(received)
        request_id = f"req_{received.number:024}"
        fault = self.fault_of(received)
        if isinstance(fault, InsteadOfAnswer):
            await asyncio.sleep(self._latency_seconds)
            return await answer_not(request, fault, request_id)
        try:
            answer = self._answer(request.method, received, too_large=body is None)
            if answer.events is None and isinstance(fault, ErrorEvent):
                raise _RefusedError(529, fault.kind, fault.message)
        except _RefusedError as refused:
            answer = failure(refused.status, refused.kind, refused.message, request_id)
        await asyncio.sleep(self._latency_seconds)
        self._commit(answer.found)
        pace = self._seconds_per_event
        return await deliver(request, answer, fault, request_id, seconds_per_event=pace)

    def _next(self) -> int:
        self._requests += 1
        return self._requests

    def _remember(self, received: Received) -> None:
        """Keep a copy as configured; a copy, so that parsed content lives no longer than needed."""
        self.received.append(replace(received, body=received.body if self._keep_bodies else b""))
        if self._keep is not None:
            del self.received[: max(0, len(self.received) - self._keep)]

    # What the API says.

    def _answer(self, method: str, received: Received, *, too_large: bool) -> Answer:
        if too_large:
            raise _RefusedError(413, "request_too_large", "Request exceeds the maximum size")
        if self._key is not None and _key_of(received.headers) != self._key:
            raise _RefusedError(401, "authentication_error", "invalid x-api-key")
        match method, received.path.split("/")[1:]:
            case "POST", ["v1", "messages"]:
                return self._message(received)
            case "POST", ["v1", "messages", "count_tokens"]:
                size = self._count(_sound(received, generates=False))
                return _as_answer({"input_tokens": size})
            case "POST", ["v1", "messages", "batches"]:
                return self._new_batch(received)
            case "GET", ["v1", "messages", "batches", name]:
                return _as_answer(self._batch(name).description(self.base_url))
            case "POST", ["v1", "messages", "batches", name, "cancel"]:  # too late: it has ended
                return _as_answer(self._batch(name).description(self.base_url))
            case "GET", ["v1", "messages", "batches", name, "results"]:
                return Answer(200, self._batch(name).lines(), content_type="application/x-jsonl")
        raise _RefusedError(404, "not_found_error", "Not found")

    def _message(self, received: Received) -> Answer:
        request = _sound(received)
        found = self._look_up(request)
        reply = _with_usage(self._reply(received), found)
        seconds = self._seconds_to_say(reply)
        if request.get("stream") is True:
            return Answer(200, events=tuple(events_of(reply)), found=found, seconds=seconds)
        return _as_answer(reply, found, seconds)

    def _look_up(self, request: dict[str, Any]) -> LookUp | None:
        """What the prompt cache makes of a sound request; None where it has no part in it."""
        return self._cache.look_up(request) if self._cache is not None else None

    def _seconds_to_say(self, reply: dict[str, Any]) -> float:
        if not self._tokens_per_second:
            return 0.0
        return tokens(reply.get("content", [])) / self._tokens_per_second

    def _commit(self, found: LookUp | None) -> None:
        if self._cache is not None and found is not None:
            self._cache.commit(found)

    def _new_batch(self, received: Received) -> Answer:
        content = _content_of(received)
        problem = problem_of_batch(content)
        if problem:
            raise _RefusedError(400, "invalid_request_error", problem)
        results = [
            {"custom_id": item["custom_id"], "result": self._result(received, item.get("params"))}
            for item in content["requests"]
        ]
        batch = ended_batch(received.number, results)
        self._batches[batch.id] = batch
        return _as_answer(batch.description(self.base_url))

    def _result(self, received: Received, params: object) -> dict[str, Any]:
        one = replace(received, body=json.dumps(params).encode())
        try:
            request = _sound(one)
        except _RefusedError as refused:
            return {"type": "errored", "error": error_body(refused.kind, refused.message)}
        found = self._look_up(request)
        self._commit(found)
        reply = _with_usage(self._reply(one), found)
        usage = {**reply.get("usage", {}), "service_tier": "batch"}
        return {"type": "succeeded", "message": {**reply, "usage": usage}}

    def _batch(self, name: str) -> Batch:
        if name not in self._batches:
            raise _RefusedError(404, "not_found_error", "Not found")
        return self._batches[name]


class _RefusedError(Exception):
    """The API does not take a request."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status, self.kind, self.message = status, kind, message
        super().__init__(message)


async def _body_of(request: web.Request) -> bytes | None:
    """The body; None where it is too large."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return None


def _key_of(headers: Mapping[str, str]) -> str:
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return headers.get("x-api-key", bearer)


def _content_of(received: Received) -> Any:
    try:
        return received.content
    except (ValueError, RecursionError):
        message = "the request body is not valid JSON"
        raise _RefusedError(400, "invalid_request_error", message) from None


def _sound(received: Received, *, generates: bool = True) -> dict[str, Any]:
    """The request, once there is nothing wrong with it."""
    request = _content_of(received)
    problem = problem_of(request, generates=generates) or caching_problem_of(request)
    if problem:
        raise _RefusedError(400, "invalid_request_error", problem)
    return dict(request)


def _with_usage(reply: dict[str, Any], found: LookUp | None) -> dict[str, Any]:
    """The reply with what the prompt cache makes of its usage."""
    if found is None:
        return reply
    usage = reply.get("usage") or {}
    output = usage.get("output_tokens", tokens(reply.get("content", [])))
    return {**reply, "usage": {**usage, **found.usage(output)}}


def _as_answer(
    content: dict[str, Any], found: LookUp | None = None, seconds: float = 0.0
) -> Answer:
    return Answer(200, json.dumps(content).encode(), found=found, seconds=seconds)
