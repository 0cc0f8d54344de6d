"""What a criterion asks for, as a reader takes it from the criterion's words alone."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness_search.judging.reading import dates_in, normalise, numbers_in
from harness_search.simulated.extraction import STOP_WORDS

MOST_UNITS = 2
"""Words around a number ("EUR", "business days"); with more of them it stands in a phrase."""
STEM = 5
"""Letters by which two forms of a word are the same word."""
_CLAUSES = re.compile(
    r"(?:PASS\s+if\s+)?(?P<passes>.*?)(?:\.?\s*FAIL\s+if\s+(?P<fails>.*))?$", re.DOTALL
)
_QUOTED = re.compile(r'["\u201c]([^"\u201d]+)["\u201d]')
_NONE_OF = re.compile(r"\bnone of:?\s+(.*)$", re.DOTALL)
_GIVEN = re.compile(r"\bor\s+(.*?)\s+is\s+given\b", re.DOTALL)
_NAME = re.compile(r"\b[A-Z][\w-]+(?:\s+(?:of\s+(?:the\s+)?)?[A-Z][\w-]+)*")
_FIGURE = re.compile(r"[\d][\d,.]*[\d]|\d")
_WORD = re.compile(r"[^\W\d_]+")
_ABOUT_JUDGING = frozenset(
    {"deliverable", "states", "names", "says", "among", "papers", "relied", "relies", "section"}
    | {"missing", "given", "otherwise", "date", "day", "number", "point", "points"}
)


@dataclass(frozen=True, slots=True)
class Sought:
    """One thing to look for; exactly one of its three forms counts."""

    shown: str
    phrase: str = ""
    """Normalised."""
    number: float | None = None
    date: datetime.date | None = None

    @property
    def distinctive(self) -> bool:
        """Whether it hardly stands in a text for another reason."""
        return self.number is None or abs(self.number) >= 1000


@dataclass(frozen=True, slots=True)
class Demand:
    """What a deliverable must hold and must not hold."""

    all_of: tuple[Sought, ...]
    none_of: tuple[Sought, ...]
    subject: frozenset[str]
    """Stems of the words that say what the thing is."""
    as_heading: bool = False
    names_papers: bool = False


def demand_of(title: str, match_criteria: str) -> Demand:
    """Read a criterion."""
    clauses = _CLAUSES.match(match_criteria.strip())
    passes = (clauses["passes"] if clauses else match_criteria).strip().rstrip(".")
    fails = (clauses["fails"] if clauses else "") or ""
    none_of = tuple(map(sought, _GIVEN.findall(fails)))
    if listed := _NONE_OF.search(passes):
        unwanted = tuple(map(sought, re.split(r",\s+|;\s+", listed[1])))
        return Demand((), (*none_of, *unwanted), frozenset(), names_papers=True)
    if quoted := _QUOTED.findall(passes):
        wanted = tuple(_phrase(text.rstrip(".,")) for text in quoted)
        return Demand(wanted, none_of, frozenset(), as_heading="heading" in passes)
    about, colon, value = passes.rpartition(": ")
    if colon and value.strip():
        subject = stems_of(f"{title} {about}")
        return Demand((sought(value.strip()),), none_of, subject)
    return Demand(tuple(_named_in(passes)), none_of, stems_of(passes))


def sought(value: str) -> Sought:
    """A value as it is to be looked for: as a date, as a number, or as it stands."""
    plain = normalise(value)
    if date := next(dates_in(plain), None):
        return Sought(value, date=date)
    numbers = list(numbers_in(plain))
    if len(numbers) == 1 and len(_WORD.findall(plain)) <= MOST_UNITS:
        return Sought(value, number=numbers[0].value)
    return _phrase(value)


def stems_of(text: str) -> frozenset[str]:
    """The words of a text that say something, each by how it begins."""
    words = (word for word in _WORD.findall(normalise(text)) if len(word) > 2)
    return frozenset(word[:STEM] for word in words if word not in STOP_WORDS | _ABOUT_JUDGING)


def _phrase(value: str) -> Sought:
    return Sought(value, phrase=normalise(value))


def _named_in(text: str) -> Iterator[Sought]:
    """Names and figures that a sentence mentions; every one of them is wanted."""
    for name in _NAME.findall(text):
        if name.casefold() not in STOP_WORDS:
            yield _phrase(name)
    for figure in _FIGURE.findall(text):
        yield _phrase(figure)
