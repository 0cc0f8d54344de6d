"""What an A/A run says about noise: pure functions of the baseline's raw rows.

The baseline is measured twice, as arms A and B of a comparison in which nothing differs: arm A has
the odd trials, arm B the even ones, and pass by pass they alternate. Whatever differs is noise.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import stdev, variance
from typing import Any

from harness_search.errors import InputError
from harness_search.ledger.gains import PRIOR_DEGREES, Variance, shares, trial_variance, up_to
from harness_search.ledger.intervals import wilson
from harness_search.ledger.rows import RolloutRow
from harness_search.ledger.scores import Weights, all_passes, mean, pass_rates, rows_by_task
from harness_search.promotion.components import ROUNDING, Component, component
from harness_search.promotion.rules import GateRules

ARMS = 2
TOLERATED_CHANCE = 0.20
"""Share of worthless candidates that a suggested min_delta lets through at most."""
FEWEST_ERRORS = 0.8
"""A min_delta of fewer standard errors than this is within the noise."""
STEP = 0.1  # points
SHOWN_GAINS = (1.0, 2.0, 3.0)  # points

Chance = Callable[[GateRules, float], float]
"""Chance that a candidate of a true gain, in points, passes one comparison under these rules."""


@dataclass(frozen=True, slots=True)
class TaskNoise:
    """How much one rollout of a task varies."""

    task: str
    rate: float
    """Mean share of passed criteria, in points."""
    error: float
    """Standard deviation of one rollout's share of the blended score, in points. The blended score
    is the mean of the shares over tasks."""
    shrunken: float
    """The same, drawn towards that of all tasks as gates do: few rollouts tell little of it."""
    part: float
    """Of the variance of a pass, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class PassNoise:
    """One figure over the passes; a pass is one rollout of every task. All in points."""

    mean: float
    measured: float
    """Standard deviation between the passes of the run: few values, so a rough figure."""
    expected: float
    """The same as the variance between rollouts of one task lets expect it."""


@dataclass(frozen=True, slots=True)
class Flips:
    """Verdicts that the same judge gave otherwise, or not, when asked again."""

    judged: int
    flipped: int

    @property
    def most(self) -> float:
        """Upper end of the 95 % interval (Wilson) of the share that flips; 1 without a verdict."""
        return wilson(self.flipped / self.judged, self.judged)[1] if self.judged else 1.0


@dataclass(frozen=True, slots=True)
class GateChances:
    """How often the configured gate is right, given this noise. Chances are from 0 to 1."""

    min_delta: float
    false_promotion: float
    """That a candidate without any gain passes one comparison."""
    power: tuple[tuple[float, float], ...]
    """True gain in points, and the chance that a candidate of that gain passes."""
    suggested: float
    """A min_delta in points (see `suggest`)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the A/A run took."""

    rollouts: int
    tokens: int
    """Of the rollouts."""
    usd: float | None
    """Of the rollouts and the judge; None when the model's price is unknown."""
    judge_usd: float = 0.0
    """Of the judge, what it was asked again included."""


@dataclass(frozen=True, slots=True)
class NoiseReport:
    """The noise of one project: this baseline, these tasks, this model, this judge."""

    trials: int
    """Of either arm."""
    tasks: tuple[TaskNoise, ...]
    """The noisiest first."""
    variance: Variance
    """Within tasks, over all of them: what gates take for the noise of a rollout."""
    pooled: PassNoise
    all_pass: PassNoise
    blended: PassNoise
    difference: float
    """Blended score of arm A minus that of arm B, in points: nothing but noise."""
    floor: float
    """The noise floor: standard error of a difference between two arms, in points."""
    passes: Component | None
    days: Component | None
    """None when all rollouts were of one day (UTC), or days are not known."""
    flips: Flips | None = None
    """None before verdicts were judged again."""
    chances: GateChances | None = None
    """None before the gate was simulated."""
    cost: Cost | None = None
    simulated: bool = False
    """Whether the model is."""
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts of the run by what they ran in."""

    @property
    def warning(self) -> str:
        """What is wrong with the configured min_delta; empty when nothing is."""
        least = FEWEST_ERRORS * self.floor
        if self.chances is None or self.chances.min_delta >= least:
            return ""
        return (
            f"min_delta {self.chances.min_delta:g} is within the noise: it is less than "
            f"{FEWEST_ERRORS:g} standard errors of a comparison ({least:.2f} points)"
        )

    def to_json(self) -> dict[str, Any]:
        """The document of `noise --json`."""
        return {
            "simulated": self.simulated,
            "sandboxes": dict(self.sandboxes),
            "trials": self.trials,
            "tasks": [_rounded(asdict(item)) for item in self.tasks],
            "variance": _rounded(asdict(self.variance)),
            "pass": {
                "pooled": _rounded(asdict(self.pooled)),
                "all_pass": _rounded(asdict(self.all_pass)),
                "blended": _rounded(asdict(self.blended)),
            },
            "difference": round(self.difference, 4),
            "noise_floor": round(self.floor, 4),
            "pass_component": _component_json(self.passes),
            "day_component": _component_json(self.days),
            "drift": drift(self) or None,
            "judge": self.flips and _flips_json(self.flips),
            "gate": self.chances and _chances_json(self.chances),
            "warning": self.warning or None,
            "cost": self.cost and _rounded(asdict(self.cost)),
        }


def analyse(
    rows: Iterable[RolloutRow], criteria: Mapping[str, int], trials: int, weights: Weights
) -> NoiseReport:
    """Derive the noise from the baseline's rows; `trials` are those of either arm.

    Raises InputError unless all 2 x trials rollouts of every task are finished: noise is compared
    between passes, and a pass with holes is another pass.
    """
    by_task = complete_rows(rows, criteria, trials)
    complete = [row for own in by_task.values() for row in own]
    most = ARMS * trials
    blended = up_to(shares(complete, criteria, weights), most)
    pooled = up_to(shares(complete, criteria, Weights(all_pass=0.0, cost=0.0)), most)
    within = trial_variance(complete, criteria, most, weights)
    rollout = within.squares / within.degrees
    return NoiseReport(
        trials=trials,
        tasks=_by_task(by_task, blended, rollout),
        variance=within,
        pooled=_pass_noise(pooled),
        all_pass=_pass_noise({task: all_passes(own) for task, own in by_task.items()}),
        blended=_pass_noise(blended),
        difference=mean([mean(own[0::2]) - mean(own[1::2]) for own in blended.values()]),
        floor=math.sqrt(rollout * ARMS / trials / len(criteria)),
        passes=component({task: list(enumerate(own)) for task, own in blended.items()}),
        days=_days(by_task, blended),
    )


def complete_rows(
    rows: Iterable[RolloutRow], criteria: Mapping[str, int], trials: int
) -> dict[str, list[RolloutRow]]:
    """The rows of an A/A run by task, in the order of their trials; raises InputError when some
    are missing."""
    most = ARMS * trials
    by_task = rows_by_task(rows, criteria, most)
    finished, planned = sum(map(len, by_task.values())), most * len(criteria)
    if finished < planned:
        found = f"{finished} of {planned} rollouts" if finished else "none"
        expected = f"the baseline {ARMS} x {trials} times on every task (`meta-harness noise`)"
        raise InputError("search", "the A/A run", found, expected)
    return {task: sorted(own, key=_trial) for task, own in by_task.items()}


def _trial(row: RolloutRow) -> int:
    return row.key.trial


def _by_task(
    by_task: Mapping[str, Sequence[RolloutRow]],
    values: Mapping[str, Sequence[float]],
    pooled: float,
) -> tuple[TaskNoise, ...]:
    total = pooled * len(values)
    noise = []
    for task, own in values.items():
        degrees = len(own) - 1
        spread = variance(own)
        shrunken = (spread * degrees + pooled * PRIOR_DEGREES) / (degrees + PRIOR_DEGREES)
        part = spread / total if total else 0.0
        rate = mean(pass_rates(by_task[task]))
        noise.append(TaskNoise(task, rate, math.sqrt(spread), math.sqrt(shrunken), part))
    return tuple(sorted(noise, key=lambda item: (-item.error, item.task)))


def _pass_noise(values: Mapping[str, Sequence[float]]) -> PassNoise:
    passes = [mean(rollouts) for rollouts in zip(*values.values(), strict=True)]
    within = sum(variance(own) for own in values.values())
    return PassNoise(mean(passes), stdev(passes), math.sqrt(within) / len(values))


def _days(
    by_task: Mapping[str, Sequence[RolloutRow]], values: Mapping[str, Sequence[float]]
) -> Component | None:
    days = {task: [row.started_at[:10] for row in own] for task, own in by_task.items()}
    if not all(day for own in days.values() for day in own):
        return None
    return component({task: list(zip(days[task], values[task], strict=True)) for task in values})


def drift(report: NoiseReport) -> str:
    """A sentence when passes or days differ by more than trial noise; empty when none was seen.

    A comparison with rollouts of another day then needs a control of the same day.
    """
    found = {"days": report.days, "passes": report.passes}
    said = [
        f"{name} differ by {item.points:.1f} points beyond trial noise (p = {item.chance:.4f})"
        for name, item in found.items()
        if item is not None and item.found
    ]
    return f"In the A/A run {' and '.join(said)}." if said else ""


def with_chances(report: NoiseReport, rules: GateRules, chance: Chance) -> NoiseReport:
    """The report with what the gate does in this noise; `chance` knows the noise already."""
    chances = GateChances(
        min_delta=rules.min_delta,
        false_promotion=chance(rules, 0.0),
        power=tuple((gain, chance(rules, gain)) for gain in SHOWN_GAINS),
        suggested=suggest(report.floor, rules, chance),
    )
    return replace(report, chances=chances)


def suggest(floor: float, rules: GateRules, chance: Chance) -> float:
    """The smallest min_delta, in steps of 0.1 points, that is at least 0.8 standard errors and
    lets at most 20 % of the candidates without any gain pass one comparison.

    It is looked for up to five standard errors, which no gate promotes by chance.
    """

    def passes(steps: int) -> bool:
        own = replace(rules, min_delta=steps * STEP)
        return chance(own, 0.0) <= TOLERATED_CHANCE

    least = max(1, math.ceil(FEWEST_ERRORS * floor / STEP - ROUNDING))
    most = max(least, math.ceil(5 * floor / STEP))
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if passes(middle) else (middle + 1, most)
    return round(least * STEP, 1)


def _component_json(item: Component | None) -> dict[str, Any] | None:
    return _rounded({**asdict(item), "found": item.found}) if item else None


def _flips_json(item: Flips) -> dict[str, Any]:
    return {**asdict(item), "most": round(item.most, 4)}


def _chances_json(item: GateChances) -> dict[str, Any]:
    power = [{"gain": gain, "chance": round(chance, 4)} for gain, chance in item.power]
    return {**_rounded(asdict(item)), "power": power}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in values.items()
    }
