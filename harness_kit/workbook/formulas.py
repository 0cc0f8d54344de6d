"""What simple formulas come to, in workbooks that were written without the values of formulas.

Sums and the four operations on numbers and on cells that hold numbers, nothing else: no names, no
other functions. Whoever opens such a file sees these values, since every spreadsheet calculates.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from enum import Enum, auto

from harness_kit.workbook.places import Area, area_of

_LONGEST = 1_000  # characters of a formula
_DEEPEST = 40  # parentheses, and formulas that refer to formulas
_MOST_READ = 200_000  # cells of one workbook, however many formulas refer to them
_EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999)
_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d{1,3})?)(?![A-Z$!:(])"
    r"|(?:(?P<sheet>'(?:[^']|'')+'|[^\W\d][\w.]*)!)?"
    r"(?P<cells>\$?[A-Z]{1,3}\$?\d{1,7}(?::\$?[A-Z]{1,3}\$?\d{1,7})?)(?![\w(!:.])"
    r"|(?P<sum>SUM)\(|(?P<sign>[-+*/(),%])",
    re.IGNORECASE,
)


class Blank(Enum):
    """A cell without a number."""

    TEXT = auto()
    """A sum leaves it out; no operation can use it."""
    ERROR = auto()
    """Nor can a sum; also a formula whose value is unknown."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell whose value is not stored."""

    text: str


Content = Decimal | Blank | Formula
Sheet = Mapping[tuple[int, int], Content]
"""The cells of a sheet that are not empty, by column and row."""


class _UnknownError(Exception):
    """This formula is none that is calculated here."""


class Calculator:
    """Calculates formulas of one workbook, within a number of cells for all of them together."""

    def __init__(self, load: Callable[[str], Sheet | None]) -> None:
        """`load` gives the cells of a sheet by its name; None when there is none, or too much."""
        self._load = load
        self._sheets: dict[str, Sheet | None] = {}
        self._known: dict[tuple[str, int, int], Decimal] = {}
        self._under_way: set[tuple[str, int, int]] = set()
        self._left = _MOST_READ
        self._depth = 0

    def value(self, sheet: str, formula: str) -> Decimal | None:
        """What a formula of a sheet comes to; None when that is not known."""
        try:
            return self._calculated(sheet, formula)
        except (_UnknownError, DecimalException):
            return None

    def _calculated(self, sheet: str, formula: str) -> Decimal:
        with self.nested():
            found = _Reading(self, sheet, _tokens(formula)).result()
        if not math.isfinite(float(found)):  # more than a cell can hold
            raise _UnknownError
        return found

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper, as long as there are not too many."""
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                raise _UnknownError
            yield
        finally:
            self._depth -= 1

    def number(self, sheet: str, area: Area) -> Decimal:
        """The number in a cell, zero in an empty one."""
        if (area.left, area.top) != (area.right, area.bottom):
            raise _UnknownError
        content = self._content(sheet, area.left, area.top)
        if isinstance(content, Blank):
            raise _UnknownError
        return content

    def total(self, sheet: str, area: Area) -> Decimal:
        """The sum of the numbers in cells."""
        size = (area.right - area.left + 1) * (area.bottom - area.top + 1)
        if size > self._left:
            raise _UnknownError
        found = Decimal(0)
        for column in range(area.left, area.right + 1):
            for row in range(area.top, area.bottom + 1):
                content = self._content(sheet, column, row)
                if content is Blank.ERROR:
                    raise _UnknownError
                if isinstance(content, Decimal):
                    found = _EXACT.add(found, content)
        return found

    def _content(self, sheet: str, column: int, row: int) -> Decimal | Blank:
        self._left -= 1
        cells = self._cells(sheet)
        if cells is None or self._left < 0:
            raise _UnknownError
        content, place = cells.get((column, row), Decimal(0)), (sheet, column, row)
        if not isinstance(content, Formula):
            return content
        if place not in self._known:
            if place in self._under_way:
                raise _UnknownError
            self._under_way.add(place)
            try:
                self._known[place] = self._calculated(sheet, content.text)
            finally:
                self._under_way.discard(place)
        return self._known[place]

    def _cells(self, sheet: str) -> Sheet | None:
        if sheet not in self._sheets:
            self._sheets[sheet] = self._load(sheet)
        return self._sheets[sheet]


class _Reading:
    """Reads one formula from left to right, and calculates on the way."""

    def __init__(self, cells: Calculator, sheet: str, tokens: list[re.Match[str]]) -> None:
        self._cells, self._sheet, self._tokens, self._place = cells, sheet, tokens, 0

    def result(self) -> Decimal:
        found = self._sum()
        if self._place < len(self._tokens):
            raise _UnknownError
        return found

    def _sum(self) -> Decimal:
        found = self._product()
        while sign := self._taken("+", "-"):
            other = self._product()
            found = _EXACT.add(found, other) if sign == "+" else _EXACT.subtract(found, other)
        return found

    def _product(self) -> Decimal:
        found = self._signed()
        while sign := self._taken("*", "/"):
            other = self._signed()
            found = _EXACT.multiply(found, other) if sign == "*" else _EXACT.divide(found, other)
        return found

    def _signed(self) -> Decimal:
        negative = False
        while sign := self._taken("+", "-"):
            negative ^= sign == "-"
        found = self._one()
        while self._taken("%"):
            found = _EXACT.divide(found, Decimal(100))
        return found.copy_negate() if negative else found

    def _one(self) -> Decimal:
        if self._taken("("):
            return self._closed(self._sum)
        token = self._next()
        if token["number"]:
            return _EXACT.create_decimal(token["number"])
        if token["sum"]:
            return self._closed(self._arguments)
        return self._cells.number(*self._reference(token))

    def _closed(self, read: Callable[[], Decimal]) -> Decimal:
        with self._cells.nested():
            found = read()
        if not self._taken(")"):
            raise _UnknownError
        return found

    def _arguments(self) -> Decimal:
        found = self._argument()
        while self._taken(","):
            found = _EXACT.add(found, self._argument())
        return found

    def _argument(self) -> Decimal:
        coming = self._tokens[self._place : self._place + 2]
        # Cells by themselves: texts among them are left out, where an operation would fail.
        if len(coming) == 2 and coming[0]["cells"] and coming[1]["sign"] in {",", ")"}:
            return self._cells.total(*self._reference(self._next()))
        return self._sum()

    def _reference(self, token: re.Match[str]) -> tuple[str, Area]:
        if not token["cells"]:
            raise _UnknownError
        named = token["sheet"] or ""
        if named.startswith("'"):
            named = named[1:-1].replace("''", "'")
        return named.casefold() or self._sheet, area_of(token["cells"].upper())

    def _next(self) -> re.Match[str]:
        if self._place >= len(self._tokens):
            raise _UnknownError
        self._place += 1
        return self._tokens[self._place - 1]

    def _taken(self, *signs: str) -> str:
        """The sign that comes next, when it is one of these; else nothing."""
        if self._place < len(self._tokens) and self._tokens[self._place]["sign"] in signs:
            self._place += 1
            return str(self._tokens[self._place - 1]["sign"])
        return ""


def _tokens(formula: str) -> list[re.Match[str]]:
    text = formula.strip().removeprefix("=")
    if len(text) > _LONGEST:
        raise _UnknownError
    found, place = [], 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            raise _UnknownError
        found.append(match)
        place = match.end()
    return found
