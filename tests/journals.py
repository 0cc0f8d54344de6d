"""A journal of events, read in one go."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from harness_search.service.journal import Entry, Place


def read_events(file: Path) -> list[Entry]:
    """Every event, oldest first."""
    with closing(Place(file)) as place:
        return list(place.new())


def tail(file: Path, kind: str, most_bytes: int) -> list[Entry]:
    """The events of a kind in the last so many bytes, oldest first."""
    with closing(Place(file, at_end=True)) as place:
        found = [entry for entry in place.earlier(most_bytes) if entry.kind == kind]
    return found[::-1]


def follow(file: Path, wait: Callable[[], bool]) -> Iterator[Entry]:
    """Every event that is there and that is added."""
    with closing(Place(file)) as place:
        yield from place.following(wait)
