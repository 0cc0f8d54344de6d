"""How the marks on the pages of a PDF file become headings, paragraphs and table rows."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from harness_kit.text_parts import table_row

_NEAR = 1.5  # points; borders that meet do not always share a coordinate
_TIGHT = 1.5  # times the size of the letters: from line to line within a paragraph
_MOST_COLUMNS = 60  # more vertical lines than that draw a chart
_LONGEST_HEADING = 160  # characters
_BULLETS = "\u2022\u25aa\u25e6\u2023\u25cf\u25cb\u25a0\uf0b7\x7f"  # the last: as in WinAnsiEncoding
_SENTENCE_ENDS = (".", "!", "?", ":", ";")
_COMPOUND = re.compile(r"\b[^\W\d_]+-[^\W\d_]+")
_BROKEN = re.compile(r"\b([^\W\d_]{2,})-$")
_LONGEST_WORD = 60  # characters
_FIRST_WORD = re.compile(r"\s*([^\W\d_]+)")
_AFTER_HYPHENS = frozenset({"and", "or", "to"})  # as in "two- and three-year"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of text of one line, where it begins (points from the lower left corner)."""

    text: str
    x: float
    y: float
    size: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A drawn line, upright or level, from its lower or left end."""

    x: float
    y: float
    length: float
    upright: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What is drawn on a page, in the order of the file."""

    fragments: tuple[Fragment, ...]
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class _Line:
    text: str
    x: float
    y: float
    size: float
    bold: bool
    page: int


@dataclass(frozen=True, slots=True)
class _Grid:
    """The lines of a table: where its columns begin and end from the left, its rows from below."""

    columns: tuple[float, ...]
    rows: tuple[float, ...]

    def cell_of(self, fragment: Fragment) -> tuple[int, int] | None:
        """Row (from above) and column of a text, None for one outside of the table."""
        column = bisect_right(self.columns, fragment.x + _NEAR) - 1
        row = bisect_right(self.rows, fragment.y + fragment.size / 4) - 1
        if not (0 <= column < len(self.columns) - 1 and 0 <= row < len(self.rows) - 1):
            return None
        return len(self.rows) - 2 - row, column


def laid_out(pages: Sequence[Page]) -> Iterator[str]:
    """The blocks of a document in reading order: one line each, but for tables."""
    parts = [part for number, page in enumerate(pages) for part in _parts(number, page)]
    lines = [part for part in parts if isinstance(part, _Line)]
    levels = _heading_levels(lines)
    compounds = {word.lower() for line in lines for word in _COMPOUND.findall(line.text)}
    paragraph: list[_Line] = []
    for part in parts:
        if isinstance(part, _Line) and paragraph and _goes_on(paragraph, part, levels):
            paragraph.append(part)
            continue
        if paragraph:
            yield _text(paragraph, levels, compounds)
        paragraph = [part] if isinstance(part, _Line) else []
        if isinstance(part, str):
            yield part
    if paragraph:
        yield _text(paragraph, levels, compounds)


def _parts(number: int, page: Page) -> Iterator[_Line | str]:
    """Lines, and the text of each table in the place of the first text within it."""
    marks, cells = _sorted_out(page)
    line: _Line | None = None
    for mark in marks:
        if line is not None and isinstance(mark, Fragment) and _on_line(line, mark):
            _extend(line, mark)
            continue
        if line is not None and line.text.strip():
            yield line
        line = None
        if isinstance(mark, Fragment):
            line = _Line(mark.text, mark.x, mark.y, mark.size, mark.bold, number)
        elif table := "\n".join(_rows(mark, cells[mark])):
            yield table
    if line is not None and line.text.strip():
        yield line


def _sorted_out(
    page: Page,
) -> tuple[list[Fragment | _Grid], dict[_Grid, list[tuple[int, int, Fragment]]]]:
    """Tables and the texts outside of them, in order, and the texts of every table."""
    grids = _grids(page.rules)
    cells: dict[_Grid, list[tuple[int, int, Fragment]]] = {}
    marks: list[Fragment | _Grid] = []
    for fragment in page.fragments:
        found = _grid_of(fragment, grids)
        if found is None:
            marks.append(fragment)
            continue
        grid, row, column = found
        if grid not in cells:
            marks.append(grid)
        cells.setdefault(grid, []).append((row, column, fragment))
    return marks, cells


def _on_line(line: _Line, fragment: Fragment) -> bool:
    return abs(line.y - fragment.y) <= line.size / 2


def _extend(line: _Line, fragment: Fragment) -> None:
    line.text += fragment.text
    line.size = max(line.size, fragment.size)
    line.bold = line.bold and (fragment.bold or not fragment.text.strip())


def _grid_of(fragment: Fragment, grids: Iterable[_Grid]) -> tuple[_Grid, int, int] | None:
    for grid in grids:
        cell = grid.cell_of(fragment)
        if cell is not None:
            return grid, *cell
    return None


def _rows(grid: _Grid, cells: Sequence[tuple[int, int, Fragment]]) -> Iterator[str]:
    texts: dict[tuple[int, int], str] = {}
    heights: dict[tuple[int, int], float] = {}
    for row, column, fragment in cells:
        place = row, column
        same_line = abs(heights.get(place, fragment.y) - fragment.y) <= fragment.size / 2
        texts[place] = texts.get(place, "") + ("" if same_line else " ") + fragment.text
        heights[place] = fragment.y
    for row in sorted({row for row, _ in texts}):
        yield table_row(
            [
                " ".join(texts.get((row, column), "").split())
                for column in range(len(grid.columns) - 1)
            ]
        )


def _grids(rules: Iterable[Rule]) -> list[_Grid]:
    """The tables of a page: lines between upright ones that touch each other from row to row."""
    upright = sorted((rule for rule in rules if rule.upright), key=lambda rule: rule.y)
    level = sorted((rule for rule in rules if not rule.upright), key=lambda rule: rule.y)
    heights = [rule.y for rule in level]
    bands: list[tuple[float, float, list[float]]] = []
    for rule in upright:
        if bands and rule.y <= bands[-1][1] + _NEAR:
            below, above, columns = bands[-1]
            columns.append(rule.x)
            bands[-1] = below, max(above, rule.y + rule.length), columns
        else:
            bands.append((rule.y, rule.y + rule.length, [rule.x]))
    grids = (_grid(*band, heights) for band in bands)
    return [grid for grid in grids if grid is not None]


def _grid(
    below: float, above: float, places: Iterable[float], heights: Sequence[float]
) -> _Grid | None:
    columns = _distinct(places)
    inside = heights[bisect_right(heights, below - _NEAR) : bisect_right(heights, above + _NEAR)]
    rows = _distinct([below, above, *inside])
    boxes = (len(columns) - 1) * (len(rows) - 1)
    return _Grid(columns, rows) if boxes > 1 and len(columns) <= _MOST_COLUMNS else None


def _distinct(values: Iterable[float]) -> tuple[float, ...]:
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value > kept[-1] + _NEAR:
            kept.append(value)
    return tuple(kept)


def _heading_levels(lines: Sequence[_Line]) -> dict[tuple[float, bool], int]:
    """The level of every kind of letters that headings are set in, largest first."""
    sizes = Counter[float]()
    for line in lines:
        if not line.bold:
            sizes[line.size] += len(line.text)
    body = max(sizes, key=lambda size: (sizes[size], -size)) if sizes else 0.0
    kinds = {
        (line.size, line.bold)
        for line in lines
        if len(line.text) <= _LONGEST_HEADING
        and (line.size > body * 1.1 or (line.bold and line.size >= body))
    }
    ordered = sorted(kinds, reverse=True)
    return {kind: min(level, 6) for level, kind in enumerate(ordered, start=1)}


def _goes_on(
    paragraph: Sequence[_Line], line: _Line, levels: dict[tuple[float, bool], int]
) -> bool:
    """Whether a line belongs to the paragraph before it."""
    last = paragraph[-1]
    if line.text.lstrip().startswith(tuple(_BULLETS)) or abs(line.size - last.size) > 0.1:
        return False
    heading = (line.size, line.bold) in levels
    if heading != ((last.size, last.bold) in levels):
        return False
    indented = len(paragraph) > 1 and line.x > last.x + line.size / 4
    if line.page == last.page:
        return 0 < last.y - line.y <= _TIGHT * line.size and not indented
    if heading or indented or last.text.rstrip().endswith(_SENTENCE_ENDS):
        return False
    return len(paragraph) > 1 or line.text.lstrip()[:1].islower()


def _joined(lines: Sequence[str], compounds: Set[str]) -> str:
    """The lines as one; words that were broken are whole, and keep a hyphen that they have
    elsewhere in the document."""
    pieces: list[str] = []
    stripped = [line.rstrip() for line in lines]
    for line, following in zip(stripped, [*stripped[1:], ""], strict=True):
        broken = _BROKEN.search(line[-_LONGEST_WORD:])
        rest = _FIRST_WORD.match(following[:_LONGEST_WORD])
        if not broken or not rest or not rest[1][0].islower() or rest[1] in _AFTER_HYPHENS:
            pieces += [line, " "]
        elif f"{broken[1]}-{rest[1]}".lower() in compounds:
            pieces.append(line)
        else:
            pieces.append(line[:-1])
    return "".join(pieces)


def _text(
    paragraph: Sequence[_Line], levels: dict[tuple[float, bool], int], compounds: Set[str]
) -> str:
    text = " ".join(_joined([line.text for line in paragraph], compounds).split())
    first = paragraph[0]
    level = levels.get((first.size, first.bold))
    if level is not None:
        return f"{'#' * level} {text}"
    if text[0] in _BULLETS:
        return f"- {text[1:].lstrip()}".replace("\x7f", "\N{BULLET}")
    return text.replace("\x7f", "\N{BULLET}")
