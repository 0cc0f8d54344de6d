"""What an evaluation showed, written into the claim beside what was predicted."""

from collections.abc import Sequence

from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import rows_by_task
from harness_search.promotion.claim import Claim
from harness_search.promotion.gate import Decision


def observe(
    claim: Claim,
    decision: Decision,
    challenger: Sequence[RolloutRow],
    incumbent: Sequence[RolloutRow],
    trials: int,
) -> Claim:
    """The claim with its `observed` sentence: overall, fix tasks, regression tasks."""
    candidate = claim.candidate
    parts = [_overall(decision)]
    for name, tasks in (("fix", candidate.fix_tasks), ("regression", candidate.regression_tasks)):
        before, after = _pooled(incumbent, tasks, trials), _pooled(challenger, tasks, trials)
        if before is not None and after is not None:
            parts.append(f"{name} tasks {before:.1f} -> {after:.1f}")
    observed = candidate.model_copy(update={"observed": "; ".join(parts) + "."})
    return claim.model_copy(update={"candidates": (observed,)})


def _overall(decision: Decision) -> str:
    challenger, incumbent = decision.challenger, decision.incumbent
    if challenger is None or incumbent is None or decision.delta is None:
        return f"not compared, coverage {float(decision.coverage):.0%}"
    return (
        f"pooled {incumbent.pooled:.1f} -> {challenger.pooled:.1f}, "
        f"blended {decision.delta:+.2f}, "
        f"tokens (M) {incumbent.tokens_m:.3f} -> {challenger.tokens_m:.3f}"
    )


def _pooled(rows: Sequence[RolloutRow], tasks: Sequence[str], trials: int) -> float | None:
    """Pooled pass rate in points over some tasks; None without a finished rollout."""
    chosen = [row for found in rows_by_task(rows, tasks, trials).values() for row in found]
    total = sum(row.total for row in chosen)
    return 100 * sum(row.passed for row in chosen) / total if total else None
