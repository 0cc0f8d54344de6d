"""Whether a judge errs alike on every harness, and what it may be used for."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pairs import pair, world

from harness_search.judging.agreement import (
    Estimate,
    Pair,
    Rate,
    agreement_of,
    repeated,
)
from harness_search.judging.arms import (
    arms_of,
    contrast_of,
    pooled_error,
    rank_correlation,
    tolerated,
)
from harness_search.judging.fitness import MOST_FLIPS, PROMOTION_KAPPA, Fitness, Use, fitness_of
from harness_search.judging.levels import Labelled, Unlabelled, level

# Differential errors.


def test_a_judge_that_one_harness_games_raises_an_alarm() -> None:
    gamed = world(
        {"baseline": 0.6, "gaming": 0.6},
        lambda _: 0.97,
        lambda name: 0.8 if name == "gaming" else 0.95,
    )
    arms = {arm.found.name: arm for arm in arms_of(gamed)}
    contrast = arms["gaming"].against_others
    assert contrast is not None
    assert any("false-pass rate +" in alarm for alarm in contrast.alarms)
    assert contrast.bias.value > 0
    assert contrast.youden is not None
    assert contrast.youden < -0.1


def test_a_judge_that_errs_alike_raises_none_however_far_apart_the_harnesses_are() -> None:
    alike = world({"bad": 0.3, "good": 0.8}, lambda _: 0.9, lambda _: 0.85, seed=0)
    good = next(arm for arm in arms_of(alike) if arm.found.name == "good").against_others
    assert good is not None
    assert good.alarms == ()
    # Of an imperfect judge bias depends on the pass rate: that is no differential error.
    assert good.bias.value < -5


def test_one_harness_alone_is_held_against_nothing() -> None:
    assert arms_of([pair(True, True)])[0].against_others is None


def test_on_a_single_task_nothing_is_known_of_noise() -> None:
    own, others = [pair(True, True), pair(False, True)], [pair(True, True), pair(False, False)]
    found = contrast_of(own, others)
    assert not found.known
    assert found.alarms == ()


def test_false_alarms_are_as_rare_as_two_standard_errors_promise() -> None:
    """About 5 % of either rate, whatever the number of harnesses; 60 worlds of three."""
    alarms = 0
    for seed in range(60):
        found = world({"a": 0.5, "b": 0.5, "c": 0.5}, lambda _: 0.9, lambda _: 0.9, 12, 10, seed)
        alarms += any(arm.against_others and arm.against_others.alarms for arm in arms_of(found))
    assert alarms <= 12


EIGHT = {f"h{number}": 0.8 for number in range(8)}


def rare_errors(seed: int, gamed: str = "") -> list[Pair]:
    """Eight harnesses of 720 verdicts each. The judge falsely passes 0.7 % and falsely fails 0.2 %,
    one verdict each in the mean; on a gamed harness it falsely passes 10 points more."""
    return world(
        EIGHT, lambda _: 0.998, lambda name: 0.993 - 0.1 * (name == gamed), 24, 30, seed=seed
    )


def alarmed(found: list[Pair]) -> set[str]:
    arms = arms_of(found)
    return {arm.found.name for arm in arms if arm.against_others and arm.against_others.alarms}


def test_an_error_that_never_occurred_on_a_harness_is_no_proof_against_the_others() -> None:
    assert sum(bool(alarmed(rare_errors(seed))) for seed in range(10)) <= 1


def test_a_harness_that_games_a_judge_of_rare_errors_is_found_among_many() -> None:
    found = [alarmed(rare_errors(seed, gamed="h3")) for seed in range(10)]
    assert sum("h3" in names for names in found) >= 7
    assert not any(names - {"h3"} for names in found)


def test_the_largest_of_many_differences_may_be_larger_by_luck_alone() -> None:
    """Twenty harnesses of 570 verdicts each: the largest is above 0.03 in most fair samples."""
    names = dict.fromkeys((f"h{number}" for number in range(20)), 0.8)
    against = 0
    for seed in range(4):
        found = world(names, lambda _: 0.99, lambda _: 0.97, 19, 30, seed)
        against += "Youden" in fitness(found).sentence
    assert against <= 1


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1), st.lists(st.just(0.0), min_size=1))
def test_the_pooled_error_is_never_zero_and_the_same_from_both_sides(
    one: list[float], other: list[float]
) -> None:
    assert 0 < pooled_error(one, other) == pytest.approx(pooled_error(other, one))


def test_a_pooled_error_by_hand() -> None:
    """0 of 4 and 2 of 4: a share of 3/10, so sqrt(0.3 x 0.7 x (1/4 + 1/4))."""
    assert pooled_error([0.0] * 4, [1.0, 1.0, 0.0, 0.0]) == pytest.approx(0.105**0.5)


def test_the_tolerance_is_two_standard_errors_and_grows_with_comparisons() -> None:
    assert tolerated(10_000) == pytest.approx(2.0, abs=1e-3)
    assert tolerated(24) > 2
    assert tolerated(24, 9) > tolerated(24, 3) > tolerated(24)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1, 2, 3, 4), (10, 20, 30, 40), 1.0),
        ((1, 2, 3, 4), (4, 3, 2, 1), -1.0),
        # Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: Pearson 4.5 / sqrt(4.5 x 5).
        ((1, 2, 2, 3), (1, 3, 2, 4), 0.9487),
        ((1, 1, 1), (1, 2, 3), None),
        ((1,), (1,), None),
    ],
)
def test_rank_correlations_by_hand(
    one: tuple[float, ...], other: tuple[float, ...], expected: float | None
) -> None:
    found = rank_correlation(one, other)
    assert found is expected or found == pytest.approx(expected, abs=5e-5)


# Levels.


def test_a_level_corrects_a_judge_that_passes_too_much() -> None:
    chance = random.Random(3)
    truths = [(f"tax/{number % 50}", chance.random() < 0.6) for number in range(6_000)]
    said = [(task, truth, truth or chance.random() < 0.4) for task, truth in truths]
    labelled = [Labelled(*item) for item in said[:1_500]]
    unlabelled = [Unlabelled(task, judged) for task, _, judged in said[1_500:]]
    found = level("h", labelled, unlabelled)
    alone = level("h", labelled, [])
    assert found.judged == pytest.approx(76, abs=2)
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    assert found.estimate.low < 60 < found.estimate.high
    assert found.estimate.error < alone.estimate.error
    assert 0 < found.tuning < 1


def test_a_level_by_hand() -> None:
    """Of 16 verdicts both pass 8, and 14 agree; of 32 more the judge passes 3/4."""
    said = [(True, True), (True, True), (False, False), (False, False)]
    half = [(True, True), (True, False), (False, True), (False, False)]
    more = [Unlabelled("b", number < 6) for number in range(8)]
    found = level("h", [Labelled("a", *one) for one in said * 3 + half], more * 4)
    assert found.tuning == pytest.approx(0.75 / (1 + 16 / 32))
    assert found.estimate.value == pytest.approx(100 * (0.5 + found.tuning * (0.75 - 0.5)))


def test_without_more_verdicts_a_level_is_the_references_own() -> None:
    labelled = [Labelled("a", True, False), Labelled("b", False, False), Labelled("b", True, True)]
    found = level("h", labelled, [])
    assert (found.estimate.value, found.tuning) == (pytest.approx(200 / 3), 0.0)
    with pytest.raises(ValueError, match="reference"):
        level("h", [], [])


@given(
    st.lists(st.builds(Labelled, st.sampled_from("abc"), st.booleans(), st.booleans()), min_size=1),
    st.lists(st.builds(Unlabelled, st.sampled_from("abc"), st.booleans())),
)
def test_a_judge_without_errors_is_taken_at_its_word(
    labelled: list[Labelled], unlabelled: list[Unlabelled]
) -> None:
    perfect = [Labelled(item.task, item.judged, item.judged) for item in labelled]
    found = level("h", perfect, unlabelled)
    own = 100 * sum(item.judged for item in perfect) / len(perfect)
    low, high = sorted((own, found.judged))
    assert low - 1e-9 <= found.estimate.value <= high + 1e-9
    assert found.estimate.error is None or found.estimate.error >= 0


# What a judge may be used for.

NEVER_FLIPS = repeated(0, 1_000)


def fitness(found: list[Pair], flips: Rate | None = NEVER_FLIPS) -> Fitness:
    return fitness_of(agreement_of("all", found), arms_of(found), flips)


TWO = {"baseline": 0.55, "candidate": 0.65}


def test_a_good_judge_is_fit_for_promotions() -> None:
    found = fitness(world(TWO, lambda _: 0.99, lambda _: 0.98))
    assert found.use is Use.PROMOTION
    assert found.sentence.startswith("Fit for promotion decisions: kappa 0.9")


def test_a_fair_judge_may_stop_candidates_early() -> None:
    found = fitness(world(TWO, lambda _: 0.9, lambda _: 0.85))
    assert found.use is Use.STOPPING
    assert f"needed is {PROMOTION_KAPPA}" in found.sentence
    assert found.more_rollouts is None


def test_a_coin_is_unfit() -> None:
    found = fitness(world(TWO, lambda _: 0.5, lambda _: 0.5))
    assert found.use is Use.UNFIT


def test_a_small_sample_is_never_fit_and_says_what_is_missing() -> None:
    few = world(TWO, lambda _: 0.97, lambda _: 0.97, tasks=4, criteria=6, seed=4)
    found = fitness(few)
    assert found.use is not Use.PROMOTION
    assert found.more_rollouts is not None
    assert "more rollouts are needed" in found.sentence


def test_a_kappa_at_the_limit_asks_for_no_more_rollouts_than_anybody_has() -> None:
    agreed = agreement_of("all", world(TWO, lambda _: 0.97, lambda _: 0.97, tasks=4, criteria=6))
    near = Estimate(PROMOTION_KAPPA + 0.001, 0.05, PROMOTION_KAPPA - 0.1, PROMOTION_KAPPA + 0.1)
    found = fitness_of(replace(agreed, kappa=near), (), NEVER_FLIPS)
    assert found.more_rollouts is None
    assert "kappa is too near 0.8 to tell with the rollouts there are" in found.sentence


def test_a_single_deliverable_proves_nothing_even_without_a_disagreement() -> None:
    found = fitness([pair(number % 2 == 0, number % 2 == 0) for number in range(60)])
    assert found.use is Use.UNFIT


def test_a_judge_that_a_harness_games_is_unfit_however_well_it_agrees() -> None:
    gamed = world(TWO, lambda _: 0.995, lambda name: 0.93 if name == "candidate" else 0.995)
    agreed = agreement_of("all", gamed)
    assert agreed.kappa is not None
    assert agreed.kappa.low > PROMOTION_KAPPA
    found = fitness(gamed)
    assert found.use is Use.UNFIT
    assert "errs otherwise on" in found.sentence


def test_one_harness_alone_cannot_show_that_errors_are_alike() -> None:
    found = fitness(world({"baseline": 0.6}, lambda _: 0.99, lambda _: 0.99))
    assert found.use is Use.STOPPING
    assert "cannot be told" in found.sentence


@pytest.mark.parametrize(
    ("flips", "said"),
    [(repeated(90, 1_000), "flipped when asked again"), (None, "was not asked")],
)
def test_a_judge_that_does_not_repeat_itself_promotes_nothing(
    flips: Rate | None, said: str
) -> None:
    found = fitness(world(TWO, lambda _: 0.99, lambda _: 0.98), flips)
    assert found.use is Use.STOPPING
    assert said in found.sentence
    assert MOST_FLIPS < 0.09


def test_harnesses_in_another_order_keep_a_judge_from_promoting() -> None:
    """Each of five harnesses passes one verdict more than the one before; the judge, who errs in
    2 % of all verdicts, finds one fewer each time."""
    found, chance = list[Pair](), random.Random(0)
    for number, name in enumerate("abcde"):
        lost = 10 + 2 * number
        verdicts = [(True, False)] * lost + [(True, True)] * (500 + number - lost)
        verdicts += [(False, True)] * 10 + [(False, False)] * (490 - number)
        found += [pair(*one, f"tax/{chance.randrange(40)}", name) for one in verdicts]
    result = fitness(found)
    assert result.use is Use.STOPPING
    assert "the rank correlation of the harnesses is -1.00" in result.sentence
