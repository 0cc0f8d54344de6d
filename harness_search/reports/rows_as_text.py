"""Rows of plain values as CSV or as JSON lines, written one at a time.

A value is text, a number, a truth value, a list of text, or None.
"""

import csv
import json
import math
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, TextIO

Row = Sequence[Any]


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    """RFC 4180 in UTF-8, with the names of the columns in the first line."""
    JSONL = "jsonl"
    """One JSON object a line, in ASCII."""


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""A spreadsheet takes text that begins so for a formula, or for the mark that it is none."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def write_rows(stream: TextIO, how: Format, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Write all of them, with their columns' names; returns how many there were."""
    return (_write_csv if how is Format.CSV else _write_json_lines)(stream, columns, rows)


def _write_csv(stream: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> int:
    writer, written = csv.writer(stream), 0
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
        written += 1
    return written


def _write_json_lines(stream: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> int:
    encode, written = json.JSONEncoder(allow_nan=False).encode, 0
    for row in rows:
        values = dict(zip(columns, map(_plain, row), strict=True))
        stream.write(f"{encode(values)}\n")
        written += 1
    return written


def _plain(value: Any) -> Any:
    """A value that JSON has; half characters (lone surrogates) become U+FFFD."""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _cell(value: Any) -> str | int | float:
    if isinstance(value, str):
        return safe_cell(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return safe_cell(json.dumps(_plain(value), ensure_ascii=False))
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return value if isinstance(value, float) else int(value)


def safe_cell(text: str) -> str:
    """Text for a cell that no spreadsheet evaluates and no terminal acts on.

    Where it begins as a formula does, or with an apostrophe, an apostrophe is put before it, as
    OWASP advises against "CSV injection": whoever takes one apostrophe from the beginning of a cell
    has the text again. Control characters but tab and line breaks, which RFC 4180 does not allow,
    are shown as pictures (U+2400 and on) or as U+FFFD.
    """
    shown = text if text.isprintable() else _CONTROL.sub(_picture, _whole(text))
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _picture(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x20:
        return chr(0x2400 + number)
    return "\u2421" if number == 0x7F else "\ufffd"


def _whole(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
