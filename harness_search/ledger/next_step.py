"""What to do next: a pure function of what a scan found."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness_search.ledger.rows import IterationRow


@dataclass(frozen=True, slots=True)
class Scan:
    """What ledger and files say now."""

    iterations: Sequence[IterationRow]
    missing: int
    """Rollouts of the open iteration that are still to run."""
    target: int
    """Last iteration that was asked for."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Record the baseline as iteration 0."""


@dataclass(frozen=True, slots=True)
class Propose:
    """Hold a proposer session, audit and validate what it left."""

    iteration: int


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Run the missing rollouts of an iteration."""

    iteration: int


@dataclass(frozen=True, slots=True)
class Decide:
    """Put the evaluated candidate through the gate."""

    iteration: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left to do."""

    reason: str


Step = Begin | Propose | Evaluate | Decide | Finished


def next_step(scan: Scan) -> Step:
    """The one next step; restarting after any crash is scanning and asking again."""
    if not scan.iterations:
        return Begin()
    last = scan.iterations[-1]
    if last.decision is None:
        return Evaluate(last.number) if scan.missing else Decide(last.number)
    if last.number >= scan.target:
        return Finished(f"iteration {last.number} of {scan.target} is decided")
    return Propose(last.number + 1)
