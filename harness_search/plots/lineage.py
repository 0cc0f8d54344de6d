"""The tree of promoted mechanisms, with orphans as side branches and what was restacked later."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.values import Measured, counted

MOST_BRANCHES = 5
"""Orphans of one harness that have a row each; of more, only the best and the restacked have."""
MOST_ROWS = 300
LINK = re.compile(r"(?!//)[A-Za-z0-9_./-]*(#[A-Za-z0-9_./-]*)?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One harness of the search; the baseline is iteration 0.

    Raises ValueError for a link that is not a path or a fragment of the same site.
    """

    iteration: int
    name: str
    kind: DecisionKind
    parent: int | None = None
    """Iteration of the harness that it was copied from; None for the baseline."""
    difference: Measured | None = None
    """Against the incumbent of its time, in blended points."""
    restacks: Sequence[int] = ()
    """Iterations of the orphans whose mechanisms it takes up again."""
    link: str = ""

    def __post_init__(self) -> None:
        if not LINK.fullmatch(self.link):
            raise ValueError(f"link: found {self.link[:80]!r}, expected a path or a fragment")


@dataclass(frozen=True, slots=True)
class Lineage:
    """All harnesses of a search. Raises ValueError for two of one iteration."""

    candidates: Sequence[Candidate]
    simulated: bool = False

    def __post_init__(self) -> None:
        numbers = [one.iteration for one in self.candidates]
        if len(set(numbers)) < len(numbers):
            raise ValueError("iterations: found one twice, expected each once")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the tree."""

    column: int
    """0 for the promoted lineage; farther right for what branches off."""
    parent: int | None
    """The row that it branches off, always an earlier one."""
    candidate: Candidate | None
    """None for a line that stands for others."""
    text: str = ""
    restacks: tuple[int, ...] = ()
    """Rows of what it takes up again."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A candidate, or the others of a parent, before rows have numbers."""

    candidate: Candidate | None
    parent: int | None  # an iteration
    column: int
    text: str = ""


def rows_of(lineage: Lineage) -> list[Row]:
    """The tree from top to bottom: every harness below its parent, side branches first."""
    places = list(_walk(lineage.candidates))
    if len(places) > MOST_ROWS:
        hidden = len(places) - MOST_ROWS + 1
        fold = _Place(None, None, 0, f"{counted(hidden, 'earlier line')} left out")
        places = [places[0], fold, *places[hidden + 1 :]]
    by_iteration = {
        one.candidate.iteration: row for row, one in enumerate(places) if one.candidate is not None
    }
    return [_row(one, row, by_iteration) for row, one in enumerate(places)]


def _row(place: _Place, row: int, by_iteration: dict[int, int]) -> Row:
    parent = None if place.parent is None else by_iteration.get(place.parent)
    if parent is None and row:
        parent = min(1, row - 1)  # the line that stands for what was left out, or the baseline
    wanted = place.candidate.restacks if place.candidate else ()
    restacks = (by_iteration[number] for number in wanted if number in by_iteration)
    earlier = tuple(sorted({number for number in restacks if number < row}))
    return Row(place.column, parent, place.candidate, place.text, earlier)


def _walk(candidates: Sequence[Candidate]) -> Iterator[_Place]:
    """Depth first, without recursion: a lineage may be long."""
    ordered = sorted(candidates, key=lambda one: one.iteration)
    children: dict[int | None, list[Candidate]] = {}
    known: set[int] = set()
    for one in ordered:
        # A parent that is not an earlier iteration would make a circle.
        children.setdefault(one.parent if one.parent in known else None, []).append(one)
        known.add(one.iteration)
    wanted = {number for one in ordered for number in one.restacks}
    waiting = [_Place(one, None, 0) for one in reversed(children.get(None, []))]
    while waiting:
        place = waiting.pop()
        yield place
        if place.candidate is not None:
            below = children.get(place.candidate.iteration, [])
            waiting += reversed(_below(place, below, children, wanted))


def _below(
    place: _Place,
    below: Sequence[Candidate],
    children: dict[int | None, list[Candidate]],
    wanted: set[int],
) -> list[_Place]:
    assert place.candidate is not None
    parent = place.candidate.iteration
    leaves = [
        one
        for one in below
        if one.kind is not DecisionKind.PROMOTED and one.iteration not in children
    ]
    shown = _shown(leaves, wanted)
    branches = [_Place(one, parent, place.column + 1) for one in shown]
    if len(shown) < len(leaves):
        text = f"and {counted(len(leaves) - len(shown), 'more candidate')} without a promotion"
        branches.append(_Place(None, parent, place.column + 1, text))
    longer = [one for one in below if one not in leaves]
    longer.sort(key=lambda one: (one.kind is DecisionKind.PROMOTED, one.iteration))
    return branches + [
        _Place(one, parent, place.column + (one.kind is not DecisionKind.PROMOTED))
        for one in longer
    ]


def _shown(leaves: Sequence[Candidate], wanted: set[int]) -> list[Candidate]:
    if len(leaves) <= MOST_BRANCHES:
        return list(leaves)
    best = sorted(leaves, key=lambda one: (one.iteration not in wanted, -_points(one)))
    restacked = sum(one.iteration in wanted for one in leaves)
    kept = {one.iteration for one in best[: max(MOST_BRANCHES - 1, min(restacked, 20))]}
    return [one for one in leaves if one.iteration in kept]


def _points(one: Candidate) -> float:
    return float("-inf") if one.difference is None else one.difference.value


def described(lineage: Lineage) -> str:
    """One sentence for those who do not see the tree."""
    kinds = [one.kind for one in lineage.candidates]
    promoted = kinds.count(DecisionKind.PROMOTED)
    restacks = sum(len(one.restacks) for one in lineage.candidates)
    return (
        f"Lineage of {counted(len(kinds), 'harness', 'harnesses')}: {promoted:,} promoted, "
        f"{kinds.count(DecisionKind.ORPHAN):,} orphans, {counted(restacks, 'restack')}."
    )
