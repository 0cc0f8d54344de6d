"""A conversation with a model as it is shown: its entries from top to bottom, and its calls."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

from harness_search.ledger.rows import Usage

End = Literal["answered", "refused", "failed", "unanswered"]


class Kind(StrEnum):
    """What an entry is."""

    SYSTEM = "system"
    TOOLS = "tools"
    TEXT = "text"
    THINKING = "thinking"
    TOOL_CALL = "tool call"
    TOOL_RESULT = "tool result"
    OTHER = "other"
    """A picture or anything else, as a label."""
    REPEATED = "repeated"
    """Messages that were shown before, sent once more in another place."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One block of the conversation."""

    id: str
    """`call.place.index`: where in the transcript it was written first."""
    call: int
    """The call that it was first sent with, or that it is the reply of."""
    role: str
    kind: Kind
    text: str
    length: int
    """Characters of the whole text, of which `text` may be the beginning."""
    name: str = ""
    """Of the tool, in a tool call and its result."""
    pair: str = ""
    """A tool call's result and a result's call; of a repeated message, the entry it begins with."""
    is_error: bool = False
    broken: bool = False
    """Said in a reply that broke off."""
    by_harness: bool = False
    """Of the assistant, and yet no reply: the harness changed or wrote it."""
    messages: int = 1
    """That it stands for, where it is repeated."""

    @property
    def note(self) -> str:
        """How much is shown, where that is not all; else empty."""
        if self.length <= len(self.text):
            return ""
        return f"the first {len(self.text):,} of {self.length:,} characters"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "note": self.note}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the model: what came of it, and what it cost."""

    number: int
    conversation: int
    """The call that began the conversation: harnesses may hold several at once."""
    end: End
    status: int
    cause: str
    """Of a refusal or failure."""
    tries: int
    """Of a call that failed, where that is known."""
    messages: int
    new: int
    """Of them, said for the first time."""
    left_out: int
    """Messages of the conversation so far that it sends no more, at its end."""
    repeats: int | None
    """The call that sent the very same messages; None for none."""
    model: str
    """As the reply says."""
    stop_reason: str
    usage: Usage
    cost_usd: float
    """The original price, also of a replayed reply."""
    replayed: bool
    """Paid by an earlier attempt."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A whole transcript, to be read from top to bottom."""

    entries: tuple[Entry, ...]
    calls: tuple[Call, ...]
    left_out: int
    """Entries beyond the first 20,000."""
    damage: Mapping[str, int]
    """Lines that could not be read, by what is wrong with them."""

    @property
    def usage(self) -> Usage:
        """Of all calls, replayed ones included."""
        return sum((call.usage for call in self.calls), Usage())

    @property
    def cost_usd(self) -> float:
        """Of all calls, replayed ones at their original price."""
        return sum((call.cost_usd for call in self.calls), 0.0)

    def to_json(self) -> dict[str, Any]:
        ends = Counter(call.end for call in self.calls)
        return {
            "entries": [entry.to_json() for entry in self.entries],
            "calls": [asdict(call) for call in self.calls],
            "usage": asdict(self.usage),
            "cost_usd": self.cost_usd,
            "ends": dict(ends),
            "replayed": sum(call.replayed for call in self.calls),
            "entries_left_out": self.left_out,
            "damaged_lines": dict(self.damage),
        }
