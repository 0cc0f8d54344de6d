"""How text falls into lines and columns of a page: measures only, nothing is drawn here."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """A font at a size; lengths in points."""

    font: str
    size: float
    before: float = 0
    """Room above the first line."""
    indent: float = 0
    """Where lines after the first begin."""

    @property
    def leading(self) -> float:
        """From one line to the next."""
        return self.size * 1.25

    def width(self, text: str) -> float:
        """The width of a text on one line."""
        from reportlab.pdfbase.pdfmetrics import stringWidth

        return stringWidth(text, self.font, self.size)


def first_line(words: Sequence[str], style: Style, width: float) -> int:
    """How many words go on a line of `width` points; a single word may be wider."""
    count = 1
    while count < len(words) and style.width(" ".join(words[: count + 1])) <= width:
        count += 1
    return count


def wrapped(words: Sequence[str], style: Style, width: float) -> list[str]:
    """The words in lines of `width` points, those after the first indented."""
    lines: list[str] = []
    while words:
        count = first_line(words, style, width - (style.indent if lines else 0))
        lines.append(" ".join(words[:count]))
        words = words[count:]
    return lines


def column_widths(
    rows: Sequence[Sequence[str]], style: Style, padding: float, width: float
) -> list[float] | None:
    """The widths of a table's columns, or None when its longest words do not fit side by side."""
    columns = list(zip(*rows, strict=True))
    least = [
        _widest([word for cell in column for word in cell.split()], style) for column in columns
    ]
    wished = [_widest(column, style) for column in columns]
    room = width - 2 * padding * len(columns)
    if sum(wished) <= room:
        return [wish + 2 * padding for wish in wished]
    spare = room - sum(least)
    if spare < 0:
        return None
    share = spare / (sum(wished) - sum(least))
    return [
        low + (wish - low) * share + 2 * padding for low, wish in zip(least, wished, strict=True)
    ]


def _widest(texts: Sequence[str], style: Style) -> float:
    # A hair more than the text, as sums of fractions differ in their last digit.
    return max((style.width(text) for text in texts), default=0) + 0.01
