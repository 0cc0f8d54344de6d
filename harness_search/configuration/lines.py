"""Lines of a settings file: what is set, and beside it what that is."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 100
WIDEST = 36
"""Columns of what is set; what is longer has its comment right behind it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, with what to say beside it."""

    text: str
    comment: str = ""


def aligned(lines: Sequence[Line]) -> Iterator[str]:
    """The lines with their comments in one column; a long comment goes on below."""
    fitting = [len(line.text) for line in lines if len(line.text) <= WIDEST]
    column = max(fitting, default=0) + 2
    for line in lines:
        yield from _with_comment(line, max(column, len(line.text) + 2))


def _with_comment(line: Line, column: int) -> Iterator[str]:
    if not line.comment:
        yield line.text
        return
    parts = textwrap.wrap(line.comment, max(30, WIDTH - column - 2), break_on_hyphens=False)
    yield f"{line.text.ljust(column)}# {parts[0]}"
    for part in parts[1:]:
        yield f"{' ' * column}# {part}"
