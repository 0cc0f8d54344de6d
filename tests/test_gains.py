"""A gain with its errors: what it is made of, what it means, and what cannot change it."""

import math
import statistics
from collections.abc import Mapping

import pytest
from comparisons import side
from conftest import rollout_row
from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.gains import (
    PRIOR_DEGREES,
    Gain,
    Variance,
    difference,
    gain,
    shares,
    trial_variance,
)
from harness_search.ledger.replicates import control_trial
from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.ledger.scores import Weights, score

WEIGHTS = Weights(all_pass=0.5, cost=2.0)
Drawn = tuple[list[RolloutRow], list[RolloutRow], dict[str, int], int]


@st.composite
def two_sides(draw: st.DrawFn) -> Drawn:
    """Every task with every trial, of two harnesses."""
    trials = draw(st.integers(1, 4))
    criteria = {
        f"area/task-{number}": draw(st.integers(1, 60)) for number in range(draw(st.integers(1, 6)))
    }
    sides = [
        [
            rollout_row(
                harness,
                task,
                trial,
                draw(st.integers(0, total)),
                total,
                tokens=draw(st.integers(0, 5_000_000)),
            )
            for task, total in criteria.items()
            for trial in range(1, trials + 1)
        ]
        for harness in ("g", "h")
    ]
    return sides[0], sides[1], criteria, trials


def found(drawn: Drawn, **more: Variance) -> Gain:
    challenger, reference, criteria, trials = drawn
    result = gain(challenger, reference, criteria, trials, WEIGHTS, **more)
    assert result is not None
    return result


# What it is made of.


@given(two_sides())
def test_a_gain_is_the_difference_of_the_blended_scores_and_the_mean_of_its_tasks(
    drawn: Drawn,
) -> None:
    challenger, reference, criteria, trials = drawn
    left = score(challenger, criteria, trials, WEIGHTS)
    right = score(reference, criteria, trials, WEIGHTS)
    assert left is not None
    assert right is not None
    result = found(drawn)
    assert result.points == pytest.approx(left.blended - right.blended, abs=1e-9)
    assert result.points == pytest.approx(
        math.fsum(task.points for task in result.tasks) / len(criteria), abs=1e-9
    )
    mean = math.fsum(task.challenger for task in result.tasks) / len(criteria)
    assert mean == pytest.approx(left.blended, abs=1e-9)
    assert [task.task for task in result.tasks] == list(criteria)
    assert {task.reference_trials for task in result.tasks} == {trials}


@given(two_sides())
def test_swapping_the_harnesses_turns_the_sign_and_nothing_else(drawn: Drawn) -> None:
    challenger, reference, criteria, trials = drawn
    one, other = found(drawn), found((reference, challenger, criteria, trials))
    assert one.points == pytest.approx(-other.points, abs=1e-12)
    assert one.trial_error == pytest.approx(other.trial_error)
    assert one.task_error == pytest.approx(other.task_error)
    if one.chance is not None and other.chance is not None:
        assert one.chance + other.chance == pytest.approx(1)


@given(two_sides(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_not_a_digit(drawn: Drawn, generator: object) -> None:
    before = found(drawn)
    for rows in drawn[:2]:
        generator.shuffle(rows)  # type: ignore[attr-defined]
    assert found(drawn) == before


@given(two_sides(), st.data())
def test_a_lost_attempt_beside_a_finished_one_changes_nothing(
    drawn: Drawn, data: st.DataObject
) -> None:
    before = found(drawn)
    item = data.draw(st.sampled_from(drawn[0]))
    drawn[0].insert(
        data.draw(st.integers(0, len(drawn[0]))),
        rollout_row("g", item.key.task, item.key.trial, 0, item.total, 0, Outcome.INFRA_FAILED),
    )
    assert found(drawn) == before


@given(two_sides(), st.data())
def test_a_task_not_begun_contributes_nothing_and_shifts_no_weight(
    drawn: Drawn, data: st.DataObject
) -> None:
    challenger, reference, criteria, trials = drawn
    whole = {task.task: task for task in found(drawn).tasks}
    missing = data.draw(st.sampled_from(list(criteria)))
    rest = [row for row in challenger if row.key.task != missing]
    result = gain(rest, reference, criteria, trials, WEIGHTS)
    if len(criteria) == 1:
        assert result is None
        return
    assert result is not None
    assert {task.task for task in result.tasks} == set(criteria) - {missing}
    assert result.points * len(criteria) == pytest.approx(
        sum(whole[task.task].points for task in result.tasks), abs=1e-9
    )


def test_trials_beyond_the_counted_ones_and_controls_are_left_out() -> None:
    criteria = {"a/t": 10}
    own = side(criteria, (1, 2), lambda task, trial: 5)
    more = side(criteria, (3, control_trial(1, 1)), lambda task, trial: 10)
    before = gain(own, own, criteria, 2, WEIGHTS)
    assert gain([*own, *more], own, criteria, 2, WEIGHTS) == before
    assert gain(own, [*own, *more], criteria, 2, WEIGHTS) == before


# Its errors.


def test_the_errors_are_those_of_the_formula() -> None:
    """Two tasks of equal weight: a share is 100 x passed / total points."""
    criteria = {"a/one": 10, "a/two": 10}
    passed = {"g": {"a/one": (4, 6), "a/two": (9, 9)}, "h": {"a/one": (3, 3), "a/two": (5, 7)}}
    sides = [
        side(criteria, (1, 2), lambda task, trial, arm=arm: passed[arm][task][trial - 1])
        for arm in passed
    ]
    result = gain(*sides, criteria, 2, Weights(all_pass=0.5, cost=0.0))
    assert result is not None
    assert result.points == pytest.approx((20 + 30) / 2)
    pooled = (200 + 200) / 4
    own = (200 + PRIOR_DEGREES * pooled) / (2 + PRIOR_DEGREES)
    assert result.trial_error == pytest.approx(math.sqrt(2 * own * (1 / 2 + 1 / 2)) / 2)
    assert result.task_error == pytest.approx(statistics.stdev([20, 30]) / math.sqrt(2))
    assert [task.error for task in result.tasks] == pytest.approx([math.sqrt(own)] * 2)


def test_without_a_replicate_there_is_no_error_and_no_chance() -> None:
    criteria = {"a/one": 10, "a/two": 10}
    rows = side(criteria, (1,), lambda task, trial: 5)
    result = gain(rows, rows, criteria, 1, WEIGHTS)
    assert result is not None
    assert result.trial_error is None
    assert (result.chance, result.shrunken, result.chance_of_at_least(0.0)) == (None, None, None)
    assert result.interval(result.trial_error) is None
    assert [task.error for task in result.tasks] == [None, None]


def test_known_noise_stands_in_where_two_arms_say_too_little() -> None:
    criteria = {f"a/task-{number}": 10 for number in range(4)}
    single = side(criteria, (1,), lambda task, trial: 5)
    known = Variance(squares=900.0, degrees=100)
    result = gain(single, single, criteria, 1, WEIGHTS, variance=known)
    assert result is not None
    assert result.trial_error == pytest.approx(math.sqrt(4 * 9.0 * 2) / 4)


def test_known_noise_is_not_needed_where_two_arms_say_enough() -> None:
    criteria = {"a/one": 10, "a/two": 10}
    rows = side(criteria, (1, 2), lambda task, trial: 4 + trial)
    known = Variance(squares=1e9, degrees=1)
    assert gain(rows, rows, criteria, 2, WEIGHTS, variance=known) == gain(
        rows, rows, criteria, 2, WEIGHTS
    )


def test_noise_is_pooled_over_tasks_that_only_one_has_begun() -> None:
    """At a fix slice the incumbent's other tasks say how noisy a rollout is."""
    challenger = {"a": [5.0], "b": []}
    reference = {"a": [5.0], "b": [1.0, 3.0]}
    result = difference(challenger, reference)
    assert result is not None
    assert result.trial_error == pytest.approx(math.sqrt(2.0 * 2) / 2)


def test_the_variance_of_a_harness_is_pooled_within_its_tasks() -> None:
    criteria = {"a/one": 10, "a/two": 10}
    rows = side(criteria, (1, 2, 3), lambda task, trial: {"a/one": 1, "a/two": 8}[task] + trial % 2)
    noise = trial_variance(rows, criteria, 3, Weights(all_pass=0, cost=0))
    assert noise == Variance(squares=pytest.approx(2 * 200 / 3), degrees=4)
    assert trial_variance(rows, criteria, 1, WEIGHTS) == Variance(0.0, 0)
    assert Variance().one_rollout is None
    assert (noise + noise).degrees == 8
    assert (noise + noise).one_rollout == pytest.approx(noise.one_rollout)


def test_every_task_has_shares_even_without_a_rollout() -> None:
    criteria: Mapping[str, int] = {"a/one": 10, "a/two": 10}
    given_ = shares([rollout_row("h", "a/one", 2, 10, 10)], criteria, Weights(0.5, 0.5))
    assert given_ == {"a/one": {2: 150.0}, "a/two": {}}


# Its chances.


@given(st.floats(-20, 20), st.floats(0.01, 5), st.floats(0.01, 5))
def test_the_chance_of_a_gain_grows_with_what_was_measured(
    points: float, error: float, more: float
) -> None:
    low, high = Gain(points, error, None), Gain(points + more, error, None)
    assert low.chance is not None
    assert high.chance is not None
    assert low.chance <= high.chance
    assert low.shrunken is not None
    assert abs(low.shrunken) <= abs(points)
    flat = low.chance_of_at_least(0.0)
    assert flat is not None
    assert abs(low.chance - 0.5) <= abs(flat - 0.5) + 1e-12, "the sceptic is never surer"


def test_chances_are_those_of_the_normal_distribution() -> None:
    result = Gain(points=1.96, trial_error=1.0, task_error=None)
    assert result.chance_of_at_least(0.0) == pytest.approx(0.975, abs=1e-4)
    assert result.chance_of_at_least(1.96) == 0.5
    variance = 1 / (1 / 1.0**2 + 1 / 4)
    assert result.shrunken == pytest.approx(variance * 1.96)
    expected = statistics.NormalDist().cdf(variance * 1.96 / math.sqrt(variance))
    assert result.chance == pytest.approx(expected)


@pytest.mark.parametrize(("points", "chance"), [(0.5, 1.0), (0.0, 0.5), (-0.5, 0.0)])
def test_without_noise_a_chance_is_certainty(points: float, chance: float) -> None:
    result = Gain(points, 0.0, None)
    assert (result.chance, result.chance_of_at_least(0.0)) == (chance, chance)
    assert result.shrunken == points
