"""The reference model: tasks drawn from a library, whose criteria all shift by what a harness adds.

Source: the facts on the gate, section 4.1 (docs/gate.md).
"""

from collections.abc import Callable

import numpy as np

from harness_search.promotion.simulation.claims import affected_tasks
from harness_search.promotion.simulation.library import (
    LOWEST_SHIFT,
    STEP,
    Library,
    make_library,
    rollout_effects,
)
from harness_search.promotion.simulation.trials import Floats, Integers, Truths
from harness_search.promotion.simulation.world import CEILING, Proposals, Stream

LIBRARY_SEED = 1
ALL_PASS_WEIGHT = 0.5
LARGEST_SHIFT = 8.0
"""On the logit scale: a task is then as good as solved, or lost."""
HALVINGS = 20


def reference_world(
    searches: int, tasks: int, seed: int, stream: Stream | None = None
) -> "ReferenceWorld":
    """Searches whose dev tasks are drawn by the seed from one and the same library."""
    library = make_library(np.random.default_rng(LIBRARY_SEED))
    return ReferenceWorld(library, searches, tasks, seed, stream)


class ReferenceWorld:
    """A state is the shift of a task's criteria on the logit scale; the baseline's is 0."""

    def __init__(
        self,
        library: Library,
        searches: int,
        tasks: int,
        seed: int,
        stream: Stream | None = None,
        all_pass_weight: float = ALL_PASS_WEIGHT,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._bonus = all_pass_weight
        ids = np.array(
            [
                rng.choice(len(library.criteria), tasks, replace=False, shuffle=False)
                for _ in range(searches)
            ]
        )
        criteria = library.criteria[ids]
        self._stream = stream or Stream()
        self._weights = 100 * criteria / criteria.sum(axis=1, keepdims=True)
        self._loss = library.loss[ids]
        self._most = (criteria - 1) / criteria
        columns = library.all_pass.shape[1]
        self._start, self._last = ids * columns, columns - 2
        rollout = (library.rest_mean, library.rest_spread, library.all_pass)
        self._rollout = np.stack(rollout, axis=-1).reshape(-1, len(rollout))
        self._rate, self._all_pass = (
            library.expected_rate.ravel(),
            library.expected_all_pass.ravel(),
        )
        self._baseline = np.zeros((searches, tasks))
        self._room = CEILING - self.pooled(self._baseline)

    @property
    def baseline(self) -> Floats:
        return self._baseline

    def pooled(self, state: Floats) -> Floats:
        """True pooled pass rate of each search's harness, in points."""
        pooled: Floats = (self._weights * self._rates(state)).sum(axis=1)
        return pooled

    def all_pass(self, state: Floats) -> Floats:
        """True all-pass rate of each search's harness, in points."""
        rate: Floats = 100 * self._read(self._all_pass, self._start, state).mean(axis=1)
        return rate

    def blended(self, state: Floats) -> Floats:
        return self.pooled(state) + self._bonus * self.all_pass(state)

    def propose(self, state: Floats, rng: np.random.Generator) -> Proposals:
        """Gains are meant in pooled points; they shrink with the room that is left for them."""
        gains = self._stream.gains(len(state), rng)
        left = np.clip((CEILING - self.pooled(state)) / self._room, 0.0, 1.0)
        gains = np.where(gains > 0, gains * left, gains)
        affected = self.affected(state, gains, rng)
        return Proposals(self.moved(state, affected, gains, self.pooled), affected)

    def affected(self, state: Floats, gains: Floats, rng: np.random.Generator) -> Truths:
        """The tasks that a candidate of so many pooled points changes, drawn by their headroom."""
        rates = self._rates(state)
        headroom = self._weights * np.maximum(CEILING / 100 - rates, 0.0)
        farthest = state + LARGEST_SHIFT * np.sign(gains)[:, None]
        reach = self._weights * np.abs(self._rates(farthest) - rates)
        found: Truths = affected_tasks(headroom, rng, reach, np.abs(gains)) & (gains != 0)[:, None]
        return found

    def moved(
        self, state: Floats, affected: Truths, gains: Floats, score: Callable[[Floats], Floats]
    ) -> Floats:
        """One shift for all affected tasks of a search, that changes its score by `gains`."""
        wanted = score(state) + gains
        low = np.where(gains < 0, -LARGEST_SHIFT, 0.0)
        high = np.where(gains > 0, LARGEST_SHIFT, 0.0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            short = score(state + affected * middle[:, None]) < wanted
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        shifted: Floats = state + affected * ((low + high) / 2)[:, None]
        return shifted

    def rollouts(self, state: Floats, at: Integers, rng: np.random.Generator) -> Floats:
        shape = state.shape
        effects, noise = rollout_effects(rng, shape)[at], rng.standard_normal(shape)[at]
        luck, delivery = rng.random(shape)[at], rng.random(shape)[at]
        found = self._read(self._rollout, self._start[at], state[at] + effects)
        complete = luck < found[..., 2]
        rest = np.clip(found[..., 0] + found[..., 1] * noise, 0.0, self._most[at])
        pooled = self._weights[at] * shape[1] * np.where(complete, 1.0, rest)
        shares = pooled + 100 * self._bonus * complete
        delivered: Floats = np.where(delivery < self._loss[at], 0.0, shares)
        return delivered

    def _rates(self, state: Floats) -> Floats:
        return self._read(self._rate, self._start, state)

    def _read(self, table: Floats, start: Integers, shift: Floats) -> Floats:
        """A table of the library at the given shifts, interpolated between its columns."""
        place = (shift - LOWEST_SHIFT) / STEP
        column = np.clip(place.astype(np.int64), 0, self._last)
        part = np.clip(place - column, 0.0, 1.0)
        if table.ndim > 1:
            part = part[..., None]
        index = start + column
        below = table[index]
        read: Floats = below + part * (table[index + 1] - below)
        return read
