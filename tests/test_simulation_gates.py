"""Simulated gates: they decide as the real one does, and err as the facts say."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from comparisons import Loop, pairing, side

from harness_search.ledger.gains import Variance
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.promotion.decision import Arm
from harness_search.promotion.gate import StagedGate
from harness_search.promotion.rules import PRESETS, GateRules
from harness_search.promotion.simulation import TRIAL_STD, promotion_rate
from harness_search.promotion.simulation.decisions import (
    Answers,
    Question,
    decide,
    one_decision,
)
from harness_search.promotion.simulation.figures import Figures, gained_more
from harness_search.promotion.simulation.library import Library, make_library
from harness_search.promotion.simulation.project import Noise, ProjectWorld
from harness_search.promotion.simulation.reference import ReferenceWorld
from harness_search.promotion.simulation.searches import Outcomes, SimulatedGate, simulate
from harness_search.promotion.simulation.trials import Floats, Integers, KnownVariance, Trials
from harness_search.promotion.simulation.world import NOTHING_HELPS

CRITERIA = {f"area/task-{number}": 20 + 7 * number for number in range(12)}
NAMES = list(CRITERIA)
TOTAL = np.array(list(CRITERIA.values()))
TASKS, ROWS, TRIALS = len(CRITERIA), 60, 12
SEED = PRESETS["seed"]
NAIVE = replace(SEED, trials=1, most_trials=1, min_delta=0.0)
RULES = {
    **PRESETS,
    "one trial": NAIVE,
    "shrunken, same day": replace(PRESETS["explore"], control="same_day"),
    "two trials": replace(PRESETS["standard"], trials=2, most_trials=4),
    "more for the incumbent": replace(PRESETS["economy"], incumbent_trials=5),
    "a slice of more trials than there are": replace(PRESETS["standard"], slice_trials=9),
}


class Comparisons:
    """Many pairs of harnesses, whose every rollout is settled beforehand."""

    def __init__(self, rules: GateRules, spread: float) -> None:
        rng = np.random.default_rng(11)
        level = rng.uniform(0.3, 0.9, (ROWS, TASKS, 1))
        gain = rng.normal(0.03, 0.08, (ROWS, TASKS, 1)) * (rng.random((ROWS, TASKS, 1)) < 0.4)
        self.candidate = self._passed(level + gain, spread, rng)
        self.incumbent = self._passed(level, spread, rng)
        self.control = self._passed(level, spread, rng)
        self.named = rng.random((ROWS, TASKS)) < 0.35
        self.open = rng.random(ROWS) < 0.8
        self.inflation = rng.uniform(0, 1.5, ROWS)
        self.rules = rules
        self.stored = rng.integers(rules.trials, max(rules.trials, rules.most_trials) + 1, ROWS)

    @staticmethod
    def _passed(level: Floats, spread: float, rng: np.random.Generator) -> Integers:
        share = level + rng.normal(0, spread, (ROWS, TASKS, TRIALS)) if spread else level
        share = np.broadcast_to(share, (ROWS, TASKS, TRIALS))
        return np.clip(np.rint(share * TOTAL[:, None]), 0, TOTAL[:, None]).astype(np.int64)

    @property
    def same_day(self) -> bool:
        return self.rules.control == "same_day"

    def at_once(self, known: Variance | None) -> Answers:
        """The simulation's decisions."""
        stored = Trials.none(ROWS, TASKS)
        for trial in range(1, TRIALS + 1):
            wanted = np.broadcast_to((self.stored >= trial)[:, None], (ROWS, TASKS))
            stored.add(np.arange(ROWS), shares(self.incumbent, trial), wanted)
        question = Question(
            candidate=lambda trial, at: shares(self.candidate, trial)[at],
            incumbent=lambda trial, at: shares(self.incumbent, trial)[at],
            control=lambda trial, at: shares(self.control, trial)[at],
            stored=stored,
            fix_tasks=self.named,
            slice_open=self.open,
            known=known
            and KnownVariance(np.full(ROWS, known.squares), np.full(ROWS, float(known.degrees))),
            inflation=self.inflation,
        )
        return decide(self.rules, question)

    def one_by_one(self, row: int, known: Variance | None) -> Loop:
        """The real gate's, with a loop that runs what it asks for."""

        def incumbent(task: str, trial: int) -> int:
            if trial > CONTROL_STEP:
                return int(self.control[row, NAMES.index(task), trial % CONTROL_STEP - 1])
            return int(self.incumbent[row, NAMES.index(task), trial - 1])

        def candidate(task: str, trial: int) -> int:
            return int(self.candidate[row, NAMES.index(task), trial - 1])

        loop = Loop(StagedGate(self.rules), {Arm.CANDIDATE: candidate, Arm.INCUMBENT: incumbent})
        trials = range(1, int(self.stored[row]) + 1)
        loop.run(
            pairing(
                [],
                side(CRITERIA, trials, incumbent),
                CRITERIA,
                fix_tasks=[NAMES[task] for task in np.flatnonzero(self.named[row])],
                bypass_reason="" if self.open[row] else "drawn",
                control_reason="the same day" if self.same_day else "",
                reference_variance=known,
                inflation=float(self.inflation[row]),
            )
        )
        return loop


def shares(passed: Integers, trial: int) -> Floats:
    """Shares of the blended score of one trial, by row and task."""
    own = passed[:, :, trial - 1]
    pooled = TASKS * TOTAL / TOTAL.sum() * 100 * own / TOTAL
    bonus = 50.0 * (own == TOTAL)
    found: Floats = pooled + bonus
    return found


def asked(loop: Loop) -> Mapping[Arm, int]:
    planned = [rollout.arm for decision in loop.decisions for rollout in decision.planned]
    return {arm: planned.count(arm) for arm in Arm}


@pytest.mark.parametrize("known", [None, Variance(30_000.0, 600)], ids=["", "noise known"])
@pytest.mark.parametrize("name", RULES)
def test_simulated_gates_decide_as_the_real_one(name: str, known: Variance | None) -> None:
    comparisons = Comparisons(RULES[name], spread=0.06)
    answers = comparisons.at_once(known)
    for row in range(ROWS):
        loop = comparisons.one_by_one(row, known)
        real = loop.decisions[-1]
        assert (real.verdict == "promote") == answers.promoted[row], row
        assert real.stage == answers.stage[row], row
        assert real.gain is not None
        assert answers.points[row] == pytest.approx(real.gain.points, abs=1e-9)
        if real.gain.trial_error is not None:
            assert answers.error[row] == pytest.approx(real.gain.trial_error, abs=1e-9)
        spent = (answers.candidate_rollouts[row], answers.incumbent_rollouts[row])
        assert spent == tuple(asked(loop).values()), row


def test_the_comparisons_reach_every_stage() -> None:
    reached = Comparisons(PRESETS["standard"], spread=0.06).at_once(None).stage
    assert {"fix slice", "pass 1", "pass 2", "3 trials", "extra trials"} <= {*reached}


@pytest.mark.parametrize("name", ["seed", "standard", "strict"])
def test_without_noise_they_decide_as_the_real_one_too(name: str) -> None:
    comparisons = Comparisons(RULES[name], spread=0.0)
    answers = comparisons.at_once(None)
    for row in range(ROWS):
        real = comparisons.one_by_one(row, None).decisions[-1]
        found = ("promote" if answers.promoted[row] else "reject", answers.stage[row])
        assert found == (real.verdict, real.stage), row


# One decision.

SPREAD = [7.5] * 24
"""Points by task: a blended pass then has a standard deviation of 1.53."""


def promoted(preset: str, gain: float, **more: float) -> float:
    rng = np.random.default_rng(0)
    return one_decision(PRESETS[preset], SPREAD, gain, 3, rng, 3_000, **more)[0]


def test_the_study_s_rule_promotes_every_fourth_or_fifth_null_candidate() -> None:
    assert 0.20 <= promoted("seed", 0.0) <= 0.28
    assert (
        promoted("seed", 0.0)
        > 2 * promotion_rate(0.0, 3, 1.0, np.random.default_rng(0), trial_std=TRIAL_STD) * 0.9
    )  # which took the incumbent's score for exact


def test_more_true_gain_is_promoted_more_often() -> None:
    for preset in PRESETS:
        chances = [promoted(preset, gain) for gain in (-1.0, 0.0, 1.0, 2.0, 3.0)]
        assert chances == sorted(chances)
        assert chances[-1] > 0.9


def test_a_claim_that_names_the_wrong_tasks_costs_power() -> None:
    assert promoted("standard", 2.0, recall=0.0) < promoted("standard", 2.0, recall=1.0) - 0.15
    assert promoted("seed", 2.0, recall=0.0) == pytest.approx(
        promoted("seed", 2.0, recall=1.0), abs=0.02
    )


def test_hopeless_candidates_cost_the_staged_gate_less() -> None:
    rng = np.random.default_rng(0)
    _, staged = one_decision(PRESETS["standard"], SPREAD, -1.0, 3, rng, 2_000)
    _, seed = one_decision(SEED, SPREAD, -1.0, 3, rng, 2_000)
    assert staged < 30
    assert seed == 72


# Whole searches.


@pytest.fixture(scope="module")
def library() -> Library:
    return make_library(np.random.default_rng(1))


@pytest.fixture(scope="module")
def outcomes(library: Library) -> dict[str, Outcomes]:
    """Searches of the facts' length under several gates, which meet the same chances."""
    wanted = {**PRESETS, "naive": NAIVE, "one trial": replace(NAIVE, min_delta=1.0)}
    del wanted["strict"]
    world = ReferenceWorld(library, 300, 24, seed=0)
    return {name: simulate(SimulatedGate.of(rules), world, 0) for name, rules in wanted.items()}


def test_gates_stand_in_the_order_of_the_facts(outcomes: dict[str, Outcomes]) -> None:
    order = ["one trial", "seed", "economy", "standard", "explore"]
    for worse, better in pairwise(order):
        more = gained_more(outcomes[better], outcomes[worse])
        assert more.value > 0, (worse, better)
    above = gained_more(outcomes["standard"], outcomes["seed"])
    assert above.value == pytest.approx(0.94, abs=0.5)


def test_the_staged_gate_takes_a_third_less_rollouts(outcomes: dict[str, Outcomes]) -> None:
    seed, standard = Figures.of(outcomes["seed"]), Figures.of(outcomes["standard"])
    assert seed.rollouts == 23 * 72
    assert standard.rollouts == pytest.approx(1_135, rel=0.1)
    assert standard.gain_per_thousand > 1.3 * seed.gain_per_thousand


def test_selection_inflates_the_stored_score_and_the_naive_gate_s_most(
    outcomes: dict[str, Outcomes],
) -> None:
    inflation = {name: Figures.of(found).inflation for name, found in outcomes.items()}
    assert inflation["naive"] == pytest.approx(2.36, abs=0.4)
    assert inflation["seed"] == pytest.approx(1.17, abs=0.3)
    assert inflation["explore"] == pytest.approx(0.0, abs=0.4)


def test_counts_of_a_search_add_up(outcomes: dict[str, Outcomes]) -> None:
    for found in outcomes.values():
        assert np.all(found.harmful <= found.false)
        assert np.all(found.false <= found.promoted)
        assert np.all(found.missed <= found.real)
        assert np.all(found.promoted <= 22)


def test_where_nothing_helps_every_promotion_is_false_and_nothing_is_gained(
    library: Library,
) -> None:
    world = ReferenceWorld(library, 200, 24, 0, NOTHING_HELPS)
    found = simulate(SimulatedGate.of(SEED), world, 0, 8)
    assert np.array_equal(found.promoted, found.false)
    assert np.all(found.gain == 0)
    assert not found.real.any()
    assert 0.3 < found.false.mean() < 1.0  # stored luck is a ratchet: not 8 x 23 %


def test_a_seed_gives_the_same_searches_and_another_seed_others(library: Library) -> None:
    first, again, other = (
        simulate(
            SimulatedGate.of(PRESETS["standard"]), ReferenceWorld(library, 40, 24, seed), seed, 6
        )
        for seed in (0, 0, 1)
    )
    for name in ("gain", "promoted", "rollouts", "inflation"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.gain, other.gain)


def test_single_trials_are_judged_by_the_noise_of_the_a_a_run(library: Library) -> None:
    rules = replace(PRESETS["standard"], trials=1, most_trials=2)
    world = ReferenceWorld(library, 60, 72, 0)
    found = simulate(SimulatedGate.of(rules), world, 0, 6, noise_run=True)
    assert found.rollouts.mean() < 72 * (2 + 6)  # something ended early, so there was an error


def test_a_search_in_a_project_s_own_noise_gains_within_its_room() -> None:
    quiet, loud = (
        simulate(
            SimulatedGate.of(PRESETS["standard"]),
            ProjectWorld(Noise([spread] * 24, [60.0] * 24), 150),
            0,
            12,
            noise_run=True,
        )
        for spread in (1.0, 20.0)
    )
    assert quiet.missed.mean() < loud.missed.mean()
    assert quiet.false.mean() < loud.false.mean()
    assert np.all(quiet.gain <= 40)
