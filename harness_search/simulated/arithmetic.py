"""Answers that stand nowhere: totals, deadlines, percentages and differences."""

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness_search.simulated.extraction import (
    Library,
    Point,
    best_passages,
    words_of,
)

Value = TypeVar("Value")

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_DATE = re.compile(rf"\b(\d{{1,2}}) ({'|'.join(_MONTHS)}) (\d{{4}})\b|\b(\d{{4}})-(\d\d)-(\d\d)\b")
_DAYS = re.compile(r"\b(\d+)(?: \w+)? days\b")
_PERCENT = re.compile(r"\b(\d+(?:\.\d+)?) ?%")
_AMOUNT = re.compile(r"\b(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{4,}(?:\.\d+)?)\b")

LOOKED_THROUGH = 0.5
"""Passages that fit an input's phrase less well than this share of the best are not looked at."""

_ADD_DAYS = re.compile(r"add the (.+?) in (calendar|business) days to the (.+?)\.?$")
_APPLY = re.compile(r"apply the (.+?) to the total of the [\"\u201c](.+?)[\"\u201d] column")
_SUBTRACT = re.compile(
    r"subtract the total of the [\"\u201c](.+?)[\"\u201d] column from the (.+?)\.?$"
)
_TOTAL = re.compile(r"\btotal\b.*?[\"\u201c](.+?)[\"\u201d]")


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of a column, and how many rows went into it."""

    amount: float
    rows: int


def computed(point: Point, library: Library) -> str | None:
    """The answer to a point that asks for a calculation; None for any other point.

    Empty where an input was not found.
    """
    request = point.request
    if found := _ADD_DAYS.search(request):
        return _deadline(point, found, library)
    if found := _APPLY.search(request):
        return _share(point, found, library)
    if found := _SUBTRACT.search(request):
        return _difference(point, found, library)
    if found := _TOTAL.search(f"{point.heading.lower()}: {request}"):
        total = total_of(found[1], library)
        return f"{point.heading}: {total.amount:,.2f} (sum of {total.rows} rows)" if total else ""
    return None


def _deadline(point: Point, found: re.Match[str], library: Library) -> str:
    period = _looked_up(found[1], library, _DAYS, lambda match: int(match[1]))
    start = _looked_up(found[3], library, _DATE, date_of)
    if period is None or start is None:
        return ""
    business = found[2] == "business"
    end = business_days_after(start, period) if business else start + datetime.timedelta(period)
    return f"{point.heading}: {end.day} {_MONTHS[end.month - 1].capitalize()} {end.year}"


def _share(point: Point, found: re.Match[str], library: Library) -> str:
    percentage = _looked_up(found[1], library, _PERCENT, lambda match: float(match[1]))
    total = total_of(found[2], library)
    if percentage is None or total is None:
        return ""
    return f"{point.heading}: {total.amount * percentage / 100:,.2f}"


def _difference(point: Point, found: re.Match[str], library: Library) -> str:
    amount = _looked_up(found[2], library, _AMOUNT, lambda match: float(match[1].replace(",", "")))
    total = total_of(found[1], library)
    return f"{point.heading}: {amount - total.amount:,.2f}" if amount is not None and total else ""


def total_of(column: str, library: Library) -> Total | None:
    """The sum of the column of that title, in the table that seems to count most."""
    for table in sorted(library.tables, key=lambda table: -table.weight):
        titles = [title.lower() for title in table.header]
        if column.lower() in titles:
            place = titles.index(column.lower())
            amounts = [number_of(row[place]) for row in table.rows if len(row) > place]
            known = [amount for amount in amounts if amount is not None]
            return Total(sum(known), len(known))
    return None


def number_of(cell: str) -> float | None:
    """The number in a cell that holds little else."""
    found = re.fullmatch(r"[^\d-]{0,4}(-?\d[\d,]*(?:\.\d+)?)\D{0,4}", cell)
    return float(found[1].replace(",", "")) if found else None


def date_of(found: re.Match[str]) -> datetime.date | None:
    """The date that was matched; None for one that no calendar has."""
    day, month, year, *iso = found.groups()
    try:
        if day:
            return datetime.date(int(year), _MONTHS.index(month) + 1, int(day))
        return datetime.date(*map(int, iso))
    except ValueError:
        return None


def business_days_after(date: datetime.date, days: int) -> datetime.date:
    """So many days from Monday to Friday later."""
    while days > 0:
        date += datetime.timedelta(days=1)
        days -= date.weekday() < 5
    return date


def _looked_up(
    phrase: str,
    library: Library,
    pattern: re.Pattern[str],
    read: Callable[[re.Match[str]], Value | None],
) -> Value | None:
    """What stands nearest to the words of the phrase, in the passage that fits it best."""
    wanted = words_of(phrase)
    passages = best_passages(wanted, library, LOOKED_THROUGH)
    for passage in passages:
        text = passage.text.lower()
        places = [match.start() for word in wanted for match in re.finditer(re.escape(word), text)]
        found = sorted(pattern.finditer(text), key=lambda match: _distance(match.start(), places))
        values = [value for match in found if (value := read(match)) is not None]
        if values:
            return values[0]
    return None


def _distance(place: int, others: Sequence[int]) -> int:
    return min((abs(place - other) for other in others), default=0)
