"""The text of workbooks."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from harness_kit.packages import Package, local_name
from harness_kit.text_parts import Room, cell_text, table_row
from harness_kit.workbook.formulas import Blank, Calculator, Content, Formula, Sheet
from harness_kit.workbook.looks import Looks, Text, painted_areas, seen, whole
from harness_kit.workbook.number_formats import BUILT_IN, GENERAL, NumberFormat
from harness_kit.workbook.places import Area, number_of

_MOST_CELLS = 1_000_000  # empty ones count: a row with one cell far to the right has thousands
_MOST_COLUMNS = 16_384
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_MOST_KEPT = 200_000  # cells in memory, so that formulas can be calculated
_TRUE = frozenset({"1", "true"})


def workbook_text(data: bytes) -> str:
    """The cells of an .xlsx file as a viewer shows them, each sheet as a table below its name.

    Numbers follow their formats. Formulas show their stored values; without one, what they come to
    if they are sums or plain arithmetic, else themselves. Hidden sheets, rows and columns are left
    out, as are text in the colour of its ground, comments, charts and shapes.
    """
    with Package(data) as package:
        part, book = package.main("workbook")
        reader = _Reader(package, part, book)
        sheets = [
            (sheet.name, list(reader.rows(sheet))) for sheet in reader.sheets if sheet.is_visible
        ]
    # A sheet without values is left out, so that an empty workbook reads as empty.
    return "\n".join(
        "\n".join([f"## Sheet: {name}", "", *rows, ""]) for name, rows in sheets if rows
    )


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    is_visible: bool


def _sheets(package: Package, part: str, book: Any) -> Iterator[_Sheet]:
    """The sheets of cells."""
    parts = package.related(part, "worksheet")
    for sheet in book.iterfind("{*}sheets/{*}sheet"):
        links = [value for name, value in sheet.items() if name.endswith("}id")]
        if links and links[0] in parts:
            is_visible = sheet.get("state", "visible") == "visible"
            yield _Sheet(sheet.get("name", ""), parts[links[0]], is_visible)


class _Reader:
    """Reads the cells of one workbook."""

    def __init__(self, package: Package, part: str, book: Any) -> None:
        self._package, self._room = package, Room()
        styles = package.only(part, "styles")
        self._looks = Looks.of(styles, package.only(part, "theme"))
        self._hiding = self._looks.hiding()
        self._formats = _formats(styles)
        self._strings = list(_strings(package, part, self._looks))
        settings = book.find("{*}workbookPr")
        self._since_1904 = settings is not None and settings.get("date1904") in _TRUE
        calculation = book.find("{*}calcPr")
        self._is_stale = calculation is not None and calculation.get("fullCalcOnLoad") in _TRUE
        self.sheets = list(_sheets(package, part, book))
        self._calculator = Calculator(self._contents)
        self._kept = 0
        self._painted: list[Area] | None = None
        """Of the sheet that is being read, once it was asked for."""

    def rows(self, sheet: _Sheet) -> Iterator[str]:
        """The rows of a sheet that show anything."""
        hidden: frozenset[int] = frozenset()
        self._painted = None
        counted = number = 0
        hide_rows = False
        for element in self._package.walked(sheet.part, "sheetFormatPr", "cols", "row"):
            kind = local_name(element)
            if kind == "sheetFormatPr":
                hide_rows = element.get("zeroHeight") in _TRUE
            elif kind == "cols":
                hidden = _hidden_columns(element)
            else:
                number = _row_number(element, number)
                if _is_hidden(element, hide_rows):
                    continue
                cells = {
                    column: self._room.take(self._shown(sheet, column, number, cell))
                    for column, cell in _cells(element)
                }
                counted += max(cells, default=0)
                if counted > _MOST_CELLS:
                    raise ValueError(f"a sheet has more than {_MOST_CELLS} cells")
                last = max((column for column, text in cells.items() if text), default=0)
                shown = [cells.get(n, "") for n in range(1, last + 1) if n not in hidden]
                if any(shown):
                    yield table_row(_trimmed(shown))

    def _shown(self, sheet: _Sheet, column: int, row: int, cell: Any) -> str:
        """What of a cell can be seen."""
        style = int(cell.get("s", 0))
        form = self._formats.of(style)
        held = self._held(sheet, cell, form)
        if isinstance(held, str) and style not in self._hiding:
            return held
        ink, ground = self._looks.ink_of(style), self._looks.ground_of(style)
        words = seen(held, ink, ground)
        if words != whole(held) and self._is_painted(sheet, column, row):
            words = seen(held, ink, None)
        return words if isinstance(held, str) else form.text(_line(words))

    def _held(self, sheet: _Sheet, cell: Any, form: NumberFormat) -> Text:
        """What a cell holds: one text in its format, or pieces of a text in several inks."""
        formula = _open_formula(cell, self._is_stale)
        if not formula:
            return self._stored(cell, form)
        number = self._calculator.value(sheet.name.casefold(), formula)
        if number is not None:
            return form.number(_decimal(str(number)), since_1904=self._since_1904)
        return self._stored(cell, form) or form.text(_line(f"={formula.removeprefix('=')}"))

    def _stored(self, cell: Any, form: NumberFormat) -> Text:
        kind, value = cell.get("t", "n"), cell.findtext("{*}v")
        if kind == "inlineStr":
            inline = cell.find("{*}is")
            return "" if inline is None else _formatted(_lined(self._looks.text_of(inline)), form)
        if value is None or not value.strip():
            return ""
        if kind == "s":
            return _formatted(self._strings[int(value)], form)
        if kind == "n":
            return form.number(_decimal(value), since_1904=self._since_1904)
        if kind == "b":
            return str(value.strip() in _TRUE).upper()
        return form.text(_line(value)) if kind == "str" else _line(value)  # else an error or date

    def _is_painted(self, sheet: _Sheet, column: int, row: int) -> bool:
        """Whether something else than the cell's own fill may lie behind its text."""
        if self._painted is None:
            self._painted = painted_areas(self._package, sheet.part, self._looks)
        return any(area.holds(column, row) for area in self._painted)

    def _contents(self, name: str) -> Sheet | None:
        """The cells of a sheet for formulas that refer to them, by its name in small letters."""
        sheet = next((one for one in self.sheets if one.name.casefold() == name), None)
        if sheet is None:
            return None
        found: dict[tuple[int, int], Content] = {}
        number = 0
        for row in self._package.walked(sheet.part, "row"):
            number = _row_number(row, number)
            for column, cell in _cells(row):
                if (content := _content(cell, self._is_stale)) is not None:
                    found[column, number] = content
            if self._kept + len(found) > _MOST_KEPT:
                return None
        self._kept += len(found)
        return found


def _cells(row: Any) -> Iterator[tuple[int, Any]]:
    """The cells of a row with the numbers of their columns."""
    column = 0
    for cell in row.iterchildren("{*}c"):
        place = _PLACE.fullmatch(cell.get("r", ""))
        column = number_of(place[1]) if place else column + 1
        if column > _MOST_COLUMNS:
            raise ValueError(f"a row has more than {_MOST_COLUMNS} columns")
        yield column, cell


def _row_number(row: Any, before: int) -> int:
    said = row.get("r", "")
    return int(said) if said.isdecimal() else before + 1


def _open_formula(cell: Any, is_stale: bool) -> str:
    """The formula of a cell that has no value yet; else empty.

    In a workbook that is to be calculated when it is opened, a stored zero is no value: some
    libraries write one with every formula.
    """
    formula = (cell.findtext("{*}f") or "").strip()
    if not formula:
        return ""
    value = cell.findtext("{*}v")
    if cell.get("t") == "str" and value is not None:
        return ""  # it came to an empty text
    unset = {"", "0"} if is_stale else {""}
    return formula if (value or "").strip() in unset else ""


def _content(cell: Any, is_stale: bool) -> Content | None:
    """What a cell is to a formula that refers to it; None for an empty one."""
    kind, value = cell.get("t", "n"), (cell.findtext("{*}v") or "").strip()
    if formula := _open_formula(cell, is_stale):
        return Formula(formula)
    if kind in {"s", "str", "b", "inlineStr"}:
        return Blank.TEXT
    if not value:
        return None if cell.find("{*}f") is None else Blank.ERROR
    return _decimal(value) if kind == "n" else Blank.ERROR


@dataclass
class _Formats:
    """The number formats of a workbook's cells, each read when a cell first has it."""

    codes: list[str]
    """By the number of a cell's style."""
    known: dict[str, NumberFormat] = field(default_factory=dict)

    def of(self, style: int) -> NumberFormat:
        code = self.codes[style] if style < len(self.codes) else GENERAL
        if code not in self.known:
            self.known[code] = NumberFormat(code)
        return self.known[code]


def _formats(styles: Any | None) -> _Formats:
    if styles is None:
        return _Formats([])
    own = {
        int(item.get("numFmtId", 0)): item.get("formatCode", GENERAL)
        for item in styles.iterfind("{*}numFmts/{*}numFmt")
    }
    known = {**BUILT_IN, **own}
    cells = styles.iterfind("{*}cellXfs/{*}xf")
    return _Formats([known.get(int(cell.get("numFmtId", 0)), GENERAL) for cell in cells])


def _strings(package: Package, part: str, looks: Looks) -> Iterator[Text]:
    """The texts that cells share."""
    for shared in package.related(part, "sharedStrings").values():
        for item in package.walked(shared, "si"):
            yield _lined(looks.text_of(item))


def _lined(text: Text) -> Text:
    """A text in one line; of pieces that comes later, when it is known which are seen."""
    return _line(text) if isinstance(text, str) else text


def _formatted(text: Text, form: NumberFormat) -> Text:
    return form.text(text) if isinstance(text, str) else text


def _line(text: str) -> str:
    return cell_text(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), text))


def _decimal(text: str) -> Decimal:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a cell holds a number without end")
    exact = Decimal(text.strip())
    # A spreadsheet has fifteen digits; the rest are what a binary fraction leaves.
    return exact if exact == exact.to_integral_value() else Decimal(format(value, ".15g"))


def _is_hidden(row: Any, by_default: bool) -> bool:
    mark = row.get("hidden")
    return mark in _TRUE if mark is not None else by_default


def _hidden_columns(columns: Any) -> frozenset[int]:
    return frozenset(
        number
        for column in columns.iterchildren("{*}col")
        if column.get("hidden") in _TRUE
        for number in range(int(column.get("min")), min(int(column.get("max")), _MOST_COLUMNS) + 1)
    )


def _trimmed(cells: list[str]) -> list[str]:
    while not cells[-1]:
        cells.pop()
    return cells
