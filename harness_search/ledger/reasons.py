"""Verdicts of a ledger with what the judge said for each."""

from pathlib import Path

from harness_search.ledger.raw import one_look
from harness_search.ledger.reading import KEY_COLUMNS
from harness_search.ledger.rows import Outcome, RolloutKey

Reasoned = tuple[str, str, str]
"""Criterion, verdict, reason."""


def reasoned_verdicts(file: Path, harness: str, trials: int) -> dict[RolloutKey, list[Reasoned]]:
    """Of each finished rollout among trials 1 to `trials` of a harness (its digest), read without
    becoming the ledger's writer. Raises InputError for a damaged one."""
    query = (
        f"SELECT {KEY_COLUMNS}, criterion, verdict, verdicts.reason FROM rollouts "
        "JOIN verdicts ON verdicts.rollout = rollouts.id "
        "WHERE status = 'done' AND harness = ? AND trial <= ? AND outcome <> ? "
        "ORDER BY id, criterion"
    )
    by_rollout: dict[RolloutKey, list[Reasoned]] = {}
    with one_look(file) as database:
        for row in database.execute(query, (harness, trials, Outcome.INFRA_FAILED.value)):
            by_rollout.setdefault(RolloutKey(*row[:5]), []).append(row[5:])
    return by_rollout
