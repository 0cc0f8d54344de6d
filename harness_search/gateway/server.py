"""The gateway: a Messages API on a unix socket, one token per rollout."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from harness_search.gateway.grants import Grant
from harness_search.gateway.requests import problem_of
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.gateway.upstream import Answer, ProviderError, Upstream
from harness_search.ledger.rows import Usage

LARGEST_REQUEST = 64 * 1024 * 1024  # bytes; the library's default of 1 MiB refuses long contexts


class Gateway:
    """The only door to the model. It meters, records, and knows when the provider failed."""

    def __init__(self, upstream: Upstream, model: str, socket: Path) -> None:
        self.socket = socket
        self._upstream, self._model = upstream, model
        self.refusal = ""
        """Why the provider refuses everyone (key, credit, model name); empty while it does not."""
        self._grants: dict[str, Grant] = {}
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_post("/v1/messages", self._messages)
        self._runner = web.AppRunner(application, access_log=None)

    @property
    def model(self) -> str:
        return self._model

    async def start(self) -> None:
        """Listen; the socket's folder must be private to this user."""
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._upstream.close()

    def grant(self, transcript: Path, noise: str) -> Grant:
        """Let one rollout in."""
        grant = Grant(self._model, noise, TranscriptWriter(transcript))
        self._grants[grant.token] = grant
        return grant

    def revoke(self, grant: Grant) -> None:
        """Shut one rollout out again, and end its calls: nobody will read their replies."""
        self._grants.pop(grant.token, None)
        for task in grant.in_flight:
            task.cancel()

    async def _messages(self, request: web.Request) -> web.Response:
        grant = self._grants.get(_token(request))
        if grant is None:
            return api_error(401, "authentication_error", "invalid x-api-key")
        body = await request.read()
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return api_error(400, "invalid_request_error", "the request body is not valid JSON")
        refusal = _refusal(content, grant)
        if refusal is not None:
            return refusal
        task = asyncio.current_task()
        assert task is not None
        grant.in_flight.add(task)
        try:
            return await self._relay(grant, body, content)
        finally:
            grant.in_flight.discard(task)

    async def _relay(self, grant: Grant, body: bytes, content: dict[str, Any]) -> web.Response:
        grant.calls += 1
        try:
            answer = await self._upstream.send(body, grant.noise)
        except ProviderError as error:
            if not error.passing and await self._answers_others():
                message = f"the provider refuses this request ({error.reason})"
                return api_error(400, "invalid_request_error", message)
            grant.provider_failure = f"provider: {error.reason}"
            self.refusal = self.refusal or ("" if error.passing else error.reason)
            return api_error(529, "overloaded_error", "the provider did not answer")
        grant.lost.append(answer.lost)
        reply = _parsed(answer)
        if reply is None:
            grant.provider_failure = "provider: an answer that is no message with its usage"
            return api_error(502, "api_error", "the provider's reply cannot be read")
        if answer.status == 200:
            grant.usage += usage_of(reply)
        grant.transcript.append(content, answer.status, reply)
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")

    async def _answers_others(self) -> bool:
        """Whether the provider takes a request of our own: then it is a harness's that it refuses,
        and nobody else has to stop for it."""
        messages = [{"role": "user", "content": "ping"}]
        request = {"model": self._model, "max_tokens": 1, "messages": messages}
        try:
            answer = await self._upstream.send(json.dumps(request).encode(), "")
        except ProviderError:
            return False
        return answer.status == 200


def _token(request: web.Request) -> str:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return request.headers.get("x-api-key", bearer)


def _refusal(content: object, grant: Grant) -> web.Response | None:
    if isinstance(content, dict) and content.get("model") != grant.model:
        return api_error(404, "not_found_error", f"this rollout's model is {grant.model}")
    problem = problem_of(content)
    if not problem and isinstance(content, dict) and content.get("stream"):
        problem = "stream: streaming is not served here"
    return api_error(400, "invalid_request_error", problem) if problem else None


def _parsed(answer: Answer) -> dict[str, Any] | None:
    """The reply; None unless it is an error on the request, or a message with its usage."""
    try:
        reply = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(reply, dict):
        return None
    whole = isinstance(reply.get("content"), list) and isinstance(reply.get("usage"), dict)
    return reply if whole or answer.status != 200 else None


def usage_of(reply: dict[str, Any]) -> Usage:
    """Tokens of one reply by kind, as the API reports them."""
    usage = reply.get("usage") or {}
    return Usage(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cache_write=usage.get("cache_creation_input_tokens") or 0,
        cache_read=usage.get("cache_read_input_tokens") or 0,
    )


def api_error(status: int, kind: str, message: str) -> web.Response:
    """An error in the exact shape of the Messages API."""
    return web.json_response(
        {"type": "error", "error": {"type": kind, "message": message}}, status=status
    )
