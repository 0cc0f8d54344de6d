"""How checks read a text: passages under headings, and the numbers and dates that stand in them."""

import datetime
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        # invisible characters, emphasis marks and footnote signs say nothing
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad*`"),
        **dict.fromkeys("\u00b9\u00b2\u00b3\u2070\u2074\u2075\u2076\u2077\u2078\u2079"),
    }
)
_HEADING = re.compile(r"\s*#{1,6}\s+\S|\s*\*\*[^*]+\*\*:?\s*$")
_OWN_LINE = re.compile(r"\s*(?:[-*+\u2022]\s|\d{1,3}[.)]\s)")
_TITLE_MARKS = re.compile(r"^#*\s*(?:\(?[\da-z]{1,3}[.)]\s+)?|\s*:?$")

_NUMBER = re.compile(
    r"""
    (?<![^\W_])(?<!\d[.,])                                # not inside a word or a longer number
    (?P<minus>(?<![\w)])-)?
    (?:(?:us\$|usd|eur|gbp|chf|[$\u20ac\u00a3\u00a5])\s?)?
    (?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)
    (?:\s?(?P<scale>thousand|millions?|mn|billions?|bn)|(?P<letter>[kmb]))?
    (?P<percent>\s?(?:%|percent|per\scent|pct))?
    (?![^\W_])(?![.,]\d)
    """,
    re.VERBOSE,
)
_SCALES = {"t": 1e3, "k": 1e3, "m": 1e6, "b": 1e9}

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|sept|{'|'.join(name[:3] for name in _MONTHS)})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = tuple(
    re.compile(rf"(?<![\w/.]){pattern}(?!\d)")
    for pattern in (
        r"(?<!\d-)(?P<year>\d{4})(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        rf"{_DAY}[\s-]+(?:day\s+of\s+|of\s+)?{_MONTH},?[\s-]+(?P<year>\d{{4}})",
        rf"{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})",
        r"(?<!\d-)(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4})",
    )
)


MOST_MARKS = 16
"""On one letter; no language comes near."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One normalised line, list item, table row or paragraph, and the heading it stands under."""

    text: str
    heading: str
    is_heading: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number found in a text, scaled ("1.25 million" is 1250000), and whether it is a percent."""

    value: float
    percent: bool
    shown: str


def _without_long_marks(text: str) -> str:
    """Without all but the first marks on any one letter: to sort n of them takes n x n steps, in
    which nothing else of this process goes on."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= MOST_MARKS:
            kept.append(letter)
    return "".join(kept)


def normalise(text: str) -> str:
    """Lower case, plain quotes and dashes, single spaces, no emphasis marks."""
    plain = unicodedata.normalize("NFC", _without_long_marks(text)).translate(_TYPOGRAPHY)
    return " ".join(plain.casefold().split())


def read_passages(text: str) -> tuple[Passage, ...]:
    """Split a text at blank lines, headings, list items and table rows."""
    found: list[Passage] = []
    heading, lines = "", list[str]()

    def close() -> None:
        if plain := normalise(" ".join(lines)):
            found.append(Passage(plain, heading))
        lines.clear()

    for line in text.splitlines():
        if _HEADING.match(line):
            close()
            heading = normalise(line)
            found.append(Passage(heading, heading, is_heading=True))
            continue
        if not line.strip() or line.lstrip().startswith("|") or _OWN_LINE.match(line):
            close()
        lines.append(line)
        if line.lstrip().startswith("|"):
            close()
    close()
    return tuple(found)


def title_of(passage: Passage) -> str:
    """The passage without heading marks, numbering and a final colon."""
    return _TITLE_MARKS.sub("", passage.text).strip()


def contains(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text, both normalised, on word boundaries."""
    return re.search(rf"(?<![^\W_]){re.escape(phrase)}(?![^\W_])", text) is not None


def numbers_in(text: str) -> Iterator[Number]:
    """Every number of a normalised text; the parts of a date are none."""
    for match in _NUMBER.finditer(_without_dates(text)):
        value = float(match["digits"].replace(",", ""))
        scale = match["scale"] or match["letter"]
        if scale:
            value *= _SCALES[scale[0]]
        yield Number(
            -value if match["minus"] else value, match["percent"] is not None, match[0].strip()
        )


def dates_in(text: str) -> Iterator[datetime.date]:
    """Every unambiguous date of a normalised text.

    05/03/2026 is either of two days and therefore neither; 31/03/2026 and 05.03.2026 (always day
    first) are clear.
    """
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if (date := _date_of(match.groupdict())) is not None:
                yield date


def _without_dates(text: str) -> str:
    for pattern in _DATES:
        text = pattern.sub(lambda match: ";" if _date_of(match.groupdict()) else match[0], text)
    return text


def _date_of(parts: dict[str, str]) -> datetime.date | None:
    if "first" in parts:
        first, second = int(parts["first"]), int(parts["second"])
        ambiguous = parts["mark"] != "." and max(first, second) <= 12 and first != second
        month_first = parts["mark"] != "." and second > 12
        day, month = (second, first) if month_first else (first, second)
        if ambiguous:
            return None
    else:
        day = int(parts["day"])
        month = _month_number(parts["month"])
    try:
        return datetime.date(int(parts["year"]), month, day)
    except ValueError:
        return None


def _month_number(month: str) -> int:
    if month.isdecimal():
        return int(month)
    return 1 + next(index for index, name in enumerate(_MONTHS) if name.startswith(month[:3]))
