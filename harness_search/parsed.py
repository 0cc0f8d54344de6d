"""One parse of a harness source for all who only look at it, and its parts that can be looked at
apart: a candidate is a copy of its parent, and most of it was looked at before."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

_CODING = re.compile(rb"coding[:=]")


@dataclass(frozen=True, slots=True)
class Part:
    """Whole statements of the top level with what stands around them. All parts in a row are the
    source."""

    line: int
    """That it begins on, counted from 1."""
    text: str


def parsed(source: str | bytes) -> ast.Module:
    """The tree, which nobody may change; raises what `ast.parse` raises."""
    return _parsed(_as_text(source) if isinstance(source, bytes) else source)


@lru_cache(maxsize=4)
def _parsed(source: str | bytes) -> ast.Module:
    return ast.parse(source)


def _as_text(source: bytes) -> str | bytes:
    """Text where Python reads it as UTF-8; what says of itself how it is to be read stays bytes."""
    first = b"\n".join(source.split(b"\n", 2)[:2])
    if source.startswith(b"\xef\xbb\xbf") or _CODING.search(first):
        return source
    try:
        return source.decode()
    except UnicodeDecodeError:
        return source


def parts_of(source: str | bytes) -> tuple[Part, ...]:
    """The parts of a source, each of as few statements as can be parsed alone; none of one that is
    no plain text. Raises what `ast.parse` raises."""
    text = _as_text(source) if isinstance(source, bytes) else source
    if not isinstance(text, str):
        return ()
    tree, lines = parsed(text), text.split("\n")
    if "\r" in text or not tree.body:  # where such a line ends, not all who read it agree
        return (Part(1, text),)
    begins, end = list[int](), 0
    for node in tree.body:
        first = first_line(node)
        if first > end:
            begins.append(first)
        end = node.end_lineno or first
    begins[0] = 1
    ends = [*(line - 1 for line in begins[1:]), len(lines)]
    return tuple(
        Part(begin, "\n".join(lines[begin - 1 : last]) + "\n" * (last < len(lines)))
        for begin, last in zip(begins, ends, strict=True)
    )


def first_line(node: ast.stmt) -> int:
    """The line that a statement begins on, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


@lru_cache(maxsize=256)
def walked(node: ast.AST) -> tuple[ast.AST, ...]:
    """A node and all below it, in the order of `ast.walk`, in a third of its time. Nobody may
    change what was walked: the rules ask for one and the same condition many times over."""
    found = [node]
    for item in found:  # which grows on the way
        for name in item._fields:
            value = getattr(item, name, None)
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [child for child in value if isinstance(child, ast.AST)]
    return tuple(found)
