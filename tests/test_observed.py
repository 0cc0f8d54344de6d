"""What the scaffold writes into a claim of how its candidate did."""

from fractions import Fraction

from comparisons import WEIGHTS, pairing
from conftest import rollout_row

from harness_search.ledger.figures import Shape, compare
from harness_search.ledger.replicates import control_trial
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import score
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.promotion.decision import Decision
from harness_search.promotion.observed import observe

CRITERIA = {"a/easy": 10, "a/hard": 10}


def trials(harness: str, task: str, *passed: int, tokens: int = 1_000_000) -> list[RolloutRow]:
    return [
        rollout_row(harness, task, trial, count, CRITERIA[task], tokens)
        for trial, count in enumerate(passed, start=1)
    ]


def said(after: list[RolloutRow], before: list[RolloutRow], *, has_control: bool = False) -> str:
    shape = Shape(CRITERIA, 1, WEIGHTS, 3)
    control = [row for row in before if row.key.trial > 1_000] if has_control else []
    gain = compare(after, before, control, shape).gain
    item = CandidateClaim(
        name="candidate", hypothesis="h", changes="c", mechanism="mechanism",
        fix_tasks=["a/hard"], regression_tasks=["a/easy"],
    )  # fmt: skip
    decision = Decision("reject", "", "3 trials", gain, Fraction(1), 4, 4, has_control=has_control)
    claim = Claim(iteration=1, candidates=(item,))
    found = observe(claim, decision, pairing(after, before, CRITERIA), shape.most)
    return found.candidate.observed


def test_what_was_observed_counts_each_task_alike_however_many_trials_it_had() -> None:
    before = [*trials("h", "a/easy", 10), *trials("h", "a/hard", 0, 0, 0, tokens=3_000_000)]
    after = [*trials("h", "a/easy", 10, 10, 10), *trials("h", "a/hard", 4)]
    shown = [score(rows, CRITERIA, 1, WEIGHTS, 3) for rows in (before, after)]
    assert [(one.pooled, one.tokens_m) for one in shown if one] == [(50.0, 2.0), (70.0, 1.0)]
    assert said(after, before) == (
        "after 3 trials on 2 tasks: pooled 50.0 -> 70.0, blended +20.50, tokens (M) 2.000 -> "
        "1.000; fix tasks 0.0 -> 40.0; regression tasks 100.0 -> 100.0."
    )


def test_trials_beyond_those_that_a_comparison_counts_are_not_observed() -> None:
    before = [*trials("h", "a/easy", 10, 10, 10, 0, 0), *trials("h", "a/hard", 0)]
    after = [*trials("h", "a/easy", 10), *trials("h", "a/hard", 0)]
    assert "pooled 50.0 -> 50.0" in said(after, before)


def test_a_control_stands_in_for_stored_trials() -> None:
    beside = [
        rollout_row("h", task, control_trial(1, 1), 6, total) for task, total in CRITERIA.items()
    ]
    before = [*trials("h", "a/easy", 0), *trials("h", "a/hard", 0), *beside]
    after = [*trials("h", "a/easy", 8), *trials("h", "a/hard", 8)]
    assert "pooled 60.0 -> 80.0" in said(after, before, has_control=True)


def test_what_shares_no_task_with_the_incumbent_was_not_compared() -> None:
    assert said(trials("h", "a/easy", 1), trials("h", "a/hard", 1)) == (
        "not compared, coverage 100%."
    )
