"""The text of presentations."""

from collections.abc import Iterator
from typing import Any

from harness_kit.packages import Package
from harness_kit.text_parts import Room, table_row

_MOST_SLIDES = 2_000
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_SHOW = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TITLES = frozenset({"title", "ctrTitle"})
_REPEATED = frozenset({"dt", "ftr", "hdr", "sldNum"})
_BULLETED = frozenset({"", "body", "obj"})


def slides_text(data: bytes) -> str:
    """The shown slides of a .pptx file as Markdown, each with its notes.

    Hidden slides and shapes, comments, diagrams and charts are left out.
    """
    room = Room()
    with Package(data) as package:
        return "".join(room.take(f"{block}\n\n") for block in _show_blocks(package))


def _show_blocks(package: Package) -> Iterator[str]:
    start, show = package.main("presentation")
    slides = package.related(start, "slide")
    listed = [entry.get(_LINK) for entry in show.iter(f"{_SHOW}sldId")]
    if len(listed) > _MOST_SLIDES:
        raise ValueError(f"it has more than {_MOST_SLIDES} slides")
    for number, link in enumerate(listed, start=1):
        tree = package.parsed(slides[link])
        if tree.get("show") in {"0", "false"}:  # text that no viewer sees must convince no judge
            continue
        yield from _slide_blocks(tree, number)
        for notes in package.related(slides[link], "notesSlide").values():
            yield from _notes_blocks(package.parsed(notes))


def _slide_blocks(tree: Any, number: int) -> Iterator[str]:
    shapes = list(_shapes(tree))
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
    title = " ".join(" ".join(line for shape in titles for line in _lines(shape)).split())
    yield f"## Slide {number}: {title}" if title else f"## Slide {number}"
    for shape in shapes:
        if shape.tag == f"{_SHOW}graphicFrame":
            yield from ("\n".join(_rows(table)) for table in shape.iter(f"{_DRAWING}tbl"))
        elif _placeholder(shape) not in _TITLES | _REPEATED:
            yield from _lines(shape)


def _notes_blocks(tree: Any) -> Iterator[str]:
    for shape in _shapes(tree):
        if _placeholder(shape) == "body":
            yield from (f"Notes: {line.removeprefix('- ')}" for line in _lines(shape))


def _shapes(parent: Any) -> Iterator[Any]:
    """Shapes and frames in the order of the file, groups opened, hidden ones left out."""
    for child in parent.iterchildren("*"):
        drawn = child.find("*/{*}cNvPr")
        if child.tag == _FALLBACK or (drawn is not None and drawn.get("hidden") in {"1", "true"}):
            continue
        if child.tag in {f"{_SHOW}sp", f"{_SHOW}graphicFrame"}:
            yield child
        else:
            yield from _shapes(child)


def _placeholder(shape: Any) -> str | None:
    """The kind of placeholder that a shape fills, None for a free one."""
    mark = shape.find("*/*/{*}ph")
    return None if mark is None else str(mark.get("type", ""))


def _lines(shape: Any) -> Iterator[str]:
    bulleted = _placeholder(shape) in _BULLETED
    for paragraph in shape.iter(f"{_DRAWING}p"):
        text = _paragraph_text(paragraph)
        if text:
            yield ("- " if _is_bullet(paragraph, bulleted) else "") + text


def _is_bullet(paragraph: Any, by_default: bool) -> bool:
    own = paragraph.find(f"{_DRAWING}pPr")
    marks = set() if own is None else {child.tag for child in own.iterchildren("*")}
    if f"{_DRAWING}buNone" in marks:
        return False
    return by_default or not marks.isdisjoint({f"{_DRAWING}buChar", f"{_DRAWING}buAutoNum"})


def _paragraph_text(paragraph: Any) -> str:
    pieces = (
        "\n" if child.tag == f"{_DRAWING}br" else child.findtext(f"{_DRAWING}t", "")
        for child in paragraph.iterchildren("*")
    )
    return "".join(pieces).strip()


def _rows(table: Any) -> Iterator[str]:
    for row in table.iterchildren(f"{_DRAWING}tr"):
        cells = [
            " ".join(" ".join(map(_paragraph_text, cell.iter(f"{_DRAWING}p"))).split())
            for cell in row.iterchildren(f"{_DRAWING}tc")
        ]
        if any(cells):
            yield table_row(cells)
