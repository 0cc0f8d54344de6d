"""Sends requests to the provider, again where its failure is a passing one."""

import io
import time
from dataclasses import dataclass, replace

import aiohttp
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

PASSING_STATUSES = frozenset({408, 409, 425, 429})
"""Beside every status from 500 on."""
ANSWERS = frozenset({200, 400, 413, 422})
"""Replies, and the API's word on an unsound request. Any other status is about the endpoint, the
key or the model's name, and so never the harness's doing."""
SILENCE_SECONDS = 300.0
"""A provider that sends nothing for so long is taken for hung."""


class ProviderError(Exception):
    """The provider did not answer a sound request; `status` is 0 when there was no answer."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(reason)

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status == 0 or self.status >= 500 or self.status in PASSING_STATUSES


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of the provider."""

    status: int
    body: bytes
    lost: tuple[float, float] = (0.0, 0.0)
    """From when to when tries failed and were waited after, on the monotonic clock."""


class Upstream:
    """One endpoint of the Messages API, with its key."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        simulated: bool,
        tries: int = 5,
        longest_wait: float = 30.0,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/messages"
        self._key = key
        self._simulated = simulated
        self._tries, self._longest_wait = tries, longest_wait
        self._session: aiohttp.ClientSession | None = None

    async def send(self, body: bytes, noise: str) -> Answer:
        """Post one request; raises ProviderError once every try has failed."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(self._tries),
            wait=wait_random_exponential(multiplier=0.2, max=self._longest_wait),
            reraise=True,
        )
        started = time.monotonic()
        async for attempt in retrying:
            with attempt:
                lost = (started, time.monotonic())
                return replace(await self._send_once(body, noise), lost=lost)
        raise AssertionError("unreachable: the last try returns or raises")

    async def _send_once(self, body: bytes, noise: str) -> Answer:
        headers = {
            "content-type": "application/json",
            "anthropic-version": "2023-06-01",
            "x-api-key": self._key,
        }
        if self._simulated:
            headers["x-simulated-noise"] = noise
        try:
            stream = io.BytesIO(body)  # bytes of a long context in one piece would stall the loop
            async with self._open_session().post(
                self._url, data=stream, headers=headers
            ) as response:
                answer = Answer(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderError(0, f"no answer ({type(error).__name__})") from error
        if answer.status not in ANSWERS:
            raise ProviderError(answer.status, f"status {answer.status}")
        return answer

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # The library's defaults (300 s in all, 100 connections) would cut long rollouts.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=SILENCE_SECONDS)
            self._session = aiohttp.ClientSession(
                timeout=timeout, connector=aiohttp.TCPConnector(limit=0), trust_env=False
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.passing
