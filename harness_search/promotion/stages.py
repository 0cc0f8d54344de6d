"""The stages of a gate: which rollouts of either arm each one needs, in the order to run them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness_search.ledger.replicates import control_trial
from harness_search.promotion.decision import Arm, Pairing, PlannedRollout
from harness_search.promotion.rules import GateRules

Rollouts = tuple[tuple[str, int], ...]
"""Tasks and trials, in the order in which to run them."""


class StageKind(StrEnum):
    """By which rule a stage ends."""

    SLICE = "fix slice"
    PASS = "pass"
    FULL = "full trials"
    EXTRA = "extra trials"


@dataclass(frozen=True, slots=True)
class Stage:
    """One look at the evidence. What it needs includes what earlier stages needed."""

    kind: StageKind
    trials: int
    """Of every task that it looks at."""
    candidate: Rollouts
    incumbent: Rollouts
    control: bool = False
    """Whether only the control trials of this iteration count for the incumbent."""

    @property
    def name(self) -> str:
        """As decisions and reports show it."""
        names = {
            StageKind.PASS: f"pass {self.trials}",
            StageKind.FULL: f"{self.trials} trial{'s' if self.trials > 1 else ''}",
        }
        return names.get(self.kind, self.kind.value)

    def planned(
        self, candidate: Iterable[tuple[str, int]], incumbent: Iterable[tuple[str, int]]
    ) -> tuple[PlannedRollout, ...]:
        """What of it is not among the finished rollouts of the two arms, evenly interleaved."""
        lacking = {
            Arm.CANDIDATE: without(self.candidate, candidate),
            Arm.INCUMBENT: without(self.incumbent, incumbent),
        }
        # Interleaved, so that a drift of the model in between meets both arms alike.
        placed = [
            ((number + 0.5) / len(rollouts), PlannedRollout(arm, task, trial))
            for arm, rollouts in lacking.items()
            for number, (task, trial) in enumerate(rollouts)
        ]
        return tuple(rollout for _, rollout in sorted(placed, key=lambda item: item[0]))


def stages(rules: GateRules, pairing: Pairing, slice_tasks: Sequence[str]) -> tuple[Stage, ...]:
    """All that a candidate may have to pass, the last one never empty-handed.

    `slice_tasks` are those of its fix slice; none for no slice. Passes that could not end a
    candidate are no stages of their own: nothing waits for their last rollout.
    """
    tasks = tuple(pairing.criteria)
    first = _grid(slice_tasks, min(rules.slice_trials, rules.trials))
    topped_up = _grid(tasks, rules.incumbent_trials)
    found = []
    if first:
        found.append(Stage(StageKind.SLICE, first[-1][1], first, _joined(topped_up, first)))
    if rules.futility_chance > 0:
        for number in range(1, rules.trials):
            needs = _joined(first, _grid(tasks, number))
            found.append(Stage(StageKind.PASS, number, needs, _joined(topped_up, needs)))
    for number in range(rules.trials, most_trials(rules) + 1):
        kind = StageKind.FULL if number == rules.trials else StageKind.EXTRA
        whole = _grid(tasks, number)
        beside = _joined(topped_up, whole)
        if pairing.control_reason:
            beside = tuple((task, control_trial(pairing.iteration, trial)) for task, trial in whole)
        found.append(Stage(kind, number, whole, beside, bool(pairing.control_reason)))
    return tuple(found)


def most_trials(rules: GateRules) -> int:
    """Rollouts of every task that a candidate may come to."""
    return max(rules.trials, rules.most_trials)


def most_incumbent_trials(rules: GateRules) -> int:
    """Trials 1 to this of the incumbent, or of its control, count."""
    return max(most_trials(rules), rules.incumbent_trials)


def without(rollouts: Rollouts, finished: Iterable[tuple[str, int]]) -> Rollouts:
    """Those that are not finished, in their order."""
    done = set(finished)
    return tuple(rollout for rollout in rollouts if rollout not in done)


def _joined(rollouts: Rollouts, more: Rollouts) -> Rollouts:
    return (*rollouts, *without(more, rollouts))


def _grid(tasks: Sequence[str], trials: int) -> Rollouts:
    return tuple((task, trial) for trial in range(1, trials + 1) for task in tasks)
