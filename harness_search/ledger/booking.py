"""Books what was spent outside rollouts."""

import sqlite3
from dataclasses import astuple

from harness_search.ledger.rows import Role, Usage


def add_spending(
    database: sqlite3.Connection, role: Role, subject: str, usage: Usage, usd: float, now: str
) -> None:
    """Note what was spent, and on what; inside a transaction."""
    database.execute(
        "INSERT INTO spending (role, subject, input, output, cache_write, cache_read, usd, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (role.value, subject, *astuple(usage), usd, now),
    )
