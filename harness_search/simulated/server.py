"""The simulated model's Messages API, on a loopback port of the scaffold's own process."""

import json
import math
from typing import Any

from aiohttp import web

from harness_search.files import digest_text
from harness_search.gateway.requests import problem_of
from harness_search.gateway.server import api_error
from harness_search.simulated.agent import Step, next_step
from harness_search.simulated.situation import blocks_of, read_request

CHARACTERS_PER_TOKEN = 4
LARGEST_REQUEST = 64 * 1024 * 1024  # bytes


class SimulatedModel:
    """Answers `POST /v1/messages` from the request and the noise key alone."""

    def __init__(self) -> None:
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_post("/v1/messages", self._messages)
        self._runner = web.AppRunner(application, access_log=None)
        self.base_url = ""

    async def start(self) -> None:
        """Listen on a free loopback port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _messages(self, request: web.Request) -> web.Response:
        content = json.loads(await request.read())
        problem = problem_of(content)
        if problem:
            return api_error(400, "invalid_request_error", problem)
        noise = request.headers.get("x-simulated-noise", "")
        return web.json_response(reply_to(content, noise))


def reply_to(request: dict[str, Any], noise: str) -> dict[str, Any]:
    """One reply: a pure function of the request and the noise key."""
    step = next_step(read_request(request), noise)
    identity = digest_text(json.dumps(request, sort_keys=True), noise)[:20]
    content = _content(step, identity)
    return {
        "id": f"msg_{identity}",
        "type": "message",
        "role": "assistant",
        "model": request.get("model"),
        "content": content,
        "stop_reason": "tool_use" if step.calls else "end_turn",
        "stop_sequence": None,
        "usage": usage(request, content),
    }


def _content(step: Step, identity: str) -> list[dict[str, Any]]:
    calls = [
        {
            "type": "tool_use",
            "id": f"toolu_{identity}_{index}",
            "name": call.name,
            "input": call.input,
        }
        for index, call in enumerate(step.calls)
    ]
    return [{"type": "text", "text": step.text}, *calls]


def usage(request: dict[str, Any], content: list[dict[str, Any]]) -> dict[str, int]:
    """Tokens by kind: all that lay before the last reply is read from the cache, what was added
    up to the last breakpoint is written to it, and a request without breakpoints is all input."""
    messages = request.get("messages", [])
    start = tokens(request.get("system", "")) + tokens(request.get("tools", []))
    replies = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    known = replies[-1] if replies else 0
    before = start + sum(tokens(message["content"]) for message in messages[:known])
    added = sum(tokens(message["content"]) for message in messages[known:])
    output = tokens(content)
    if not _has_breakpoint(messages):
        return _as_usage(before + added, output, 0, 0)
    return (
        _as_usage(0, output, added, before) if replies else _as_usage(0, output, before + added, 0)
    )


def _as_usage(plain: int, output: int, written: int, read: int) -> dict[str, int]:
    return {
        "input_tokens": plain,
        "output_tokens": output,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
    }


def _has_breakpoint(messages: list[dict[str, Any]]) -> bool:
    return any("cache_control" in block for message in messages for block in blocks_of(message))


def tokens(value: object) -> int:
    """Tokens of a text or of any JSON value."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)
