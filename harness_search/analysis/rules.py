"""Error classes of failed criteria, by ordered rules that a benchmark supplies.

    other = { name = "Other", unit = "...", control = "..." }

    [[classes]]
    name = "Numbers/dates"
    unit = "What is missing or wrong in such a failure."
    control = "What of a harness is expected to help."
    patterns = ["deadline*", "within # days"]
    decisive = ["sum differs"]
    titles = ["states the date"]

The title of a criterion and the judge's reason are read together, in any case. The first class with
a pattern that stands there is the criterion's; `other` takes the rest. Before all `patterns` come
`decisive` ones, and then those of `titles`, with which the title alone begins: what it names may
be made of any words. Both may be left out. A pattern is plain words: `*` at the end of a word
stands for any ending, `#` for a number. Nothing else has a meaning, so that no pattern can take
long, whatever a judge or a harness wrote.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from harness_search.errors import InputError, invalid

LONGEST_TITLE = 500
LONGEST_REASON = 4_000
"""Characters that are read; judges are asked for one short sentence."""
LARGEST_FILE = 1_000_000  # bytes
LONGEST_PATTERN = 80
MOST_PATTERNS = 500
"""Of one class."""
MOST_CLASSES = 50
HARNESS_FAILED = "No verdict: the harness failed"
"""Stands for a class where a rollout ended before anything was judged: no judge gave a reason."""

_FORBIDDEN = frozenset("\\[]{}()^|+?<>")
_STAR = re.compile(r"\w{2}\*(?!\S)")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
_NUMBER = r"(?<![\d.,])\d[\d.,]*"
"""Begins at its first digit only: a line of a million digits is read once."""

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
_Sentence = Annotated[str, StringConstraints(max_length=300)]
_STRICT = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class NamedClass(BaseModel):
    """An error class as people see it."""

    model_config = _STRICT

    name: _Name
    unit: _Sentence = ""
    """What is missing or wrong in one such failure."""
    control: _Sentence = ""
    """What of a harness is expected to absorb it."""


class ErrorClass(NamedClass):
    """An error class with what tells it."""

    patterns: tuple[str, ...] = Field(min_length=1, max_length=MOST_PATTERNS)
    decisive: tuple[str, ...] = Field(default=(), max_length=MOST_PATTERNS)
    titles: tuple[str, ...] = Field(default=(), max_length=MOST_PATTERNS)

    @field_validator("patterns", "decisive", "titles")
    @classmethod
    def _are_plain(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if not is_plain(pattern):
                raise PydanticCustomError(
                    "pattern",
                    "Input should be patterns of plain words with '*' at the end of a word at most "
                    "and '#' for a number, {most} characters at most each, unlike {pattern}",
                    {"pattern": repr(pattern[: 2 * LONGEST_PATTERN]), "most": LONGEST_PATTERN},
                )
        return patterns


class _File(BaseModel):
    model_config = _STRICT

    other: NamedClass = Field(default_factory=lambda: NamedClass(name="Other"))
    classes: tuple[ErrorClass, ...] = Field(min_length=1, max_length=MOST_CLASSES)

    @model_validator(mode="after")
    def _names_once(self) -> "_File":
        names = [item.name for item in (*self.classes, self.other)]
        for name in (*names, HARNESS_FAILED):
            if names.count(name) + (name == HARNESS_FAILED) > 1:
                raise PydanticCustomError(
                    "name", "Input should be classes with names of their own, unlike {name}",
                    {"name": repr(name)},
                )  # fmt: skip
        return self


@dataclass(frozen=True)
class ErrorRules:
    """Error classes in the order in which they are tried."""

    classes: tuple[ErrorClass, ...]
    other: NamedClass

    @property
    def all(self) -> tuple[NamedClass, ...]:
        """Every class, `other` last."""
        return (*self.classes, self.other)

    @cached_property
    def _decisive(self) -> "_Tried":
        return _tried((item.decisive, item.name) for item in self.classes)

    @cached_property
    def _titles(self) -> "_Tried":
        return _tried((item.titles, item.name) for item in self.classes)

    @cached_property
    def _usual(self) -> "_Tried":
        return _tried((item.patterns, item.name) for item in self.classes)

    def classify(self, title: str, reason: str) -> str:
        """The name of the class of a failed criterion, from its title and the judge's reason.

        Of a long title the first 500 characters are read, of a long reason the first 4,000.
        """
        title = _plain(title[:LONGEST_TITLE])
        text = f"{title} {_plain(reason[:LONGEST_REASON])}"
        found = chain(
            (name for pattern, name in self._decisive if pattern.search(text)),
            (name for pattern, name in self._titles if pattern.match(title)),
            (name for pattern, name in self._usual if pattern.search(text)),
        )
        return next(found, self.other.name)


_Tried = tuple[tuple[re.Pattern[str], str], ...]


def _tried(patterns: Iterable[tuple[tuple[str, ...], str]]) -> _Tried:
    return tuple((_any_of(found), name) for found, name in patterns if found)


def read_rules(file: Path) -> ErrorRules:
    """The rules of a file; raises InputError naming the file, the field, and what is wrong."""
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise InputError(file, "", "a larger file", f"{LARGEST_FILE:,} bytes at most")
        raw = tomllib.loads(content.decode())
    except OSError as error:
        raise InputError(file, "", error.strerror or "no file", "a file of error classes") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(file, "", f"invalid TOML ({error})", "a TOML file") from error
    try:
        read = _File.model_validate(raw)
    except ValidationError as error:
        raise invalid(file, error) from error
    return ErrorRules(read.classes, read.other)


def is_plain(pattern: str) -> bool:
    """Whether a pattern is one: plain words, single spaces, `*` at ends of words of two letters."""
    if not 1 < len(pattern) <= LONGEST_PATTERN or pattern != " ".join(pattern.split()):
        return False
    if _FORBIDDEN & set(pattern) or not any(map(str.isalnum, pattern.replace("#", "0"))):
        return False
    return len(_STAR.findall(pattern)) == pattern.count("*") and "##" not in pattern


def _plain(text: str) -> str:
    return " ".join(text.casefold().translate(_QUOTES).split())


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for all. Those that begin with a word share one look behind: within a word
    none of them is tried."""
    plain = [_plain(pattern) for pattern in patterns]
    words = [_expression(pattern) for pattern in plain if pattern[0].isalpha()]
    others = [_expression(pattern) for pattern in plain if not pattern[0].isalpha()]
    return re.compile("|".join([*([rf"(?<!\w)(?:{'|'.join(words)})"] if words else []), *others]))


def _expression(pattern: str) -> str:
    """A regular expression that never tries a place twice: it repeats nothing but single classes,
    each of which ends where the next thing begins."""
    inner = "".join(
        {"*": r"\w*", "#": _NUMBER}.get(character) or re.escape(character) for character in pattern
    )
    before = r"(?<!\w)" if pattern[0].isdecimal() else ""
    after = r"(?!\w)" if pattern[-1].isalnum() or pattern[-1] == "#" else ""
    return f"{before}{inner}{after}"
