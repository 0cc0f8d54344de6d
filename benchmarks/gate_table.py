"""Compares promotion gates over simulated searches, and says how near the facts' figures are.

Run from the repository root: `.venv/bin/python benchmarks/gate_table.py`; it takes a few
minutes. `--write docs/gate.md` puts the tables into the page, `--searches` and `--seed` change what
is drawn.
The reference model and its candidates are those of the facts on the gate, section 4.1, as far as
these go: our own code, with seeds of its own. It is a model of noise and of candidates; the tables
say nothing about any language model.

All gates meet the same chances, so differences between two are far surer than their gains.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sandbox import write

from harness_search.promotion.rules import PRESETS, GateRules
from harness_search.promotion.simulation.assumptions import ITERATIONS, RECALL, SEARCHES, TASKS
from harness_search.promotion.simulation.claims import declared_tasks
from harness_search.promotion.simulation.decisions import Answers, Question, decide
from harness_search.promotion.simulation.figures import Figures, Mean, gained_more
from harness_search.promotion.simulation.reference import ReferenceWorld, reference_world
from harness_search.promotion.simulation.searches import (
    REAL_GAIN,
    Outcomes,
    SimulatedGate,
    simulate,
)
from harness_search.promotion.simulation.trials import Floats, Trials
from harness_search.promotion.simulation.world import NOTHING_HELPS, Stream

FEWEST_SEARCHES = 1_000
TOLERANCE = 0.5
"""Points by which a gain may differ from the facts'."""
T_95 = 1.7139
"""Of Student's t with 23 degrees of freedom: 24 tasks, one-sided 5 %."""
SEED, STANDARD = PRESETS["seed"], PRESETS["standard"]


def paired_t(question: Question) -> Answers:
    """Three trials, and a t-test over the differences of the tasks: the gate not to have."""
    answers = decide(replace(SEED, min_delta=-math.inf), question)
    by_task = answers.candidate.mean - question.stored.mean
    error = by_task.std(axis=1, ddof=1) / math.sqrt(by_task.shape[1])
    return replace(answers, promoted=by_task.mean(axis=1) > T_95 * error)


def staged(rules: GateRules) -> SimulatedGate:
    return SimulatedGate.of(rules)


@dataclass(frozen=True, slots=True)
class Row:
    """A gate, and the facts' figures for it."""

    name: str
    gate: SimulatedGate
    gain: float
    rollouts: int


ONE_TRIAL = replace(SEED, trials=1, most_trials=1)
ROWS = (
    Row("one trial, no margin", staged(replace(ONE_TRIAL, min_delta=0.0)), 12.54, 552),
    Row("one trial, +1.0", staged(ONE_TRIAL), 11.14, 552),
    Row("`seed`", staged(SEED), 13.01, 1_656),
    Row("three trials, no margin", staged(replace(SEED, min_delta=0.0)), 14.50, 1_656),
    Row("three trials, +3.0", staged(replace(SEED, min_delta=3.0)), 9.92, 1_656),
    Row("`seed`, shrunken reference", staged(replace(SEED, reference="shrunken")), 14.06, 1_656),
    Row("paired t over tasks, p < .05", SimulatedGate(SEED, paired_t), 7.35, 1_656),
    Row("`economy`", staged(PRESETS["economy"]), 13.42, 926),
    Row("`standard`", staged(STANDARD), 13.94, 1_135),
    Row("`standard`, p = .90", staged(replace(STANDARD, sure_chance=0.90)), 13.77, 1_217),
    Row("`explore`", staged(PRESETS["explore"]), 14.91, 1_165),
)
BY_RECALL = {1.0: 1.04, 0.8: 0.92, 0.6: 0.64, 0.4: 0.20, 0.2: -0.55, 0.0: -1.88}
"""The facts' gain of `standard` over `seed` by the recall of the claims."""
ONE_DECISION = {
    "seed": (".07 [72]", ".23 [72]", ".36 [72]", ".51 [72]", ".72 [72]", ".88 [72]", "1.0 [72]"),
    "economy": (".02 [18]", ".17 [42]", ".33 [59]", ".51 [71]", ".75 [76]", ".90 [74]", "1.0 [72]"),
    "standard": (
        ".02 [21]", ".19 [56]", ".37 [79]", ".57 [92]", ".80 [89]", ".94 [80]", "1.0 [72]",
    ),
}  # fmt: skip
TRUE_GAINS = (-1.05, 0.0, 0.5, 1.0, 1.84, 3.0, 7.8)
HARSH = Stream(null=0.45, harmful=0.35, small=0.09, middle=0.09, large=0.02)
HOPELESS = Stream(null=0.5, harmful=0.5, small=0.0, middle=0.0, large=0.0)
STREAMS = {
    "of the reference": Stream(),
    "harsher (80 % without gain)": HARSH,
    "null or harmful only": HOPELESS,
    "null only": NOTHING_HELPS,
}
SHAPES = ((24, 3), (36, 2), (72, 1))


class Tables:
    """All tables, from so many searches."""

    def __init__(self, searches: int, seed: int) -> None:
        self._searches, self._seed = searches, seed
        self._world = reference_world(searches, TASKS, seed)

    def blocks(self) -> Iterator[str]:
        """As Markdown, one after another."""
        yield (
            f"Simulated: {self._searches:,} searches of {ITERATIONS} iterations for each line, "
            f"{TASKS} tasks, claims that know {RECALL:.0%} of what they fix, seed {self._seed}. "
            "Intervals are those of 95 %."
        )
        yield self._gates()
        yield self._decisions()
        yield self._recalls()
        yield self._streams()
        yield self._shapes()

    def _run(
        self,
        gate: SimulatedGate,
        world: ReferenceWorld | None = None,
        recall: float = RECALL,
        *,
        noise_run: bool = False,
    ) -> Outcomes:
        return simulate(gate, world or self._world, self._seed, recall=recall, noise_run=noise_run)

    def _gates(self) -> str:
        found: dict[str, Outcomes] = {}
        for row in ROWS:
            say(row.name)
            found[row.name] = self._run(row.gate)
        return gates_table(found)

    def _decisions(self) -> str:
        say("one decision")
        lines = [
            "| one decision, promoted [rollouts] by true gain | "
            + " | ".join(f"{gain:+g}" for gain in TRUE_GAINS)
            + " |",
            "|---|" + "---:|" * len(TRUE_GAINS),
        ]
        halfway = self._halfway()
        for name, facts in ONE_DECISION.items():
            cells = [self._decided(PRESETS[name], halfway, gain) for gain in TRUE_GAINS]
            lines.append(f"| `{name}` | {' | '.join(cells)} |")
            lines.append(f"| in the facts | {' | '.join(facts)} |")
        return "\n".join(lines)

    def _halfway(self) -> Floats:
        """Incumbents after half of the iterations, if every real gain had been promoted."""
        world, chances = self._world, np.random.default_rng((self._seed, 1))
        state = world.baseline
        for _ in range(ITERATIONS // 2):
            found = world.propose(state, chances)
            real = world.blended(found.state) - world.blended(state) >= REAL_GAIN
            state = np.where(real[:, None], found.state, state)
        return state

    def _decided(self, rules: GateRules, state: Floats, gain: float) -> str:
        """Share promoted and rollouts, of candidates of this very gain against new incumbents."""
        world, chances = self._world, np.random.default_rng((self._seed, 2))
        rows, tasks = state.shape
        wanted = np.full(rows, gain)
        affected = world.affected(state, wanted, chances)
        changed = world.moved(state, affected, wanted, world.blended)
        everyone, every = np.arange(rows), np.ones((rows, tasks), dtype=np.bool_)
        stored = Trials.none(rows, tasks)
        for _ in range(SEED.trials):
            stored.add(everyone, world.rollouts(state, everyone, chances), every)
        question = Question(
            candidate=lambda _, at: world.rollouts(changed, at, chances),
            incumbent=lambda _, at: world.rollouts(state, at, chances),
            stored=stored,
            fix_tasks=declared_tasks(affected, RECALL, chances),
            slice_open=chances.random(rows) >= rules.bypass_share,
        )
        answers = decide(rules, question)
        able = np.abs(world.blended(changed) - world.blended(state) - gain) < 0.05
        return f"{answers.promoted[able].mean():.2f} [{answers.rollouts[able].mean():.0f}]"

    def _recalls(self) -> str:
        lines = [
            "| claims know | `standard` over `seed` | in the facts | rollouts | `economy` over "
            "`seed` |",
            "|---:|---:|---:|---:|---:|",
        ]
        reference = self._run(staged(SEED))
        for recall, facts in BY_RECALL.items():
            say(f"recall {recall:g}")
            standard = self._run(staged(STANDARD), recall=recall)
            economy = self._run(staged(PRESETS["economy"]), recall=recall)
            lines.append(
                f"| {recall:.0%} | {around(gained_more(standard, reference))} | {facts:+.2f} "
                f"| {standard.rollouts.mean():,.0f} | {around(gained_more(economy, reference))} |"
            )
        without = self._run(staged(replace(STANDARD, slice_trials=0)))
        lines.append(
            f"| no fix slice | {around(gained_more(without, reference))} | +0.86 "
            f"| {without.rollouts.mean():,.0f} | |"
        )
        return "\n".join(lines)

    def _streams(self) -> str:
        lines = [
            "| candidates | gate | true gain | promoted | false | rollouts | inflation |",
            "|---|---|---:|---:|---:|---:|---:|",
        ]
        for name, stream in STREAMS.items():
            say(name)
            world = reference_world(self._searches, TASKS, self._seed, stream)
            for gate in ("seed", "standard", "economy"):
                found = Figures.of(self._run(staged(PRESETS[gate]), world))
                lines.append(
                    f"| {name} | `{gate}` | {found.gain.value:+.2f} | {found.promoted:.2f} "
                    f"| {found.false:.2f} | {found.rollouts:,.0f} | {found.inflation:+.2f} |"
                )
        return "\n".join(lines)

    def _shapes(self) -> str:
        lines = [
            "| dev tasks x trials, after an A/A run | gate | true gain | promoted | false | missed "
            "| rollouts | inflation |",
            "|---|---|---:|---:|---:|---:|---:|---:|",
        ]
        for tasks, trials in SHAPES:
            say(f"{tasks} x {trials}")
            world = reference_world(self._searches, tasks, self._seed)
            for gate in ("seed", "standard"):
                rules = PRESETS[gate]
                most = rules.most_trials * trials // rules.trials
                shaped = staged(replace(rules, trials=trials, most_trials=most))
                found = Figures.of(self._run(shaped, world, noise_run=True))
                lines.append(
                    f"| {tasks} x {trials} | `{gate}` | {around(found.gain)} "
                    f"| {found.promoted:.2f} | {found.false:.2f} | {found.missed:.2f} "
                    f"| {found.rollouts:,.0f} | {found.inflation:+.2f} |"
                )
        note = (
            "Compare the gates within a shape only: a candidate gains as many points whatever the "
            "number of tasks, and what a gain on dev means for other tasks is not simulated."
        )
        return "\n".join([*lines, "", note])


def gates_table(found: Mapping[str, Outcomes]) -> str:
    """Every gate's figures, its difference to `seed`, and the facts' figures beside them."""
    lines = [
        "| gate | true gain | over `seed` | promoted | false | harmful | missed | rollouts | gain "
        "per 1,000 | inflation | in the facts: gain | rollouts | |",
        "|---|" + "---:|" * 11 + "---|",
    ]
    for row in ROWS:
        outcomes = found[row.name]
        figures = Figures.of(outcomes)
        over = gained_more(outcomes, found["`seed`"])
        near = abs(figures.gain.value - row.gain) <= TOLERANCE
        lines.append(
            f"| {row.name} | {around(figures.gain)} | {around(over) if over.half else ''} "
            f"| {figures.promoted:.2f} | {figures.false:.2f} | {figures.harmful:.2f} "
            f"| {figures.missed:.2f} of {figures.real:.2f} | {figures.rollouts:,.0f} "
            f"| {figures.gain_per_thousand:.1f} | {figures.inflation:+.2f} | {row.gain:.2f} "
            f"| {row.rollouts:,} | {'near' if near else 'NOT WITHIN 0.5'} |"
        )
    return "\n".join(lines)


def around(one: Mean) -> str:
    return f"{one.value:+.2f} ±{one.half:.2f}"


def say(news: str) -> None:
    print(news, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--searches", type=int, default=SEARCHES, help="for each line")
    parser.add_argument("--seed", type=int, default=0, help="that everything is drawn with")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into a page")
    options = parser.parse_args()
    if options.write and options.searches < FEWEST_SEARCHES:
        parser.error(f"--write takes at least {FEWEST_SEARCHES} searches")
    text = "\n\n".join(Tables(options.searches, options.seed).blocks())
    print(text)
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
