"""What the holder of a token may ask for. Hostile code holds tokens: what is not named is refused.

A request may make the provider spend and think, and nothing else: no tool that runs at the
provider, no server that it would call, no address or stored file that it would fetch, no state
that outlives the request, no other model, no dearer way of serving.
"""

import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

FIELDS = frozenset(
    {
        *("model", "messages", "max_tokens", "system", "tools", "tool_choice", "stream"),
        *("temperature", "top_p", "top_k", "stop_sequences", "metadata", "thinking"),
        *("output_config", "output_format", "cache_control", "context_management"),
        *("service_tier", "diagnostics"),
    }
)
"""Fields of a request that change nothing but the reply. A profile's `sampling` adds its own."""
MESSAGE_FIELDS = frozenset({"role", "content", "output_config", "clear_at"})
OWN_TOOLS = re.compile(r"custom|(bash|computer|memory|text_editor)_[0-9]+")
"""Tools without a type, and those that the API describes and its caller runs."""
OWN_EDITS = re.compile(r"clear_(thinking|tool_uses)_[0-9]+")
"""Edits of the context that only leave things out. A compaction is a second call to the model,
which the usage of the reply does not count."""
BLOCKS = frozenset(
    {
        *("text", "image", "document", "search_result", "tool_use", "tool_result"),
        *("thinking", "redacted_thinking", "tool_reference", "tool_addition", "tool_removal"),
    }
)
SOURCES = frozenset({"base64", "text", "content"})
SOURCE_FIELDS = frozenset({"type", "media_type", "data", "content"})
ADDRESSES = frozenset({"url", "image_url", "file", "file_id"})
"""Fields by which one endpoint or another is told to fetch something."""
TIERS = frozenset({"auto", "standard_only"})
DEEPEST = 8
"""Levels of blocks within blocks; the API knows three."""
LONGEST_NAME = 100
"""Characters of a name of the sender's own that are given back to it."""
DEARER = ("context-1m-", "fast-mode-")
"""Beta features that need no field, or no other, and raise the price of every token."""
VERSION = re.compile(r"[\w.-]{1,64}", re.ASCII)
BETAS = re.compile(r"[\w.-]{1,128}(\s*,\s*[\w.-]{1,128}){0,127}", re.ASCII)


def breach_of(request: dict[str, Any], allowed: Set[str] = frozenset()) -> str:
    """The first thing asked for that no token grants, in the API's manner; empty when there is
    none. The request has the shape that `problem_of` demands."""
    for name in request.keys() - FIELDS - allowed:
        return f"{name[:LONGEST_NAME]}: not permitted here"
    tier = request.get("service_tier", "auto")
    if not isinstance(tier, str) or tier not in TIERS:
        return "service_tier: not permitted here"
    for index, tool in enumerate(request.get("tools") or []):
        if not _is_own_tool(tool):
            return f"tools.{index}.type: tools that run at the provider are not permitted here"
    return _breach_of_edits(request.get("context_management")) or _breach_of_messages(request)


def breach_of_headers(headers: Mapping[str, str]) -> str:
    """The same for the headers `anthropic-version` and `anthropic-beta`, where they are given."""
    if not VERSION.fullmatch(headers.get("anthropic-version", "none")):
        return "anthropic-version: not a version"
    betas = headers.get("anthropic-beta", "")
    if betas and not BETAS.fullmatch(betas):
        return "anthropic-beta: not a list of names"
    dearer = [name for name in map(str.strip, betas.split(",")) if name.startswith(DEARER)]
    return f"anthropic-beta: {dearer[0]} is not permitted here" if dearer else ""


def _is_own_tool(tool: object) -> bool:
    kind = (tool.get("type") or "custom") if isinstance(tool, dict) else None
    return isinstance(kind, str) and OWN_TOOLS.fullmatch(kind) is not None


def _breach_of_edits(management: object) -> str:
    edits = (management or {}).get("edits") or [] if isinstance(management, dict | None) else None
    if not isinstance(edits, list):
        return "context_management: not permitted here"
    for index, edit in enumerate(edits):
        kind = edit.get("type") if isinstance(edit, dict) else None
        if not isinstance(kind, str) or not OWN_EDITS.fullmatch(kind):
            return f"context_management.edits.{index}.type: not permitted here"
    return ""


def _breach_of_messages(request: dict[str, Any]) -> str:
    for index, message in enumerate(request["messages"]):
        if not message.keys() <= MESSAGE_FIELDS:
            return f"messages.{index}: has a field that is not permitted here"
    for path, block in _all_blocks(request):
        breach = _breach_of_block(block)
        if breach:
            return f"{path}{breach}"
    return ""


def _all_blocks(request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from _blocks("system", request.get("system"), DEEPEST)
    for index, message in enumerate(request["messages"]):
        yield from _blocks(f"messages.{index}.content", message["content"], DEEPEST)


def _blocks(path: str, content: object, levels: int) -> Iterator[tuple[str, Any]]:
    """Every block of a content, those inside tool results and documents included. What cannot be
    one is given as it is."""
    if isinstance(content, str | None):
        return
    if not isinstance(content, list) or not levels:
        yield path, None
        return
    for index, block in enumerate(content):
        here = f"{path}.{index}"
        yield here, block
        if isinstance(block, dict):
            yield from _blocks(f"{here}.content", block.get("content"), levels - 1)
            source = block.get("source")
            if isinstance(source, dict):
                yield from _blocks(f"{here}.source.content", source.get("content"), levels - 1)


def _breach_of_block(block: object) -> str:
    if not isinstance(block, dict):
        return ": not permitted here"
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in BLOCKS:
        return ".type: not permitted here"
    if block.keys() & ADDRESSES or not _is_own_source(kind, block.get("source")):
        return ".source.type: addresses and stored files are not permitted here"
    if kind in {"tool_addition", "tool_removal"} and not _is_own_change(block.get("tool")):
        return ".tool.type: not permitted here"
    return ""


def _is_own_source(kind: str, source: object) -> bool:
    """Whether a source holds what it stands for; that of a search result is a mere name."""
    if isinstance(source, dict):
        named = source.get("type")
        own = isinstance(named, str) and named in SOURCES
        return own and source.keys() <= SOURCE_FIELDS
    return source is None or (kind == "search_result" and isinstance(source, str))


def _is_own_change(tool: object) -> bool:
    """Whether a change of tools within the conversation names one of the request's, or defines one
    that the request might hold."""
    if not isinstance(tool, dict):
        return False
    if tool.get("type") == "tool_definition":
        return _is_own_tool(tool.get("definition"))
    return tool.get("type") == "tool_reference"
