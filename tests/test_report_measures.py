"""Figures of a report: within their bounds, with the error of what they are made of."""

import math

import pytest
from conftest import rollout_row
from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.figures import Shape, figures_of
from harness_search.ledger.gains import PRIOR_DEGREES, shares
from harness_search.ledger.scores import Weights, mean
from harness_search.reports.document.measures import blended_error, within_rates


@given(st.floats(-1e-9, 100 + 1e-9), st.none() | st.floats(0, 60))
def test_a_rate_is_within_its_interval_which_is_within_0_and_100(
    points: float, error: float | None
) -> None:
    found = within_rates(points, error).interval
    assert (found is None) == (error is None)
    if found is not None:
        assert found[0] <= points <= found[1]
        assert found[0] > -1e-8
        assert found[1] < 100 + 1e-8


@given(
    st.integers(2, 4).flatmap(
        lambda trials: st.lists(
            st.lists(st.integers(0, 4), min_size=trials, max_size=trials), min_size=1, max_size=6
        )
    )
)
def test_the_error_of_a_score_is_that_of_its_tasks_shrunken_variances(
    passed: list[list[int]],
) -> None:
    criteria = {f"a/{number}": 4 for number in range(len(passed))}
    weights = Weights()
    rows = [
        rollout_row("h", task, trial, count, total=4)
        for task, own in zip(criteria, passed, strict=True)
        for trial, count in enumerate(own, start=1)
    ]
    trials = len(passed[0])
    figures = figures_of(rows, Shape(criteria, trials, weights))
    by_task = [[*own.values()] for own in shares(rows, criteria, weights).values()]
    squares = [sum((value - mean(own)) ** 2 for value in own) for own in by_task]
    pooled = sum(squares) / (len(passed) * (trials - 1))
    own_variances = [
        (found + PRIOR_DEGREES * pooled) / (trials - 1 + PRIOR_DEGREES) for found in squares
    ]
    expected = math.sqrt(sum(own_variances) / trials) / len(passed)
    assert blended_error(figures, figures.variance) == pytest.approx(expected, abs=1e-9)


def test_the_error_of_a_score_weighs_tasks_by_their_own_trials() -> None:
    criteria, weights = {"a/often": 4, "a/once": 4}, Weights()
    rows = [rollout_row("h", "a/often", trial, trial % 2, total=4) for trial in range(1, 10)]
    figures = figures_of([*rows, rollout_row("h", "a/once", 1, 2, 4)], Shape(criteria, 9, weights))
    variance = figures.variance.one_rollout
    assert variance is not None
    expected = math.sqrt(variance * (1 / 9 + 1 / 1)) / 2
    assert blended_error(figures, figures.variance) == pytest.approx(expected)
