"""The transcript of a rollout: every exchange once, messages already written not written again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.files import digest_text, is_text

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call to the model and its answer."""

    call: int
    request: dict[str, Any]
    status: int
    reply: dict[str, Any]


class TranscriptWriter:
    """Appends exchanges to a JSON-lines file.

    A line holds only what differs from the call before: `kept` says how many messages at the
    start stayed the same, so that the file grows with the conversation and not with its square.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._calls = 0
        self._previous: dict[str, Any] = {"messages": []}

    def append(self, request: dict[str, Any], status: int, reply: dict[str, Any]) -> None:
        """Write one exchange as one line."""
        self._calls += 1
        messages = [_without_breakpoints(message) for message in request.get("messages", [])]
        current = {**request, "messages": messages}
        kept = _common_start(self._previous["messages"], messages)
        changed = {
            key: value
            for key, value in current.items()
            if key != "messages" and self._previous.get(key) != value
        }
        line = {
            "call": self._calls,
            "request_digest": digest_text(json.dumps(request, sort_keys=True)),
            "request": {**changed, "kept": kept, "messages": messages[kept:]},
            "status": status,
            "reply": reply,
        }
        text = json.dumps(line, ensure_ascii=False)
        if not is_text(text):  # half of a surrogate pair is valid JSON, and no UTF-8
            text = json.dumps(line)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
        self._previous = current


def _without_breakpoints(message: Message) -> Message:
    """A cache breakpoint moves on with every call; it is no part of what was said."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    blocks = [
        {key: value for key, value in block.items() if key != "cache_control"}
        if isinstance(block, dict)
        else block
        for block in content
    ]
    return {**message, "content": blocks}


def _as_blocks(message: Message) -> Message:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": [{"type": "text", "text": content}]}
    return message


def _common_start(old: list[Message], new: list[Message]) -> int:
    count = 0
    for before, after in zip(old, new, strict=False):
        if _as_blocks(before) != _as_blocks(after):
            break
        count += 1
    return count


def read_transcript(file: Path) -> Iterator[Exchange]:
    """Every exchange with its full request, in order."""
    previous: dict[str, Any] = {"messages": []}
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            entry = json.loads(line)
            change = dict(entry["request"])
            messages = previous["messages"][: change.pop("kept")] + change.pop("messages")
            previous = {**previous, **change, "messages": messages}
            yield Exchange(entry["call"], previous, entry["status"], entry["reply"])


def conversation(file: Path) -> list[Message]:
    """The messages of the last call with its reply: what a person wants to read."""
    last: Exchange | None = None
    for exchange in read_transcript(file):
        last = exchange
    if last is None:
        return []
    closing = {"role": "assistant", "content": last.reply.get("content", [])}
    return [*last.request["messages"], closing]
