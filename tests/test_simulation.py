"""The reference model: it has the noise of the facts, and its fast sampler hides nothing."""

from dataclasses import replace

import numpy as np
import pytest

from harness_search.promotion.simulation.claims import affected_tasks, declared_tasks
from harness_search.promotion.simulation.library import (
    Library,
    grid,
    make_library,
    pass_chances,
    rollout_effects,
)
from harness_search.promotion.simulation.project import Noise, ProjectWorld
from harness_search.promotion.simulation.reference import ReferenceWorld
from harness_search.promotion.simulation.trials import Floats
from harness_search.promotion.simulation.world import NOTHING_HELPS, Stream

ALL_PASS = 0.5
LEVELS = {0.0: 63, 0.9: 73, 1.85: 82}
"""Logit shift of every task, and the pooled pass rate that it leads to, in points."""


@pytest.fixture(scope="module")
def library() -> Library:
    return make_library(np.random.default_rng(1))


def drawn_one_by_one(library: Library, task: int, shift: float, rollouts: int) -> Floats:
    """Passed shares and all-passes, [2, rollout], by a coin for each criterion."""
    rng = np.random.default_rng(task)
    chances = pass_chances(library.difficulties[task], rollout_effects(rng, (rollouts,)) + shift)
    passed = rng.random(chances.shape) < chances
    return np.stack([passed.mean(axis=1), passed.all(axis=1)])


def world_of(library: Library, searches: int) -> ReferenceWorld:
    tasks = len(library.criteria)
    return ReferenceWorld(library, searches, tasks, seed=0)


def passes(world: ReferenceWorld, shift: float, rows: int, seed: int = 3) -> Floats:
    """Each row's shares of the blended score, by task."""
    state = np.full(world.baseline.shape, shift)
    return world.rollouts(state, np.arange(rows), np.random.default_rng(seed))


def test_the_fast_sampler_agrees_with_a_coin_for_each_criterion() -> None:
    library = make_library(np.random.default_rng(1), tasks=40)
    library = replace(library, loss=np.zeros(40))  # a few lost rollouts would drown the rest
    rollouts = 6_000
    world = world_of(library, rollouts)
    weights = library.criteria / library.criteria.mean()
    for shift in LEVELS:
        fast = passes(world, shift, rollouts)
        drawn = [drawn_one_by_one(library, task, shift, rollouts) for task in range(40)]
        coins = np.array([
            weight * 100 * share + 100 * ALL_PASS * complete
            for weight, (share, complete) in zip(weights, drawn, strict=True)
        ])  # fmt: skip
        # Rows of the world have their tasks in an order of their own; sums over tasks have none.
        blended, by_coins = fast.mean(axis=1), coins.mean(axis=0)
        assert blended.mean() == pytest.approx(by_coins.mean(), abs=0.05)
        assert blended.std() == pytest.approx(by_coins.std(), rel=0.03)
        whole = 100 * ALL_PASS + 100 * library.criteria / library.criteria.mean()
        complete = np.isclose(np.sort(fast, axis=1)[:, :, None], whole).any(axis=2).mean()
        assert complete == pytest.approx(np.mean([each[1] for each in drawn]), abs=0.002)


def test_a_rollout_delivers_nothing_as_often_as_its_task_s_do() -> None:
    library = make_library(np.random.default_rng(1), tasks=40)
    nothing = (passes(world_of(library, 4_000), 0.0, 4_000) == 0).mean()
    assert nothing == pytest.approx(library.loss.mean(), rel=0.2)


def test_the_true_score_is_what_rollouts_come_to(library: Library) -> None:
    world = ReferenceWorld(library, 10_000, 24, seed=0)
    for shift in LEVELS:
        expected = world.blended(np.full(world.baseline.shape, shift)).mean()
        assert passes(world, shift, 10_000).mean() == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize(
    ("shift", "pooled_spread", "blended_spread", "all_pass"),
    [(0.0, 1.45, 1.54, 0.3), (0.9, 1.42, 1.74, 1.2), (1.85, 1.35, 2.22, 4.0)],
)
def test_a_pass_is_as_noisy_as_in_the_facts(
    library: Library, shift: float, pooled_spread: float, blended_spread: float, all_pass: float
) -> None:
    for weight, spread in ((0.0, pooled_spread), (ALL_PASS, blended_spread)):
        world = ReferenceWorld(library, 3_000, 24, seed=7, all_pass_weight=weight)
        state = np.full(world.baseline.shape, shift)
        assert world.pooled(state).mean() == pytest.approx(LEVELS[shift], abs=1.5)
        assert world.all_pass(state).mean() == pytest.approx(all_pass, abs=0.6)
        difference = (passes(world, shift, 3_000, 1) - passes(world, shift, 3_000, 2)).mean(axis=1)
        assert difference.std() / np.sqrt(2) == pytest.approx(spread, rel=0.06)


def test_tasks_are_those_of_the_facts(library: Library) -> None:
    rates = library.expected_rate[:, np.searchsorted(grid(), 0.0)]
    assert len(library.criteria) == 1_251
    assert np.median(library.criteria) == pytest.approx(56, abs=2)
    assert library.criteria.mean() == pytest.approx(59, abs=2)
    assert (library.criteria.min(), library.criteria.max()) == (23, 151)
    assert np.median(rates) == pytest.approx(0.65, abs=0.03)
    assert 0.22 < rates.min() < rates.max() < 0.98
    assert np.mean(library.loss > 0.01) == pytest.approx(1 / 12, abs=0.03)


def test_candidates_come_in_the_mix_of_the_facts() -> None:
    gains = Stream().gains(100_000, np.random.default_rng(0))
    assert np.mean(gains == 0) == pytest.approx(0.30, abs=0.01)
    assert np.mean(gains < 0) == pytest.approx(0.30, abs=0.01)
    assert np.mean((gains > 0) & (gains < 1)) == pytest.approx(0.12, abs=0.01)
    assert np.mean((gains >= 1) & (gains <= 3)) == pytest.approx(0.20, abs=0.01)
    assert np.mean(gains >= 4) == pytest.approx(0.08, abs=0.01)
    assert gains[gains < 0].mean() == pytest.approx(-1.9, abs=0.1)
    assert gains.max() <= 8


def test_a_candidate_changes_two_to_seven_tasks_and_a_null_one_none(library: Library) -> None:
    world = ReferenceWorld(library, 500, 24, seed=1)
    found = world.propose(world.baseline, np.random.default_rng(0))
    changed = (found.state != world.baseline).sum(axis=1)
    gain = world.blended(found.state) - world.blended(world.baseline)
    assert set(changed[changed > 0]) <= set(range(2, 8))
    assert np.all(gain[changed == 0] == 0)
    assert np.array_equal(found.affected.sum(axis=1), changed)
    nothing = ReferenceWorld(library, 50, 24, seed=1, stream=NOTHING_HELPS)
    assert np.array_equal(
        nothing.propose(nothing.baseline, np.random.default_rng(0)).state, nothing.baseline
    )


def test_gains_shrink_as_the_room_for_them_does(library: Library) -> None:
    world = ReferenceWorld(library, 500, 24, seed=1)
    late = np.full(world.baseline.shape, 2.5)

    def largest(state: Floats) -> float:
        found = world.propose(state, np.random.default_rng(0))
        return float((world.pooled(found.state) - world.pooled(state)).max())

    assert largest(late) < largest(world.baseline) / 2


def test_a_claim_names_five_tasks_and_as_many_right_ones_as_it_knows() -> None:
    rng = np.random.default_rng(0)
    affected = affected_tasks(np.ones((4_000, 24)), rng)
    assert np.all(declared_tasks(affected, 0.5, rng).sum(axis=1) == 5)
    at_most_five = np.minimum(affected.sum(axis=1), 5)
    hits = (declared_tasks(affected, 1.0, rng) & affected).sum(axis=1)
    assert np.array_equal(hits, at_most_five)
    by_luck = (declared_tasks(affected, 0.0, rng) & affected).sum() / affected.sum()
    assert by_luck == pytest.approx(5 / 24, abs=0.01)


def test_a_row_draws_the_same_whichever_other_rows_are_asked_for(library: Library) -> None:
    reference = ReferenceWorld(library, 10, 24, seed=1)
    for world in (reference, ProjectWorld(Noise([5.0] * 24, [60.0] * 24), 10)):
        state = world.baseline
        whole = world.rollouts(state, np.arange(10), np.random.default_rng(4))
        some = world.rollouts(state, np.array([2, 7]), np.random.default_rng(4))
        assert np.array_equal(whole[[2, 7]], some)


def test_a_project_s_world_has_its_measured_noise() -> None:
    spread = np.array([2.0, 5.0, 9.0, 4.0])
    world = ProjectWorld(Noise(list(spread), [50.0, 60.0, 70.0, 80.0]), 20_000)
    shares = world.rollouts(world.baseline, np.arange(20_000), np.random.default_rng(0))
    assert shares.mean(axis=0) == pytest.approx([50.0, 60.0, 70.0, 80.0], abs=0.3)
    assert shares.std(axis=0) == pytest.approx(spread, rel=0.03)
    assert world.blended(world.baseline)[0] == pytest.approx(65.0)
