"""Word documents; a revised paragraph holds a real tracked change."""

import functools
import io
from collections.abc import Sequence
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

REVISER, REVISED_AT = "Reviewing counsel", "2020-01-01T00:00:00Z"
_KEPT_STYLES = frozenset(
    {"Normal", "Heading 1", "Heading 2", "Heading 3", "List Bullet", "Table Grid", "Normal Table"}
)
# The default template unpacks to 833 kB, nearly all of it in parts that our papers never use.
_UNUSED_PARTS = ("stylesWithEffects", "webSettings", "fontTable", "theme", "customXml", "thumbnail")


def word_document(blocks: Sequence[Block]) -> bytes:
    """The bytes of a .docx file."""
    from docx import Document

    document = Document(io.BytesIO(_small_template()))
    for position, block in enumerate(blocks):
        match block:
            case Heading():
                document.add_heading(block.text, block.level)
            case Paragraph():
                document.add_paragraph(block.text)
            case Revised():
                _add_revised(document.add_paragraph(), block, first_id=2 * position)
            case Bullets():
                for item in block.items:
                    document.add_paragraph(item, "List Bullet")
            case Table():
                _add_table(document, block)
            case Email():
                for line in email_lines(block):
                    document.add_paragraph(line)
    packed = io.BytesIO()
    document.save(packed)
    return normalised(packed.getvalue())


def _add_revised(paragraph: Any, block: Revised, first_id: int) -> None:
    paragraph.add_run(block.before)
    _add_change(paragraph, "w:del", block.deleted, first_id)
    _add_change(paragraph, "w:ins", block.inserted, first_id + 1)
    if block.after:
        paragraph.add_run(block.after)


# python-docx has no interface for tracked changes: a run is made and then wrapped.
def _add_change(paragraph: Any, tag: str, text: str, number: int) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    run = paragraph.add_run(text)._r
    if tag == "w:del":
        for piece in run.findall(qn("w:t")):
            piece.tag = qn("w:delText")
    change = OxmlElement(
        tag,
        {qn("w:id"): str(number), qn("w:author"): REVISER, qn("w:date"): REVISED_AT},
    )
    paragraph._p.append(change)
    change.append(run)


def _add_table(document: Any, block: Table) -> None:
    table = document.add_table(0, len(block.header), "Table Grid")
    for row in shown_rows(block):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text


@functools.cache
def _small_template() -> bytes:
    """The default template of python-docx without its unused parts and styles."""
    from docx import Document

    document = Document()
    for style in list(document.styles):
        if style.name not in _KEPT_STYLES and style.name != "Default Paragraph Font":
            style.delete()
    # Names for styles that Word would offer, not styles: half of what is left of the part.
    for names in document.styles.element.findall("{*}latentStyles"):
        document.styles.element.remove(names)
    for rels in (document.part.rels, document.part.package.rels):
        for key in [key for key, rel in rels.items() if rel.reltype.endswith(_UNUSED_PARTS)]:
            del rels[key]
    packed = io.BytesIO()
    document.save(packed)
    return packed.getvalue()
