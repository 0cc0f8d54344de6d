"""Workbooks. Written with XlsxWriter, as openpyxl cannot store the value of a formula."""

import datetime
import io
from collections.abc import Sequence
from typing import Any

from harness_search.simulated.tasks.rendering.container import normalised
from harness_search.simulated.tasks.spec import Block, Cell, Formula, Table, plain


def workbook(blocks: Sequence[Block]) -> bytes:
    """The bytes of an .xlsx file, one sheet a table; other blocks are left out.

    Raises ValueError for a table whose title is no name of a sheet (1 to 31 characters, unique).
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import XlsxInputError

    packed = io.BytesIO()
    book = Workbook(packed, {"in_memory": True})
    book.set_properties({"created": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)})
    try:
        for table in (block for block in blocks if isinstance(block, Table)):
            _add_sheet(book.add_worksheet(table.title), table)
    except XlsxInputError as error:
        raise ValueError(str(error)) from error
    book.close()
    return normalised(packed.getvalue())


def _add_sheet(sheet: Any, table: Table) -> None:
    for number, row in enumerate((table.header, *table.rows)):
        for position, cell in enumerate(row):
            _write(sheet, number, position, cell)
    for position, column in enumerate(zip(table.header, *table.rows, strict=True)):
        widest = max(len(str(plain(cell))) for cell in column)
        sheet.set_column(position, position, min(widest + 2, 70))


def _write(sheet: Any, row: int, column: int, cell: Cell) -> None:
    match cell:
        case Formula():
            sheet.write_formula(row, column, cell.expression, None, cell.value)
        case str():
            sheet.write_string(row, column, cell)
        case _:
            sheet.write_number(row, column, cell)
