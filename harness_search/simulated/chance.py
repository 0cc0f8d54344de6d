"""Chance in the simulated model: fixed tendencies of a model on a task, and noise of a rollout."""

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from harness_search.files import digest_text

OFTEN, RARELY = 0.985, 0.002
"""Tendencies are one or the other: tasks that fail by a coin flip would make the noise of a single
pass several times the study's 1 to 3 points."""
SHARED = 0.3
"""Share of the variance that all events of a rollout have in common: some are bad throughout."""


def uniform(*parts: str) -> float:
    """A number in [0, 1) that depends on nothing but the parts."""
    return int(digest_text(*parts)[:13], 16) / 16**13


@dataclass(frozen=True)
class Chance:
    """Decides what happens in one rollout."""

    family: str
    """Models of one family have the same weak spots."""
    task: str
    """The same task has the same tendencies in every rollout."""
    noise: str
    """The noise key of the rollout."""

    def happens(self, event: str, prone: float, mixed: float = 0.0) -> bool:
        """Whether `event` happens in this rollout.

        A share `prone` of all tasks shows it nearly always, a share `mixed` half of the time,
        and the rest nearly never.
        """
        return self.occurs(event, self.tendency(event, prone, mixed))

    def occurs(self, event: str, probability: float) -> bool:
        """Whether an event of this probability happens; bad rollouts see more of all events."""
        own = _normal("noise", self.noise, event)
        mixture = math.sqrt(SHARED) * self._luck + math.sqrt(1 - SHARED) * own
        return NormalDist().cdf(mixture) < probability

    @cached_property
    def _luck(self) -> float:
        return _normal("noise", self.noise)

    def tendency(self, event: str, prone: float, mixed: float) -> float:
        """How often `event` happens on this task."""
        place = self.place("tendency", event)
        if place < prone:
            return OFTEN
        return 0.5 if place < prone + mixed else RARELY

    def pick(self, event: str, count: int) -> int:
        """One of `count` variants, fixed for the task."""
        return int(self.place("variant", event) * count)

    def place(self, *event: str) -> float:
        """A number in [0, 1) that is fixed for the family and the task."""
        return uniform(*event, self.family, self.task)


def _normal(*parts: str) -> float:
    # The middle of the last of 2**52 equal steps: neither end of the open interval is reached.
    return NormalDist().inv_cdf(uniform(*parts) + 2**-53)
