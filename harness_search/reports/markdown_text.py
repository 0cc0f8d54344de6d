"""Pieces of Markdown, in which everything that others have written is plain text."""

import re
from collections.abc import Callable, Iterable, Sequence

from harness_search.visible import one_line, visible

LONGEST_CELL = 300
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$!])")
_AT_THE_START = re.compile(r"^(\d*)([-+=.)])")


def cell(text: str, longest: int = LONGEST_CELL) -> str:
    """A text of others inside a line, which no Markdown reader takes for anything but text."""
    return _SPECIAL.sub(r"\\\1", one_line(text, longest))


def plain(text: str, longest: int = LONGEST_CELL) -> str:
    """The same at the start of a line."""
    return _AT_THE_START.sub(r"\1\\\2", cell(text, longest))


def prose(text: str, longest: int = 2_000) -> str:
    """A sentence of ours, whatever names are in it: what stands between backticks is code."""
    parts = one_line(text.replace(" -> ", " → "), longest).split("`")
    code = parts[1::2]
    if len(parts) % 2 == 0 or not all(map(str.strip, code)):
        return plain(text, longest)
    first, *others = (_SPECIAL.sub(r"\\\1", part) for part in parts[::2])
    first = _AT_THE_START.sub(r"\1\\\2", first)
    pairs = zip(code, others, strict=True)
    return first + "".join(f"`{inside}`{after}" for inside, after in pairs)


def heading(text: str, level: int = 2) -> str:
    """A heading of ours."""
    return f"{'#' * level} {plain(text)}"


def bullets(lines: Iterable[str], shown: Callable[[str], str] = prose) -> str:
    """A list of sentences of ours, or of others' words with `plain`."""
    return "\n".join(f"- {shown(line)}" for line in lines)


def numbered(lines: Iterable[str]) -> str:
    """The same with numbers."""
    return "\n".join(f"{place}. {prose(line)}" for place, line in enumerate(lines, start=1))


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells of ours or of others; columns whose name ends in `:` stand at the right."""
    heads = [name.rstrip(":") for name in names]
    rules = ["---:" if name.endswith(":") else "---" for name in names]
    lines = [heads, rules, *([cell(item) for item in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def whole(parts: Iterable[str]) -> str:
    """The parts with a line between them."""
    return "\n\n".join(visible(part, len(part)) for part in parts if part) + "\n"
