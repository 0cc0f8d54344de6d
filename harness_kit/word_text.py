"""The text of Word documents."""

import io
from collections.abc import Iterator
from typing import Any

from harness_kit.text_parts import table_row

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# Deleted and moved-away text is left out, so that tracked changes read as accepted.
_LEFT_OUT = frozenset({f"{_WORD}del", f"{_WORD}moveFrom", _FALLBACK})
_SPACES = {f"{_WORD}tab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n"}


def word_text(data: bytes) -> str:
    """The body of a .docx file as Markdown, tracked changes accepted, in document order."""
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = Document(io.BytesIO(data))
    except PackageNotFoundError as error:
        raise ValueError(str(error)) from error
    styles = {style.style_id: style.name or "" for style in document.styles}
    blocks = [_block_text(block, styles) for block in _blocks(document.element.body)]
    return "".join(f"{block}\n\n" for block in blocks if block)


# python-docx shows neither tracked insertions nor content controls, hence the walk over elements;
# lxml has no types of its own, hence Any.
def _blocks(parent: Any) -> Iterator[Any]:
    for child in parent.iterchildren():
        if child.tag in {f"{_WORD}p", f"{_WORD}tbl"}:
            yield child
        elif child.tag not in _LEFT_OUT:
            yield from _blocks(child)


def _block_text(block: Any, styles: dict[str, str]) -> str:
    if block.tag == f"{_WORD}tbl":
        return "\n".join(_docx_rows(block))
    text = _inline_text(block).strip()
    return _list_or_heading_mark(block, styles) + text if text else ""


def _docx_rows(table: Any) -> Iterator[str]:
    for row in _descendants(table, f"{_WORD}tr"):
        cells = [
            " ".join(" ".join(_inline_text(paragraph).split()) for paragraph in _blocks(cell))
            for cell in _descendants(row, f"{_WORD}tc")
        ]
        if any(cells):
            yield table_row(cells)


def _descendants(parent: Any, tag: str) -> Iterator[Any]:
    """Nearest descendants with a tag, through wrappers such as content controls."""
    for child in parent.iterchildren():
        if child.tag == tag:
            yield child
        elif child.tag not in _LEFT_OUT:
            yield from _descendants(child, tag)


def _inline_text(element: Any) -> str:
    parts: list[str] = []
    for child in element.iterchildren():
        if child.tag == f"{_WORD}t":
            parts.append(child.text or "")
        elif child.tag in _SPACES:
            parts.append(_SPACES[child.tag])
        elif child.tag == f"{_WORD}noBreakHyphen":
            parts.append("-")
        elif child.tag not in _LEFT_OUT and not _is_hidden(child):
            parts.append(_inline_text(child))
    return "".join(parts)


def _is_hidden(run: Any) -> bool:
    """Whether a run is formatted as hidden: text that no reader sees must convince no judge."""
    mark = run.find(f"{_WORD}rPr/{_WORD}vanish")
    return mark is not None and mark.get(f"{_WORD}val") not in {"0", "false", "off"}


def _list_or_heading_mark(paragraph: Any, styles: dict[str, str]) -> str:
    style = paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
    style_id = "" if style is None else style.get(f"{_WORD}val", "")
    name = styles.get(style_id, style_id).lower()
    if name == "title":
        return "# "
    if name.startswith("heading"):
        level = name.removeprefix("heading").strip()
        return "#" * (min(int(level), 6) if level.isdecimal() and level != "0" else 1) + " "
    listed = paragraph.find(f"{_WORD}pPr/{_WORD}numPr") is not None or name.startswith("list")
    return "- " if listed else ""
