"""What one harness has that another has not: a unified diff, at a cost that is known before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Literal

from harness_search.audit.difference import Difference

CONTEXT = 3
MOST_ALIGNED = 2_000
"""Lines of either side, without what both begin and end with alike, that are aligned. Beyond it all
of the one side is replaced by all of the other: the worst case of difflib is far too slow."""
NO_NEWLINE = "\\ No newline at end of file\n"

Sign = Literal[" ", "-", "+"]
_Step = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff."""

    sign: Sign
    text: str
    """With its newline, if it has one."""
    old: int | None
    """Its number in the old text, from 1; None for an added line."""
    new: int | None


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that changed, with those around them."""

    lines: tuple[Line, ...]
    old_start: int
    """Lines of the old text before it."""
    new_start: int

    @property
    def header(self) -> str:
        """As `patch` reads it, without a newline."""
        old = _range(self.old_start, sum(line.sign != "+" for line in self.lines))
        new = _range(self.new_start, sum(line.sign != "-" for line in self.lines))
        return f"@@ -{old} +{new} @@"


@dataclass(frozen=True)
class TextDifference:
    """Two texts, hunk by hunk."""

    hunks: tuple[Hunk, ...]
    aligned: bool
    """False where the texts are too long to be aligned line by line; it is a diff all the same."""

    @classmethod
    def of(cls, old: str, new: str) -> "TextDifference":
        """How to make the new text of the old one."""
        before, after = lines_of(old), lines_of(new)
        if before == after:
            return cls((), aligned=True)
        middle = Difference.of(before, after)
        aligned = max(len(middle.old), len(middle.new)) <= MOST_ALIGNED
        steps = _steps(middle, len(before), len(after), aligned=aligned)
        return cls(tuple(_hunk(group, before, after) for group in _groups(steps)), aligned)

    @cached_property
    def added(self) -> int:
        """Number of lines."""
        return self._counted("+")

    @cached_property
    def removed(self) -> int:
        """Number of lines."""
        return self._counted("-")

    def _counted(self, sign: Sign) -> int:
        return sum(line.sign == sign for hunk in self.hunks for line in hunk.lines)

    def unified(self, old_name: str, new_name: str) -> Iterator[str]:
        """Its lines as `patch` takes them, each with its newline; none without a difference."""
        if self.hunks:
            yield f"--- {old_name}\n"
            yield f"+++ {new_name}\n"
        for hunk in self.hunks:
            yield f"{hunk.header}\n"
            for line in hunk.lines:
                yield f"{line.sign}{line.text}"
                if not line.text.endswith("\n"):
                    yield f"\n{NO_NEWLINE}"


def lines_of(text: str) -> list[str]:
    """The lines of a text, each with its newline; unlike `splitlines`, nothing else ends one."""
    *lines, last = text.split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _steps(middle: Difference, old: int, new: int, *, aligned: bool) -> Iterator[_Step]:
    """How to make the new lines of the old ones: what both begin and end with alike is kept."""
    first = middle.first
    last_old, last_new = first + len(middle.old), first + len(middle.new)
    yield "equal", 0, first, 0, first
    if aligned:
        for kind, *places in SequenceMatcher(None, middle.old, middle.new).get_opcodes():
            i, i_end, j, j_end = (first + place for place in places)
            yield kind, i, i_end, j, j_end
    else:
        yield "replace", first, last_old, first, last_new
    yield "equal", last_old, old, last_new, new


def _groups(steps: Iterable[_Step]) -> Iterator[list[_Step]]:
    """Steps that share a hunk: between two changes of it are at most twice the lines of context.

    Changes and kept lines take turns, and kept lines, if only none, come first and last.
    """
    group: list[_Step] = []
    for step in steps:
        kind, i, i_end, _, j_end = step
        if kind != "equal" or (group and i_end - i <= 2 * CONTEXT):
            group.append(step)
            continue
        if group:
            yield [*group, _head(step)]
        kept = min(CONTEXT, i_end - i)
        group = [(kind, i_end - kept, i_end, j_end - kept, j_end)]
    if len(group) > 1:
        yield [*group[:-1], _head(group[-1])]


def _head(step: _Step) -> _Step:
    """The first lines of context of a step that keeps lines."""
    kind, i, i_end, j, _ = step
    kept = min(CONTEXT, i_end - i)
    return kind, i, i + kept, j, j + kept


def _hunk(group: Sequence[_Step], before: Sequence[str], after: Sequence[str]) -> Hunk:
    lines: list[Line] = []
    for kind, i, i_end, j, j_end in group:
        if kind == "equal":
            pairs = zip(range(i, i_end), range(j, j_end), strict=True)
            lines += [Line(" ", before[a], a + 1, b + 1) for a, b in pairs]
            continue
        lines += [Line("-", before[place], place + 1, None) for place in range(i, i_end)]
        lines += [Line("+", after[place], None, place + 1) for place in range(j, j_end)]
    return Hunk(tuple(lines), group[0][1], group[0][3])


def _range(before: int, count: int) -> str:
    """As in a unified diff: the line before, where there is no line."""
    return f"{before if count == 0 else before + 1},{count}"
