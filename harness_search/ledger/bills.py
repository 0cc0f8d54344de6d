"""What each part of a search paid, and what it got without paying: sums that SQLite makes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness_search.ledger.raw import one_look
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import IterationRow, Outcome, Role, Usage
from harness_search.ledger.spending import Spent
from harness_search.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class PartBill:
    """The rollouts of one thousand of a harness's trials (see `revisions.py`), every attempt."""

    harness: str
    """Digest of the harness file."""
    part: int
    """0 for its own trials, else the iteration whose control they are."""
    began_at: str
    """When the first of them began, in UTC (ISO 8601)."""
    paid: Spent
    saved_usd: float
    """The original price of the replies that were replayed from an earlier attempt."""
    lost: int
    """Attempts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was paid outside rollouts."""

    role: Role
    subject: str
    usd: float
    at: str
    """When it was booked, in UTC (ISO 8601)."""


def bills_of(ledger: Ledger) -> Sequence[PartBill]:
    """The bills of an open ledger, added up anew only when a row of it has changed."""
    revisions, make = ledger.look(), partial(part_bills, ledger.file)
    return ledger.memo.get("bills", "", revisions.serial, make) if revisions.known else make()


def by_iteration(
    bills: Iterable[PartBill], iterations: Iterable[IterationRow]
) -> dict[int, list[PartBill]]:
    """What each iteration took, by its number: its candidate's own trials, and the control of the
    incumbent beside it.

    What a harness lent as the incumbent of later iterations is theirs. The trials of a harness of
    several iterations are the first one's; harnesses of no iteration are left out.
    """
    rows = list(iterations)
    found: dict[int, list[PartBill]] = {row.number: [] for row in rows}
    first = {row.harness: row.number for row in reversed(rows)}
    for bill in bills:
        number = bill.part or first.get(bill.harness, -1)
        if number in found:
            found[number].append(bill)
    return found


def part_bills(file: Path) -> list[PartBill]:
    """Of every part of a ledger with a rollout, the one that began first in front. Raises
    InputError for a damaged one."""
    query = (
        f"SELECT harness, trial / {CONTROL_STEP}, MIN(started_at), SUM(paid_input), "
        "SUM(paid_output), SUM(paid_cache_write), SUM(paid_cache_read), SUM(paid_usd), "
        "SUM(CASE WHEN status = 'done' THEN cost_usd - paid_usd ELSE 0 END), "
        "SUM(status = 'done' AND outcome = ?) FROM rollouts GROUP BY 1, 2 ORDER BY MIN(id)"
    )
    with one_look(file) as database:
        found = database.execute(query, (Outcome.INFRA_FAILED.value,))
        return [
            PartBill(harness, part, began_at, Spent(Usage(*tokens), usd), saved_usd, lost)
            for harness, part, began_at, *tokens, usd, saved_usd, lost in found
        ]


def entries(file: Path) -> list[Entry]:
    """Every entry of a ledger, oldest first. Raises InputError for a damaged one."""
    with one_look(file) as database:
        found = database.execute("SELECT role, subject, usd, at FROM spending ORDER BY rowid")
        return [Entry(Role(role), *row) for role, *row in found]
