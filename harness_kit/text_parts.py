"""What the texts of all kinds of documents have in common."""

import datetime
from decimal import Decimal

from harness_kit.workbook.number_formats import general

MOST_CHARACTERS = 10_000_000  # of one document


class Room:
    """What the text of a document may still grow by: thousands of cells can share one string."""

    def __init__(self) -> None:
        self.characters = MOST_CHARACTERS

    def take(self, text: str) -> str:
        """Give the text back, or raise ValueError when the document becomes too long by it."""
        self.characters -= len(text)
        if self.characters < 0:
            raise ValueError(f"its text has more than {MOST_CHARACTERS} characters")
        return text


def cell_text(value: object) -> str:
    """One value of a table as a person reads it: ISO dates, numbers without float noise."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return general(Decimal(repr(value)))
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return " ".join(str(value).split())


def table_row(cells: list[str]) -> str:
    """One row of a table as Markdown writes it."""
    return f"| {' | '.join(cells)} |"
