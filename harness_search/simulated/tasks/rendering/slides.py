"""Presentations: every heading begins a slide, one of level 1 a title slide."""

import functools
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness_search.simulated.tasks.rendering.container import normalised
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

_KEPT_LAYOUTS = ("Title Slide", "Title and Content")
_UNUSED_PARTS = ("printerSettings", "thumbnail")


@dataclass(slots=True)
class _Slide:
    title: Heading | None
    lines: list[tuple[str, bool]] = field(default_factory=list)
    """Text, and whether it is a bullet."""
    tables: list[Table] = field(default_factory=list)


def presentation(blocks: Sequence[Block]) -> bytes:
    """The bytes of a .pptx file."""
    from pptx import Presentation

    show = Presentation(io.BytesIO(_small_template()))
    for slide in _slides(blocks):
        _add_slide(show, slide)
    packed = io.BytesIO()
    show.save(packed)
    return normalised(packed.getvalue())


def _slides(blocks: Sequence[Block]) -> Iterator[_Slide]:
    slide: _Slide | None = None
    for block in blocks:
        if isinstance(block, Heading):
            if slide is not None:
                yield slide
            slide = _Slide(block)
            continue
        slide = slide or _Slide(None)
        match block:
            case Paragraph() | Revised():
                slide.lines.append((block.text, False))
            case Bullets():
                slide.lines += [(item, True) for item in block.items]
            case Email():
                slide.lines += [(line, False) for line in email_lines(block)]
            case Table():
                slide.tables.append(block)
    if slide is not None:
        yield slide


def _add_slide(show: Any, content: _Slide) -> None:
    opening = content.title is not None and content.title.level == 1
    slide = show.slides.add_slide(show.slide_layouts[0 if opening else 1])
    title, body = slide.shapes.title, slide.placeholders[1]
    if content.title is None:
        title.element.getparent().remove(title.element)
    else:
        title.text = content.title.text
    if content.tables and content.lines:
        # A placeholder has either all of its measures from the layout or none.
        left, top, width, height = body.left, body.top, body.width, body.height
        body.left, body.top, body.width, body.height = left, top, width, height // 2
    if content.lines:
        _fill(body.text_frame, content.lines)
    else:
        body.element.getparent().remove(body.element)
    for number, table in enumerate(content.tables):
        _add_table(slide, show, table, number, len(content.tables), bool(content.lines))


def _fill(frame: Any, lines: list[tuple[str, bool]]) -> None:
    from pptx.enum.text import MSO_AUTO_SIZE

    frame.auto_size = MSO_AUTO_SIZE.TEXT_TO_FIT_SHAPE
    for number, (text, bullet) in enumerate(lines):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.text = text
        _set_bullet(paragraph, bullet)


# Which layout puts a bullet before every paragraph is its own affair; python-pptx has no interface.
def _set_bullet(paragraph: Any, bullet: bool) -> None:
    from pptx.oxml.ns import qn

    properties = paragraph._p.get_or_add_pPr()
    if bullet:
        mark = properties.makeelement(qn("a:buChar"), {"char": "\N{BULLET}"})
    else:
        properties.set("marL", "0")
        properties.set("indent", "0")
        mark = properties.makeelement(qn("a:buNone"), {})
    properties.append(mark)


def _add_table(
    slide: Any, show: Any, table: Table, number: int, count: int, below_text: bool
) -> None:
    from pptx.util import Pt

    margin, height = show.slide_width // 20, show.slide_height
    top = height * (6 if below_text else 3) // 10
    room = (height * 19 // 20 - top) // count
    rows = list(shown_rows(table))
    frame = slide.shapes.add_table(
        len(rows), len(table.header), margin, top + number * room,
        show.slide_width - 2 * margin, min(room, len(rows) * Pt(24)),
    )  # fmt: skip
    for position, row in enumerate(rows):
        for column, text in enumerate(row):
            cell = frame.table.cell(position, column)
            cell.text = text
            for paragraph in cell.text_frame.paragraphs:
                paragraph.font.size = Pt(12)


@functools.cache
def _small_template() -> bytes:
    """The default template of python-pptx without the layouts and parts that nothing uses."""
    from pptx import Presentation

    show = Presentation()
    for layout in list(show.slide_layouts):
        if layout.name not in _KEPT_LAYOUTS:
            show.slide_layouts.remove(layout)
    for rels in (show.part.rels, show.part.package._rels):
        for key in [key for key, rel in rels.items() if rel.reltype.endswith(_UNUSED_PARTS)]:
            rels.pop(key)
    packed = io.BytesIO()
    show.save(packed)
    return packed.getvalue()
