"""Who it was that lost a rollout: the judge, or somebody before it."""

from collections.abc import Iterable

from harness_search.ledger.rows import RolloutRow

BY_JUDGE = "judge: "
"""Opens the reason of an attempt that its judge has left undecided."""


def left_by_judge(rows: Iterable[RolloutRow]) -> str:
    """What the judge lacked, of the first rollout that is lost because its judge left the last
    attempt undecided; empty where there is none. `rows` are attempts, oldest first."""
    last: dict[object, RolloutRow] = {}
    for row in rows:
        if row.key not in last or not last[row.key].outcome.finished:
            last[row.key] = row
    lost = (row.reason for row in last.values() if not row.outcome.finished)
    return next((one for one in lost if one.startswith(BY_JUDGE)), "").removeprefix(BY_JUDGE)
