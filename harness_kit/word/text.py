"""The text of Word documents."""

from collections.abc import Iterator
from typing import Any

from harness_kit.packages import Package
from harness_kit.text_parts import Room, table_row
from harness_kit.word.names import WORD as _WORD
from harness_kit.word.names import is_on, value_of
from harness_kit.word.styles import Look, Styles
from harness_kit.word.symbols import control_box, form_box, symbol

_MATHS = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_RUNS = frozenset({f"{_WORD}r", f"{_MATHS}r"})
_CHOICES = frozenset({f"{_COMPATIBLE}Choice", f"{_COMPATIBLE}Fallback"})
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# Deleted and moved-away text is left out, so that tracked changes read as accepted.
_LEFT_OUT = frozenset({f"{_WORD}del", f"{_WORD}moveFrom"})
_SPACES = {f"{_WORD}tab": "\t", f"{_WORD}ptab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n"}
_SIGNS = {f"{_WORD}sym": symbol, f"{_WORD}checkBox": form_box}
_MOST_COLUMNS = 63  # of a table in Word
_NOTES = {f"{_WORD}footnoteReference": "footnote", f"{_WORD}endnoteReference": "endnote"}


def word_text(data: bytes) -> str:
    """A .docx file as Markdown, tracked changes accepted, in document order.

    Headers come before the body, each different one once; notes and footers after it. What is in a
    text box follows the paragraph that holds it, and a table in a cell is a list in that cell.
    A cell of several columns is followed by empty ones. Comments, hidden text (also in the colour
    of its ground, or of three points and less), numbers of automatic lists and pictures are no part
    of the text.
    """
    room = Room()
    with Package(data) as package:
        part, document = package.main("document")
        reader = _Reader(package, part, document)
        return "".join(room.take(f"{block}\n\n") for block in reader.blocks())


class _Reader:
    """Reads one document; lxml has no types of its own, hence Any."""

    def __init__(self, package: Package, part: str, document: Any) -> None:
        self._package, self._part, self._document = package, part, document
        parts = (package.only(part, kind) for kind in ("settings", "theme"))
        self._styles = Styles.of(package.only(part, "styles"), document, *parts)
        self._boxes: list[Any] = []
        """Text boxes of the paragraph that is being read."""
        self._notes: dict[tuple[str, str], int] = {}
        """The number of each note by its kind and identifier, as they are referred to."""

    def blocks(self) -> Iterator[str]:
        """Everything that a reader of the document sees, block by block."""
        body = self._document.find(f"{_WORD}body")
        if body is None:
            raise ValueError("it has no body")
        yield from (f"Header: {text}" for text in self._margins("header"))
        yield from self._blocks(body)
        yield from self._noted()
        yield from (f"Footer: {text}" for text in self._margins("footer"))

    def _blocks(self, parent: Any) -> Iterator[str]:
        for element, text in self._pieces(parent):
            if element.tag == f"{_WORD}tbl":
                rows = [table_row(cells) for cells in self._rows(element)]
                if rows:
                    yield "\n".join(rows)
            elif text.strip():
                yield self._mark(element) + text.strip()

    def _pieces(self, parent: Any) -> Iterator[tuple[Any, str]]:
        """Tables, and paragraphs with their texts, those in text boxes too."""
        begun: tuple[Any, str] | None = None
        for child in _opened(parent, (f"{_WORD}p", f"{_WORD}tbl")):
            if child.tag == f"{_WORD}tbl":
                yield from filter(None, (begun, (child, "")))
                begun = None
                continue
            text = (begun[1] if begun else "") + self._inline(child, self._styles.look_of(child))
            boxes, self._boxes = self._boxes, []
            # A paragraph whose end was deleted goes on in the next one.
            begun = (child, text) if _is_end_deleted(child) else None
            if begun is None:
                yield child, text
            for box in boxes:
                yield from self._pieces(box)
        yield from filter(None, (begun,))

    def _rows(self, table: Any) -> Iterator[list[str]]:
        for row in _opened(table, (f"{_WORD}tr",)):
            properties = row.find(f"{_WORD}trPr")
            if properties is not None and (
                properties.find(f"{_WORD}del") is not None
                or is_on(properties.find(f"{_WORD}hidden"))
            ):
                continue
            cells = [""] * _count(properties, "gridBefore")
            for cell in _opened(row, (f"{_WORD}tc",)):
                held = cell.find(f"{_WORD}tcPr")
                if held is None or held.find(f"{_WORD}cellDel") is None:
                    # What follows a cell of several columns stays below its own heading.
                    span = _count(held, "gridSpan")
                    cells += [self._flat(cell), *[""] * (span - 1)]
            if any(cells):
                yield cells

    def _flat(self, parent: Any) -> str:
        """All that an element holds as one line."""
        parts = []
        for element, text in self._pieces(parent):
            if element.tag == f"{_WORD}tbl":
                parts.append("; ".join(", ".join(filter(None, row)) for row in self._rows(element)))
            else:
                parts.append(" ".join(text.split()))
        return " ".join(filter(None, parts))

    def _inline(self, element: Any, look: Look) -> str:
        parts: list[str] = []
        for child in element.iterchildren():
            if child.tag in {f"{_WORD}t", f"{_MATHS}t"}:
                parts.append(child.text or "")
            elif child.tag in _SPACES:
                parts.append(_SPACES[child.tag])
            elif child.tag == f"{_WORD}noBreakHyphen":
                parts.append("-")
            elif child.tag in _SIGNS:
                parts.append(_SIGNS[child.tag](child))
            elif child.tag == f"{_WORD}txbxContent":
                self._boxes.append(child)
            elif child.tag in _NOTES:
                parts.append(self._reference(_NOTES[child.tag], child.get(f"{_WORD}id", "")))
            elif not _is_left_out(child, look):
                text = self._inline(child, look)
                is_empty = child.tag == f"{_WORD}sdt" and not text.strip()
                parts.append(text if not is_empty else control_box(child))
        return "".join(parts)

    def _mark(self, paragraph: Any) -> str:
        """What Markdown puts before a title, a heading or a point of a list."""
        name = self._styles.name_of(paragraph)
        if name == "title":
            return "# "
        if name.startswith("heading"):
            level = name.removeprefix("heading").strip()
            return "#" * (min(int(level), 6) if level.isdecimal() and level != "0" else 1) + " "
        numbered = paragraph.find(f"{_WORD}pPr/{_WORD}numPr") is not None
        return "- " if numbered or name.startswith("list") else ""

    def _reference(self, kind: str, name: str) -> str:
        return f"[^{self._notes.setdefault((kind, name), len(self._notes) + 1)}]"

    def _noted(self) -> Iterator[str]:
        """The notes that the text refers to."""
        written: dict[tuple[str, str], Any] = {}
        for kind in _NOTES.values():
            root = self._package.only(self._part, f"{kind}s")
            for note in () if root is None else root.iterchildren(f"{_WORD}{kind}"):
                written[kind, note.get(f"{_WORD}id", "")] = note
        for key, number in list(self._notes.items()):
            if key in written:
                yield f"[^{number}]: {self._flat(written[key])}"

    def _margins(self, kind: str) -> list[str]:
        """The different headers, or footers, that some page shows."""
        settings = self._package.only(self._part, "settings")
        even = settings is not None and is_on(settings.find(f"{_WORD}evenAndOddHeaders"))
        parts = self._package.related(self._part, kind)
        found: dict[str, str] = {}
        for section in self._document.iter(f"{_WORD}sectPr"):
            if section.getparent().tag == f"{_WORD}sectPrChange":
                continue
            first = is_on(section.find(f"{_WORD}titlePg"))
            shown = {"default": True, "first": first, "even": even}
            for reference in section.iterchildren(f"{_WORD}{kind}Reference"):
                part = parts.get(reference.get(_LINK, ""))
                if part is not None and shown.get(reference.get(f"{_WORD}type", "default")):
                    found[part] = ""
        return [*dict.fromkeys(filter(None, (self._flat(self._package.parsed(n)) for n in found)))]


def _opened(parent: Any, tags: tuple[str, ...]) -> Iterator[Any]:
    """Nearest descendants with a tag, through wrappers such as content controls."""
    for child in parent.iterchildren():
        if child.tag in tags:
            yield child
        elif not _is_dropped(child):
            yield from _opened(child, tags)


def _is_dropped(element: Any) -> bool:
    if element.tag in _CHOICES:  # the same content again, for older programs
        return element.getprevious() is not None
    return element.tag in _LEFT_OUT or not isinstance(element.tag, str)


def _is_left_out(element: Any, look: Look) -> bool:
    if _is_dropped(element):
        return True
    if element.tag in _RUNS:
        return look.hides(element)
    drawn = element.find("{*}docPr")
    return drawn is not None and drawn.get("hidden") in {"1", "true"}


def _count(properties: Any | None, name: str) -> int:
    """How many columns a cell covers, or a row leaves out."""
    said = value_of(properties, f"{_WORD}{name}")
    return min(int(said), _MOST_COLUMNS) if said.isdecimal() else 0


def _is_end_deleted(paragraph: Any) -> bool:
    mark = paragraph.find(f"{_WORD}pPr/{_WORD}rPr")
    return mark is not None and any(child.tag in _LEFT_OUT for child in mark.iterchildren())
