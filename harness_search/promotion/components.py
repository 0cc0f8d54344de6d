"""Whether rollouts that were run together differ from the others by more than trial noise."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness_search.ledger.scores import mean

SIGNIFICANT = 0.01
"""Chance under trial noise alone, below which a component counts as found."""
PERMUTATIONS = 2_000
ROUNDING = 1e-9
"""Points. What differs by less differs by the rounding of floating point."""

Labelled = Sequence[tuple[int | str, float]]
"""The rollouts of a task: the group that each belongs to, and its share of the score."""


@dataclass(frozen=True, slots=True)
class Component:
    """Variance between groups of rollouts, held against the variance within tasks."""

    groups: int
    ratio: float | None
    """F: mean square between groups / mean square of what is left; None where nothing is left."""
    degrees: tuple[int, int]
    chance: float
    """How often a ratio at least as large comes of trial noise alone, by permutation."""
    points: float
    """Estimated standard deviation that a group adds to a blended score beyond trial noise."""

    @property
    def found(self) -> bool:
        return self.chance < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class _Table:
    """Residuals by task, and the group of each."""

    residuals: list[list[float]]
    groups: list[list[int]]
    sizes: list[int]

    def between(self) -> float:
        """Sum of squares between groups, after each task's own level is taken out."""
        sums = [0.0] * len(self.sizes)
        for residuals, groups in zip(self.residuals, self.groups, strict=True):
            for residual, group in zip(residuals, groups, strict=True):
                sums[group] += residual
        return sum(total * total / size for total, size in zip(sums, self.sizes, strict=True))


def component(
    tasks: Mapping[str, Labelled], permutations: int = PERMUTATIONS, seed: int = 0
) -> Component | None:
    """Test whether groups differ; None for a single group, or too few rollouts to tell.

    Under trial noise alone, which rollout of a task belongs to which group means nothing, so that
    shuffling the rollouts of each task shows what the ratio is then. That asks for no normal
    distribution and no equal variance of tasks. The same rollouts always give the same chance.
    """
    table = _table(tasks)
    rollouts, groups = sum(table.sizes), len(table.sizes)
    left = rollouts - len(tasks) - (groups - 1)
    if groups < 2 or left < 1:
        return None
    between = table.between()
    squares = sum(value * value for own in table.residuals for value in own)
    mean_between = between / (groups - 1)
    mean_left = max(0.0, squares - between) / left
    size = (rollouts - sum(own * own for own in table.sizes) / rollouts) / (groups - 1)
    return Component(
        groups=groups,
        ratio=mean_between / mean_left if mean_left > ROUNDING * squares else None,
        degrees=(groups - 1, left),
        chance=_chance(table, between, permutations, random.Random(seed)),
        points=math.sqrt(max(0.0, (mean_between - mean_left) / size)),
    )


def _table(tasks: Mapping[str, Labelled]) -> _Table:
    """Tasks and rollouts in an order that does not depend on how they came."""
    rollouts = [sorted(tasks[task]) for task in sorted(tasks)]
    labels = sorted({label for own in rollouts for label, _ in own})
    numbers = {label: number for number, label in enumerate(labels)}
    groups = [[numbers[label] for label, _ in own] for own in rollouts]
    centres = [mean([value for _, value in own]) for own in rollouts]
    residuals = [
        [_rounded(value - centre) for _, value in own]
        for own, centre in zip(rollouts, centres, strict=True)
    ]
    sizes = [sum(own.count(number) for own in groups) for number in range(len(labels))]
    return _Table(residuals, groups, sizes)


def _rounded(residual: float) -> float:
    return residual if abs(residual) > ROUNDING else 0.0


def _chance(table: _Table, observed: float, permutations: int, generator: random.Random) -> float:
    """Share of the permutations, what was observed among them, that differ as much or more."""
    shuffled = _Table([list(own) for own in table.residuals], table.groups, table.sizes)
    threshold, as_large = observed * (1 - ROUNDING), 1
    for _ in range(permutations):
        for own in shuffled.residuals:
            generator.shuffle(own)
        as_large += shuffled.between() >= threshold
    return as_large / (permutations + 1)
