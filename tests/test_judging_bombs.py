"""Deliverables that were made to take a judge's time or memory."""

import io
import unicodedata
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from harness_kit.extraction import UnreadableDocumentError, extract_text
from harness_search.judging.reading import MOST_MARKS, normalise


def test_a_workbook_of_one_long_string_in_thousands_of_cells_is_refused(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for _ in range(400):
        sheet.append(["MARK"])
    plain = io.BytesIO()
    book.save(plain)
    bomb = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(plain) as source,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry, source.read(entry).replace(b"MARK", b"x" * 32_000))
    with pytest.raises(UnreadableDocumentError, match="more than 10000000 characters"):
        extract_text(bomb)


def test_endless_marks_on_one_letter_are_cut_and_ordinary_ones_are_not() -> None:
    assert normalise("a" + "\u0301\u0316" * 100_000) == normalise("a" + "\u0301\u0316" * 8)
    ordinary = "Cafe\u0301 " + "e\u0323\u0302" * 50
    assert normalise(ordinary) == unicodedata.normalize("NFC", ordinary).casefold()
    assert MOST_MARKS >= 8
