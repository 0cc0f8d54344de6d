"""Places in the sheets of a workbook."""

import re
from dataclasses import dataclass

_PLACES = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells: its first and last column and row, from 1."""

    left: int
    top: int
    right: int
    bottom: int

    def holds(self, column: int, row: int) -> bool:
        """Whether a cell lies in it."""
        return self.left <= column <= self.right and self.top <= row <= self.bottom


def area_of(reference: str) -> Area:
    """The cells of `A1` or `A1:B2`; raises ValueError for anything else."""
    match = _PLACES.fullmatch(reference)
    if match is None:
        raise ValueError(f"{reference[:40]!r} names no cells")
    first, last = number_of(match[1]), number_of(match[3] or match[1])
    top, bottom = int(match[2]), int(match[4] or match[2])
    return Area(min(first, last), min(top, bottom), max(first, last), max(top, bottom))


def number_of(letters: str) -> int:
    """The number of a column, from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
