"""A transcript line by line, whatever its size: what each call sent anew, and what came of it.

Nothing is held but one line. `gateway.transcript` says how lines are written; it reads whole
requests, which is more than anybody can look at. A line that is damaged is told of and passed over.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

LONGEST_LINE = 128 * 1024 * 1024
"""Bytes. The gateway takes requests of 32 MB, of which JSON can make up to six times as much; what
is longer than this is passed over as damaged."""
CHUNK = 1 << 20
SYSTEM_PLACE, TOOLS_PLACE = -2, -1
"""Places of the system prompt and of the tools, before the messages."""


class Damage(StrEnum):
    """What can be wrong with a line."""

    TORN = "torn last line"
    """The writer was killed in the middle of it."""
    UNREADABLE = "unreadable line"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a message, of a system prompt, or of a list of tools, in full."""

    call: int
    place: int
    """Of its message among those of the call, from 0; the reply comes after the last one."""
    index: int
    """Among the blocks of its message."""
    role: str
    content: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Stable: it says where in the file the block was written first."""
        return f"{self.call}.{self.place}.{self.index}"

    @property
    def type(self) -> str:
        return str(self.content.get("type", ""))


@dataclass(frozen=True, slots=True)
class Carried:
    """Messages of a request that the file had already."""

    start: int
    """Place of the first one in this call."""
    count: int
    call: int
    first: int
    """Its place in that earlier call."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: what it says for the first time, and what it says again."""

    call: int
    messages: int
    """All that were sent."""
    carried: tuple[Carried, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a call: a reply, an error, or a failure of the provider."""

    call: int
    line: Mapping[str, Any]
    """As it was written, for figures and causes."""

    @property
    def status(self) -> int:
        """Of the answer; 0 where the provider gave none."""
        return whole(self.line.get("status"))

    @property
    def message(self) -> Mapping[str, Any]:
        """The reply, or what came of a broken stream; empty for an error."""
        said = self.line.get("reply" if "reply" in self.line else "partial")
        refused = "reply" in self.line and self.status != 200
        return said if isinstance(said, dict) and not refused else {}

    def blocks(self, place: int) -> list[Block]:
        """What the model said, as a message in this place."""
        content = self.message.get("content")
        said = content if isinstance(content, list) else []
        return _blocks(self.call, place, "assistant", said)


def read_lines(file: Path) -> Iterator[Sent | Came | Damage]:
    """Every line of a transcript in the order of the file; raises OSError."""
    with file.open("rb") as stream:
        while line := stream.readline(LONGEST_LINE):
            if line.endswith(b"\n"):
                yield _line(line)
            elif len(line) < LONGEST_LINE:
                yield Damage.TORN
            else:
                _pass_over(stream)
                yield Damage.UNREADABLE


def _pass_over(stream: BinaryIO) -> None:
    """Read up to the end of a line, and no further."""
    while (part := stream.readline(CHUNK)) and not part.endswith(b"\n"):
        pass


def _line(line: bytes) -> Sent | Came | Damage:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return Damage.UNREADABLE
    call = entry.get("call") if isinstance(entry, dict) else None
    if type(call) is not int:
        return Damage.UNREADABLE
    if not isinstance(entry.get("request"), dict):
        return Came(call, entry) if {"reply", "failure"} & entry.keys() else Damage.UNREADABLE
    return _sent(call, entry["request"])


def _sent(call: int, request: Mapping[str, Any]) -> Sent:
    blocks = _blocks(call, SYSTEM_PLACE, "system", request.get("system", []))
    tools = request.get("tools")
    if isinstance(tools, list) and tools:
        blocks.append(Block(call, TOOLS_PLACE, 0, "system", {"type": "tools", "tools": tools}))
    parts = request.get("messages")
    place, carried = 0, list[Carried]()
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, dict):
            continue
        if "as_in_call" in part and "role" not in part:
            first, end = whole(part.get("from")), whole(part.get("to"))
            run = Carried(place, max(0, end - first), whole(part["as_in_call"]), first)
            carried.append(run)
            place += run.count
        else:
            blocks += _blocks(call, place, str(part.get("role", "")), part.get("content"))
            place += 1
    return Sent(call, place, tuple(carried), tuple(blocks))


def _blocks(call: int, place: int, role: str, content: object) -> list[Block]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    found = content if isinstance(content, list) else []
    return [
        Block(call, place, index, role, block)
        for index, block in enumerate(found)
        if isinstance(block, dict)
    ]


def whole(value: object) -> int:
    """A count; 0 for anything else."""
    return value if type(value) is int and value > 0 else 0
