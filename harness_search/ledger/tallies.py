"""Verdicts of a ledger counted by criterion, and how many have a reason that opens in some way."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from harness_search.ledger.criteria import Tally
from harness_search.ledger.database import connect_to_read
from harness_search.ledger.rows import Outcome


def tallies(file: Path, openings: Sequence[str]) -> list[Tally]:
    """Decided verdicts of scored rollouts, counted by SQLite: a long search has millions of them.
    Harnesses go by their digests; flagged is what has a reason that opens in one of these ways."""
    opens = " OR ".join("substr(verdicts.reason, 1, ?) = ?" for _ in openings) or "0"
    with closing(connect_to_read(file)) as database:
        found = database.execute(
            "SELECT harness, task, criterion, SUM(verdict = 'pass'), COUNT(*), "
            f"SUM({opens}) FROM rollouts "
            "JOIN verdicts ON verdicts.rollout = rollouts.id "
            "WHERE status = 'done' AND outcome = ? AND verdict <> 'undecided' "
            "GROUP BY harness, task, criterion ORDER BY MIN(rollouts.id), criterion",
            (*(value for one in openings for value in (len(one), one)), Outcome.SCORED.value),
        )
        return [Tally(*row) for row in found]
