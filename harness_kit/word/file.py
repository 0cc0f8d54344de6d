"""Word files, as python-docx makes them: from its template, and with the same XML.

Written here because to load python-docx and its template takes a rollout more processor time than
everything else that it does.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

_MAIN = "word/document.xml"
_END = "<w:sectPr"
_WIDTH = 8640
"""Between the margins of the template's page, in twentieths of a point."""
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAKS = {"\t": "<w:tab/>", "\n": "<w:br/>", "\r": "<w:br/>"}
_WRITTEN_AT = (1980, 1, 1, 0, 0, 0)
"""The same always, the earliest that an archive knows: equal documents are equal files."""
_TABLE = (
    '<w:tbl><w:tblPr><w:tblW w:type="auto" w:w="0"/><w:tblLook w:firstColumn="1" w:firstRow="1"'
    ' w:lastColumn="0" w:lastRow="0" w:noHBand="0" w:noVBand="1" w:val="04A0"/></w:tblPr>'
)


def paragraph(text: str, style: str = "") -> str:
    """A paragraph in a style, by the style's identifier; raises ValueError for a character that
    no XML can hold."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r>{''.join(_content(text))}</w:r></w:p>"


def table(rows: list[list[str]]) -> str:
    """A table with as many columns as its longest row has cells; there is at least one."""
    count = max(len(row) for row in rows)
    width = _WIDTH // count
    column = f'<w:tcPr><w:tcW w:type="dxa" w:w="{width}"/></w:tcPr>'
    filled = ([*row, *[None] * (count - len(row))] for row in rows)
    cells = (
        "".join(
            f"<w:tc>{column}{'<w:p/>' if text is None else paragraph(text)}</w:tc>" for text in row
        )
        for row in filled
    )
    grid = f'<w:gridCol w:w="{width}"/>' * count
    body = "".join(f"<w:tr>{row}</w:tr>" for row in cells)
    return f"{_TABLE}<w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>"


def word_file(blocks: str) -> bytes:
    """A document of these paragraphs and tables; its bytes depend on nothing else."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(_template()) as template,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in template.namelist():
            part = template.read(name)
            if name == _MAIN:
                before, end, after = part.decode().rpartition(_END)
                part = f"{before}{blocks}{end}{after}".encode()
            entry = zipfile.ZipInfo(name, _WRITTEN_AT)
            made.writestr(entry, part, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _content(text: str) -> Iterator[str]:
    if _UNWRITABLE.search(text):
        raise ValueError("the text has a control character, which no Word file can hold")
    for piece in re.split("([\t\n\r])", text):
        if piece in _BREAKS:
            yield _BREAKS[piece]
        elif piece:
            kept = ' xml:space="preserve"' if piece != piece.strip() else ""
            escaped = piece.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            yield f"<w:t{kept}>{escaped}</w:t>"


def _template() -> Path:
    found = PathFinder.find_spec("docx")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("python-docx is not installed")
    return Path(found.origin).parent / "templates" / "default.docx"
