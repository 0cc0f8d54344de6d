"""One endpoint of the Messages API: sends a request once and says what came of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from harness_search.gateway.failures import Failure, failure_of, seconds_to_wait
from harness_search.gateway.limits import seconds_to_reset
from harness_search.gateway.nesting import is_too_deep

LARGEST_ANSWER = 64 * 1024 * 1024  # bytes
LARGE_BODY = 1 << 20  # bytes
VERSION = "2023-06-01"
OAUTH_BETA = "oauth-2025-04-20"
PASSED_ON = frozenset({"content-type", "request-id", "retry-after", "retry-after-ms"})


class CallFailedError(Exception):
    """One try of a call failed; `cause` is a few words of ours and never the provider's."""

    def __init__(
        self, failure: Failure, cause: str, wait: float = 0.0, answer: "Answer | None" = None
    ) -> None:
        self.failure, self.cause, self.wait, self.answer = failure, cause, wait, answer
        super().__init__(cause)

    @property
    def seconds_to_reset(self) -> float:
        """Until the limit ends that the provider has named as its cause; 0 where it named none."""
        limits = self.failure in {Failure.THROTTLED, Failure.OVERLOADED}
        return seconds_to_reset(self.answer.headers) if limits and self.answer else 0.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it goes to the provider."""

    path: str
    body: bytes | None
    """None for a GET."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """API version and beta flags of the client."""
    noise: str = ""
    """Noise key; sent to a simulated model only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of the provider."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stream:
    """An answer that has begun to stream."""

    def __init__(self, response: aiohttp.ClientResponse, stall: float) -> None:
        self.headers = _passed_on(response.headers)
        self._response, self._stall = response, stall

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raw bytes; raises CallFailedError when the connection breaks or falls silent."""
        async for chunk in _chunks(self._response, self._stall):
            yield chunk

    def close(self) -> None:
        """Let go of the connection; to be called in any case."""
        self._response.close()


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a provider may send nothing, in seconds."""

    first_byte: float = 600.0
    """A long answer that is not streamed sends nothing before it is complete."""
    stall: float = 120.0


class Upstream:
    """One endpoint of the Messages API, with its key."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        simulated: bool = False,
        authentication: Literal["api_key", "bearer", "oauth"] = "api_key",
        silence: Silence | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._simulated = simulated
        self._authentication = authentication
        self._silence = silence or Silence()
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Outgoing) -> Answer | Stream:
        """Send once; any status is an Answer. Raises CallFailedError when there is none."""
        # Bytes of a long context in one piece would stall the loop.
        body, headers = request.body, self._headers(request)
        large = body is not None and len(body) > LARGE_BODY
        if large:
            headers["content-length"] = str(len(body or b""))
        with _failing():
            response = await self._opened().request(
                "GET" if request.body is None else "POST",
                self._base_url + request.path,
                data=_pieces(body or b"") if large else body,
                headers=headers,
                allow_redirects=False,  # the key goes nowhere else
            )
        if response.status == 200 and response.content_type == "text/event-stream":
            return Stream(response, self._silence.stall)
        try:
            body = b"".join([chunk async for chunk in _chunks(response, self._silence.stall)])
        finally:
            response.release()
        return Answer(response.status, _passed_on(response.headers), self._without_key(body))

    def _headers(self, request: Outgoing) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "anthropic-version": VERSION,
            **request.headers,
        }
        if self._authentication == "api_key":
            headers["x-api-key"] = self._key
        else:
            headers["authorization"] = f"Bearer {self._key}"
        if self._authentication == "oauth":
            betas = [headers.get("anthropic-beta", ""), OAUTH_BETA]
            headers["anthropic-beta"] = ",".join(filter(None, betas))
        if self._simulated:
            headers["x-simulated-noise"] = request.noise
        return headers

    def _without_key(self, body: bytes) -> bytes:
        """Some proxies repeat a refused key in their error."""
        return body.replace(self._key.encode(), b"[key]") if self._key else body

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # The library's defaults (300 s in all, 100 connections) would cut long rollouts.
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=15, sock_read=self._silence.first_byte
            )
            self._session = aiohttp.ClientSession(
                timeout=timeout,
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),  # nothing of one rollout travels to another
                trust_env=False,
                auto_decompress=False,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A long body piece by piece; the library would keep a copy of a file-like object."""
    for start in range(0, len(body), LARGE_BODY):
        yield body[start : start + LARGE_BODY]


async def _chunks(response: aiohttp.ClientResponse, stall: float) -> AsyncIterator[bytes]:
    size = 0
    while not response.content.at_eof():
        with _failing():
            async with asyncio.timeout(stall):
                chunk = await response.content.readany()
        if not chunk:
            return
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise CallFailedError(Failure.UNREADABLE, "an answer without end")
        yield chunk


@contextmanager
def _failing() -> Iterator[None]:
    """Name the boundary at which a connection failed."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise CallFailedError(Failure.UNREACHABLE, "unreachable") from error
    except TimeoutError as error:
        raise CallFailedError(Failure.SILENT, "no answer in time") from error
    except aiohttp.ClientError as error:
        raise CallFailedError(Failure.DROPPED, "connection lost") from error


def require_success(answer: Answer) -> None:
    """Raise CallFailedError for an answer whose status is not 200."""
    if answer.status != 200:
        wait = seconds_to_wait(answer.headers)
        raise CallFailedError(failure_of(answer.status), f"status {answer.status}", wait, answer)


def message_of(answer: Answer) -> dict[str, Any]:
    """The message with its usage that an answer holds; raises CallFailedError for any other."""
    require_success(answer)
    try:
        reply = json.loads(answer.body)
    except ValueError:
        reply = None
    except RecursionError as error:
        raise CallFailedError(Failure.TOO_LARGE, "a message nested too deeply") from error
    kept = kept_of(reply) if isinstance(reply, dict) else None
    content, usage = (kept or {}).get("content"), (kept or {}).get("usage")
    if kept is None or not isinstance(content, list) or not isinstance(usage, dict):
        raise CallFailedError(Failure.UNREADABLE, "an answer that is no message")
    return kept


def kept_of(message: dict[str, Any]) -> dict[str, Any] | None:
    """A message as a transcript may hold it: without its content where that is nested too deeply,
    which is nobody's failure, for a harness can have its model write such a tool call. None for
    one that is too deep elsewhere."""
    if not is_too_deep(message):
        return message
    bare = {**message, "content": []}
    return None if is_too_deep(bare) else bare


def object_of(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a body holds; None for anything else, and for one too deep to keep."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and not is_too_deep(content) else None


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower(): value for name, value in headers.items()}
    return {
        name: value
        for name, value in lower.items()
        if (name in PASSED_ON or name.startswith("anthropic-ratelimit-"))
        and value.isascii()
        and value.isprintable()
    }
