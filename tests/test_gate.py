"""The study's rule as the preset `seed`: its own figures, and what must never change a decision."""

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from comparisons import lost, pairing, seed_rule
from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Usage
from harness_search.ledger.scores import Weights, blended, score
from harness_search.promotion.decision import Decision
from harness_search.promotion.gate import StagedGate
from harness_search.promotion.rules import PRESETS
from harness_search.promotion.simulation import promotion_rate

TASKS, TRIALS, CRITERIA = 125, 4, 1_000
"""500 rollouts of 1,000 criteria: the study's rates can be met exactly."""
WIDE = {f"area/task-{number}": CRITERIA for number in range(TASKS)}
SMALL = {"area/one": 10, "area/two": 30}
WEIGHTS = Weights()


def seed(trials: int, min_delta: float = 1.0) -> StagedGate:
    rules = replace(PRESETS["seed"], trials=trials, most_trials=trials, min_delta=min_delta)
    return StagedGate(rules)


def on_the_study(
    candidate: Sequence[RolloutRow], incumbent: Sequence[RolloutRow], weights: Weights = WEIGHTS
) -> Decision:
    return seed(TRIALS).decide(pairing(candidate, incumbent, WIDE, weights=weights))


def rows_with(pooled: float, all_pass: float, tokens_m: float) -> list[RolloutRow]:
    """Raw rows whose rates are exactly these (points, points, million tokens a rollout)."""
    rollouts = TASKS * TRIALS
    whole = round(all_pass / 100 * rollouts)
    left = round(pooled / 100 * rollouts * CRITERIA) - whole * CRITERIA
    others = rollouts - whole
    spread = [left // others + (number < left % others) for number in range(others)]
    passed = [CRITERIA] * whole + spread
    usage = Usage(input=round(tokens_m * 1e6) - 40, output=10, cache_write=10, cache_read=20)
    keys = [(task, trial) for task in WIDE for trial in range(1, TRIALS + 1)]
    return [
        row(task, trial, count, CRITERIA, usage)
        for (task, trial), count in zip(keys, passed, strict=True)
    ]


def row(
    task: str, trial: int, passed: int, total: int, usage: Usage, attempt: int = 1
) -> RolloutRow:
    return RolloutRow(
        RolloutKey("harness", task, "digest", trial, "profile"), attempt, Outcome.SCORED, "",
        passed, total, usage, 0.0, 1, 1.0, "judge-1", "output",
    )  # fmt: skip


def gained(decision: Decision) -> float:
    assert decision.gain is not None
    return decision.gain.points


# The figures of the study's script.


def test_the_simulated_promotion_rates_are_those_of_the_study() -> None:
    rng = np.random.default_rng(0)
    gated = promotion_rate(0.0, trials=3, min_delta=1.0, rng=rng)
    naive = promotion_rate(0.0, trials=1, min_delta=0.0, rng=rng)
    assert (round(gated, 3), round(naive, 3)) == (0.109, 0.501)
    assert gated < naive / 3
    assert promotion_rate(1.7, 3, 1.0, rng) > 0.70
    assert promotion_rate(1.7, 3, 3.0, rng) < 0.15


@pytest.mark.parametrize(("pooled", "all_pass", "tokens_m"), [(79.2, 4.2, 1.0), (80.7, 4.2, 5.0)])
def test_rows_reproduce_the_rates_and_the_blended_score(
    pooled: float, all_pass: float, tokens_m: float
) -> None:
    found = score(rows_with(pooled, all_pass, tokens_m), WIDE, TRIALS, WEIGHTS)
    assert found is not None
    assert (found.pooled, found.all_pass) == pytest.approx((pooled, all_pass), abs=1e-12)
    assert found.tokens_m == pytest.approx(tokens_m, abs=1e-12)
    assert found.blended == pytest.approx(blended(pooled, all_pass, tokens_m, WEIGHTS), abs=1e-9)


def test_the_cost_term_rejects_an_expensive_marginal_gain() -> None:
    incumbent, expensive = rows_with(79.2, 4.2, 1.0), rows_with(80.7, 4.2, 5.0)
    decision = on_the_study(expensive, incumbent)
    assert decision.verdict == "reject"
    assert gained(decision) == pytest.approx(1.5 - 2.0)
    free = on_the_study(expensive, incumbent, Weights(cost=0.0))
    assert free.verdict == "promote"
    assert gained(free) == pytest.approx(1.5)


def test_a_stale_incumbent_score_would_have_promoted_a_worse_harness() -> None:
    old, new = Weights(cost=1.0), Weights(cost=0.1)
    stored = blended(80.0, 0.0, 3.0, old)
    challenger = blended(78.5, 0.0, 4.0, new)
    assert challenger >= stored + 1.0, "the study's mistake"
    incumbent_rows, challenger_rows = rows_with(80.0, 0.0, 3.0), rows_with(78.5, 0.0, 4.0)
    for weights, delta in ((new, -1.6), (old, -2.5)):
        decision = on_the_study(challenger_rows, incumbent_rows, weights)
        assert decision.verdict == "reject"
        assert gained(decision) == pytest.approx(delta)


# The margin.


@pytest.mark.parametrize(
    ("challenger", "verdict"),
    [(81.3, "promote"), (81.2, "promote"), (81.199, "reject"), (80.2, "reject"), (60.0, "reject")],
)
def test_exactly_the_margin_promotes_and_less_does_not(challenger: float, verdict: str) -> None:
    decision = on_the_study(rows_with(challenger, 4.2, 1.8), rows_with(80.2, 4.2, 1.8))
    assert decision.verdict == verdict


@given(st.integers(0, 70_000), st.integers(0, 30), st.integers(1, 60), st.integers(0, 80))
def test_floating_point_never_swallows_an_exact_margin(
    passed: int, points: int, criteria: int, tokens: int
) -> None:
    """One more point of criteria in each of 100 rollouts, whatever the rest amounts to."""
    total = 100 * criteria
    tasks = {f"t/{number}": total for number in range(100)}
    usage = Usage(input=tokens * 12_345)
    base = [row(task, 1, min(passed, total) // 4, total, usage) for task in tasks]
    better = [replace(item, passed=item.passed + criteria * (1 + points)) for item in base]
    gate = seed(1, min_delta=1.0 + points)
    assert gate.decide(pairing(better, base, tasks)).verdict == "promote"
    worse = [replace(better[0], passed=better[0].passed - 1), *better[1:]]
    assert gate.decide(pairing(worse, base, tasks)).verdict == "reject"


def test_the_reason_gives_both_scores_the_gain_and_the_margin() -> None:
    decision = on_the_study(rows_with(82.0, 0.0, 1.0), rows_with(80.0, 0.0, 1.0))
    assert decision.reason == (
        "Blended 81.50 against the incumbent's 79.50, +2.00 points, "
        "where at least +1.00 are needed."
    )
    assert (decision.stage, decision.coverage) == ("4 trials", 1)


# Coverage.


@st.composite
def complete_sides(draw: st.DrawFn) -> tuple[list[RolloutRow], list[RolloutRow]]:
    """All planned rollouts of both sides, in the order of the plan."""
    sides = []
    for _ in range(2):
        side = [
            row(task, trial, draw(st.integers(0, total)), total, Usage(draw(st.integers(0, 10**7))))
            for task, total in SMALL.items()
            for trial in (1, 2, 3)
        ]
        sides.append(side)
    return sides[0], sides[1]


def small(challenger: Sequence[RolloutRow], incumbent: Sequence[RolloutRow]) -> Decision:
    return seed(3).decide(pairing(challenger, incumbent, SMALL))


@given(complete_sides())
def test_the_preset_decides_as_the_words_of_the_study_do(
    sides: tuple[list[RolloutRow], list[RolloutRow]],
) -> None:
    promoted = small(*sides).verdict == "promote"
    assert promoted == seed_rule(pairing(*sides, SMALL), 3, 1.0)


@given(complete_sides(), st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(
    sides: tuple[list[RolloutRow], list[RolloutRow]], generator: random.Random
) -> None:
    before = small(*sides)
    assert before.verdict in {"promote", "reject"}
    for side in sides:
        generator.shuffle(side)
    assert small(*sides) == before


@given(complete_sides(), st.data())
def test_lost_attempts_beside_finished_ones_never_change_a_decision(
    sides: tuple[list[RolloutRow], list[RolloutRow]], data: st.DataObject
) -> None:
    before = small(*sides)
    for side in sides:
        for item in data.draw(st.lists(st.sampled_from(side), max_size=6)):
            side.insert(data.draw(st.integers(0, len(side))), lost(item))
    assert small(*sides) == before


@given(complete_sides(), st.data())
def test_one_lost_rollout_leaves_everything_undecided(
    sides: tuple[list[RolloutRow], list[RolloutRow]], data: st.DataObject
) -> None:
    side = data.draw(st.sampled_from(sides))
    number = data.draw(st.integers(0, len(side) - 1))
    side[number] = lost(side[number])
    decision = small(*sides)
    assert (decision.verdict, decision.gain) == ("undecided", None)
    assert decision.coverage == Fraction(5, 6)
    key = side[number].key
    assert [(item.task, item.trial) for item in decision.planned] == [(key.task, key.trial)]


def test_a_failure_of_the_harness_counts_and_one_of_the_provider_does_not() -> None:
    usage = Usage(1_000)
    full = [
        row(task, trial, total, total, usage)
        for task, total in SMALL.items()
        for trial in (1, 2, 3)
    ]
    failed = replace(full[0], outcome=Outcome.HARNESS_FAILED, passed=0)
    assert small([failed, *full[1:]], full).verdict == "reject"
    assert small([lost(full[0]), *full[1:]], full).verdict == "undecided"


def test_the_reason_of_an_undecided_comparison_says_what_is_lacking() -> None:
    usage = Usage(1_000)
    full = [row(task, trial, 5, 10, usage) for task in SMALL for trial in (1, 2, 3)]
    assert small(full[:4], []).reason == (
        "Nothing is compared before every rollout is there (3 trials): the candidate has finished "
        "4 of 6 rollouts and the incumbent has finished 0 of 6 rollouts."
    )
    empty = small([], full)
    assert (empty.verdict, empty.gain, empty.coverage) == ("undecided", None, 0)
    assert empty.reason.endswith("the candidate has finished 0 of 6 rollouts.")


def test_rollouts_beyond_the_planned_ones_are_not_counted() -> None:
    usage = Usage(1_000)
    full = [row(task, trial, 5, 10, usage) for task in SMALL for trial in (1, 2, 3)]
    extra = [
        row("area/one", 4, 10, 10, usage),
        row("area/one", 1_001, 10, 10, usage),
        row("area/other", 1, 10, 10, usage),
    ]
    assert small([*full, *extra], full) == small(full, full)
    assert small(full, [*full, *extra]) == small(full, full)
    assert small([*full[:-1], *extra], full).verdict == "undecided"
