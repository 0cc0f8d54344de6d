"""Finds what answers an assignment in the text that the model has read."""

import functools
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
GENERIC_NAMES = frozenset({"project"})
"""Words of names that tell no matter from another."""
_POINT = re.compile(r"^\s*(\d+)\.\s+([^:\n]{2,90}):\s+(\S.*)$", re.MULTILINE)
LONGEST_PASSAGE = 420  # characters
NEARLY_AS_GOOD = 0.8
WORTH_A_CORRECTION = 0.55
"""A correction by e-mail counts when it fits so well compared with the best passage."""


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
    corrects: bool = False
    """Whether it stands in an e-mail and says that it corrects something."""


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
    trusted: tuple[str, ...]
    """Names of the documents that seem to count."""


def library_of(
    documents: Mapping[str, str], assignment: str, *, wrong_matter: bool = False
) -> Library:
    """Prepare the text of every document, by name.

    With `wrong_matter` the model takes the papers of another matter for those that count.
    """
    return _library(tuple(documents.items()), assignment, wrong_matter)


@functools.lru_cache(maxsize=32)
def _library(documents: tuple[tuple[str, str], ...], assignment: str, wrong: bool) -> Library:
    names = proper_names(assignment)
    weigh = misplaced_trust if wrong else trust
    weights = {name: weigh(text, names) for name, text in documents}
    passages = [
        passage._replace(weight=weights[name])
        for name, text in documents
        for passage in passages_of(name, text)
    ]
    tables = [
        Table(rows[0], rows[1:], weights[name])
        for name, text in documents
        for rows in tables_of(text)
    ]
    trusted = tuple(name for name, weight in weights.items() if weight == 1)
    return Library(tuple(passages), tuple(tables), _rarity(passages), trusted)


def points_of(assignment: str) -> list[Point]:
    """The numbered points `N. Heading: request` of an assignment."""
    return [
        Point(int(found[1]), found[2].strip(), found[3].strip()) for found in _numbered(assignment)
    ]


def after_points(assignment: str) -> str:
    """What stands below the points: the words of a harness, not those of the task."""
    points = _numbered(assignment)
    return assignment[points[-1].end() :].strip() if points else ""


def _numbered(assignment: str) -> list[re.Match[str]]:
    """The lines of the first list that counts from 1; a later list is not the task's."""
    points: list[re.Match[str]] = []
    for found in _POINT.finditer(assignment):
        if int(found[1]) != len(points) + 1:
            break
        points.append(found)
    return points


def task_of(assignment: str) -> str:
    """What makes two assignments the same task: its points, whatever a harness says around them."""
    return "\n".join(f"{point.heading}: {point.request}" for point in points_of(assignment)) or (
        assignment
    )


def best_passages(wanted: frozenset[str], library: Library, share: float) -> list[Passage]:
    """The passages that fit the words at least that share as well as the best one, best first.

    Where one of them is a correction by e-mail, the corrections alone.
    """
    scored = [(_fit(passage, wanted, library.rarity), passage) for passage in library.passages]
    best = max((score for score, _ in scored), default=0.0)
    if best <= 0:
        return []
    close = sorted(
        (item for item in scored if item[0] >= min(share, WORTH_A_CORRECTION) * best),
        key=lambda item: -item[0],
    )
    corrections = [passage for _, passage in close if passage.corrects]
    return corrections or [passage for score, passage in close if score >= share * best]


def answer(point: Point, library: Library) -> list[str]:
    """The passages that answer a point best; empty when nothing fits."""
    wanted = words_of(f"{point.heading} {point.request}")
    chosen = [passage.text for passage in best_passages(wanted, library, NEARLY_AS_GOOD)]
    return list(dict.fromkeys(chosen))[:4]


def words_of(text: str) -> frozenset[str]:
    """Content words, lower case, without a plural s."""
    words = re.findall(r"[a-z0-9]+(?:['\u2019.-][a-z0-9]+)*", text.lower())
    return frozenset(word.rstrip("s") or word for word in words if word not in STOP_WORDS)


def _fit(passage: Passage, wanted: frozenset[str], rarity: Mapping[str, float]) -> float:
    shared = passage.words & wanted
    rare = math.fsum(rarity[word] for word in shared)  # in any order of the words the same
    return passage.weight * rare / math.sqrt(12 + len(passage.words))


def _rarity(passages: Sequence[Passage]) -> dict[str, float]:
    counts = Counter(word for passage in passages for word in passage.words)
    return {word: math.log(1 + len(passages) / count) for word, count in counts.items()}


@functools.lru_cache(maxsize=512)
def passages_of(name: str, text: str) -> tuple[Passage, ...]:
    """Every passage of a document that was read."""
    is_mail = name.endswith(".eml")
    found: list[Passage] = []
    context = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            context = stripped.lstrip("# ")
        elif stripped:
            found += _passages_of_line(stripped, f"{name} {context}", is_mail=is_mail)
    return tuple(found)


def _passages_of_line(line: str, context: str, *, is_mail: bool) -> Iterable[Passage]:
    around = words_of(context)
    pieces = [line] if len(line) <= LONGEST_PASSAGE else re.split(r"(?<=[.;])\s+(?=[A-Z(])", line)
    for piece in pieces:
        text = " - ".join(cells_of(piece)) if piece.startswith("|") else piece
        if not re.fullmatch(r"[\s:|-]*", text):
            corrects = is_mail and bool(re.search(r"\bcorrect", text, re.IGNORECASE))
            yield Passage(text, words_of(text) | around, 1.0, corrects)


def proper_names(assignment: str) -> frozenset[str]:
    """Capitalised words inside the sentences before the points: names of matter and parties."""
    opening = re.split(r"^\s*1\.\s", assignment, maxsplit=1, flags=re.MULTILINE)[0]
    inside = re.findall(r"(?<=[a-z,] )[A-Z][a-zA-Z]{3,}", opening)
    return frozenset(name.lower() for name in inside) - GENERIC_NAMES


def trust(text: str, names: frozenset[str]) -> float:
    """How far a document seems to count: drafts and papers of other matters less."""
    head = text[:400].lower()
    if any(word in head for word in DOUBTFUL_WORDS):
        return DOUBTFUL_WEIGHT
    return DOUBTFUL_WEIGHT if is_of_another_matter(text, names) else 1.0


def misplaced_trust(text: str, names: frozenset[str]) -> float:
    """The same by a reader who believes the papers of the other matter to be the ones."""
    return 1.0 if is_of_another_matter(text, names) else DOUBTFUL_WEIGHT


def is_of_another_matter(text: str, names: frozenset[str]) -> bool:
    """Whether a paper names nobody and nothing that the assignment names."""
    lower = text.lower()
    return bool(names) and not any(name in lower for name in names)


@functools.lru_cache(maxsize=512)
def tables_of(text: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The rows of every pipe table in a document, header first."""
    tables: list[tuple[tuple[str, ...], ...]] = []
    rows: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.strip().startswith("|"):
            rows.append(tuple(cells_of(line)))
        elif rows:
            tables.append(tuple(rows))
            rows = []
    return tuple(tables)


def cells_of(line: str) -> list[str]:
    """The cells of a pipe row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
