"""What the simulated model can know: the request, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]

DOCUMENT_NAME = re.compile(r"\S.*\.(docx|xlsx|pptx|pdf|eml|txt|md|csv)$")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the model with the result that it was shown."""

    name: str
    input: object
    result: str
    failed: bool


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
class Situation:
    """One request, read as the model would."""

    assignment: str
    """The first user message."""
    rounds: tuple[tuple[Call, ...], ...]
    """Calls since the assignment, and since each further user message with text."""
    tools: tuple[Tool, ...]

    @property
    def current(self) -> tuple[Call, ...]:
        return self.rounds[-1]

    def tool(self, *words: str) -> Tool | None:
        """The first tool whose name contains one of the words."""
        return next((tool for tool in self.tools if any(word in tool.name for word in words)), None)


def read_request(request: dict[str, Any]) -> Situation:
    """Read a Messages request."""
    messages = request.get("messages", [])
    results = {
        block.get("tool_use_id"): block
        for message in messages
        for block in blocks_of(message)
        if block.get("type") == "tool_result"
    }
    rounds: list[list[Call]] = []
    assignment = ""
    for message in messages:
        texts = [block["text"] for block in blocks_of(message) if block.get("type") == "text"]
        if message.get("role") == "user" and texts:
            assignment = assignment or "\n".join(texts)
            rounds.append([])
        elif message.get("role") == "assistant" and rounds:
            rounds[-1] += _calls(message, results)
    return Situation(
        assignment,
        tuple(tuple(calls) for calls in rounds) or ((),),
        tuple(_tools(request.get("tools", []))),
    )


def blocks_of(message: dict[str, Any]) -> list[Block]:
    """The content of a message as blocks."""
    content = message.get("content", "")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)]


def _calls(message: dict[str, Any], results: dict[object, Block]) -> Iterator[Call]:
    for block in blocks_of(message):
        if block.get("type") == "tool_use" and block.get("id") in results:
            result = results[block["id"]]
            text = "\n".join(str(part.get("text", "")) for part in blocks_of(result))
            yield Call(
                str(block.get("name")), block.get("input"), text, bool(result.get("is_error"))
            )


def _tools(offered: list[Block]) -> Iterator[Tool]:
    for tool in offered:
        schema = tool.get("input_schema")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        names = tuple(map(str, properties)) if isinstance(properties, dict) else ()
        yield Tool(str(tool.get("name")), str(tool.get("description", "")), names)
