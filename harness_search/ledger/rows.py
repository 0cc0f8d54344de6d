"""The raw rows that everything else is derived from."""

from dataclasses import dataclass
from enum import StrEnum

NO_SANDBOX = "none"


class Outcome(StrEnum):
    """How a rollout ended. Only the gateway and the scaffold can make one `infra_failed`."""

    SCORED = "scored"
    HARNESS_FAILED = "harness_failed"
    INFRA_FAILED = "infra_failed"

    @property
    def finished(self) -> bool:
        """Whether the rollout counts: a lost one is run again and never scored."""
        return self is not Outcome.INFRA_FAILED


class Split(StrEnum):
    """Which list a task belongs to; the two never share a ledger."""

    DEV = "dev"
    TEST = "test"


class Purpose(StrEnum):
    """What rollouts are for. Each has a ledger, evidence and noise of its own, so that no rollout
    serves two: what confirms a result has chosen nothing."""

    SEARCH = "dev"
    CONFIRMATION = "confirmation"
    """Baseline and final harness once more, after the last iteration."""
    AB = "ab"
    """A comparison on some tasks, at a person's wish."""
    REPLAY = "replay"
    """A candidate on what its parent's model said; no model is asked."""
    SMOKE = "smoke"
    """Whether a candidate runs at all; nothing of it is kept."""
    TEST = "test"

    @property
    def task_split(self) -> Split:
        """The tasks that they are run on."""
        return Split.TEST if self is Purpose.TEST else Split.DEV

    @classmethod
    def of(cls, split: Split) -> "Purpose":
        """The search's own rollouts on dev, or an opening of the test split."""
        return cls(split.value)


class Role(StrEnum):
    """Who spends: each has a ledger of its own under the one total budget."""

    ROLLOUT = "rollout"
    JUDGE = "judge"
    PROPOSER = "proposer"
    GATEWAY = "gateway"
    """One-token requests of our own, which tell a provider's refusal from a harness's mistake."""


class DecisionKind(StrEnum):
    """What became of an iteration."""

    BASELINE = "baseline"
    PROMOTED = "promoted"
    ORPHAN = "orphan"
    INCONCLUSIVE = "inconclusive"
    REJECTED = "rejected by audit"
    NO_CLAIM = "no claim"
    PLACEBO = "placebo"
    """Behaves as its parent by design: what the gate said of it is a measure of the gate."""


PLACEBO_PREFIX = "placebo_"
"""Of the names of placebos; no proposer may use it."""


def is_placebo(name: str) -> bool:
    """Whether a harness of this name is a placebo, whatever became of it."""
    return name.startswith(PLACEBO_PREFIX)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or one rollout, by kind."""

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0

    @property
    def total(self) -> int:
        """All tokens, cached ones included."""
        return self.input + self.output + self.cache_write + self.cache_read

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_write + other.cache_write,
            self.cache_read + other.cache_read,
        )


@dataclass(frozen=True, slots=True)
class RolloutKey:
    """What makes a rollout the same rollout; a finished one is never run twice."""

    harness: str
    """Digest of the harness file."""
    task: str
    task_digest: str
    trial: int
    """Counted from 1; the split is the ledger's."""
    profile: str
    """Name of the model profile."""


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """One ended attempt of a rollout."""

    key: RolloutKey
    attempt: int
    outcome: Outcome
    reason: str
    """Why it failed; empty when scored without remark."""
    passed: int
    total: int
    """Criteria; a harness failure passes none of them."""
    usage: Usage
    cost_usd: float
    """Of all its calls, replayed ones at their original price: what scores and reports count."""
    calls: int
    seconds: float
    judge_version: str
    output_digest: str
    paid: Usage = Usage()
    """What this attempt newly paid: without the replies replayed from an earlier attempt."""
    paid_usd: float = 0.0
    sandbox: str = NO_SANDBOX
    """What the attempt ran in: `bwrap`, `landlock`, or `none`."""
    started_at: str = ""
    """When, in UTC (ISO 8601); empty when that is not known."""
    served_model: str = ""
    """What its replies say they are of, several joined by commas; empty when that is not known."""


@dataclass(frozen=True, slots=True)
class IterationRow:
    """One iteration as recorded; scores are never stored here, they are recomputed."""

    number: int
    harness: str
    """Digest of the harness file; empty when the proposer delivered none."""
    name: str
    parent: str
    """Name of the harness the candidate was copied from; empty for the baseline."""
    incumbent: str
    """Name of the harness it was compared with; empty for the baseline."""
    mechanism: str
    claim: str
    """The claim as JSON, `observed` included once decided."""
    decision: DecisionKind | None
    """None while the iteration is open."""
    reason: str

    @property
    def was_measured(self) -> bool:
        """Whether measuring the same source again could tell nothing new."""
        return bool(self.harness) and self.decision is not DecisionKind.INCONCLUSIVE
