"""What a proposer is given for one iteration, and what it leaves behind."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness_search.ledger.rows import DecisionKind


@dataclass(frozen=True, slots=True)
class PastIteration:
    """One decided iteration; the digest tells the same in words."""

    iteration: int
    name: str
    parent: str
    incumbent: str
    mechanism: str
    decision: DecisionKind
    reason: str
    delta: float | None
    """Blended points above the incumbent it was compared with; None when never compared."""


@dataclass(frozen=True, slots=True)
class Session:
    """One proposer session.

    `view` is a folder made for the session. The proposer writes `harnesses/<name>.py` and
    `pending_eval.json` into it; everything else that it changes is dropped.
    """

    iteration: int
    view: Path
    """Holds `harnesses/` (sources), `digest.md`, `session.md`, `SKILL.md`."""
    evidence: Path
    """Dev evidence: `<harness name>/<task id>/trial-<n>/`."""
    incumbent: str
    history: tuple[PastIteration, ...]
    dev_tasks: tuple[str, ...]
    seed: int

    @property
    def claim_file(self) -> Path:
        return self.view / "pending_eval.json"

    @property
    def log_file(self) -> Path:
        return self.view / "proposer.log"


@dataclass(frozen=True, slots=True)
class Proposed:
    """The proposer says that it wrote a candidate and a claim; the scaffold checks."""


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """The proposer has no further mechanism to try."""

    reason: str


class Proposer(Protocol):
    """One method: look at the session's evidence, then write a candidate and its claim."""

    async def propose(self, session: Session) -> Proposed | NothingLeft: ...
