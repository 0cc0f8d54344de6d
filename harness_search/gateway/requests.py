"""Is a request one that the Messages API could take? Asked before anyone else sees it.

A request that makes the provider stumble would otherwise look like the provider's own failure, and
a harness could have a bad rollout run again by sending one.
"""

import json
from collections.abc import Set
from math import isfinite
from typing import Any

from harness_search.gateway.admission import too_complex
from harness_search.gateway.answers import RefusedError
from harness_search.gateway.nesting import is_too_deep

FIRST_ROLES = frozenset({"user", "assistant"})
ROLES = FIRST_ROLES | {"system"}
"""Instructions that come up within a conversation have the role `system`."""
MOST_TOKENS = 10_000_000
"""More than any model can say at once."""
DEEPEST_CONTENT = 8
"""Levels of blocks within blocks; the API knows three."""


def parsed(body: bytes) -> Any:
    """What a body says, read in the one way in which every provider reads it too.

    Raises RefusedError for what is no JSON, or would be read by one reader and not by another.
    """
    if too_complex(body):
        raise RefusedError(413, "Request has too many parts")
    try:
        content = json.loads(
            body.decode(),
            object_pairs_hook=_without_repeats,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except ValueError as error:
        raise RefusedError(400, "the request body is not valid JSON") from error
    except RecursionError as error:
        raise RefusedError(400, "the request is nested too deeply") from error
    if is_too_deep(content):
        raise RefusedError(400, "the request is nested too deeply")
    return content


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name that is given twice one reader takes the first value, and another the last."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name is given twice")
    return content


def _finite(number: str) -> float:
    """JSON has neither NaN nor infinities, and a transcript that held them would be none."""
    value = float(number)
    if not isfinite(value):
        raise ValueError("a number without bounds")
    return value


def problem_of(request: object, *, generates: bool = True) -> str:
    """The first thing that is wrong with a request, in the API's manner; empty when it is sound.

    `generates` is False for a request that only counts tokens: it needs no `max_tokens`.
    """
    if not isinstance(request, dict):
        return "the request body is not a JSON object"
    limit = request.get("max_tokens")
    if generates and (type(limit) is not int or not 1 <= limit <= MOST_TOKENS):
        return "max_tokens: a positive integer is required"
    if not isinstance(request.get("stream", False), bool):
        return "stream: true or false is required"
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    for index, message in enumerate(messages):
        problem = _problem_of_message(message, ROLES if index else FIRST_ROLES)
        if problem:
            return f"messages.{index}{problem}"
    return _problem_of_rest(request)


def _problem_of_message(message: object, roles: Set[str]) -> str:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(role, str) or role not in roles:
        return f".role: one of {', '.join(sorted(roles))} is required"
    return _problem_of_content(message.get("content"))


def _problem_of_content(content: object, depth: int = 0) -> str:
    if isinstance(content, str):
        return ""
    if not isinstance(content, list) or depth > DEEPEST_CONTENT:
        return ".content: a text or a list of blocks is required"
    for index, block in enumerate(content):
        problem = _problem_of_block(block, depth)
        if problem:
            return f".content.{index}{problem}"
    return ""


def _problem_of_block(block: object, depth: int) -> str:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return ".type: a block with a type is required"
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        return ".text: a text is required"
    if block["type"] == "tool_use" and not isinstance(block.get("id"), str):
        return ".id: a text is required"
    if block["type"] == "tool_result":
        if not isinstance(block.get("tool_use_id"), str):
            return ".tool_use_id: a text is required"
        return _problem_of_content(block.get("content", ""), depth + 1)
    return ""


def _problem_of_rest(request: dict[str, Any]) -> str:
    if not isinstance(request.get("system", ""), str | list):
        return "system: a text or a list of blocks is required"
    tools = request.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        return "tools: a list of tools is required"
    return ""
