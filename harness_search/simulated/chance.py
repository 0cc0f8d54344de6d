"""Chance in the simulated model: fixed tendencies of a model on a task, and noise of a rollout."""

from dataclasses import dataclass

from harness_search.files import digest_text

OFTEN, RARELY = 0.985, 0.005
"""Tendencies are one or the other: tasks that fail by a coin flip would make the noise of a single
pass several times the study's 1 to 3 points."""


def uniform(*parts: str) -> float:
    """A number in [0, 1) that depends on nothing but the parts."""
    return int(digest_text(*parts)[:13], 16) / 16**13


@dataclass(frozen=True, slots=True)
class Chance:
    """Decides what happens in one rollout."""

    assignment: str
    """The instructions: the same task has the same tendencies in every rollout."""
    noise: str
    """The noise key of the rollout."""

    def happens(self, event: str, prone: float, mixed: float = 0.0) -> bool:
        """Whether `event` happens in this rollout.

        A share `prone` of all tasks shows it nearly always, a share `mixed` half of the time,
        and the rest nearly never.
        """
        return uniform("noise", self.noise, event) < self.tendency(event, prone, mixed)

    def tendency(self, event: str, prone: float, mixed: float) -> float:
        """How often `event` happens on this task."""
        place = uniform("tendency", self.assignment, event)
        if place < prone:
            return OFTEN
        return 0.5 if place < prone + mixed else RARELY

    def pick(self, event: str, count: int) -> int:
        """One of `count` variants, fixed for the task."""
        return int(uniform("variant", self.assignment, event) * count)
