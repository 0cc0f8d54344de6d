"""Word and Excel files from Markdown."""

import re
from collections.abc import Iterator
from pathlib import Path

from harness_kit.word.file import paragraph, table, word_file


def save_docx(path: Path, markdown: str) -> None:
    """Write headings, bullet and numbered lists, pipe tables and paragraphs.

    Raises ValueError for a character that no XML can hold.
    """
    content = word_file("".join(_blocks(markdown)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _blocks(markdown: str) -> Iterator[str]:
    rows: list[list[str]] = []
    for line in [*markdown.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            rows.append(cells_of(line))
            continue
        if filled := [row for row in rows if not is_rule(row)]:
            yield table(filled)
        rows = []
        if text := line.strip():
            yield _block(text)


def _block(line: str) -> str:
    if heading := re.match(r"(#{1,6})\s+(.*)", line):
        return paragraph(heading[2], f"Heading{len(heading[1])}")
    if bullet := re.match(r"[-*]\s+(.*)", line):
        return paragraph(bullet[1], "ListBullet")
    return paragraph(line)


def save_xlsx(path: Path, markdown: str) -> None:
    """Write each `## name` section as a sheet; a pipe row fills cells, another line one cell."""
    # Imported here: it costs a third of a rollout's processor time.
    import openpyxl

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
