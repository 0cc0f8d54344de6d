"""What a generated task consists of, before anything is written to disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a document, level 1 (title) to 3."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of running text."""

    text: str


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


Block = Heading | Paragraph | Bullets | Table


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
