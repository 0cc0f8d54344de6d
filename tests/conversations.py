"""Conversations of any length, with hostile text."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness_search.analysis.entries import Call, Entry, Kind
from harness_search.ledger.rows import Usage

NASTY = "<script>alert(1)</script>\x1b[31m\u202e\u200b\x00"


# Bounds, whatever there is.


def entries(count: int, text: str) -> Iterator[Entry]:
    for number in range(count):
        kind = (Kind.TEXT, Kind.TOOL_CALL, Kind.TOOL_RESULT, Kind.THINKING)[number % 4]
        role = "user" if kind is Kind.TOOL_RESULT else "assistant"
        yield Entry(f"{number}.0.0", number, role, kind, text, len(text), name=NASTY)


def calls(*numbers: int, **more: Any) -> tuple[Call, ...]:
    plain = Call(
        0, 1, "answered", 200, "", 1, 1, 1, 0, None, "m", "end_turn", Usage(), 0.0, replayed=False
    )
    return tuple(replace(plain, number=number, **more) for number in numbers)
