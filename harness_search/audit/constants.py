"""Amounts and dates in text, each in one spelling however it is written."""

import calendar
import re
from collections.abc import Iterator
from datetime import date

FEWEST_DIGITS = 3
"""Significant ones: `60,000` has one, is a limit in any program and tells nothing of a matter."""
YEARS = range(1900, 2101)

_NUMBER = re.compile(r"(?<![\w.,-])\d{1,3}(?:[,_' ]\d{3})+(?:\.\d+)?|(?<![\w.-])\d+(?:\.\d+)?")
_DIGIT = re.compile(r"\d")
_NUMBER_ENDS = re.compile(r"(?![\w-]|[.,]\d)")
_MONTHS = {
    name.casefold(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATES = (
    re.compile(r"(?<!\d)(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})(?!\d)"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})(?!\d)"),
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?P<m>{_MONTH})\.?,?\s+(?P<y>\d{{4}})"
    ),
    re.compile(rf"\b(?P<m>{_MONTH})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})"),
)


def amounts_in(text: str) -> Iterator[tuple[int, str]]:
    """Telling amounts, each with its position: digits without separators, a point for decimals."""
    for match in _NUMBER.finditer(text) if _DIGIT.search(text) else ():
        if _NUMBER_ENDS.match(text, match.end()):
            amount = telling_amount(re.sub(r"[,_' ]", "", match.group()))
            if amount:
                yield match.start(), amount


def telling_amount(number: str) -> str:
    """The amount in one spelling; empty when it is too round or too technical to tell anything."""
    whole, _, decimals = number.partition(".")
    decimals = decimals.rstrip("0")
    whole = whole.lstrip("0")
    plain = f"{whole or '0'}.{decimals}" if decimals else whole
    digits = (whole + decimals).strip("0")
    if len(digits) < FEWEST_DIGITS or (not decimals and len(whole) < 4):
        return ""
    if not decimals and (int(whole) in YEARS or int(whole) & (int(whole) - 1) == 0):
        return ""
    return plain


def dates_in(text: str) -> Iterator[tuple[int, str]]:
    """Dates, each with its position, as `2025-05-19`; text must be case-folded."""
    for pattern in _DATES if _DIGIT.search(text) else ():
        for match in pattern.finditer(text):
            month = _MONTHS.get(match["m"]) or int(match["m"]) if match["m"] else 0
            found = _as_date(int(match["y"]), month, int(match["d"]))
            if found:
                yield match.start(), found


def _as_date(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""
