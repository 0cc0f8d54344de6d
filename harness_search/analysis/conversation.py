"""A transcript as a conversation: each message once, in order, with what each call cost.

Later requests repeat all that was said before, so a request counts with what it says anew. Memory
is bounded whatever the file holds: texts are cut, and beyond a number of entries they are counted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness_search.analysis.entries import Call, Conversation, End, Entry, Kind
from harness_search.analysis.lines import (
    SYSTEM_PLACE,
    TOOLS_PLACE,
    Block,
    Came,
    Carried,
    Sent,
    read_lines,
    whole,
)
from harness_search.analysis.texts import text_of
from harness_search.gateway.prices import usage_of

LONGEST_SHOWN = 20_000
"""Characters of one entry."""
MOST_SHOWN = 8_000_000
"""Characters of all entries; the texts beyond are cut to SHORT."""
SHORT = 200
MOST_ENTRIES = 20_000
LONGEST_NAME = 200

_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "text": Kind.TEXT,
        "thinking": Kind.THINKING,
        "tool_use": Kind.TOOL_CALL,
        "tool_result": Kind.TOOL_RESULT,
    }
)


def read_conversation(file: Path) -> Conversation:
    """The conversation of a transcript of any size; raises OSError where there is no file.

    A last line that was torn, and lines that cannot be read, are counted and passed over.
    """
    reader = _Reader()
    damage: Counter[str] = Counter()
    for line in read_lines(file):
        if isinstance(line, Sent):
            reader.sent(line)
        elif isinstance(line, Came):
            reader.came(line)
        else:
            damage[line.value] += 1
    return Conversation(reader.ordered(), reader.ended(), reader.left_out, dict(damage))


@dataclass(slots=True)
class _Asked:
    """A call whose request was read, and what came of it."""

    sent: int
    new: int
    carried: tuple[Carried, ...]
    conversation: int
    left_out: int = 0
    repeats: int | None = None
    said: bool = False
    """Whether a reply came, which counts as one more message."""


class _Reader:
    """What was read so far."""

    def __init__(self) -> None:
        self.left_out = 0
        self._entries: dict[tuple[int, int, int], Entry] = {}
        """By call, place and index: the order in which they are read."""
        self._asked: dict[int, _Asked] = {}
        self._ended: dict[int, Call] = {}
        self._tool_calls: dict[str, tuple[int, int, int]] = {}
        """The latest of each id, which only good manners keep different."""
        self._room = MOST_SHOWN

    def sent(self, line: Sent) -> None:
        asked = self._asked[line.call] = self._placed(line)
        for block in line.blocks:
            self._add(block)
        begins = asked.conversation == line.call
        for run in line.carried if begins else line.carried[1:]:
            self._repeat(line.call, run)

    def _placed(self, line: Sent) -> _Asked:
        """The conversation that a request belongs to: the one that it begins like."""
        new = line.messages - sum(run.count for run in line.carried)
        asked = _Asked(line.messages, new, line.carried, line.call)
        before = line.carried[0] if line.carried else None
        known = self._asked.get(before.call) if before else None
        if before is None or known is None or before.start or before.first:
            return asked
        asked.conversation = known.conversation
        if before.count == line.messages == known.sent:
            asked.repeats = before.call
        else:
            asked.left_out = max(0, known.sent + known.said - before.count)
        return asked

    def came(self, line: Came) -> None:
        asked = self._asked.setdefault(line.call, _Asked(0, 0, (), line.call))
        broken = "reply" not in line.line
        asked.said = bool(line.message) and not broken
        for block in line.blocks(asked.sent):
            self._add(block, broken=broken)
        self._ended[line.call] = _call(line.call, asked, line)

    def ordered(self) -> tuple[Entry, ...]:
        return tuple(self._entries[key] for key in sorted(self._entries))

    def ended(self) -> tuple[Call, ...]:
        """Every call by its number, also those that nothing came of."""
        numbers = sorted(self._asked)
        return tuple(
            self._ended.get(number) or _call(number, self._asked[number]) for number in numbers
        )

    def _add(self, block: Block, *, broken: bool = False) -> None:
        if len(self._entries) >= MOST_ENTRIES:
            self.left_out += 1
            return
        key = (block.call, block.place, block.index)
        text = text_of(block)
        kind = _kind_of(block)
        name, pair = self._paired(key, block) if kind in _PAIRED else ("", "")
        is_error = kind is Kind.TOOL_RESULT and block.content.get("is_error") is True
        shown, length = self._cut(text), len(text)
        by_harness = block.role == "assistant" and block.place < self._asked[block.call].sent
        role = _shortened(block.role)
        self._entries[key] = Entry(
            block.id,
            block.call,
            role,
            kind,
            shown,
            length,
            name,
            pair,
            is_error,
            broken,
            by_harness,
        )

    def _cut(self, text: str) -> str:
        shown = text[: LONGEST_SHOWN if self._room > LONGEST_SHOWN else SHORT]
        self._room -= len(shown)
        return shown

    def _paired(self, key: tuple[int, int, int], block: Block) -> tuple[str, str]:
        """Name of the tool and id of the other entry of a tool call or result; a call's is filled
        in when its first result comes."""
        if block.type == "tool_use":
            self._tool_calls[_shortened(block.content.get("id"))] = key
            return _shortened(block.content.get("name")), ""
        called = self._tool_calls.get(_shortened(block.content.get("tool_use_id")))
        if called is None:
            return "", ""
        call = self._entries[called]
        if not call.pair:
            self._entries[called] = replace(call, pair=block.id)
        return call.name, call.id

    def _repeat(self, call: int, run: Carried) -> None:
        """Say in one entry that messages come once more, and how the first of them begins."""
        if len(self._entries) >= MOST_ENTRIES:
            self.left_out += 1
            return
        first = self._entries.get((*self._origin(run.call, run.first), 0))
        text, pair = (first.text[:SHORT], first.id) if first else ("", "")
        role, length = (first.role, first.length) if first else ("", 0)
        self._entries[call, run.start, 0] = Entry(
            f"{call}.{run.start}.0", call, role, Kind.REPEATED, text, length, pair=pair,
            messages=run.count,
        )  # fmt: skip

    def _origin(self, call: int, place: int) -> tuple[int, int]:
        """Where a message of a call was written first: calls refer to earlier ones only."""
        while (asked := self._asked.get(call)) is not None:
            runs = (run for run in asked.carried if 0 <= place - run.start < run.count)
            run = next(runs, None)
            if run is None or run.call >= call:
                break
            call, place = run.call, run.first + place - run.start
        return call, place


_PAIRED = frozenset({Kind.TOOL_CALL, Kind.TOOL_RESULT})


def _kind_of(block: Block) -> Kind:
    if block.place == TOOLS_PLACE:
        return Kind.TOOLS
    kind = _KINDS.get(block.type, Kind.OTHER)
    return Kind.SYSTEM if block.place == SYSTEM_PLACE and kind is Kind.TEXT else kind


def _shortened(value: object) -> str:
    return value[:LONGEST_NAME] if isinstance(value, str) else ""


def _call(number: int, asked: _Asked, line: Came | None = None) -> Call:
    entry = line.line if line else {}
    message = line.message if line else {}
    cost = entry.get("cost_usd", 0.0)
    return Call(
        number=number,
        conversation=asked.conversation,
        end=_end_of(line),
        status=line.status if line else 0,
        cause=_shortened(_cause_of(entry)),
        tries=whole(entry.get("tries")),
        messages=asked.sent,
        new=asked.new,
        left_out=asked.left_out,
        repeats=asked.repeats,
        model=_shortened(message.get("model")),
        stop_reason=_shortened(message.get("stop_reason")),
        usage=usage_of(message),
        cost_usd=float(cost) if isinstance(cost, int | float) else 0.0,
        replayed=entry.get("replayed") is True,
    )


def _end_of(line: Came | None) -> End:
    if line is None:
        return "unanswered"
    if "reply" not in line.line:
        return "failed"
    return "answered" if line.status == 200 else "refused"


def _cause_of(entry: Mapping[str, Any]) -> str:
    if "failure" in entry:
        return str(entry["failure"])
    reply = entry.get("reply")
    error = reply.get("error") if isinstance(reply, dict) else None
    message = error.get("message") if isinstance(error, dict) else ""
    return f"status {entry.get('status')}: {message}" if error else ""
