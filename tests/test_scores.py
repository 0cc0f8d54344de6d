"""Scores come from raw rows, under the weights given, and from nothing else."""

from fractions import Fraction

import pytest
from conftest import rollout_row
from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.gains import gain
from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.ledger.scores import Weights, blended, score

WEIGHTS = Weights(all_pass=0.5, cost=2.0)


@st.composite
def balanced(draw: st.DrawFn) -> tuple[list[RolloutRow], dict[str, int], int]:
    """Every task with every trial."""
    trials = draw(st.integers(1, 4))
    criteria = {
        f"area/task-{number}": draw(st.integers(1, 60)) for number in range(draw(st.integers(1, 6)))
    }
    rows = [
        rollout_row(
            task=task,
            trial=trial,
            passed=draw(st.integers(0, total)),
            total=total,
            tokens=draw(st.integers(0, 5_000_000)),
        )
        for task, total in criteria.items()
        for trial in range(1, trials + 1)
    ]
    return rows, criteria, trials


@given(balanced())
def test_complete_rows_give_the_pooled_rates_of_the_study(
    drawn: tuple[list[RolloutRow], dict[str, int], int],
) -> None:
    rows, criteria, trials = drawn
    found = score(rows, criteria, trials, WEIGHTS)
    assert found is not None
    pooled = 100 * sum(row.passed for row in rows) / sum(row.total for row in rows)
    all_pass = 100 * sum(row.passed == row.total for row in rows) / len(rows)
    tokens = sum(row.usage.total for row in rows) / len(rows) / 1e6
    assert found.pooled == pytest.approx(pooled)
    assert found.all_pass == pytest.approx(all_pass)
    assert found.blended == pytest.approx(blended(pooled, all_pass, tokens, WEIGHTS))
    assert found.coverage == 1


@given(balanced(), st.integers(0, 50))
def test_the_order_of_rows_changes_nothing(
    drawn: tuple[list[RolloutRow], dict[str, int], int], turn: int
) -> None:
    rows, criteria, trials = drawn
    turned = rows[turn % len(rows) :] + rows[: turn % len(rows)]
    one, other = score(rows, criteria, trials, WEIGHTS), score(turned, criteria, trials, WEIGHTS)
    assert one is not None
    assert other is not None
    assert one.blended == pytest.approx(other.blended)


def test_a_lost_rollout_lowers_coverage_and_is_never_a_zero() -> None:
    rows = [
        rollout_row(trial=1, passed=2),
        rollout_row(trial=2, passed=0, outcome=Outcome.INFRA_FAILED),
    ]
    found = score(rows, {"a/t": 2}, 2, WEIGHTS)
    assert found is not None
    assert found.pooled == 100
    assert found.coverage == Fraction(1, 2)
    assert not found.complete


def test_a_missing_rollout_does_not_shift_the_weights_of_tasks() -> None:
    easy = [rollout_row(task="a/easy", trial=trial, passed=2) for trial in (1, 2)]
    hard = [rollout_row(task="a/hard", trial=trial, passed=0) for trial in (1, 2)]
    criteria = {"a/easy": 2, "a/hard": 2}
    whole = score([*easy, *hard], criteria, 2, WEIGHTS)
    partial = score([*easy[:1], *hard], criteria, 2, WEIGHTS)
    assert whole is not None
    assert partial is not None
    assert partial.pooled == whole.pooled == 50


def test_a_harness_failure_counts_as_failed_criteria() -> None:
    rows = [rollout_row(passed=0, outcome=Outcome.HARNESS_FAILED), rollout_row(trial=2, passed=2)]
    found = score(rows, {"a/t": 2}, 2, WEIGHTS)
    assert found is not None
    assert found.pooled == 50


def test_rows_of_other_tasks_and_later_trials_are_left_out() -> None:
    rows = [rollout_row(passed=2), rollout_row(task="b/x"), rollout_row(trial=7, passed=0)]
    found = score(rows, {"a/t": 2}, 1, WEIGHTS)
    assert found is not None
    assert found.pooled == 100


def test_there_is_no_score_without_a_finished_rollout() -> None:
    assert score([], {"a/t": 2}, 3, WEIGHTS) is None


@given(balanced(), st.integers(0, 3))
def test_a_gain_is_exactly_the_difference_of_the_blended_scores(
    drawn: tuple[list[RolloutRow], dict[str, int], int], more: int
) -> None:
    rows, criteria, trials = drawn
    better = [
        rollout_row("g", row.key.task, row.key.trial, min(row.total, row.passed + more), row.total)
        for row in rows
    ]
    left, right = score(better, criteria, trials, WEIGHTS), score(rows, criteria, trials, WEIGHTS)
    found = gain(better, rows, criteria, trials, WEIGHTS)
    assert found is not None
    assert left is not None
    assert right is not None
    assert found.points == pytest.approx(left.blended - right.blended, abs=1e-9)


def test_one_trial_or_one_task_says_nothing_about_noise() -> None:
    old, new = [rollout_row("o", passed=1)], [rollout_row("n", passed=2)]
    found = gain(new, old, {"a/t": 2}, 1, WEIGHTS)
    assert found is not None
    assert found.trial_error is None
    assert found.task_error is None
    assert found.interval(found.trial_error) is None


def test_equal_trials_have_no_trial_error_and_a_task_error_of_their_own() -> None:
    criteria = {"a/x": 4, "a/y": 4}
    old = [rollout_row("o", task, trial, 1, 4) for task in criteria for trial in (1, 2)]
    new = [
        rollout_row("n", task, trial, passed, 4)
        for task, passed in (("a/x", 1), ("a/y", 3))
        for trial in (1, 2)
    ]
    found = gain(new, old, criteria, 2, WEIGHTS)
    assert found is not None
    assert found.trial_error == 0
    assert found.task_error == pytest.approx(25)
    assert found.points == pytest.approx(25)
