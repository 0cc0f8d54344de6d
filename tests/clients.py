"""The clients of the Messages API in tests: the real one, and requests by hand."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anthropic
import httpx2

from harness_search.gateway.events import Assembler
from harness_search.simulated.messages_api import MessagesApi

REQUEST: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hello"}],
}


@asynccontextmanager
async def client_of(
    api: MessagesApi, timeout: float | httpx2.Timeout = 20.0, key: str = "k"
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    client = anthropic.AsyncAnthropic(
        base_url=api.base_url, api_key=key, max_retries=0, timeout=timeout
    )
    async with client:
        yield client


async def created(api: MessagesApi, **options: Any) -> anthropic.types.Message:
    async with client_of(api, **options) as client:
        return await client.messages.create(**REQUEST)


async def streamed(api: MessagesApi, **options: Any) -> anthropic.types.Message:
    async with client_of(api, **options) as client, client.messages.stream(**REQUEST) as stream:
        return await stream.get_final_message()


async def post(
    api: MessagesApi, path: str = "/v1/messages", body: bytes | None = None, **headers: str
) -> tuple[int, Any, str]:
    """Status, content and request id of a raw request."""
    data = json.dumps(REQUEST).encode() if body is None else body
    async with (
        aiohttp.ClientSession() as session,
        session.post(api.base_url + path, data=io.BytesIO(data), headers=headers) as response,
    ):
        return response.status, await response.json(), response.headers["request-id"]


async def raw_stream(api: MessagesApi) -> Assembler:
    """What came of a stream until it ended or broke."""
    assembler = Assembler()
    body = json.dumps({**REQUEST, "stream": True}).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{api.base_url}/v1/messages", data=body) as response,
    ):
        try:
            async for chunk in response.content.iter_any():
                assembler.feed(chunk)
        except aiohttp.ClientError:
            assert not assembler.whole
    return assembler
