"""What a proposer is given for one iteration, and what it leaves behind."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness_search.ledger.rows import DecisionKind

if TYPE_CHECKING:
    from harness_search.rollouts.runner import Bench
    from harness_search.workspace import Workspace


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
class Services:
    """What a proposer that runs in a box needs of the scaffold; nothing of it enters the box."""

    workspace: "Workspace"
    bench: "Bench"
    """Sandbox, watchdog, identities, runtime folder, the search's ledger and its one budget."""


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
    services: Services | None = None
    """None for a proposer that is plain code of ours."""

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


@dataclass(frozen=True, slots=True)
class Waiting:
    """The proposer's account has reached a limit that ends by itself; the session goes on then."""

    until: datetime
    """With a time zone."""
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The session was lost to what may pass, more often than is worth trying at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person is needed: a login has expired, a key was refused, credit is spent."""

    reason: str


Answer = Proposed | NothingLeft | Waiting | Lost | Stopped


class Proposer(Protocol):
    """One method: look at the session's evidence, then write a candidate and its claim."""

    async def propose(self, session: Session) -> Answer: ...
