"""What simulated searches are about: dev tasks, harnesses, candidates and rollouts.

A harness is a state by task, an array [search, task]; what its numbers mean is the world's affair.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from harness_search.promotion.simulation.trials import Floats, Integers, Truths

CEILING = 95.0
"""Points of the pooled pass rate, beyond which no mechanism leads."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """One candidate of each search."""

    state: Floats
    affected: Truths
    """Tasks on which it differs from the incumbent."""


class World(Protocol):
    """Many searches, each with dev tasks of its own."""

    @property
    def baseline(self) -> Floats:
        """The state of each search's first incumbent."""

    def blended(self, state: Floats) -> Floats:
        """True blended score of each search's harness, in points."""

    def propose(self, state: Floats, rng: np.random.Generator) -> Proposals:
        """A candidate for each incumbent."""

    def rollouts(self, state: Floats, at: Integers, rng: np.random.Generator) -> Floats:
        """One trial of the harnesses in the rows `at`: each task's share of the blended score.

        What a row draws does not depend on which other rows are asked for.
        """


@dataclass(frozen=True, slots=True)
class Stream:
    """How many of the candidates are of which kind, as shares (source: facts on the gate, 4.1)."""

    null: float = 0.30
    """Change nothing but bytes and tokens."""
    harmful: float = 0.30
    small: float = 0.12
    middle: float = 0.20
    large: float = 0.08

    def gains(self, rows: int, rng: np.random.Generator) -> Floats:
        """Intended gains in points, before headroom limits them."""
        shares = (self.null, self.harmful, self.small, self.middle, self.large)
        kinds = np.searchsorted(np.cumsum(shares)[:-1], rng.random(rows), side="right")
        drawn = (
            np.zeros(rows),
            -0.3 - rng.exponential(1.6, rows),
            *(rng.uniform(low, high, rows) for low, high in ((0.2, 1), (1, 3), (4, 8))),
        )
        gains: Floats = np.choose(kinds, drawn)
        return gains


NOTHING_HELPS = Stream(null=1.0, harmful=0.0, small=0.0, middle=0.0, large=0.0)
