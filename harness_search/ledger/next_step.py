"""What to do next: a pure function of what a scan found."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness_search.ledger.rows import IterationRow


@dataclass(frozen=True, slots=True)
class Scan:
    """What ledger and files say now."""

    iterations: Sequence[IterationRow]
    missing: int = 0
    """Rollouts that the open iteration's stage of the gate still lacks."""
    stop: str = ""
    """Why no further iteration begins; empty while one may."""
    placebo: bool = False
    """Whether the next candidate is to be a placebo."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Record the baseline as iteration 0."""


@dataclass(frozen=True, slots=True)
class Propose:
    """Hold a proposer session, audit and validate what it left."""

    iteration: int


@dataclass(frozen=True, slots=True)
class MakePlacebo:
    """Open an iteration with a candidate that behaves as the incumbent does."""

    iteration: int


PROPOSING = frozenset(step.__name__.lower() for step in (Propose, MakePlacebo))
"""Phases of the loop whose iteration is still to be opened."""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Run the rollouts that the gate asks for."""

    iteration: int


@dataclass(frozen=True, slots=True)
class Decide:
    """Record what the gate says of the candidate."""

    iteration: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left to do."""

    reason: str


Step = Begin | Propose | MakePlacebo | Evaluate | Decide | Finished


def next_step(scan: Scan) -> Step:
    """The one next step; restarting after any crash is scanning and asking again."""
    if not scan.iterations:
        return Begin()
    last = scan.iterations[-1]
    if last.decision is None:
        return Evaluate(last.number) if scan.missing else Decide(last.number)
    if scan.stop:
        return Finished(scan.stop)
    return MakePlacebo(last.number + 1) if scan.placebo else Propose(last.number + 1)
