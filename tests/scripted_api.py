"""A scripted Messages API on loopback: answers what a test tells it to, and keeps what it got."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = tuple[int, Any]
HANGS = -1
"""Status of an answer that never comes."""


def message(text: str = "done", **usage: int) -> dict[str, Any]:
    """A plain closing reply of the Messages API."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted-1",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2, **usage},
    }


def failure(kind: str = "api_error", text: str = "broken") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": text}}


@dataclass
class Received:
    """One request as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedApi:
    """`answer` is called with the number of the request, from 1, and its content."""

    answer: Callable[[int, Any], Answer | None]
    received: list[Received] = field(default_factory=list)
    base_url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.received.append(Received(dict(request.headers), body))
        answer = self.answer(len(self.received), json.loads(body))
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, content = answer
        if status == HANGS:
            await asyncio.Event().wait()
        text = content if isinstance(content, str) else json.dumps(content)
        return web.Response(status=status, text=text, content_type="application/json")


@asynccontextmanager
async def scripted_api(answer: Callable[[int, Any], Answer | None]) -> AsyncIterator[ScriptedApi]:
    """Serve on a free loopback port."""
    api = ScriptedApi(answer)
    application = web.Application(client_max_size=2**28)
    application.router.add_post("/v1/messages", api.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    api.base_url = f"http://{host}:{port}"
    try:
        yield api
    finally:
        await runner.cleanup()
