"""A conversation as the turns of a page: who spoke, in which call, and each tool call together
with its result."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from markupsafe import Markup

from harness_search.amounts import dollars
from harness_search.analysis.entries import Call, Conversation, Entry, Kind
from harness_search.pages.numbers import whole
from harness_search.pages.room import Fitted, bytes_of, fitted, fitted_line

MOST_ENTRIES = 1_500
"""On a page; of a longer conversation its beginning and its end."""
LAST_ENTRIES = 400
MOST_SILENT = 300
"""Calls without a reply."""
ROOM = 1_200_000
"""Bytes of all texts."""
ROOMS_OF_ENTRIES = (60_000, 20_000, 8_000, 3_000, 1_500, ROOM // MOST_ENTRIES)
"""Bytes of one text: the first of them with which all fit."""
LONGEST_LINE, LONGEST_NAME = 110, 80
"""Bytes of what stands for a folded part."""

NOTHING = Markup()

_SPEAKERS = {"user": "Harness", "assistant": "Model", "system": "System"}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was said, or one tool call with its result."""

    kind: Kind
    text: Fitted
    name: Markup = NOTHING
    """Of the tool."""
    line: Markup = NOTHING
    """The first line, for where the part is folded."""
    result: "Part | None" = None
    is_error: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said at once."""

    speaker: str
    role: str
    """`user`, `model`, `system` or `gap`, for the style."""
    parts: tuple[Part, ...] = ()
    call: Call | None = None
    """That the model answered with this turn."""
    remarks: tuple[str, ...] = ()
    """About the call, or what is left out here."""
    trouble: str = ""
    """What became of a call that was not answered."""
    number: int = 0
    """The call that it was sent with, or that it answers."""

    @property
    def place(self) -> tuple[int, bool]:
        """Among all turns: what was sent with a call, then what came of it."""
        return self.number, self.call is not None

    @property
    def cost(self) -> tuple[str, ...]:
        """Of its call: tokens and money."""
        return () if self.call is None else tuple(_cost(self.call))


@dataclass(frozen=True)
class _Known:
    """What is to be shown of a conversation."""

    entries: Mapping[str, Entry]
    room: int
    """Bytes of one text."""
    conversations: int
    calls: Mapping[int, Call]
    kept: frozenset[str] = field(repr=False)
    """Ids of the entries that are on the page."""


def turns_of(conversation: Conversation) -> list[Turn]:
    """All turns from top to bottom, in bounded room."""
    shown, left_out = _kept(conversation.entries)
    known = _Known(
        entries={entry.id: entry for entry in shown},
        room=_room_of_one(shown),
        conversations=len({call.conversation for call in conversation.calls}),
        calls={call.number: call for call in conversation.calls},
        kept=frozenset(entry.id for entry in shown),
    )
    begin = MOST_ENTRIES - LAST_ENTRIES if left_out else len(shown)
    turns = [*_turns(shown[:begin], known), *_turns(shown[begin:], known)]
    hidden = range(0)
    if left_out:
        hidden = range(shown[begin - 1].call + 1, shown[begin].call)
        said = f"{left_out:,} entries of the conversation are left out here"
        turns.append(Turn("", "gap", remarks=(said,), number=hidden.start))
    silent = [turn for turn in _silent(known, shown) if turn.number not in hidden]
    turns += silent[:MOST_SILENT]
    turns.sort(key=lambda turn: turn.place)
    return [*turns, *_ends(len(silent) - MOST_SILENT, conversation.left_out)]


def _ends(silent: int, unread: int) -> Iterator[Turn]:
    """What is not shown at all."""
    if silent > 0:
        yield Turn("", "gap", remarks=(f"{silent:,} more calls without a reply are left out",))
    if unread:
        yield Turn("", "gap", remarks=(f"{unread:,} more entries were not read",))


def _kept(entries: Sequence[Entry]) -> tuple[Sequence[Entry], int]:
    """The entries to be shown, and how many are left out in the middle."""
    if len(entries) <= MOST_ENTRIES:
        return entries, 0
    first = MOST_ENTRIES - LAST_ENTRIES
    return [*entries[:first], *entries[-LAST_ENTRIES:]], len(entries) - MOST_ENTRIES


def _room_of_one(entries: Sequence[Entry]) -> int:
    """Bytes for each text, so that all texts have room."""
    sizes = [bytes_of(entry.text) for entry in entries]
    fitting = (room for room in ROOMS_OF_ENTRIES if sum(min(size, room) for size in sizes) <= ROOM)
    return next(fitting, ROOMS_OF_ENTRIES[-1])


def _turns(entries: Sequence[Entry], known: _Known) -> Iterator[Turn]:
    """Entries of one call and one role are a turn; a result that stands with its call is none."""
    for (number, role, is_reply), group in groupby(entries, key=_turn_of):
        parts = tuple(_part(entry, known) for entry in group if not _stands_with_call(entry, known))
        call = known.calls.get(number) if is_reply else None
        if parts or call:
            yield replace(_turn(role, parts, call, known), number=number)


def _turn_of(entry: Entry) -> tuple[int, str, bool]:
    repeated = entry.kind is Kind.REPEATED
    is_reply = entry.role == "assistant" and not entry.by_harness and not repeated
    return entry.call, "again" if repeated else entry.role, is_reply


def _turn(role: str, parts: tuple[Part, ...], call: Call | None, known: _Known) -> Turn:
    if call is not None:
        return _answered(call, parts, known)
    if role == "again":
        return Turn("Sent again", "gap", parts)
    if role == "assistant":
        return Turn("Model, as the harness wrote it", "user", parts)
    speaker = _SPEAKERS.get(role, role or "Unknown")
    return Turn(speaker, "system" if role == "system" else "user", parts)


def _stands_with_call(entry: Entry, known: _Known) -> bool:
    """Whether a result is shown within its call, of which it is the first result."""
    if entry.kind is not Kind.TOOL_RESULT or entry.pair not in known.kept:
        return False
    return known.entries[entry.pair].pair == entry.id


def _part(entry: Entry, known: _Known) -> Part:
    result = known.entries.get(entry.pair) if entry.kind is Kind.TOOL_CALL else None
    answer = _part(result, known) if result is not None else None
    remarks = []
    if entry.broken:
        remarks.append("the reply broke off")
    if entry.messages > 1:
        remarks.append(f"{entry.messages:,} messages")
    return Part(
        kind=entry.kind,
        text=fitted(entry.text, known.room, entry.length),
        name=fitted_line(entry.name, LONGEST_NAME),
        line=fitted_line(entry.text, LONGEST_LINE),
        result=answer,
        is_error=entry.is_error or (answer is not None and answer.is_error),
        remarks=tuple(remarks),
    )


def _silent(known: _Known, entries: Sequence[Entry]) -> list[Turn]:
    """Calls that the model said nothing to: refused, failed, not answered, or answered empty."""
    spoke = {entry.call for entry in entries if _turn_of(entry)[2]}
    return [
        _answered(call, (), known) for number, call in known.calls.items() if number not in spoke
    ]


def _answered(call: Call, parts: tuple[Part, ...], known: _Known) -> Turn:
    trouble = ""
    if call.end != "answered":
        trouble = f"{call.end}: {call.cause}" if call.cause else call.end
    return Turn(
        speaker="Model" if parts or call.end == "answered" else "No reply",
        role="model",
        parts=parts,
        call=call,
        remarks=tuple(_remarks(call, known.conversations)),
        trouble=trouble,
        number=call.number,
    )


def _remarks(call: Call, conversations: int) -> Iterator[str]:
    if conversations > 1:
        yield f"conversation begun by call {call.conversation}"
    if call.repeats is not None:
        yield f"asks the same as call {call.repeats}"
    if call.left_out:
        yield f"{call.left_out:,} earlier messages were no longer sent"
    if call.stop_reason == "max_tokens":
        yield "cut off at the longest length"
    if call.replayed:
        yield "replayed from an earlier attempt"


def _cost(call: Call) -> Iterator[str]:
    usage = call.usage
    came = usage.input + usage.cache_write + usage.cache_read
    cached = f" ({whole(usage.cache_read)} from cache)" if usage.cache_read else ""
    yield f"{whole(came)} tokens in{cached}"
    yield f"{whole(usage.output)} out"
    if call.cost_usd:
        yield dollars(call.cost_usd)
