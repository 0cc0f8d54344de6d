"""Server-sent events of the Messages API: a reply read from its stream, a stream made of a reply.

What is read here comes from an upstream that nobody vouches for: nothing in it raises, and what is
kept of it is bounded.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LARGEST_EVENT = 64 * 1024 * 1024  # bytes
LARGEST_STREAM = 256 * 1024 * 1024  # bytes
LINE_END = re.compile(rb"\r\n|\n|\r")
PIECES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""Kinds of deltas that carry a piece of text, with the field that holds it."""
ENDINGS = ("stop_reason", "stop_sequence", "stop_details", "container")
"""Fields of a message that are known only at its end."""
TOTALS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "server_tool_use",
    "output_tokens_details",
)
"""Usage that the end of a stream repeats, as totals of the whole message."""
TOOL_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


# Reading.


class EventReader:
    """Cuts the bytes of a stream into events, wherever the chunks were cut."""

    def __init__(self) -> None:
        self.broken = False
        """An event was larger than LARGEST_EVENT: it is thrown away, with all that follows."""
        self._line = bytearray()
        self._name = ""
        self._data: list[bytes] = []
        self._held = 0
        self._after_return = False

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """Name and data of every event that this chunk completes."""
        # The line feed of a pair that was cut apart ends no second line.
        start = int(self._after_return and chunk.startswith(b"\n"))
        self._after_return = chunk.endswith(b"\r") if chunk else self._after_return
        for end in LINE_END.finditer(chunk, start):
            if not self._keep(chunk[start : end.start()]):
                return
            start = end.end()
            event = self._end_line()
            if event is not None:
                yield event
        self._keep(chunk[start:])

    def _keep(self, piece: bytes) -> bool:
        if self._held + len(self._line) + len(piece) > LARGEST_EVENT:
            self.broken = True
            self._line.clear()
            self._data.clear()
        else:
            self._line += piece
        return not self.broken

    def _end_line(self) -> tuple[str, bytes] | None:
        line = bytes(self._line)
        self._line.clear()
        if not line:
            return self._end_event()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._held += len(line)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _end_event(self) -> tuple[str, bytes] | None:
        event = (self._name, b"\n".join(self._data)) if self._data else None
        self._name, self._held = "", 0
        self._data.clear()
        return event


@dataclass(slots=True)
class _Block:
    """A content block that is being received."""

    opening: dict[str, Any]
    pieces: dict[str, list[str]] = field(default_factory=dict)
    citations: list[Any] = field(default_factory=list)

    def add(self, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        name = PIECES.get(kind) if isinstance(kind, str) else None
        if name is not None and isinstance(delta.get(name), str):
            self.pieces.setdefault(name, []).append(delta[name])
        elif kind == "signature_delta":
            self.opening["signature"] = delta.get("signature")
        elif kind == "citations_delta":
            self.citations.append(delta.get("citation"))

    def assembled(self) -> dict[str, Any]:
        block = dict(self.opening)
        for name in ("text", "thinking"):
            if name in self.pieces:
                start = block.get(name)
                block[name] = (start if isinstance(start, str) else "") + "".join(self.pieces[name])
        written = "".join(self.pieces.get("partial_json", ()))
        if written:
            block["input"] = _input_of(written)
        if self.citations:
            start = block.get("citations")
            block["citations"] = [*(start if isinstance(start, list) else ()), *self.citations]
        return block


class Assembler:
    """Builds the reply of a stream from its raw bytes, however they are cut.

    Events that cannot be read are passed over. What follows the end of the message, an error event
    or an event or stream that is too large is not looked at any more.
    """

    def __init__(self) -> None:
        self.whole = False
        """The message came to its end: `message_stop` was seen."""
        self.error: dict[str, Any] | None = None
        """The body of an `error` event."""
        self.started = False
        """An event has been complete, of whatever kind."""
        self._reader = EventReader()
        self._fed = 0
        self._start: dict[str, Any] | None = None
        self._blocks: dict[int, _Block] = {}
        self._ending: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream; never raises."""
        if self._ended:
            return
        self._fed += len(chunk)
        for name, data in self._reader.feed(chunk):
            self._take(name, data)
            if self._ended:
                return

    @property
    def message(self) -> dict[str, Any] | None:
        """The message as far as it came; None before `message_start`.

        The input of a tool call is its parsed JSON, or the text itself where that is no JSON.
        """
        if self._start is None:
            return None
        blocks = [self._blocks[index].assembled() for index in sorted(self._blocks)]
        message = {**self._start, **self._ending, "content": blocks}
        if self._usage:
            start = self._start.get("usage")
            message["usage"] = {**(start if isinstance(start, dict) else {}), **self._usage}
        return message

    @property
    def broken(self) -> bool:
        """An event or the stream is larger than anyone sends; nothing more of it is read."""
        return self._reader.broken or self._fed > LARGEST_STREAM

    @property
    def _ended(self) -> bool:
        return self.whole or self.error is not None or self.broken

    def _take(self, name: str, data: bytes) -> None:
        event = _object_of(data)
        if name == "error" or (event is not None and event.get("type") == "error"):
            self.started = True
            self.error = event or error_body("api_error", "the error event cannot be read")
        elif event is not None:
            self.started = True
            self._take_event(event)

    def _take_event(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if self._start is None:
            if kind == "message_start" and isinstance(event.get("message"), dict):
                self._start = event["message"]
        elif kind == "content_block_start":
            self._open_block(event.get("index"), event.get("content_block"))
        elif kind == "content_block_delta":
            self._extend_block(event.get("index"), event.get("delta"))
        elif kind == "message_delta":
            self._end(event.get("delta"), event.get("usage"))
        elif kind == "message_stop":
            self.whole = True

    def _open_block(self, index: object, block: object) -> None:
        if isinstance(index, int) and isinstance(block, dict):
            self._blocks[index] = _Block(block)

    def _extend_block(self, index: object, delta: object) -> None:
        block = self._blocks.get(index) if isinstance(index, int) else None
        if block is not None and isinstance(delta, dict):
            block.add(delta)

    def _end(self, delta: object, usage: object) -> None:
        if isinstance(delta, dict):
            self._ending |= {name: delta[name] for name in ENDINGS if name in delta}
        if isinstance(usage, dict):
            self._usage |= {name: count for name, count in usage.items() if count is not None}


def _object_of(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _input_of(written: str) -> object:
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return written


# Writing.


def events_of(message: dict[str, Any], *, piece: int = 40) -> list[bytes]:
    """The stream of a message as complete events, texts in pieces of `piece` characters.

    An Assembler makes an equal message of them.
    """
    events = [_event("message_start", message=_opening_of(message))]
    for index, block in enumerate(message.get("content", [])):
        opening, deltas = _parts_of(block, piece)
        events.append(_event("content_block_start", index=index, content_block=opening))
        events += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
        events.append(_event("content_block_stop", index=index))
    ending = {name: message[name] for name in ENDINGS if name in message}
    usage = message.get("usage") or {}
    totals = {name: usage[name] for name in TOTALS if name in usage}
    return [*events, _event("message_delta", delta=ending, usage=totals), _event("message_stop")]


def error_event(kind: str, message: str) -> bytes:
    """The event with which a stream breaks off."""
    return _as_event("error", error_body(kind, message))


def error_body(kind: str, message: str) -> dict[str, Any]:
    """An error in the API's shape."""
    return {"type": "error", "error": {"type": kind, "message": message}}


def _opening_of(message: dict[str, Any]) -> dict[str, Any]:
    """A message as it is announced: nothing said yet, and one token of output counted."""
    opening = {**message, **{name: None for name in ENDINGS if name in message}, "content": []}
    usage = message.get("usage")
    if isinstance(usage, dict) and isinstance(usage.get("output_tokens"), int):
        opening["usage"] = {**usage, "output_tokens": 1}
    return opening


def _parts_of(block: dict[str, Any], piece: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A content block as it is opened, and what is added to it."""
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        return _parts_of_text(block, piece)
    if kind == "thinking" and isinstance(block.get("thinking"), str):
        return _parts_of_thinking(block, piece)
    if kind in TOOL_CALLS and "input" in block:
        written = _written(block["input"])
        return {**block, "input": {}}, _deltas("input_json_delta", written, piece)
    return block, []


def _parts_of_text(
    block: dict[str, Any], piece: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    opening, deltas = {**block, "text": ""}, _deltas("text_delta", block["text"], piece)
    citations = block.get("citations")
    if not isinstance(citations, list):
        return opening, deltas
    opening["citations"] = []
    return opening, [*deltas, *({"type": "citations_delta", "citation": one} for one in citations)]


def _parts_of_thinking(
    block: dict[str, Any], piece: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    opening, deltas = {**block, "thinking": ""}, _deltas("thinking_delta", block["thinking"], piece)
    if not block.get("signature"):
        return opening, deltas
    opening["signature"] = ""
    return opening, [*deltas, {"type": "signature_delta", "signature": block["signature"]}]


def _deltas(kind: str, text: str, piece: int) -> list[dict[str, Any]]:
    starts = range(0, len(text), piece)
    return [{"type": kind, PIECES[kind]: text[start : start + piece]} for start in starts]


def _written(value: object) -> str:
    """The input of a tool call as the model wrote it: a text that is no JSON stands for itself."""
    if isinstance(value, str) and value and _input_of(value) is value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _event(kind: str, **fields: object) -> bytes:
    return _as_event(kind, {"type": kind, **fields})


def _as_event(name: str, content: dict[str, Any]) -> bytes:
    try:
        data = json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair has an escape in JSON, and no UTF-8
        data = json.dumps(content).encode()
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)
