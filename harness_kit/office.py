"""Word and Excel files from Markdown."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import docx
import openpyxl

if TYPE_CHECKING:
    from docx.document import Document


def save_docx(path: Path, markdown: str) -> None:
    """Write headings, bullet and numbered lists, pipe tables and paragraphs."""
    document = docx.Document()
    table: list[list[str]] = []
    for line in [*markdown.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            table.append(cells_of(line))
            continue
        _add_table(document, [row for row in table if not is_rule(row)])
        table = []
        _add_line(document, line.strip())
    path.parent.mkdir(parents=True, exist_ok=True)
    document.save(str(path))


def _add_line(document: "Document", line: str) -> None:
    heading = re.match(r"(#{1,6})\s+(.*)", line)
    bullet = re.match(r"[-*]\s+(.*)", line)
    numbered = re.match(r"\d+[.)]\s+(.*)", line)
    if heading:
        document.add_heading(heading[2], level=len(heading[1]))
    elif bullet:
        document.add_paragraph(bullet[1], style="List Bullet")
    elif numbered or line:
        document.add_paragraph(line)


def _add_table(document: "Document", rows: list[list[str]]) -> None:
    if not rows:
        return
    table = document.add_table(rows=0, cols=max(len(row) for row in rows))
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=False):
            cell.text = text


def save_xlsx(path: Path, markdown: str) -> None:
    """Write each `## name` section as a sheet; a pipe row fills cells, another line one cell."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name, lines in _sheets(markdown):
        sheet = workbook.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", name)[:31])
        for line in lines:
            row = cells_of(line) if line.lstrip().startswith("|") else [line.strip()]
            if not is_rule(row):
                sheet.append([_value(cell) for cell in row])
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(path)


def _sheets(markdown: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "Sheet1", list[str]()
    started = False
    for line in markdown.splitlines():
        heading = re.match(r"##\s+(.*)", line)
        if heading:
            if started or any(part.strip() for part in lines):
                yield name, lines
            name, lines, started = heading[1], [], True
        elif line.strip():
            lines.append(line)
    yield name, lines


def _value(cell: str) -> str | float:
    """Numbers become numbers; anything else, formulas included, stays text."""
    if re.fullmatch(r"-?\d{1,15}(\.\d+)?", cell):
        return float(cell) if "." in cell else int(cell)
    return f"'{cell}" if cell.startswith("=") else cell


def cells_of(line: str) -> list[str]:
    """The cells of one pipe row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def is_rule(row: list[str]) -> bool:
    """Whether a row is the line of dashes under a table's header."""
    return bool(row) and all(re.fullmatch(r":?-+:?", cell) for cell in row)
