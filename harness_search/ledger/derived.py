"""What is derived of the harnesses of a search: computed anew where their rows have changed."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from harness_search.files import digest_text
from harness_search.ledger.figures import (
    Figures,
    Shape,
    added_up,
    compare,
    figures_from_json,
    figures_of,
    figures_to_json,
)
from harness_search.ledger.followed import OfHarnesses, OfIterations, Place
from harness_search.ledger.gains import Gain, Variance
from harness_search.ledger.memo import Codec, Memo
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.revisions import NO_ROWS, Stamp
from harness_search.ledger.rows import IterationRow, RolloutRow
from harness_search.ledger.store import Ledger

Value = TypeVar("Value")
MOST_HELD = 8
"""Parts of harnesses whose raw rows are held at a time."""


class Shown(NamedTuple):
    """A gain as a frontier shows it: without its table by task, of which it has so many lines."""

    gain: Gain
    tasks: int


class Source(Protocol):
    """Raw rows by harness (its digest) and part of its trials, with the state that each is in."""

    def rows(self, harness: str, part: int = 0) -> Sequence[RolloutRow]: ...

    def stamp(self, harness: str, part: int = 0) -> Stamp: ...

    def parts(self, harness: str) -> Iterable[int]: ...

    @property
    def serial(self) -> int: ...

    def changed_since(self, serial: int) -> Collection[Place]: ...


class RowsAtHand:
    """Rows that are all there already, and do not change."""

    def __init__(self, rows: Iterable[RolloutRow]) -> None:
        self._rows: dict[str, dict[int, list[RolloutRow]]] = {}
        for row in rows:
            parts = self._rows.setdefault(row.key.harness, {})
            parts.setdefault(row.key.trial // CONTROL_STEP, []).append(row)

    def rows(self, harness: str, part: int = 0) -> Sequence[RolloutRow]:
        return self._rows.get(harness, {}).get(part, ())

    def stamp(self, harness: str, part: int = 0) -> Stamp:
        return NO_ROWS if not self.rows(harness, part) else b"the only state"

    def parts(self, harness: str) -> Iterable[int]:
        return self._rows.get(harness, ())

    @property
    def serial(self) -> int:
        return 0

    def changed_since(self, serial: int) -> Collection[Place]:
        every = [(harness, part) for harness, parts in self._rows.items() for part in parts]
        return [] if serial else every


class RowsInLedger:
    """Rows that are read when they are asked for; the last few are held while they stay."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._revisions = ledger.look()
        self._held: OrderedDict[tuple[str, int, Stamp], Sequence[RolloutRow]] = OrderedDict()

    def rows(self, harness: str, part: int = 0) -> Sequence[RolloutRow]:
        key = (harness, part, self.stamp(harness, part))
        if key not in self._held:
            self._held[key] = self._ledger.rows(harness, part)
            while len(self._held) > MOST_HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]

    def stamp(self, harness: str, part: int = 0) -> Stamp:
        return self._revisions.stamp(harness, part) if harness else NO_ROWS

    def parts(self, harness: str) -> Iterable[int]:
        return self._revisions.parts(harness) if harness else ()

    @property
    def serial(self) -> int:
        return self._revisions.serial

    def changed_since(self, serial: int) -> Collection[Place]:
        return self._revisions.changed_since(serial)


def source_of(ledger: Ledger) -> Source:
    """The rows of a ledger; all at once where it does not say what has changed."""
    if not ledger.look().known:
        return RowsAtHand(ledger.rows())
    return ledger.memo.get("rows", "", "", partial(RowsInLedger, ledger))


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate and the incumbent of its iteration, by their digests."""

    harness: str
    incumbent: str
    iteration: int

    @property
    def place(self) -> tuple[str, str, int]:
        """Plain values, which make a name."""
        return self.harness, self.incumbent, self.iteration


@dataclass(frozen=True, slots=True)
class _FromPair:
    """What was made of a comparison, and the noise from elsewhere that counted in it."""

    value: Any
    leans: bool
    variance: Variance | None


class Derived:
    """Figures of harnesses and of their comparisons, under the weights of a shape."""

    def __init__(self, source: Source, shape: Shape, memo: Memo | None = None) -> None:
        self.source, self.shape = source, shape
        self._memo = memo or Memo()
        self._terms = digest_text(repr(replace(shape, variance=None)))

    def under(self, variance: Variance) -> "Derived":
        """The same with trial noise that is known from elsewhere."""
        return Derived(self.source, replace(self.shape, variance=variance), self._memo)

    def figures(self, harness: str, part: int = 0) -> Figures:
        """Of a harness, given by its digest: of its own trials, or of one of its controls."""
        state = (self.source.stamp(harness, part), self._terms)
        make = partial(self._figures, harness, part)
        return self._memo.get("figures", (harness, part), state, make, _FIGURES)

    def _figures(self, harness: str, part: int) -> Figures:
        return figures_of(self.source.rows(harness, part), self.shape)

    def finished(self, harness: str) -> int:
        """All finished rollouts of a harness, controls too."""
        return sum(self.figures(harness, part).finished for part in self.source.parts(harness))

    def sandboxes(self, harness: str) -> Mapping[str, int]:
        """Rollouts of a harness by what they ran in, controls too."""
        return added_up(
            self.figures(harness, part).sandboxes for part in self.source.parts(harness)
        )

    def gain(self, pair: Pair) -> Shown | None:
        """What a candidate gains, as far as a frontier shows it."""
        return self.of_pair("gain", pair, _shown, _SHOWN)

    def of_pair(
        self,
        kind: str,
        pair: Pair,
        make: Callable[[Gain | None], Value],
        codec: Codec[Value],
        said: str = "",
    ) -> Value:
        """What is made of a comparison with its table by task, and of what a claim `said`."""
        stamp = self.source.stamp
        stamps = (stamp(pair.harness), stamp(pair.incumbent), stamp(pair.incumbent, pair.iteration))
        state = (*stamps, self._terms, said)
        compared, subject = partial(self._of_pair, pair, make), pair.place
        whole = _whole(codec)
        found = self._memo.get(kind, subject, state, compared, whole)
        if found.leans and found.variance != self.shape.variance:
            found = self._memo.put(kind, subject, state, compared(), whole)
        return cast("Value", found.value)

    def of_iterations(
        self,
        kind: str,
        iterations: Sequence[IterationRow],
        digests: Mapping[str, str],
        make: Callable[[IterationRow], Value],
    ) -> list[Value]:
        """What is made of each iteration, of all rows of its harness, and of those of its incumbent
        that it was compared with; `digests` are those of harnesses by name. Kept by this process
        alone, which looks only at what has changed."""
        state = (self._terms, self.shape.variance)
        followed = self._memo.get(f"{kind} of iterations", "", state, OfIterations[Value])
        return followed.values(iterations, digests, self.source, make)

    def finished_of_all(self) -> Mapping[str, int]:
        """All finished rollouts of each harness that has rows, controls too."""
        followed = self._memo.get("finished of all", "", self._terms, OfHarnesses[int])
        return followed.values(self.source, self.finished)

    def _of_pair(self, pair: Pair, make: Callable[[Gain | None], Value]) -> _FromPair:
        rows = self.source.rows
        control = rows(pair.incumbent, pair.iteration) if pair.iteration else ()
        found = compare(rows(pair.harness), rows(pair.incumbent), control, self.shape)
        return _FromPair(make(found.gain), found.leans, self.shape.variance)


@cache
def _whole(codec: Codec[Any]) -> Codec[_FromPair]:
    """How what was made of a comparison is written, by how its value is."""

    def write(item: _FromPair) -> list[Any]:
        noise = item.variance
        known = None if noise is None else [noise.squares, noise.degrees]
        return [codec.write(item.value), item.leans, known]

    def read(found: list[Any]) -> _FromPair:
        value, leans, known = found
        return _FromPair(codec.read(value), leans, None if known is None else Variance(*known))

    return Codec(write, read)


def _shown_to_json(shown: Shown | None) -> list[Any] | None:
    if shown is None:
        return None
    gain = shown.gain
    return [gain.points, gain.trial_error, gain.task_error, shown.tasks]


def _shown_from_json(found: list[Any] | None) -> Shown | None:
    return None if found is None else Shown(Gain(*found[:3]), found[3])


_FIGURES = Codec(figures_to_json, figures_from_json)
_SHOWN = Codec(_shown_to_json, _shown_from_json)


def _shown(gain: Gain | None) -> Shown | None:
    return None if gain is None else Shown(replace(gain, tasks=()), len(gain.tasks))
