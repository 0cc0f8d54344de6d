"""PDF pages in the fonts that every reader has, so that none is embedded."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness_search.simulated.tasks.rendering.lines import Style, column_widths, first_line, wrapped
from harness_search.simulated.tasks.rendering.plain import email_lines, shown_rows
from harness_search.simulated.tasks.spec import (
    Block,
    Bullets,
    Email,
    Heading,
    Paragraph,
    Revised,
    Table,
)

_PAGE = (612.0, 792.0)
_MARGIN = 72.0
_WIDTH = _PAGE[0] - 2 * _MARGIN
_PADDING = 4.0
_TEXT = Style("Times-Roman", 11, before=8)
_BULLET = Style("Times-Roman", 11, before=8, indent=9)
_HEADINGS = {
    1: Style("Helvetica-Bold", 17, before=18),
    2: Style("Helvetica-Bold", 13, before=16),
    3: Style("Helvetica-Bold", 11, before=12),
}
_TABLE_SIZES = (9.0, 8.0, 7.0, 6.0, 5.0)
_SENTENCE_ENDS = (".", "!", "?", ":", ";")


def pages(blocks: Sequence[Block]) -> bytes:
    """The bytes of a .pdf file.

    Raises ValueError for a character outside of Windows-1252, which the fonts do not have, and for
    a table that fits on no page.
    """
    from reportlab.pdfgen.canvas import Canvas

    written = io.BytesIO()
    canvas = Canvas(written, pagesize=_PAGE, invariant=1, pageCompression=1)
    canvas.setAuthor("Matter file")
    canvas.setTitle(next((block.text for block in blocks if isinstance(block, Heading)), "Paper"))
    sheet = _Sheet(canvas)
    for block in blocks:
        _add(sheet, block)
    canvas.save()
    return written.getvalue()


@dataclass(slots=True)
class _Sheet:
    """The page that is being filled, and how far down it is filled (points above its foot)."""

    canvas: Any
    height: float = field(default=_PAGE[1] - _MARGIN)

    def make_room(self, wanted: float) -> None:
        """Begin a page unless `wanted` points are left on this one, or it is empty."""
        if not self.has_room(wanted) and self.height < _PAGE[1] - _MARGIN:
            self.new_page()

    def has_room(self, wanted: float) -> bool:
        """Whether `wanted` points are left on this page."""
        return self.height - wanted >= _MARGIN

    def new_page(self) -> None:
        self.canvas.showPage()
        self.height = _PAGE[1] - _MARGIN

    def add_line(self, text: str, style: Style, left: float) -> None:
        self.height -= style.leading
        self.canvas.setFont(style.font, style.size)
        self.canvas.drawString(left, self.height + 0.25 * style.size, text)


def _add(sheet: _Sheet, block: Block) -> None:
    match block:
        case Heading():
            style = _HEADINGS[block.level]
            _add_text(sheet, block.text, style, below=3 * _TEXT.leading)
        case Paragraph() | Revised():
            _add_text(sheet, block.text, _TEXT)
        case Bullets():
            for item in block.items:
                _add_text(sheet, f"\N{BULLET} {item}", _BULLET)
        case Email():
            for line in email_lines(block):
                _add_text(sheet, line, _TEXT)
        case Table():
            _add_table(sheet, block)


def _add_text(sheet: _Sheet, text: str, style: Style, below: float = 0) -> None:
    """Add a paragraph, on one page when it fits on one; `below` keeps a heading with its text."""
    words = _checked(text).split()
    lines = wrapped(words, style, _WIDTH)
    sheet.height -= style.before
    wanted = len(lines) * style.leading + below
    fits = wanted <= _PAGE[1] - 2 * _MARGIN
    sheet.make_room(wanted if fits else 2 * style.leading)  # no first line alone
    left = _MARGIN
    while words:
        sheet.make_room(style.leading)
        count = first_line(words, style, _MARGIN + _WIDTH - left)
        if count < len(words) and not sheet.has_room(2 * style.leading):
            count = _within_sentence(words[:count])
        sheet.add_line(" ".join(words[:count]), style, left)
        words, left = words[count:], _MARGIN + style.indent


def _within_sentence(words: list[str]) -> int:
    """How many words to leave on a page, so that its end shows that the paragraph goes on."""
    inner = (n for n in range(len(words), 0, -1) if not words[n - 1].endswith(_SENTENCE_ENDS))
    return next(inner, len(words))


def _add_table(sheet: _Sheet, table: Table) -> None:
    rows = [[_checked(cell) for cell in row] for row in shown_rows(table)]
    style, widths = _table_style(rows)
    sheet.height -= _TEXT.before
    for row in rows:
        cells = [
            wrapped(cell.split(), style, width - 2 * _PADDING)
            for cell, width in zip(row, widths, strict=True)
        ]
        height = max(map(len, cells)) * style.leading + 2 * _PADDING
        if height > _PAGE[1] - 2 * _MARGIN:
            raise ValueError(f"a table row is higher than a page: {row[0]}")
        sheet.make_room(height)
        _draw_row(sheet, cells, widths, style, height)


def _table_style(rows: list[list[str]]) -> tuple[Style, list[float]]:
    for size in _TABLE_SIZES:
        style = Style("Helvetica", size)
        widths = column_widths(rows, style, _PADDING, _WIDTH)
        if widths is not None:
            return style, widths
    raise ValueError(f"a table is wider than a page: {' '.join(rows[0])}")


def _draw_row(
    sheet: _Sheet, cells: list[list[str]], widths: list[float], style: Style, height: float
) -> None:
    left, top = _MARGIN, sheet.height
    for lines, width in zip(cells, widths, strict=True):
        sheet.canvas.rect(left, top - height, width, height)
        sheet.height = top - _PADDING
        for line in lines:
            sheet.add_line(line, style, left + _PADDING)
        left += width
    sheet.height = top - height


def _checked(text: str) -> str:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError as error:
        raise ValueError(f"a .pdf paper cannot show {error.object[error.start]!r}") from error
    return text
