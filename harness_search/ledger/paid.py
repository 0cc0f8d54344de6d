"""What the rollouts of each harness have paid, summed again only where rows have changed."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

from harness_search.ledger.memo import Codec, Memo
from harness_search.ledger.reading import PAID_COLUMNS
from harness_search.ledger.revisions import Revisions
from harness_search.ledger.rows import Usage

FEW = 20
"""Harnesses that are read one by one rather than all at once."""
_NOTHING = (Usage(), 0.0)


class Paid:
    """Tokens and USD by harness digest, of an open ledger."""

    def __init__(self, database: sqlite3.Connection, revisions: Revisions, memo: Memo) -> None:
        self._database, self._revisions, self._memo = database, revisions, memo
        self._sums: dict[str, tuple[Usage, float]] | None = None

    def sums(self) -> dict[str, tuple[Usage, float]]:
        """Of every harness that has begun a rollout."""
        if not self._revisions.known:
            return read_paid(self._database)
        if self._sums is None:
            self._sums = {}
            self.follow(self._revisions.harnesses())
        return dict(self._sums)

    def follow(self, changed: Iterable[str]) -> None:
        """Take in that rows of these harnesses have changed."""
        if self._sums is None:
            return
        unknown = []
        for harness in dict.fromkeys(changed):
            state = self._revisions.state(harness)
            known = self._memo.peek("paid", harness, state, _CODEC)
            if known is None:
                unknown.append(harness)
            else:
                self._sums[harness] = known
        every = read_paid(self._database) if len(unknown) > FEW else None
        for harness in unknown:
            found = read_paid(self._database, harness) if every is None else every
            state, own = self._revisions.state(harness), found.get(harness, _NOTHING)
            self._sums[harness] = self._memo.put("paid", harness, state, own, _CODEC)


def read_paid(
    database: sqlite3.Connection, harness: str | None = None
) -> dict[str, tuple[Usage, float]]:
    """Tokens and USD that the rollouts of each harness (its digest), or of one, paid in every
    attempt; who began first comes first."""
    sums = ", ".join(f"SUM({name})" for name in PAID_COLUMNS.split(", "))
    condition, values = ("WHERE harness = ?", (harness,)) if harness is not None else ("", ())
    found = database.execute(
        f"SELECT harness, {sums} FROM rollouts {condition} GROUP BY harness ORDER BY MIN(id)",
        values,
    )
    return {harness: (Usage(*tokens), usd) for harness, *tokens, usd in found}


def _paid_to_json(paid: tuple[Usage, float]) -> list[float]:
    return [*astuple(paid[0]), paid[1]]


def _paid_from_json(found: list[Any]) -> tuple[Usage, float]:
    *tokens, usd = found
    return Usage(*tokens), usd


_CODEC = Codec(_paid_to_json, _paid_from_json)
