"""The reference model's task library: what a rollout of each task passes, as tables.

Source of every number: the facts on the gate, section 4.1 (docs/gate.md).
"""

from dataclasses import dataclass

import numpy as np

from harness_search.promotion.simulation.trials import Floats, Integers

TASKS = 1_251
MEDIAN_CRITERIA, FEWEST_CRITERIA, MOST_CRITERIA = 56, 23, 151
CRITERIA_SPREAD = 0.323
"""Of the logarithm; with the median it gives a mean of 59."""
MEDIAN_RATE, LOWEST_RATE, HIGHEST_RATE = 0.65, 0.23, 0.97
RATE_SPREAD = 1.0
"""Of a task's pass rate on the logit scale."""
DIFFICULTY_SPREAD = 2.2
ROLLOUT_SPREAD = 0.25
BAD_SHARE, BAD_EFFECT = 0.03, -1.2
"""Share of the rollouts that go badly, and what that does on the logit scale."""
USUAL_LOSS, FREQUENT_LOSS, FREQUENT_SHARE = 0.001, 0.02, 1 / 12
"""How often a rollout delivers nothing, and on which share of the tasks that is frequent."""
FLIP = 0.004
"""Share of the verdicts that the judge gets wrong, either way."""

LOWEST_SHIFT, HIGHEST_SHIFT, STEP = -12.0, 14.0, 0.1
"""Logit shifts that the tables are made for."""
NODES = 15
"""Of the quadrature over the rollout effect."""


@dataclass(frozen=True, slots=True)
class Library:
    """Tasks, and what one rollout of each passes at a logit shift; tables are [task, shift]."""

    criteria: Integers
    loss: Floats
    """Chance that a rollout delivers nothing."""
    difficulties: tuple[Floats, ...]
    """By task, what each criterion's pass chance is lowered by on the logit scale."""
    rest_mean: Floats
    """Mean share of passed criteria, of a rollout that does not pass all of them."""
    rest_spread: Floats
    """And its standard deviation."""
    all_pass: Floats
    """Chance to pass every criterion."""
    expected_rate: Floats
    """Share of passed criteria over everything that a rollout may meet."""
    expected_all_pass: Floats


def make_library(rng: np.random.Generator, tasks: int = TASKS) -> Library:
    """Draw the tasks and make their tables."""
    criteria = np.clip(
        np.rint(MEDIAN_CRITERIA * np.exp(rng.normal(0, CRITERIA_SPREAD, tasks))),
        FEWEST_CRITERIA,
        MOST_CRITERIA,
    ).astype(np.int64)
    logits = np.log(MEDIAN_RATE / (1 - MEDIAN_RATE)) + rng.normal(0, RATE_SPREAD, tasks)
    rates = np.clip(1 / (1 + np.exp(-logits)), LOWEST_RATE, HIGHEST_RATE)
    loss = np.where(rng.random(tasks) < FREQUENT_SHARE, FREQUENT_LOSS, USUAL_LOSS)
    averaging = _averaging()
    difficulties: list[Floats] = []
    tables: list[tuple[Floats, ...]] = []
    for count, rate, lost in zip(criteria, rates, loss, strict=True):
        drawn = rng.normal(0, DIFFICULTY_SPREAD, count)
        expected = (1 - lost) * averaging @ pass_chances(drawn, grid()).mean(axis=1)
        difficulties.append(drawn - np.interp(rate, expected, grid()))
        tables.append(_tables(difficulties[-1], lost, averaging))
    columns = [np.stack(column) for column in zip(*tables, strict=True)]
    return Library(criteria, loss, tuple(difficulties), *columns)


def grid() -> Floats:
    """The shifts of the tables' columns."""
    return np.linspace(
        LOWEST_SHIFT, HIGHEST_SHIFT, round((HIGHEST_SHIFT - LOWEST_SHIFT) / STEP) + 1
    )


def rollout_effects(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """What each rollout has on the logit scale, for all its criteria together."""
    bad = rng.random(shape) < BAD_SHARE
    effects: Floats = rng.normal(0.0, ROLLOUT_SPREAD, shape) + BAD_EFFECT * bad
    return effects


def pass_chances(difficulties: Floats, shift: Floats) -> Floats:
    """Chance of a passed verdict, [shift, criterion], with the judge's mistakes."""
    passed: Floats = 1 / (1 + np.exp(difficulties - shift[:, None]))
    return FLIP + (1 - 2 * FLIP) * passed


def _averaging() -> Floats:
    """The matrix that averages a table by shift over the rollout effect."""
    shifts = grid()
    columns = np.eye(len(shifts))
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    matrix: Floats = np.zeros_like(columns)
    for centre, share in ((0.0, 1 - BAD_SHARE), (BAD_EFFECT, BAD_SHARE)):
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            place = (shifts + centre + ROLLOUT_SPREAD * node - LOWEST_SHIFT) / STEP
            place = np.clip(place, 0, len(shifts) - 1)
            below = np.minimum(place.astype(np.int64), len(shifts) - 2)
            part = (place - below)[:, None]
            matrix += share * weight * ((1 - part) * columns[below] + part * columns[below + 1])
    return matrix


def _tables(difficulties: Floats, lost: float, averaging: Floats) -> tuple[Floats, ...]:
    chances = pass_chances(difficulties, grid())
    count = chances.shape[1]
    mean, variance = chances.mean(axis=1), (chances * (1 - chances)).sum(axis=1) / count**2
    complete = np.exp(np.log(chances).sum(axis=1))
    rest = 1 - complete
    rest_mean = (mean - complete) / rest
    rest_square = (variance + mean**2 - complete) / rest
    rest_spread = np.sqrt(np.maximum(rest_square - rest_mean**2, 0.0))
    expected = ((1 - lost) * averaging @ column for column in (mean, complete))
    return rest_mean, rest_spread, complete, *expected
