"""Finds what answers an assignment in the text that the model has read."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

STOP_WORDS = frozenset(
    {
        *("a", "an", "and", "any", "are", "as", "at", "be", "by", "each", "for", "from", "give"),
        *("has", "have", "how", "if", "in", "into", "is", "it", "its", "may", "must", "name"),
        *("of", "on", "or", "shall", "state", "that", "the", "their", "this", "to", "under"),
        *("was", "were", "what", "when", "which", "who", "whether", "will", "with", "would"),
        *("list", "set", "out", "identify"),
    }
)
DOUBTFUL_WORDS = ("draft", "superseded", "not executed", "another matter", "different matter")
DOUBTFUL_WEIGHT = 0.3
LONGEST_PASSAGE = 420  # characters
NEARLY_AS_GOOD = 0.8


class Point(NamedTuple):
    """One numbered request of an assignment."""

    number: int
    heading: str
    request: str


class Passage(NamedTuple):
    """One sentence, line or table row with the words around it that say what it is about."""

    text: str
    words: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read: header cells and rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Library:
    """All that was read, prepared for looking things up."""

    passages: tuple[Passage, ...]
    tables: tuple[Table, ...]
    rarity: Mapping[str, float]
    """How rare each word is among the passages."""


def library_of(documents: Mapping[str, str], assignment: str) -> Library:
    """Prepare the text of every document, by name."""
    passages = passages_of(documents, assignment)
    return Library(tuple(passages), tuple(tables_of(documents, assignment)), _rarity(passages))


def points_of(assignment: str) -> list[Point]:
    """The numbered points `N. Heading: request` of an assignment."""
    found = re.findall(r"^\s*(\d+)\.\s+([^:\n]{2,90}):\s+(\S.*)$", assignment, re.MULTILINE)
    return [Point(int(number), heading.strip(), text.strip()) for number, heading, text in found]


def answer(point: Point, library: Library) -> list[str]:
    """The passages that answer a point best; empty when nothing fits."""
    total = _total(point, library.tables)
    if total is not None:
        return [total]
    wanted = words_of(f"{point.heading} {point.request}")
    scored = [(_fit(passage, wanted, library.rarity), passage) for passage in library.passages]
    best = max((score for score, _ in scored), default=0.0)
    if best <= 0:
        return []
    chosen = [passage.text for score, passage in scored if score >= NEARLY_AS_GOOD * best]
    return list(dict.fromkeys(chosen))[:4]


def words_of(text: str) -> frozenset[str]:
    """Content words, lower case, without a plural s."""
    words = re.findall(r"[a-z0-9]+(?:['\u2019.-][a-z0-9]+)*", text.lower())
    return frozenset(word.rstrip("s") or word for word in words if word not in STOP_WORDS)


def _fit(passage: Passage, wanted: frozenset[str], rarity: Mapping[str, float]) -> float:
    shared = passage.words & wanted
    rare = sum(rarity[word] for word in shared)
    return passage.weight * rare / math.sqrt(12 + len(passage.words))


def _rarity(passages: Sequence[Passage]) -> dict[str, float]:
    counts = Counter(word for passage in passages for word in passage.words)
    return {word: math.log(1 + len(passages) / count) for word, count in counts.items()}


def passages_of(documents: Mapping[str, str], assignment: str) -> list[Passage]:
    """Every passage of every document that was read."""
    names = proper_names(assignment)
    found: list[Passage] = []
    for name, text in documents.items():
        weight = trust(text, names)
        context = ""
        for line in text.splitlines():
            stripped = line.strip()
            if stripped.startswith("#"):
                context = stripped.lstrip("# ")
            elif stripped:
                found += _passages_of_line(stripped, f"{name} {context}", weight)
    return found


def _passages_of_line(line: str, context: str, weight: float) -> Iterable[Passage]:
    around = words_of(context)
    pieces = [line] if len(line) <= LONGEST_PASSAGE else re.split(r"(?<=[.;])\s+(?=[A-Z(])", line)
    for piece in pieces:
        text = " - ".join(cells_of(piece)) if piece.startswith("|") else piece
        if not re.fullmatch(r"[\s:|-]*", text):
            yield Passage(text, words_of(text) | around, weight)


def proper_names(assignment: str) -> frozenset[str]:
    """Capitalised words inside the sentences before the points: names of matter and parties."""
    opening = re.split(r"^\s*1\.\s", assignment, maxsplit=1, flags=re.MULTILINE)[0]
    inside = re.findall(r"(?<=[a-z,] )[A-Z][a-zA-Z]{3,}", opening)
    return frozenset(name.lower() for name in inside)


def trust(text: str, names: frozenset[str]) -> float:
    """How far a document seems to count: drafts and papers of other matters less."""
    head = text[:400].lower()
    if any(word in head for word in DOUBTFUL_WORDS):
        return DOUBTFUL_WEIGHT
    if names and not any(name in text.lower() for name in names):
        return DOUBTFUL_WEIGHT
    return 1.0


# Arithmetic: the sum of a table's column, when a point asks for a total and quotes the column.


def _total(point: Point, tables: Sequence[Table]) -> str | None:
    column = re.search(r"[\"\u201c]([^\"\u201d]+)[\"\u201d]", point.request)
    if column is None or "total" not in f"{point.heading} {point.request}".lower():
        return None
    for table in sorted(tables, key=lambda table: -table.weight):
        titles = [title.lower() for title in table.header]
        if column[1].lower() in titles:
            place = titles.index(column[1].lower())
            amounts = [number_of(row[place]) for row in table.rows if len(row) > place]
            known = [amount for amount in amounts if amount is not None]
            return f"{point.heading}: {sum(known):,.2f} (sum of {len(known)} rows)"
    return None


def tables_of(documents: Mapping[str, str], assignment: str) -> list[Table]:
    """Every pipe table that was read."""
    names = proper_names(assignment)
    tables: list[Table] = []
    for text in documents.values():
        rows: list[tuple[str, ...]] = []
        for line in [*text.splitlines(), ""]:
            if line.strip().startswith("|"):
                rows.append(tuple(cells_of(line)))
            elif rows:
                tables.append(Table(rows[0], tuple(rows[1:]), trust(text, names)))
                rows = []
    return tables


def cells_of(line: str) -> list[str]:
    """The cells of a pipe row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def number_of(cell: str) -> float | None:
    """The number in a cell that holds little else."""
    found = re.fullmatch(r"[^\d-]{0,4}(-?\d[\d,]*(?:\.\d+)?)\D{0,4}", cell)
    return float(found[1].replace(",", "")) if found else None
