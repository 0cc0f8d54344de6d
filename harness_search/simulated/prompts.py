"""A request's prompt as the API counts and caches it: one block after the other."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHARACTERS_PER_TOKEN = 4
UNMARKABLE = frozenset({"thinking", "redacted_thinking"})


@dataclass(frozen=True, slots=True)
class PromptBlock:
    """One block of tools, system or messages, in that order."""

    place: tuple[object, ...]
    """The part of the request that it stands in, with what changes how that part is read."""
    content: dict[str, Any]
    """All of it but its breakpoint."""
    mark: object
    """Its `cache_control`, whatever was sent; None where there is none."""

    @property
    def identity(self) -> str:
        """What has to be equal for a cached prefix to fit."""
        return json.dumps([self.place, self.content])

    @property
    def tokens(self) -> int:
        """A text counts by itself, any other block with all its fields."""
        return tokens(self.content if self._text is None else self._text)

    @property
    def cacheable(self) -> bool:
        """Whether a breakpoint may stand on it."""
        return self.content.get("type") not in UNMARKABLE and self._text != ""

    @property
    def _text(self) -> str | None:
        text = self.content.get("text") if self.content.get("type") == "text" else None
        return text if isinstance(text, str) else None


def prompt_blocks(request: dict[str, Any]) -> list[PromptBlock]:
    """Every block of a sound request; a text is one block."""
    return list(_blocks(request))


def prompt_tokens(request: dict[str, Any]) -> int:
    """Tokens of the whole prompt."""
    return sum(block.tokens for block in prompt_blocks(request))


def tokens(value: object) -> int:
    """Tokens of a text or of any JSON value."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def _blocks(request: dict[str, Any]) -> Iterator[PromptBlock]:
    yield from _blocks_at(("tools",), request.get("tools"))
    yield from _blocks_at(("system",), request.get("system"))
    # These two change how messages are read, and so which cached messages fit; no more than that.
    settings = (request.get("tool_choice"), request.get("thinking"))
    for message in request.get("messages", []):
        yield from _blocks_at((message.get("role"), *settings), message.get("content"))


def _blocks_at(place: tuple[object, ...], content: object) -> Iterator[PromptBlock]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}] if content else []
    for block in content if isinstance(content, list) else []:
        if isinstance(block, dict):
            rest = {name: value for name, value in block.items() if name != "cache_control"}
            yield PromptBlock(place, rest, block.get("cache_control"))
