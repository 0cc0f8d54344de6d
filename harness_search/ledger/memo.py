"""What was derived once, for as long as the rows that it was derived of stay as they are.

Nothing here is a source of anything: without it, all of it is computed anew.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from harness_search.ledger.kept import Kept

Value = TypeVar("Value")
WORTH_KEEPING = 100
"""New values for which a command that only looks writes them down."""
_UNREADABLE = (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError)


@dataclass(frozen=True, slots=True)
class Codec(Generic[Value]):
    """How values are written as JSON."""

    write: Callable[[Value], Any]
    read: Callable[[Any], Value]


class Memo:
    """One value for each subject of each kind; it holds good for one state of what it is made of.

    It grows with the number of subjects alone.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        self._known: dict[tuple[str, Hashable], tuple[Hashable, Any]] = {}
        self._kept = kept

    def get(
        self,
        kind: str,
        subject: Hashable,
        state: Hashable,
        make: Callable[[], Value],
        codec: Codec[Value] | None = None,
    ) -> Value:
        """The value for a state of the subject; made, and kept instead of an older one, unless it
        is of this very state already. With a codec it may have been made by an earlier process."""
        known = self._known.get((kind, subject))
        if known is not None and known[0] == state:
            return known[1]  # type: ignore[no-any-return]
        if known is None and codec is not None and self._kept is not None:
            found = self._kept.find(_place(kind, subject), state)
            if found is not None:
                try:
                    value = codec.read(found)
                except _UNREADABLE:
                    return self.put(kind, subject, state, make(), codec)
                self._known[kind, subject] = (state, value)
                return value
        return self.put(kind, subject, state, make(), codec)

    def peek(
        self, kind: str, subject: Hashable, state: Hashable, codec: Codec[Value]
    ) -> Value | None:
        """The value for a state, if it is there already."""
        try:
            return self.get(kind, subject, state, _not_there, codec)
        except LookupError:
            return None

    def put(
        self,
        kind: str,
        subject: Hashable,
        state: Hashable,
        value: Value,
        codec: Codec[Value] | None = None,
    ) -> Value:
        """Keep a value of a state instead of whatever is known of the subject."""
        self._known[kind, subject] = (state, value)
        if codec is not None and self._kept is not None:
            self._kept.put(_place(kind, subject), state, codec.write(value))
        return value

    def save(self, fewest: int = 1) -> None:
        """Leave what is new, if it is so many values, to later processes."""
        if self._kept is not None:
            self._kept.save(fewest)


def _not_there() -> Any:
    raise LookupError


def _place(kind: str, subject: Hashable) -> str:
    return f"{kind} {subject!r}"
