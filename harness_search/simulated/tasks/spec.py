"""What a generated task consists of, before anything is written to disk."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ErrorClass = Literal[
    "numbers/dates",
    "missing facts/entities",
    "deliverable/format",
    "legal-rule use",
    "coverage",
    "remedial action",
    "materiality/impact",
    "source grounding",
    "cross-doc synthesis",
    "other",
]
"""What a failed criterion is a failure of (003_4de9fa00d89ea648.txt, Table 13)."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A workbook cell that is computed: the formula, and the value that it has."""

    expression: str
    """As a spreadsheet writes it, `=SUM(D2:D9)`."""
    value: int | float


Cell = str | int | float | Formula


def plain(cell: Cell) -> str | int | float:
    """What a cell shows: the value of a formula, else the cell itself."""
    return cell.value if isinstance(cell, Formula) else cell


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a document, level 1 (title) to 3; in a presentation it begins a slide."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Revised:
    """A paragraph with one tracked change in Word; elsewhere it reads as if accepted."""

    before: str
    deleted: str
    inserted: str
    after: str = ""

    @property
    def text(self) -> str:
        """The paragraph with the change accepted."""
        return f"{self.before}{self.inserted}{self.after}"


@dataclass(frozen=True, slots=True)
class Email:
    """The header of an e-mail: the first block of an `.eml` document."""

    sender: str
    recipient: str
    sent: datetime.date
    subject: str
    attachments: tuple[str, ...] = ()
    """Names only; the attached files are papers of the folder, or lost."""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A bulleted list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a header row; in a workbook it fills the sheet named by `title`."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""

    def total(self, column: int) -> int:
        """The sum of a column of whole numbers."""
        return sum(int(plain(row[column])) for row in self.rows)


Block = Heading | Paragraph | Revised | Bullets | Table | Email


@dataclass(frozen=True, slots=True)
class DocumentSpec:
    """One document of a matter; `counts` is false for drafts and papers of other matters."""

    name: str
    blocks: tuple[Block, ...]
    counts: bool = True


@dataclass(frozen=True, slots=True)
class CriterionSpec:
    """One criterion: its title, when it passes and fails, in words and as a check."""

    title: str
    passes: str
    fails: str
    check: Mapping[str, Any]
    error_class: ErrorClass = "other"


@dataclass(frozen=True, slots=True)
class PointSpec:
    """One numbered point of the instructions.

    `sources` are the sentences and table rows that answer it, word for word as they stand in the
    documents that count. `computed` is the answer to a point whose answer stands nowhere.
    """

    heading: str
    request: str
    criteria: tuple[CriterionSpec, ...]
    sources: tuple[str, ...] = ()
    computed: str = ""

    @property
    def text(self) -> str:
        """The point as the instructions print it, without its number."""
        return f"{self.heading}: {self.request}"

    @property
    def asks_total(self) -> bool:
        """Whether the point asks for the total of a column."""
        return '" column' in self.request

    @property
    def answer(self) -> tuple[str, ...]:
        """The lines that an ideal deliverable gives under the point's heading."""
        return (self.computed,) if self.computed else self.sources


@dataclass(frozen=True, slots=True)
class Matter:
    """What one family makes of one practice area and one draw."""

    title: str
    work_type: str
    slug_words: str
    opening: str
    distractors: str
    main_deliverables: tuple[str, ...]
    second_deliverables: tuple[str, ...]
    points: tuple[PointSpec, ...]
    documents: tuple[DocumentSpec, ...]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task, complete: everything that its folder holds, and its points for the oracle.

    `deliverables` maps each requested file to the positions (from 0) of the points it answers.
    """

    id: str
    title: str
    work_type: str
    instructions: str
    deliverables: Mapping[str, tuple[int, ...]]
    points: tuple[PointSpec, ...]
    documents: tuple[DocumentSpec, ...]
    criteria: tuple[Mapping[str, Any], ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
