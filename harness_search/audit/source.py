"""What a harness source says: its constants, as a running program would have them, and comments."""

import ast
import base64
import binascii
import io
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness_search.parsed import parsed, parts_of, walked

LONGEST_FOLDED = 100_000  # characters

_CONVERSION, _FIELD = re.compile("%s"), re.compile(r"\{\d?\}")
_CODED = re.compile(r"[A-Za-z0-9+/_=-]{16,}")


@dataclass(frozen=True, slots=True)
class Piece:
    """One text of a source and the line that it begins on, counted from 1."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class SourceTexts:
    """The parts of one source that can carry wording or constants."""

    strings: tuple[Piece, ...]
    """String constants, docstrings included; those put together from constants count whole."""
    comments: tuple[Piece, ...]
    numbers: tuple[Piece, ...]
    tree: ast.Module | None
    """None when the source cannot be read as code; then every line counts as a string."""
    too_deep: bool = False
    """It may well run, and is nested deeper than can be looked into."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (*self.strings, *self.comments)


@lru_cache(maxsize=2)
def read_source(source: str) -> SourceTexts:
    """Never raises: what does not parse is refused by others, and still must hold no leak."""
    try:
        tree, parts = parsed(source), parts_of(source)
        found = [(part.line, _read(part.text)) for part in parts]
    except (SyntaxError, ValueError):
        return SourceTexts(_lines(source), (), (), None)
    except (RecursionError, MemoryError):
        return SourceTexts(_lines(source), (), (), None, too_deep=True)
    strings, comments, numbers = (
        tuple(
            Piece(first + piece.line - 1, piece.text)
            for first, kinds in found
            for piece in kinds[kind]
        )
        for kind in range(3)
    )
    return SourceTexts(strings, comments, numbers, tree)


_Pieces = tuple[Piece, ...]


@lru_cache(maxsize=256)
def _read(part: str) -> tuple[_Pieces, _Pieces, _Pieces]:
    """Strings, comments and numbers of a part of a source, with lines counted from its first."""
    tree = ast.parse(part)
    return tuple(_strings(tree)), tuple(_comments(part)), tuple(_numbers(tree))


def _lines(source: str) -> tuple[Piece, ...]:
    return tuple(Piece(number, line) for number, line in enumerate(source.splitlines(), 1))


def _strings(tree: ast.Module) -> Iterator[Piece]:
    found: list[tuple[int, int, str]] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        text = folded(node) if isinstance(node, ast.expr) else None
        if text is None:
            waiting += ast.iter_child_nodes(node)
        elif isinstance(node, ast.expr):
            found.append((node.lineno, node.col_offset, text))
    for line, _, text in sorted(found):
        yield Piece(line, text)
        yield from (Piece(line, hidden) for hidden in decoded(text))


def folded(node: ast.AST) -> str | None:
    """The text of an expression of constants: concatenated, joined, formatted, replaced in or
    reversed; else None."""
    if isinstance(node, ast.Constant):
        return _text_of(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [folded(value) for value in node.values]
        return "".join(part if part is not None else " " for part in parts)
    if isinstance(node, ast.FormattedValue):
        return folded(node.value)
    if isinstance(node, ast.BinOp):
        return _of_operator(node)
    if isinstance(node, ast.Subscript):
        return _reversed(node)
    return _of_method(node) if isinstance(node, ast.Call) else None


def _of_operator(node: ast.BinOp) -> str | None:
    if isinstance(node.op, ast.Mod):
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return _filled(folded(node.left), _CONVERSION, values)
    if not isinstance(node.op, ast.Add):
        return None
    left, right = folded(node.left), folded(node.right)
    return None if left is None or right is None else (left + right)[:LONGEST_FOLDED]


def _text_of(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else None


def _of_method(call: ast.Call) -> str | None:
    method = call.func
    if not isinstance(method, ast.Attribute) or call.keywords:
        return None
    if method.attr == "join":
        return _joined(call, method)
    if method.attr == "format":
        return _filled(folded(method.value), _FIELD, call.args)
    if method.attr == "replace" and len(call.args) == 2:
        return _replaced(method, *call.args)
    return None


def _filled(text: str | None, place: re.Pattern[str], values: Sequence[ast.expr]) -> str | None:
    """A text with its places filled in their order; one that is filled otherwise stays unread."""
    parts = [folded(value) for value in values]
    known = [part for part in parts if part is not None]
    if text is None or len(known) < len(parts) or len(place.findall(text)) != len(known):
        return None
    waiting = iter(known)
    return place.sub(lambda _: next(waiting), text)[:LONGEST_FOLDED]


def _replaced(method: ast.Attribute, old: ast.expr, new: ast.expr) -> str | None:
    text, before, after = folded(method.value), folded(old), folded(new)
    if text is None or before is None or after is None:
        return None
    too_long = (len(text) + 1) * len(after) > LONGEST_FOLDED
    return None if too_long else text.replace(before, after)


def _reversed(node: ast.Subscript) -> str | None:
    """`"..."[::-1]`."""
    text, cut = folded(node.value), node.slice
    if text is None or not isinstance(cut, ast.Slice) or cut.lower or cut.upper:
        return None
    return text[::-1] if cut.step is not None and ast.unparse(cut.step) == "-1" else None


def _joined(call: ast.Call, method: ast.Attribute) -> str | None:
    """`"".join([...])` of constants."""
    glue = folded(method.value)
    if glue is None or len(call.args) != 1 or not isinstance(call.args[0], ast.List | ast.Tuple):
        return None
    parts = [folded(item) for item in call.args[0].elts]
    texts = [part for part in parts if part is not None]
    return glue.join(texts)[:LONGEST_FOLDED] if len(texts) == len(parts) else None


def decoded(text: str) -> Iterator[str]:
    """What parts of a text say that are base64 or hexadecimal."""
    for match in _CODED.findall(text):
        for read in (_from_base64, _from_hexadecimal):
            found = read(match)
            if found:
                yield found


def _from_base64(text: str) -> str:
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        return _printable(base64.urlsafe_b64decode(padded.replace("+", "-").replace("/", "_")))
    except (binascii.Error, ValueError):
        return ""


def _from_hexadecimal(text: str) -> str:
    try:
        return _printable(bytes.fromhex(text))
    except ValueError:
        return ""


def _printable(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _comments(source: str) -> Iterator[Piece]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield Piece(token.start[0], token.string)
    except (tokenize.TokenError, SyntaxError):  # it parses, and yet is no plain source
        return


def _numbers(tree: ast.Module) -> Iterator[Piece]:
    for node in walked(tree):
        if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
            yield Piece(node.lineno, _number(node.value))


def _number(value: object) -> str:
    try:
        return f"{value}"
    except ValueError:  # an integer of thousands of digits
        return ""


def sequence(
    pieces: Sequence[Piece], split: Callable[[str], list[str]]
) -> tuple[list[str], list[int]]:
    """All words of the pieces one after another, and the line of each."""
    words: list[str] = []
    lines: list[int] = []
    for piece in pieces:
        for offset, line in enumerate(piece.text.splitlines()):
            found = split(line)
            words += found
            lines += [piece.line + offset] * len(found)
    return words, lines
