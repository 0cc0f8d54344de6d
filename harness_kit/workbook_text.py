"""The text of workbooks."""

import io
from collections.abc import Iterator
from typing import Any

from harness_kit.text_parts import Room, cell_text, table_row

_MOST_CELLS = 1_000_000  # empty ones count: a row with one cell far to the right has thousands


def workbook_text(data: bytes) -> str:
    """The values of an .xlsx file, each sheet as a Markdown table below its name."""
    from openpyxl import load_workbook

    workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        room = Room()
        sheets = [(sheet.title, list(_sheet_rows(sheet, room))) for sheet in workbook.worksheets]
    finally:
        workbook.close()
    # A sheet without values is left out, so that an empty workbook reads as empty.
    return "\n".join(
        "\n".join([f"## Sheet: {title}", "", *rows, ""]) for title, rows in sheets if rows
    )


def _sheet_rows(sheet: Any, room: Room) -> Iterator[str]:
    # A stated size of a million rows costs nothing once forgotten; cells are read as they come.
    sheet.reset_dimensions()
    seen = 0
    for row in sheet.iter_rows():
        seen += len(row)
        if seen > _MOST_CELLS:
            raise ValueError(f"a sheet has more than {_MOST_CELLS} cells")
        cells = [
            room.take(cell_text(cell.value, getattr(cell, "number_format", "General")))
            for cell in row
        ]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield table_row(cells)
