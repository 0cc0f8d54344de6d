"""What the simulated model can know: the request, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness_search.simulated.prompts import CHARACTERS_PER_TOKEN

Block = dict[str, Any]

DOCUMENT_NAME = re.compile(r"\S.*\.(docx|xlsx|pptx|pdf|eml|txt|md|csv)$")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the model with the result that it was shown."""

    name: str
    input: object
    result: str
    failed: bool
    remembered: str
    """As much of the result, from its end, as still lies in the context window."""

    def argument(self, name: str) -> str:
        """One argument as text; empty where there is none."""
        return str(self.input.get(name, "")) if isinstance(self.input, dict) else ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer, with the names of its arguments."""

    name: str
    description: str
    arguments: tuple[str, ...]

    def argument(self, *words: str) -> str | None:
        """The first argument whose name contains one of the words."""
        return next((name for name in self.arguments if any(word in name for word in words)), None)


@dataclass(frozen=True, slots=True)
class Round:
    """A user message with text, and the calls since."""

    message: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """One request, read as the model would."""

    system: str
    rounds: tuple[Round, ...]
    """The first begins with the assignment."""
    tools: tuple[Tool, ...]

    @property
    def assignment(self) -> str:
        """The first user message."""
        return self.rounds[0].message

    @property
    def current(self) -> tuple[Call, ...]:
        """The calls since the last user message with text."""
        return self.rounds[-1].calls

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call, in order."""
        return tuple(call for part in self.rounds for call in part.calls)

    @property
    def follow_up(self) -> str:
        """The user message that this round answers; empty while it is the assignment."""
        return self.rounds[-1].message if len(self.rounds) > 1 else ""

    def tool(self, *words: str) -> Tool | None:
        """The first tool whose name contains one of the words."""
        return next((tool for tool in self.tools if any(word in tool.name for word in words)), None)


def read_request(request: dict[str, Any], context_tokens: int) -> Situation:
    """Read a Messages request with a context window of so many tokens."""
    messages = request.get("messages", [])
    results = {
        block.get("tool_use_id"): block
        for message in messages
        for block in blocks_of(message)
        if block.get("type") == "tool_result"
    }
    remembered = _remembered(messages, context_tokens * CHARACTERS_PER_TOKEN)
    rounds: list[tuple[str, list[Call]]] = []
    for message in messages:
        texts = [block["text"] for block in blocks_of(message) if block.get("type") == "text"]
        if message.get("role") == "user" and texts:
            rounds.append(("\n".join(texts), []))
        elif message.get("role") == "assistant" and rounds:
            rounds[-1][1].extend(_calls(message, results, remembered))
    return Situation(
        "\n".join(block.get("text", "") for block in blocks_of({"content": request.get("system")})),
        tuple(Round(text, tuple(calls)) for text, calls in rounds) or (Round("", ()),),
        tuple(_tools(request.get("tools", []))),
    )


def blocks_of(message: dict[str, Any]) -> list[Block]:
    """The content of a message as blocks."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)]


def _remembered(messages: list[dict[str, Any]], room: int) -> dict[object, str]:
    """What is known of each result: the window reaches back so many characters of results.

    The assignment and what the model said itself take no room in it.
    """
    known: dict[object, str] = {}
    for message in reversed(messages):
        for block in reversed(blocks_of(message)):
            if block.get("type") == "tool_result":
                text = text_of(block)
                known[block.get("tool_use_id")] = text[max(0, len(text) - room) :] if room else ""
                room = max(0, room - len(text))
    return known


def text_of(block: Block) -> str:
    """The text of a tool result."""
    return "\n".join(str(part.get("text", "")) for part in blocks_of(block))


def _calls(
    message: dict[str, Any], results: dict[object, Block], remembered: dict[object, str]
) -> Iterator[Call]:
    for block in blocks_of(message):
        if block.get("type") == "tool_use" and "id" in block and block["id"] in results:
            result = results[block["id"]]
            yield Call(
                str(block.get("name")),
                block.get("input"),
                text_of(result),
                bool(result.get("is_error")),
                remembered[block["id"]],
            )


def _tools(offered: list[Block]) -> Iterator[Tool]:
    for tool in offered:
        schema = tool.get("input_schema")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        names = tuple(map(str, properties)) if isinstance(properties, dict) else ()
        yield Tool(str(tool.get("name")), str(tool.get("description", "")), names)
