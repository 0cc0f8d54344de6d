"""Which documents of a task a rollout has looked into: by their names, and by their lines."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

SHORTEST_LINE = 30
"""Characters of a line that tells a document: shorter ones stand in any paper."""
LONGEST_LINE = 50_000
"""A longer one is a dump, and takes long to compare."""
_WORD_SIGN = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class DocumentCoverage:
    """Which documents of a task a rollout has looked into.

    A document counts when it was opened by name: its path, or its name where no other document has
    it, stands in a tool call that writes nothing and that was answered without an error. And it
    counts when its text was shown: a line of at least 30 characters that stands in no other
    document of the task is a line of something that the model was sent: a tool result, in a search
    after the file's name, or a message. Names in a listing, and a pattern that matches a file, do
    not count.
    """

    documents: int
    by_name: frozenset[str]
    by_text: frozenset[str]

    @property
    def looked_into(self) -> int:
        return len(self.by_name | self.by_text)

    @property
    def share(self) -> float | None:
        """None for a task without documents."""
        return self.looked_into / self.documents if self.documents else None


@dataclass(frozen=True)
class Documents:
    """The documents of a task, to be looked up: names, and lines that tell one from the others."""

    names: tuple[str, ...]
    """Paths below the task's folder of documents."""
    _named: Mapping[str, str] = field(repr=False)
    """Documents by what they may be called; longer names come first."""
    _lines: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "Documents":
        """Of extracted texts by relative path; an empty text leaves a document its name."""
        shown: dict[str, str] = {}
        for name, text in texts.items():
            for line in {*_telling_lines(text)}:
                shown[line] = "" if line in shown else name
        lines = {line: name for line, name in shown.items() if name}
        own = Counter(name.rpartition("/")[2] for name in texts)
        bare = {base: name for name in texts if own[base := name.rpartition("/")[2]] == 1}
        called = sorted((bare | {name: name for name in texts}).items(), key=_longest_first)
        return cls(tuple(texts), dict(called), lines)

    def named_in(self, texts: Iterable[str]) -> set[str]:
        """Documents whose name stands in one of the texts, as a whole name: `b.txt` in `a b.txt` is
        none where there is an `a b.txt`."""
        found: set[str] = set()
        for text in texts:
            left = text.replace("\\", "")  # a shell's way to write a space
            for called, name in self._named.items():
                if called in left:
                    parts = left.split(called)
                    if any(_apart(*ends) for ends in pairwise(parts)):
                        found.add(name)
                    left = "\0".join(parts)
        return found

    def shown_in(self, text: str) -> set[str]:
        """Documents a telling line of which is a line of the text."""
        found = set[str]()
        for line in text.splitlines():
            if not SHORTEST_LINE <= len(line) <= LONGEST_LINE:
                continue
            plain = " ".join(line.split())
            name = self._lines.get(plain)
            if name is None and ":" in plain:  # `file: line` or `file:12:line` of a search
                rest = (plain.split(":", parts)[-1].strip() for parts in (1, 2))
                name = next((self._lines[part] for part in rest if part in self._lines), None)
            if name is not None:
                found.add(name)
        return found


def _longest_first(item: tuple[str, str]) -> tuple[int, str]:
    return -len(item[0]), item[0]


def _apart(before: str, after: str) -> bool:
    """Whether what stands between two texts is a word of its own."""
    return not (_WORD_SIGN.match(before[-1:]) or _WORD_SIGN.match(after[:1]))


def _telling_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if len(line) <= LONGEST_LINE and len(plain := " ".join(line.split())) >= SHORTEST_LINE:
            yield plain
