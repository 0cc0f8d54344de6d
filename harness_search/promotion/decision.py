"""What a gate is asked, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Literal, Protocol, runtime_checkable

from harness_search.ledger.gains import Gain, Variance
from harness_search.ledger.rows import DecisionKind, RolloutRow
from harness_search.ledger.scores import Weights


class Arm(StrEnum):
    """Which of the two harnesses a rollout is of."""

    CANDIDATE = "candidate"
    INCUMBENT = "incumbent"


@dataclass(frozen=True, slots=True)
class PlannedRollout:
    """One rollout that a stage needs."""

    arm: Arm
    task: str
    trial: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """All that a gate may look at: raw rows of both arms, and what the claim said before."""

    candidate: Sequence[RolloutRow]
    incumbent: Sequence[RolloutRow]
    criteria: Mapping[str, int]
    """Number of criteria by dev task, in the order of the split."""
    weights: Weights
    iteration: int = 1
    """Which one; trials of a same-day control carry its number (see `ledger/replicates.py`)."""
    fix_tasks: Sequence[str] = ()
    """Tasks that the claim says the mechanism fixes."""
    bypass_reason: str = ""
    """Why the fix slice may not end this candidate: it was drawn to bypass it, the claims of this
    search have proved unreliable, or it aims at cost alone; empty when it may."""
    control_reason: str = ""
    """Why the incumbent is measured anew beside the candidate; empty when it is not."""
    reference_variance: Variance | None = None
    """Trial noise known from the A/A run and earlier incumbents; used where the two arms alone say
    too little about it."""
    inflation: float = 0.0
    """Points by which selection is estimated to have raised the incumbent's score."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a gate concludes about one candidate against the incumbent."""

    verdict: Literal["promote", "reject", "undecided"]
    reason: str
    """One sentence that a person can act on."""
    stage: str
    """The last stage looked at, for example `fix slice`, `pass 1`, `3 trials`, `extra trials`."""
    gain: Gain | None
    """Difference, its errors and interval, chance, shrunken gain and the table by task; None when
    no task has a finished rollout of both arms, and while a stage is incomplete."""
    coverage: Fraction
    """Finished / planned rollouts of the stage, of the arm that has fewer."""
    candidate_rollouts: int
    """Finished rollouts of the candidate so far."""
    incumbent_rollouts: int
    """Finished rollouts of the incumbent that this comparison asked for: control and extra."""
    planned: tuple[PlannedRollout, ...] = ()
    """Every rollout of an incomplete stage that is not finished, interleaved, in the order in which
    to run them; empty once decided."""
    has_control: bool = False
    """Whether it was compared with trials of the incumbent beside it, and not with stored ones."""
    notes: tuple[str, ...] = ()
    """What was special about the comparison: a control, or no fix slice; one sentence each."""
    remarks: tuple[str, ...] = ()
    """What looks implausible, one sentence each."""

    @property
    def kind(self) -> DecisionKind:
        """What becomes of the iteration. Incomplete after every try is inconclusive, not worse."""
        kinds = {"promote": DecisionKind.PROMOTED, "reject": DecisionKind.ORPHAN}
        return kinds.get(self.verdict, DecisionKind.INCONCLUSIVE)


@runtime_checkable
class Gate(Protocol):
    """One method: look at the raw rows of two harnesses, and decide or ask for more of them."""

    def decide(self, pairing: Pairing) -> Decision: ...
