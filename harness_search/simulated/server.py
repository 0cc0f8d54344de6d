"""The simulated model's Messages API, on a loopback port of the scaffold's own process."""

import json
from typing import Any

from harness_search.files import digest_text
from harness_search.simulated.agent import next_step
from harness_search.simulated.caching import LookUp, PromptCache
from harness_search.simulated.faults import (
    BreakStream,
    Drop,
    ErrorEvent,
    Fault,
    FaultPlan,
    Garbage,
    RandomFaults,
    Reset,
    Status,
    no_fault,
)
from harness_search.simulated.judging import is_judging, judged
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.personas import Persona, persona_of
from harness_search.simulated.prompts import tokens
from harness_search.simulated.received import Received
from harness_search.simulated.situation import blocks_of, read_request
from harness_search.simulated.wire import Step, cut_to

COMMON_FAULTS: tuple[Fault, ...] = (
    *(Status(status) for status in (408, 409, 425, 500, 503, 504)),
    Status(429, "rate_limit_error", "Slow down", headers={"retry-after": "1"}),
    Status(502, body="<html>Bad Gateway</html>"),
    Status(529, "overloaded_error", "Overloaded"),
    Drop(),
    Reset(),
    Garbage(),
    BreakStream(1),
    BreakStream(1, reset=True),
    ErrorEvent(1),
)
"""What an unsteady provider does. Never to answer is not among it: how long a search would wait for
that is up to its profile, ten minutes by default."""


def unsteady(share: float, seed: int) -> FaultPlan:
    """A plan by which a share of all requests, from 0 to 1, meets one of the common faults."""
    return RandomFaults(share, seed, COMMON_FAULTS)


class SimulatedModel(MessagesApi):
    """Answers from the request and the noise key alone. It remembers nothing but what a judge's
    requests have put into the prompt cache, which changes their usage and no answer."""

    def __init__(
        self,
        *,
        fault: FaultPlan = no_fault,
        latency_seconds: float = 0.0,
        tokens_per_second: float = 0.0,
    ) -> None:
        super().__init__(
            _reply,
            fault=fault,
            cache=PromptCache(),
            count=_prompt_size,
            latency_seconds=latency_seconds,
            tokens_per_second=tokens_per_second,
            keep=0,
        )

    def _look_up(self, request: dict[str, Any]) -> LookUp | None:
        # A rollout's usage is scored: it may not depend on what else is asked at that time.
        return super()._look_up(request) if is_judging(request) else None


def _reply(received: Received) -> dict[str, Any]:
    return reply_to(received.content, received.headers.get("x-simulated-noise", ""))


def reply_to(request: dict[str, Any], noise: str) -> dict[str, Any]:
    """One reply: a pure function of the request and the noise key."""
    step = cut_to(
        _step(request, persona_of(request.get("model")), noise), request.get("max_tokens")
    )
    identity = digest_text(json.dumps(request, sort_keys=True), noise)[:20]
    content = _content(step, identity)
    return {
        "id": f"msg_{identity}",
        "type": "message",
        "role": "assistant",
        "model": request.get("model"),
        "content": content,
        "stop_reason": step.stop_reason,
        "stop_sequence": None,
        "usage": usage(request, content),
    }


def _step(request: dict[str, Any], persona: Persona, noise: str) -> Step:
    if is_judging(request):
        return Step(judged(request, persona, noise))
    return next_step(read_request(request, persona.context_tokens), persona, noise)


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


def _prompt_size(request: dict[str, Any]) -> int:
    counts = usage(request, [])
    return sum(count for kind, count in counts.items() if kind != "output_tokens")


def _has_breakpoint(messages: list[dict[str, Any]]) -> bool:
    return any("cache_control" in block for message in messages for block in blocks_of(message))
