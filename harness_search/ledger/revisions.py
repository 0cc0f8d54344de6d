"""Which state the rows of each harness are in: what has not changed need not be derived again.

A stamp is of one harness and one thousand of its trials (its own trials are part 0, the control of
iteration i is part i, see `replicates.py`), or of one iteration. Triggers of the ledger give each a
new random stamp with every change: equal stamps mean equal rows.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from itertools import takewhile
from types import MappingProxyType

ITERATIONS = ""
"""Stands for a harness where a part is the number of an iteration."""
Stamp = bytes
NO_ROWS: Stamp = b""
_NO_PARTS: Mapping[int, Stamp] = MappingProxyType({})


class Revisions:
    """The stamps of an open ledger; each look reads what has changed since the last one."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._stamps: dict[str, dict[int, Stamp]] = {}
        self._changes: dict[tuple[str, int], int] = {}
        """The serial of the last change of each harness and part, in the order of the serials."""
        self.known = _has_table(database)
        """Whether the ledger keeps stamps; one that no writer of today has opened has none."""
        self.serial = 0
        """Of the last change; 0 before the first one."""

    def refresh(self) -> frozenset[tuple[str, int]]:
        """Look again; returns harness and part of what has changed."""
        if not self.known:
            return frozenset()
        query = (
            "SELECT serial, harness, part, stamp FROM revisions WHERE serial > ? ORDER BY serial"
        )
        found = self._database.execute(query, (self.serial,)).fetchall()
        for serial, harness, part, stamp in found:
            self._stamps.setdefault(harness, {})[part] = stamp
            self._changes.pop((harness, part), None)
            self._changes[harness, part] = self.serial = serial
        return frozenset((harness, part) for _, harness, part, _ in found)

    def changed_since(self, serial: int) -> list[tuple[str, int]]:
        """Harness and part of what has changed after the change of this serial, as far as it was
        looked at; all there is after 0."""
        changes = reversed(self._changes.items())
        return [place for place, _ in takewhile(lambda change: change[1] > serial, changes)]

    def stamp(self, harness: str, part: int = 0) -> Stamp:
        """Of a harness, given by its digest; `NO_ROWS` where it has none, and never had."""
        return self._stamps.get(harness, _NO_PARTS).get(part, NO_ROWS)

    def harnesses(self) -> list[str]:
        """Digests of all that have rows, or once had."""
        return [harness for harness in self._stamps if harness != ITERATIONS]

    def state(self, harness: str) -> tuple[tuple[int, Stamp], ...]:
        """The stamps of all rows of a harness, by part."""
        return tuple(sorted(self._stamps.get(harness, _NO_PARTS).items()))

    def parts(self, harness: str) -> Iterable[int]:
        """The parts that a harness has rows of, or once had."""
        return self._stamps.get(harness, _NO_PARTS)


def _has_table(database: sqlite3.Connection) -> bool:
    query = "SELECT count(*) FROM main.sqlite_master WHERE name = 'revisions'"
    (count,) = database.execute(query).fetchone()
    return bool(count)
