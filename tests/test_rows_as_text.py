"""Whatever rows hold, they can be read back, and nothing in them is evaluated."""

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.reports.rows_as_text import Format, write_rows

TEXT = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "'=1", "''", "a\r\nb", '"', "\ud83d", "\x85"]
)
VALUE = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(TEXT)


@given(st.lists(st.tuples(VALUE, VALUE)))
def test_json_lines_can_be_read_back_by_any_reader(rows: list[tuple[Any, Any]]) -> None:
    stream = io.StringIO()
    assert write_rows(stream, Format.JSONL, ("a", "b"), rows) == len(rows)
    text = stream.getvalue()
    assert text.isascii()
    read = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    assert [list(row) for row in read] == [["a", "b"]] * len(rows)
    for found, row in zip(read, rows, strict=True):
        for value, meant in zip(found.values(), row, strict=True):
            is_kept = isinstance(meant, str | int) or meant is None
            json.dumps(value, ensure_ascii=False).encode()
            assert not is_kept or value == whole(meant)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2)))
def test_csv_can_be_read_back_and_holds_nothing_that_is_evaluated(rows: list[list[str]]) -> None:
    stream = io.StringIO(newline="")
    write_rows(stream, Format.CSV, ("a", "b"), rows)
    stream.getvalue().encode()
    stream.seek(0)
    _, *found = csv.reader(stream)
    for cells, row in zip(found, rows, strict=True):
        for cell, text in zip(cells, row, strict=True):
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
            shown = cell.removeprefix("'")
            pattern = "".join("." if is_control(sign) else re.escape(sign) for sign in whole(text))
            assert re.fullmatch(pattern, shown, re.DOTALL)
            assert not any(is_control(sign) for sign in shown)


def is_control(sign: str) -> bool:
    return (ord(sign) < 32 and sign not in "\t\r\n") or 127 <= ord(sign) < 160


def whole(value: Any) -> Any:
    """With U+FFFD where a character is half; two halves in a row are one character."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
