"""What it will cost to grade, said before it is spent."""

from collections.abc import Callable
from dataclasses import dataclass, field

from harness_search.judging.judge import Subject
from harness_search.ledger.rows import Usage


@dataclass(frozen=True, slots=True)
class Estimate:
    """What grading will take; nothing for a judge that asks nobody."""

    asked: int = 0
    """Verdicts that a model has to be asked for."""
    kept: int = 0
    """Verdicts that were paid for before, and are kept."""
    usage: Usage = field(default_factory=Usage)
    usd: float | None = 0.0
    """None when the judge's price is unknown."""
    shared: int = 0
    """Verdicts that the answers asked for on another rollout's behalf give, too."""
    notes: tuple[str, ...] = ()
    """What it supposes, and what is dear about it; a sentence each."""

    def __add__(self, other: "Estimate") -> "Estimate":
        unknown = self.usd is None or other.usd is None
        return Estimate(
            self.asked + other.asked,
            self.kept + other.kept,
            self.usage + other.usage,
            None if unknown else (self.usd or 0.0) + (other.usd or 0.0),
            self.shared + other.shared,
            tuple(dict.fromkeys((*self.notes, *other.notes))),
        )


NOTHING = Estimate()
Estimator = Callable[[Subject], Estimate]
"""Looks at what a rollout delivered and at what is kept; asks nobody."""


def free(_: Subject) -> Estimate:
    """Of a judge that asks nobody."""
    return NOTHING
