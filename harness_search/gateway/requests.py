"""Is a request one that the Messages API could take? Asked before anyone else sees it.

A request that makes the provider stumble would otherwise look like the provider's own failure, and
a harness could have a bad rollout run again by sending one.
"""

from typing import Any

ROLES = frozenset({"user", "assistant"})


def problem_of(request: object) -> str:
    """The first thing that is wrong with a request, in the API's manner; empty when it is sound."""
    if not isinstance(request, dict):
        return "the request body is not a JSON object"
    limit = request.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        return "max_tokens: a positive integer is required"
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    for index, message in enumerate(messages):
        problem = _problem_of_message(message)
        if problem:
            return f"messages.{index}{problem}"
    return _problem_of_rest(request)


def _problem_of_message(message: object) -> str:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(role, str) or role not in ROLES:
        return ".role: user or assistant is required"
    return _problem_of_content(message.get("content"))


def _problem_of_content(content: object) -> str:
    if isinstance(content, str):
        return ""
    if not isinstance(content, list):
        return ".content: a text or a list of blocks is required"
    for index, block in enumerate(content):
        problem = _problem_of_block(block)
        if problem:
            return f".content.{index}{problem}"
    return ""


def _problem_of_block(block: object) -> str:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return ".type: a block with a type is required"
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        return ".text: a text is required"
    if block["type"] == "tool_use" and not isinstance(block.get("id"), str):
        return ".id: a text is required"
    if block["type"] == "tool_result":
        if not isinstance(block.get("tool_use_id"), str):
            return ".tool_use_id: a text is required"
        return _problem_of_content(block.get("content", ""))
    return ""


def _problem_of_rest(request: dict[str, Any]) -> str:
    if not isinstance(request.get("system", ""), str | list):
        return "system: a text or a list of blocks is required"
    tools = request.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        return "tools: a list of tools is required"
    return ""
