"""Every raw row of a ledger, one at a time: a ledger of any length passes through in little memory.

Nothing is left out here, as views of a ledger do: attempts that run, were interrupted or lost are
rows too.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from harness_search.errors import InputError
from harness_search.ledger.database import open_to_read

Row = Sequence[Any]

ROLLOUT_COLUMNS = (
    *("id", "harness", "task", "task_digest", "trial", "profile", "served_model", "attempt"),
    *("status", "outcome", "reason", "passed", "total"),
    *("tokens_input", "tokens_output", "tokens_cache_write", "tokens_cache_read", "cost_usd"),
    *("calls", "seconds"),
    *("paid_input", "paid_output", "paid_cache_write", "paid_cache_read", "paid_usd"),
    *("judge_version", "output_digest", "sandbox", "started_at", "pid", "pid_started", "boot"),
)
_OF_A_VERDICT = (
    *("id", "harness", "task", "trial", "profile", "attempt", "status", "outcome"),
    "judge_version",
)
VERDICT_COLUMNS = (
    *_OF_A_VERDICT,
    *("criterion", "verdict", "reason", "first_verdict", "first_reason", "settled_by"),
)


@contextmanager
def one_look(file: Path) -> Iterator[sqlite3.Connection]:
    """A ledger as it is at this moment, whatever its writer does meanwhile; nothing is written.

    Raises InputError for a file that is no ledger of ours, or is damaged, also while it is read.
    """
    try:
        with closing(open_to_read(file)) as database:
            database.execute("BEGIN")
            yield database
    except sqlite3.DatabaseError as error:
        raise InputError(file, "", f"no readable ledger ({error})", "a search's ledger") from error


def raw_rollouts(database: sqlite3.Connection) -> Iterator[Row]:
    """Every attempt, the oldest first, as `ROLLOUT_COLUMNS` name its values."""
    return database.execute(f"SELECT {', '.join(ROLLOUT_COLUMNS)} FROM rollouts ORDER BY id")


def raw_verdicts(database: sqlite3.Connection) -> Iterator[Row]:
    """Every verdict, by attempt and criterion, as `VERDICT_COLUMNS` name its values; the last three
    are of the first judge, where a second one has settled the criterion."""
    attempt = ", ".join(f"rollouts.{name}" for name in _OF_A_VERDICT)
    # Not JOIN: SQLite could take the verdicts first, and sort millions of them.
    return database.execute(
        f"SELECT {attempt}, verdicts.criterion, verdict, verdicts.reason, first, settled.reason, "
        "settled_by FROM rollouts CROSS JOIN verdicts ON verdicts.rollout = rollouts.id "
        "LEFT JOIN settled ON settled.rollout = verdicts.rollout "
        "AND settled.criterion = verdicts.criterion "
        "ORDER BY rollouts.id, verdicts.criterion"
    )


def finished_rollouts(database: sqlite3.Connection) -> dict[str, int]:
    """How many different rollouts are finished of each harness (its digest) that has begun any."""
    query = (
        "SELECT harness, SUM(finished) FROM (SELECT harness, MAX(status = 'done' AND "
        "coalesce(outcome, '') <> 'infra_failed') AS finished FROM rollouts "
        "GROUP BY harness, task, trial) GROUP BY harness"
    )
    return dict(database.execute(query).fetchall())
