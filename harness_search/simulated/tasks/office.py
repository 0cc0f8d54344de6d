"""Writes .docx, .xlsx and text files whose bytes depend on their content alone."""

import functools
import io
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from harness_search.judging.documents import cell_text, table_row
from harness_search.simulated.tasks.spec import Block, Bullets, Heading, Paragraph, Table

_KEPT_STYLES = frozenset(
    {"Normal", "Heading 1", "Heading 2", "Heading 3", "List Bullet", "Table Grid", "Normal Table"}
)
# The default template unpacks to 833 kB, nearly all of it in parts that our papers never use.
_UNUSED_PARTS = ("stylesWithEffects", "webSettings", "fontTable", "theme", "customXml", "thumbnail")
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_CORE_PROPERTIES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cp:coreProperties\
 xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"\
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"\
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:creator>Matter file</dc:creator>\
<dcterms:created xsi:type="dcterms:W3CDTF">2020-01-01T00:00:00Z</dcterms:created>\
</cp:coreProperties>"""


def render(name: str, blocks: Sequence[Block]) -> bytes:
    """The bytes of a document; its extension (.docx, .xlsx, .md or .txt) decides the format."""
    match PurePosixPath(name).suffix:
        case ".docx":
            return _docx(blocks)
        case ".xlsx":
            return _xlsx([block for block in blocks if isinstance(block, Table)])
        case _:
            return "\n\n".join(_plain(block) for block in blocks).encode() + b"\n"


def _plain(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Paragraph():
            return block.text
        case Bullets():
            return "\n".join(f"- {item}" for item in block.items)
        case Table():
            rows = [block.header, *block.rows]
            return "\n".join(table_row([cell_text(cell) for cell in row]) for row in rows)


def _docx(blocks: Sequence[Block]) -> bytes:
    from docx import Document

    document = Document(io.BytesIO(_small_template()))
    for block in blocks:
        match block:
            case Heading():
                document.add_heading(block.text, block.level)
            case Paragraph():
                document.add_paragraph(block.text)
            case Bullets():
                for item in block.items:
                    document.add_paragraph(item, "List Bullet")
            case Table():
                _add_table(document, block)
    packed = io.BytesIO()
    document.save(packed)
    return _normalised(packed.getvalue())


def _add_table(document: Any, block: Table) -> None:
    table = document.add_table(0, len(block.header), "Table Grid")
    for row in (block.header, *block.rows):
        for cell, value in zip(table.add_row().cells, row, strict=True):
            shown = f"{value:,}" if isinstance(value, int | float) else value
            cell.text = shown


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


def _xlsx(tables: Sequence[Table]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    workbook = Workbook()
    for number, table in enumerate(tables):
        sheet = workbook.worksheets[0] if number == 0 else workbook.create_sheet()
        sheet.title = table.title
        for row in (table.header, *table.rows):
            sheet.append(list(row))
        for position, column in enumerate(zip(table.header, *table.rows, strict=True), start=1):
            widest = max(len(str(cell)) for cell in column)
            sheet.column_dimensions[get_column_letter(position)].width = min(widest + 2, 70)
    packed = io.BytesIO()
    workbook.save(packed)
    return _normalised(packed.getvalue())


def _normalised(packed: bytes) -> bytes:
    """The same container without the clock that both libraries write into it."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(written, "w") as target:
        for entry in source.infolist():
            fixed = zipfile.ZipInfo(entry.filename, _EARLIEST)
            fixed.compress_type, fixed.create_system = zipfile.ZIP_DEFLATED, 3
            fixed.external_attr = 0o644 << 16
            core = entry.filename == "docProps/core.xml"
            data = _CORE_PROPERTIES.encode() if core else source.read(entry)
            target.writestr(fixed, data, compresslevel=9)
    return written.getvalue()
