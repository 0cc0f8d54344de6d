"""Values of many subjects that follow the ledger: only those whose rows have changed are made
anew, and nothing is asked of the others."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from harness_search.ledger.revisions import ITERATIONS
from harness_search.ledger.rows import IterationRow

Value = TypeVar("Value")
Place = tuple[str, int]
"""A harness, by its digest, and a part of its trials; or `ITERATIONS` and a number."""


class Changing(Protocol):
    """What says where rows have changed."""

    @property
    def serial(self) -> int:
        """Of the last change."""

    def changed_since(self, serial: int) -> Collection[Place]:
        """Where rows have changed after the change of this serial; everything after 0."""


class OfIterations(Generic[Value]):
    """A value for each iteration, made of the iteration, of all rows of its harness, and of those
    of its incumbent that it was compared with: its own trials, and its control beside it."""

    def __init__(self) -> None:
        self._serial = 0
        self._values: dict[int, Value] = {}
        self._pairs: dict[int, tuple[str, str]] = {}
        """Digests of an iteration's candidate and incumbent, as they were when it was looked at."""
        self._numbers: dict[str, set[int]] = {}
        """Iterations that a harness was the candidate or the incumbent of."""

    def values(
        self,
        iterations: Sequence[IterationRow],
        digests: Mapping[str, str],
        changing: Changing,
        make: Callable[[IterationRow], Value],
    ) -> list[Value]:
        """In the order of the iterations; `digests` are those of harnesses by name."""
        for place in changing.changed_since(self._serial):
            for number in self._touched(place):
                self._values.pop(number, None)
        for row in iterations:
            pair = (row.harness, digests.get(row.incumbent, ""))
            if row.number not in self._values or self._pairs[row.number] != pair:
                self._values[row.number] = make(row)
                self._pairs[row.number] = pair
                for harness in pair:
                    self._numbers.setdefault(harness, set()).add(row.number)
        self._serial = changing.serial
        return [self._values[row.number] for row in iterations]

    def _touched(self, place: Place) -> Collection[int]:
        harness, part = place
        if harness == ITERATIONS:
            return (part,)
        numbers = self._numbers.get(harness, ())
        return [item for item in numbers if part in (0, item) or self._pairs[item][0] == harness]


class OfHarnesses(Generic[Value]):
    """A value for each harness that has rows, made of all of them."""

    def __init__(self) -> None:
        self._serial = 0
        self._values: dict[str, Value] = {}

    def values(self, changing: Changing, make: Callable[[str], Value]) -> Mapping[str, Value]:
        """By the digest of the harness."""
        changed = {harness for harness, _ in changing.changed_since(self._serial)}
        self._values |= {harness: make(harness) for harness in changed - {ITERATIONS}}
        self._serial = changing.serial
        return self._values
