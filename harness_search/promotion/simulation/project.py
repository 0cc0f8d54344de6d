"""Searches in the noise that a project's own A/A run has measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness_search.promotion.simulation.claims import affected_tasks
from harness_search.promotion.simulation.trials import Floats, Integers
from harness_search.promotion.simulation.world import CEILING, Proposals, Stream


@dataclass(frozen=True, slots=True)
class Noise:
    """What is known of the baseline on each dev task, in points."""

    spread: Sequence[float]
    """Standard deviation of one rollout's share of the blended score."""
    rate: Sequence[float]
    """Mean share of passed criteria."""


class ProjectWorld:
    """A state is what a harness adds to each task's share of the blended score.

    Simple on purpose: noise is normal and stays as it was on the baseline, whatever a harness adds,
    and all-pass rates have no part of their own. Gains are meant in blended points.
    """

    def __init__(self, noise: Noise, searches: int, stream: Stream | None = None) -> None:
        self._spread, self._rate = np.asarray(noise.spread), np.asarray(noise.rate)
        self._stream = stream or Stream()
        self._baseline = np.zeros((searches, len(self._spread)))

    @property
    def baseline(self) -> Floats:
        return self._baseline

    def blended(self, state: Floats) -> Floats:
        score: Floats = (self._rate + state).mean(axis=1)
        return score

    def propose(self, state: Floats, rng: np.random.Generator) -> Proposals:
        """Gains shrink with the room that is left, and are spread over tasks that have some."""
        gains = self._stream.gains(len(state), rng)
        room = np.maximum(CEILING - (self._rate + state), 0.0)
        first = np.maximum(CEILING - self._rate, 0.0).mean() or 1.0
        gains = np.where(gains > 0, gains * np.minimum(room.mean(axis=1) / first, 1.0), gains)
        affected = affected_tasks(room, rng) & (gains != 0)[:, None]
        part = np.where(affected, np.maximum(room, 1.0), 0.0)
        part /= np.maximum(part.sum(axis=1, keepdims=True), 1.0)
        moved = state + gains[:, None] * state.shape[1] * part
        return Proposals(np.clip(moved, -self._rate, 100.0 - self._rate), affected)

    def rollouts(self, state: Floats, at: Integers, rng: np.random.Generator) -> Floats:
        noise: Floats = rng.standard_normal(state.shape)[at] * self._spread
        return self._rate + state[at] + noise
