"""Python source for a page: a diff between two harnesses, and a whole harness, in colours.

Both are hostile and may be huge: what is beyond the bounds is cut, and said so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from harness_search.reports.hunks import Line, TextDifference, lines_of
from harness_search.visible import visible

if TYPE_CHECKING:
    from pygments.token import _TokenType

MOST_COMPARED = 400_000
"""Characters at the beginning of each source that are compared."""
MOST_ROWS = 3_000
"""Lines of one table."""
LONGEST_LINE = 400  # characters
MOST_COLOURED = 80_000
"""Characters of a source up to which it is coloured; so long a line is not, however short the
source: regular expressions of a lexer may take quadratic time on it."""
LONGEST_COLOURED = 2_000

_ROWS: Mapping[str, str] = MappingProxyType({"+": "added", "-": "removed", " ": "same"})
_SIGNS: Mapping[str, str] = MappingProxyType({"+": "+", "-": "\N{MINUS SIGN}", " ": ""})
_HEAD = Markup(
    '<thead><tr><th scope="col" class="number">old</th><th scope="col" class="number">new</th>'
    '<th scope="col"><span class="for-readers">added or removed</span></th>'
    '<th scope="col">line</th></tr></thead>'
)
_ROW = Markup(
    '<tr class="{}"><td class="line">{}</td><td class="line">{}</td><td class="sign">{}</td>'
    "<td><code>{}</code></td></tr>\n"
)
_NO_NEWLINE = Markup(' <span class="cut">no newline at the end</span>')
_CUT = Markup('<span class="cut">{}</span>')
_PIECE = Markup('<span class="{}">{}</span>')

Piece = tuple[str, str]
"""Class of a colour, or an empty text, and characters of one line."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A table of source lines, and what a reader should know of it."""

    table: Markup
    """Empty where there is nothing to show."""
    remarks: tuple[str, ...] = ()
    """Sentences: what was cut, and why."""
    added: int = 0
    """Lines."""
    removed: int = 0
    """Lines."""
    lines: int = 0
    """Of a whole source."""


def difference_shown(old: str, new: str) -> Shown:
    """The unified diff of two sources, with three lines of context."""
    left, right = old[:MOST_COMPARED], new[:MOST_COMPARED]
    found = TextDifference.of(left, right)
    remarks = [*_beyond(old, new), *_unaligned(found)]
    rows = sum(len(hunk.lines) for hunk in found.hunks)
    if rows > MOST_ROWS:
        remarks.append(f"The first {MOST_ROWS:,} of {rows:,} lines of the difference are shown.")
    if not found.hunks:
        return Shown(Markup(), tuple(remarks))
    table = Markup('<table class="source">{}{}</table>').format(_HEAD, _bodies(found, left, right))
    return Shown(table, tuple(remarks), found.added, found.removed)


def source_shown(text: str) -> Shown:
    """A whole source with the numbers of its lines."""
    kept = text[:MOST_COMPARED]
    lines, colours = lines_of(kept), _Colours(kept)
    rows = [Line(" ", line, None, place) for place, line in enumerate(lines[:MOST_ROWS], 1)]
    remarks = [*_beyond(text)]
    if len(lines) > MOST_ROWS:
        remarks.append(f"The first {MOST_ROWS:,} of {len(lines):,} lines are shown.")
    body = Markup("<tbody>{}</tbody>").format(
        Markup().join(_row(row, colours, colours) for row in rows)
    )
    table = Markup('<table class="source">{}{}</table>').format(_HEAD, body)
    return Shown(table, tuple(remarks), lines=len(lines))


def _beyond(*texts: str) -> Iterator[str]:
    longest = max(map(len, texts))
    if longest > MOST_COMPARED:
        which = "A source has" if len(texts) > 1 else "The source has"
        yield f"{which} {longest:,} characters: only the first {MOST_COMPARED:,} are looked at."


def _unaligned(found: TextDifference) -> Iterator[str]:
    if not found.aligned:
        yield (
            "Too many lines differ to align them: all of the old ones are shown as removed and all "
            "of the new ones as added."
        )


def _bodies(found: TextDifference, old: str, new: str) -> Markup:
    """A part of the table for each hunk, as far as there is room."""
    before, after = _Colours(old), _Colours(new)
    bodies, room = [], MOST_ROWS
    for hunk in found.hunks:
        rows = Markup().join(_row(line, before, after) for line in hunk.lines[:room])
        head = Markup('<tr class="hunk"><td colspan="4"><code>{}</code></td></tr>\n')
        bodies.append(Markup("<tbody>{}{}</tbody>").format(head.format(hunk.header), rows))
        room -= len(hunk.lines)
        if room <= 0:
            break
    return Markup().join(bodies)


def _row(line: Line, before: "_Colours", after: "_Colours") -> Markup:
    colours, number = (before, line.old) if line.sign == "-" else (after, line.new)
    text = line.text.removesuffix("\n")
    code = _code(colours.of(number or 0, text), text)
    if text == line.text and line.sign != " ":
        code += _NO_NEWLINE
    old, new = line.old or "", line.new or ""
    return _ROW.format(_ROWS[line.sign], old, new, _SIGNS[line.sign], code)


def _code(pieces: Iterable[Piece], text: str) -> Markup:
    """One line in its colours, cut where it is too long."""
    parts, room = [], LONGEST_LINE
    for colour, piece in pieces:
        kept = escape(visible(piece[:room]))
        parts.append(_PIECE.format(colour, kept) if colour and kept else kept)
        room -= len(piece)
        if room <= 0:
            break
    if (left := len(text) - LONGEST_LINE) > 0:
        parts.append(_CUT.format(f"… {left:,} more characters"))
    return Markup().join(parts)


class _Colours:
    """The colours of a source's lines. It is read as far as the last line that was asked for:
    reading takes most of the time that a page takes."""

    def __init__(self, text: str) -> None:
        self._unread = _coloured(text) if _is_short(text) else iter(())
        self._lines: list[Sequence[Piece]] = []

    def of(self, number: int, text: str) -> Sequence[Piece]:
        """The pieces of a line by its number, from 1; all of it in one without colours."""
        self._lines += islice(self._unread, max(0, number - len(self._lines)))
        return self._lines[number - 1] if 0 < number <= len(self._lines) else [("", text)]


def _is_short(text: str) -> bool:
    longest = max(map(len, text.split("\n")))
    return len(text) <= MOST_COLOURED and longest <= LONGEST_COLOURED


def _coloured(text: str) -> Iterator[list[Piece]]:
    """The pieces of every line."""
    from pygments.lexers.python import PythonLexer

    colours: dict[_TokenType, str] = {}
    line: list[Piece] = []
    # Not `get_tokens`, which changes line ends on the way.
    for _, kind, value in PythonLexer().get_tokens_unprocessed(text):
        if (colour := colours.get(kind)) is None:
            colour = colours[kind] = _colour_of(kind)
        first, *others = value.split("\n")
        if line and line[-1][0] == colour:
            line[-1] = (colour, line[-1][1] + first)
        else:
            line.append((colour, first))
        for other in others:
            yield line
            line = [(colour, other)]
    yield line


def _colour_of(kind: "_TokenType") -> str:
    """Class of a token; see assets/candidate.css."""
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    colours: tuple[tuple[Any, str], ...] = (
        (Comment, "tc"),
        (String, "ts"),
        (Keyword, "tk"),
        (Operator.Word, "tk"),
        (Number, "tn"),
        (Name.Builtin, "tb"),
        (Name.Function, "td"),
        (Name.Class, "td"),
        (Name.Decorator, "td"),
    )
    return next((colour for known, colour in colours if kind in known), "")
