"""Whole searches under a gate, many at once, and what came of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from harness_search.ledger.gains import PRIOR_POINTS
from harness_search.promotion.noise import ARMS
from harness_search.promotion.rules import GateRules
from harness_search.promotion.simulation.assumptions import ITERATIONS, RECALL
from harness_search.promotion.simulation.claims import declared_tasks
from harness_search.promotion.simulation.decisions import Answers, Question, decide
from harness_search.promotion.simulation.trials import Floats, Integers, KnownVariance, Trials
from harness_search.promotion.simulation.world import World
from harness_search.promotion.stages import most_incumbent_trials

NO_GAIN, HARM, REAL_GAIN = 0.1, -0.25, 1.0
"""True blended points: a promotion of at most the first is a false one, of less than the second a
harmful one; a candidate of at least the third is missed when it is rejected."""

Decide = Callable[[Question], Answers]


@dataclass(frozen=True, slots=True)
class SimulatedGate:
    """A gate for whole populations. `rules` also say how the baseline is measured and how many
    candidates bypass the fix slice."""

    rules: GateRules
    decide: Decide

    @classmethod
    def of(cls, rules: GateRules) -> "SimulatedGate":
        """The staged gate."""
        return cls(rules, partial(decide, rules))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of each search; arrays [search]. Gains in true blended points."""

    gain: Floats
    promoted: Integers
    false: Integers
    harmful: Integers
    missed: Integers
    real: Integers
    """Candidates that gain at least REAL_GAIN."""
    rollouts: Integers
    """Of both arms, the baseline's included."""
    inflation: Floats
    """The last incumbent's score, as the gate takes it, minus its true one."""


def simulate(
    gate: SimulatedGate,
    world: World,
    seed: int,
    iterations: int = ITERATIONS,
    recall: float = RECALL,
    *,
    noise_run: bool = False,
) -> Outcomes:
    """Run a search in each row of the world.

    The same seed gives every gate the same chances, so that two gates differ by what they decide.
    With `noise_run` an A/A run comes first: its trials are the baseline's, and it tells the noise.
    """
    searches = _Searches(gate, world, seed, recall, noise_run=noise_run)
    for iteration in range(1, iterations + 1):
        searches.iterate(iteration)
    return searches.outcomes()


class _Searches:
    """The state of all searches between two iterations."""

    def __init__(
        self, gate: SimulatedGate, world: World, seed: int, recall: float, *, noise_run: bool
    ) -> None:
        self._gate, self._world, self._seed, self._recall = gate, world, seed, recall
        self._state = world.baseline
        self._truth = self._first_truth = world.blended(self._state)
        rules = gate.rules
        measured = (ARMS if noise_run else 1) * rules.trials
        counted = min(measured, most_incumbent_trials(rules))
        self._stored = self._baseline(range(1, counted + 1))
        self._known: KnownVariance | None = None
        if noise_run:
            run = self._baseline(range(1, measured + 1))
            self._known = KnownVariance(run.squares.sum(axis=1), run.degrees().sum(axis=1))
        rows, tasks = self._state.shape
        self._rollouts = np.full(rows, measured * tasks)
        self._counts = np.zeros((5, rows), dtype=np.int64)
        self._expected = self._stored.blended()
        self._inflation = np.zeros(rows)

    def iterate(self, iteration: int) -> None:
        """One candidate of each search, from its proposal to what becomes of it."""
        chances = np.random.default_rng((self._seed, iteration))
        found = self._world.propose(self._state, chances)
        named = declared_tasks(found.affected, self._recall, chances)
        bypassed = chances.random(len(self._truth)) < self._gate.rules.bypass_share
        question = Question(
            candidate=self._draw(found.state, iteration, 1),
            incumbent=self._draw(self._state, iteration, 2),
            control=self._draw(self._state, iteration, 3),
            stored=self._stored,
            fix_tasks=named,
            slice_open=~bypassed,
            known=self._known,
            inflation=self._inflation,
        )
        answers = self._gate.decide(question)
        truth = self._world.blended(found.state)
        self._count(truth - self._truth, answers)
        self._keep(found.state, truth, answers)

    def outcomes(self) -> Outcomes:
        believed = self._stored.blended()
        if self._gate.rules.reference == "shrunken":
            believed = believed - self._inflation
        gained = self._truth - self._first_truth
        promoted, false, harmful, missed, real = self._counts
        return Outcomes(
            gained, promoted, false, harmful, missed, real, self._rollouts, believed - self._truth
        )

    def _baseline(self, trials: range) -> Trials:
        rows, tasks = self._state.shape
        found, draw = Trials.none(rows, tasks), self._draw(self._state, 0, 0)
        everyone, everything = np.arange(rows), np.ones((rows, tasks), dtype=np.bool_)
        for trial in trials:
            found.add(everyone, draw(trial, everyone), everything)
        return found

    def _draw(self, state: Floats, iteration: int, arm: int) -> Callable[[int, Integers], Floats]:
        """Trials of some harnesses; the same ones whenever they are asked for."""

        def draw(trial: int, at: Integers) -> Floats:
            chances = np.random.default_rng((self._seed, iteration, arm, trial))
            return self._world.rollouts(state, at, chances)

        return draw

    def _count(self, gain: Floats, answers: Answers) -> None:
        promoted, real = answers.promoted, gain >= REAL_GAIN
        kinds = (promoted, promoted & (gain <= NO_GAIN), promoted & (gain < HARM))
        self._counts += np.array([*kinds, ~promoted & real, real])
        self._rollouts = self._rollouts + answers.rollouts

    def _keep(self, state: Floats, truth: Floats, answers: Answers) -> None:
        """Promoted candidates become incumbents; their inflation as in `promotion/inflation.py`."""
        promoted = answers.promoted
        measured = answers.candidate.blended()
        belief = PRIOR_POINTS**2 / (PRIOR_POINTS**2 + np.nan_to_num(answers.error) ** 2)
        expected = self._expected + (measured - self._expected) * belief
        self._expected = np.where(promoted, expected, self._expected)
        self._inflation = np.where(promoted, measured - expected, self._inflation)
        self._stored = answers.incumbent
        self._stored.put(promoted, answers.candidate.take(promoted))
        self._state = np.where(promoted[:, None], state, self._state)
        self._truth = np.where(promoted, truth, self._truth)
