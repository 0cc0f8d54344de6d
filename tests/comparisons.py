"""Comparisons for the tests of the gate: raw rows of both arms, and the loop that runs them."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conftest import rollout_row

from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.ledger.scores import Weights, score
from harness_search.promotion.decision import Arm, Decision, Gate, Pairing, PlannedRollout
from harness_search.promotion.gate import StagedGate
from harness_search.promotion.rules import PRESETS

WEIGHTS = Weights()
Passed = Callable[[str, int], int]
"""Criteria passed on a task in a trial."""


def side(criteria: Mapping[str, int], trials: Iterable[int], passed: Passed) -> list[RolloutRow]:
    """One arm's rows: every task in each of these trials."""
    return [
        rollout_row("h", task, trial, passed(task, trial), total)
        for trial in trials
        for task, total in criteria.items()
    ]


def lost(row: RolloutRow) -> RolloutRow:
    """The same rollout, taken by an outage."""
    return replace(row, outcome=Outcome.INFRA_FAILED, passed=0, reason="the provider failed")


def pairing(
    candidate: Sequence[RolloutRow],
    incumbent: Sequence[RolloutRow],
    criteria: Mapping[str, int],
    **more: Any,
) -> Pairing:
    return Pairing(candidate, incumbent, criteria, more.pop("weights", WEIGHTS), **more)


def seed_rule(given: Pairing, trials: int, min_delta: float) -> bool:
    """The study's rule by its own words: is one blended score above the other by the margin?"""
    new = score(given.candidate, given.criteria, trials, given.weights)
    old = score(given.incumbent, given.criteria, trials, given.weights)
    assert new is not None
    assert old is not None
    assert new.complete
    assert old.complete
    return new.blended - old.blended >= min_delta - 1e-9


WHILE_COMPARED = "2026-11-02T09:00:00+00:00"
"""When what a gate asks for is run; the incumbent's stored rows, of unknown time, were before."""


@dataclass
class Loop:
    """Runs what a gate asks for until it has decided, as the search does."""

    gate: Gate
    worlds: Mapping[Arm, Passed]
    decisions: list[Decision] = field(default_factory=list)
    asked: set[PlannedRollout] = field(default_factory=set)

    def run(self, given: Pairing) -> Decision:
        """The final decision; every step is in `decisions`."""
        rows = {Arm.CANDIDATE: [*given.candidate], Arm.INCUMBENT: [*given.incumbent]}
        while True:
            now = replace(given, candidate=rows[Arm.CANDIDATE], incumbent=rows[Arm.INCUMBENT])
            decision = self.gate.decide(now)
            self.decisions.append(decision)
            if decision.verdict != "undecided":
                return decision
            assert decision.planned
            for planned in decision.planned:
                assert planned not in self.asked, "a gate asks once for a rollout that finished"
                self.asked.add(planned)
                rows[planned.arm].append(self._row(planned, given.criteria))

    def _row(self, planned: PlannedRollout, criteria: Mapping[str, int]) -> RolloutRow:
        passed = self.worlds[planned.arm](planned.task, planned.trial)
        row = rollout_row("h", planned.task, planned.trial, passed, criteria[planned.task])
        return replace(row, started_at=WHILE_COMPARED)

    @property
    def stages(self) -> list[str]:
        """Names of the stages in the order in which they were met."""
        return list(dict.fromkeys(decision.stage for decision in self.decisions))


TASKS = {f"area/task-{number}": 100 for number in range(8)}
NAMES = tuple(TASKS)
FIX = NAMES[:2]
STANDARD = StagedGate(PRESETS["standard"])
STUBBORN = StagedGate(
    replace(PRESETS["standard"], futility_chance=0.0, sure_chance=1.0, band=100.0)
)
"""Finds everything borderline before the cap."""


def noise(task: str, trial: int, arm: str = "") -> int:
    """A few criteria up or down, the same for the same rollout."""
    return random.Random(f"{arm} {task} {trial}").randint(-3, 3)


class Level:
    """An arm that passes about so many of 100 criteria, on every task or on the named ones."""

    def __init__(self, level: int, arm: str, tasks: Mapping[str, int] | None = None) -> None:
        self._level, self._arm, self._tasks = level, arm, tasks or {}

    def __call__(self, task: str, trial: int) -> int:
        return self._tasks.get(task, self._level) + noise(task, trial, self._arm)


def near(level: int, arm: str = "") -> Level:
    return Level(level, arm)


STORED = side(TASKS, (1, 2, 3), near(50, "incumbent"))


def loop(level: int, gate: StagedGate = STANDARD, tasks: Mapping[str, int] | None = None) -> Loop:
    worlds = {
        Arm.CANDIDATE: Level(level, "candidate", tasks),
        Arm.INCUMBENT: near(50, "incumbent"),
    }
    return Loop(gate, worlds)
