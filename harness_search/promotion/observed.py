"""What an evaluation showed, written into the claim beside what was predicted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness_search.ledger.replicates import control_as_trials, control_rows, search_rows
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Score, score
from harness_search.promotion.claim import Claim
from harness_search.promotion.decision import Decision, Pairing


def observe(claim: Claim, decision: Decision, pairing: Pairing, most: int) -> Claim:
    """The claim with its `observed` sentence: overall, fix tasks, regression tasks.

    Rates and tokens are of the tasks that both harnesses have finished a rollout of, each task's
    mean first, by at most `most` trials of it: a frontier has the same where both are whole.
    """
    said = claim.candidate
    both = _both(decision, pairing, most)
    seen = {item.task for item in decision.gain.tasks} if decision.gain else set[str]()
    parts = [_overall(decision, both, seen)]
    for name, named in (("fix", said.fix_tasks), ("regression", said.regression_tasks)):
        before, after = both.scores(seen & set(named))
        if before is not None and after is not None:
            parts.append(f"{name} tasks {before.pooled:.1f} -> {after.pooled:.1f}")
    observed = said.model_copy(update={"observed": "; ".join(parts) + "."})
    return claim.model_copy(update={"candidates": (observed,)})


@dataclass(frozen=True, slots=True)
class _Both:
    pairing: Pairing
    before: Sequence[RolloutRow]
    """Of the incumbent, as the candidate was held against it."""
    after: Sequence[RolloutRow]
    most: int

    def scores(self, tasks: Collection[str]) -> tuple[Score | None, Score | None]:
        """Of the two on these tasks; None without a finished rollout."""
        weights = self.pairing.weights
        criteria = {task: count for task, count in self.pairing.criteria.items() if task in tasks}
        before, after = (
            score(rows, criteria, self.most, weights) for rows in (self.before, self.after)
        )
        return before, after


def _both(decision: Decision, pairing: Pairing, most: int) -> _Both:
    stored = pairing.incumbent
    if decision.has_control:
        stored = control_as_trials(control_rows(stored, pairing.iteration))
    return _Both(pairing, search_rows(stored), search_rows(pairing.candidate), most)


def _overall(decision: Decision, both: _Both, seen: Collection[str]) -> str:
    before, after = both.scores(seen)
    if decision.gain is None or before is None or after is None:
        return f"not compared, coverage {float(decision.coverage):.0%}"
    return (
        f"after {decision.stage} on {len(seen)} tasks: pooled {before.pooled:.1f} -> "
        f"{after.pooled:.1f}, blended {decision.gain.points:+.2f}, tokens (M) "
        f"{before.tokens_m:.3f} -> {after.tokens_m:.3f}"
    )
