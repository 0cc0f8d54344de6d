"""Blocks of messages as texts that a person can read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness_search.analysis.lines import Block

DEEPEST = 8
"""Levels of blocks within blocks; the gateway takes no more."""
LONGEST_LABEL = 80


def text_of(block: Block) -> str:
    """All of a block as text: a tool call as its arguments line by line, tools as their names,
    anything that is no text as a label in brackets."""
    return _printable("\n".join(_texts(block.content, 0)))


def strings_of(value: object) -> Iterator[str]:
    """Every string within a value, without keys, in its order."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting += reversed(item.values())
        elif isinstance(item, list):
            waiting += reversed(item)


def result_texts(block: Mapping[str, Any]) -> list[str]:
    """What a tool result says; what is no text in it, as labels."""
    content = block.get("content", "")
    return [content] if isinstance(content, str) else _inner(content, 0)


def _texts(block: Mapping[str, Any], depth: int) -> list[str]:
    kind = block.get("type")
    if not isinstance(kind, str):
        kind = ""
    if kind in {"text", "thinking"} and isinstance(text := block.get(kind), str):
        return [text]
    if kind == "tools":
        return [", ".join(str(tool.get("name", "?")) for tool in block["tools"] if _is_map(tool))]
    if kind == "tool_use":
        return list(_arguments(block.get("input")))
    content = block.get("content")
    if kind == "tool_result":
        return [content] if isinstance(content, str) else _inner(content, depth)
    inner = _inner(content, depth) if isinstance(content, list) else []
    return [_label(block), *inner]


def _inner(content: object, depth: int) -> list[str]:
    blocks = content if isinstance(content, list) and depth < DEEPEST else []
    return [text for block in blocks if _is_map(block) for text in _texts(block, depth + 1)]


def _is_map(value: object) -> bool:
    return isinstance(value, dict)


def _arguments(given: object) -> Iterator[str]:
    """`name: value`; a text of several lines begins on a line of its own."""
    if not isinstance(given, dict):
        yield _json(given)
        return
    for name, value in given.items():
        text = value if isinstance(value, str) else _json(value)
        yield f"{name}:\n{text}" if "\n" in text else f"{name}: {text}"


def _label(block: Mapping[str, Any]) -> str:
    """`[image, image/png, 41,200 characters]`: what it is, and how much."""
    source = block.get("source")
    given = source if isinstance(source, dict) else {}
    named = (given.get(name) for name in ("media_type", "url", "file_id"))
    words = (block.get("type"), *named)
    parts = [word[:LONGEST_LABEL] for word in words if isinstance(word, str)]
    if isinstance(data := given.get("data", block.get("data")), str):
        parts.append(f"{len(data):,} characters")
    return f"[{', '.join(parts)}]"


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "[nested too deeply to be shown]"


def _printable(text: str) -> str:
    """Halves of surrogate pairs are valid JSON, and nothing that could be written to a file."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
