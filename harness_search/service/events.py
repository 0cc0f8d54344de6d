"""What happens in a launch, as typed events. One stream of them is all that outsiders follow."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

VERSION = 1
"""Of the stream. It stands in each `launched`, and holds for the lines up to the next one."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Its fields are plain values: JSON on disk."""

    kind: ClassVar[str]

    @property
    def sentence(self) -> str:
        """For people; empty for what is only counted."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """Without the time, which the journal adds."""
        return {"event": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Launched(Event):
    """A scaffold holds the workspace and begins, or goes on."""

    kind: ClassVar[str] = "launched"

    run: str
    """Of this launch alone."""
    pid: int
    command: str
    """`run`, `noise`, `ab`, ..."""
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class CutOff(Event):
    """The launch before this one could not say how it ended."""

    kind: ClassVar[str] = "cut_off"

    run: str
    pid: int

    @property
    def sentence(self) -> str:
        return f"The launch before, process {self.pid}, was cut off."


@dataclass(frozen=True, slots=True)
class PhaseBegan(Event):
    """The loop turns to another step."""

    kind: ClassVar[str] = "phase"

    phase: str
    iteration: int


@dataclass(frozen=True, slots=True)
class IterationOpened(Event):
    """There is a candidate to evaluate."""

    kind: ClassVar[str] = "opened"

    iteration: int
    harness: str
    parent: str
    hypothesis: str

    @property
    def sentence(self) -> str:
        return (
            f"Iteration {self.iteration}: {self.harness}, copied from {self.parent}. "
            f"{self.hypothesis}"
        )


@dataclass(frozen=True, slots=True)
class EvaluationBegan(Event):
    """Rollouts of one stage are run, beside those that are there already."""

    kind: ClassVar[str] = "evaluation"

    label: str
    planned: int
    done: int


@dataclass(frozen=True, slots=True)
class RolloutEnded(Event):
    """An attempt has its row. Where a score must not be seen before the end, it tells none."""

    kind: ClassVar[str] = "rollout"

    task: str
    trial: int
    outcome: str = "scored"
    """As in its row; where the score is secret, `finished` or `infra_failed`."""
    passed: int | None = None
    total: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Without what is nearly always the same: most lines of a journal are of this kind."""
        found = {"event": self.kind, "task": self.task, "trial": self.trial}
        if self.outcome != "scored":
            found["outcome"] = self.outcome
        return {**found, "passed": self.passed, "total": self.total}

    @property
    def lost(self) -> bool:
        """Whether it has to be run again."""
        return self.outcome == "infra_failed"


@dataclass(frozen=True, slots=True)
class EvaluationEnded(Event):
    """A stage has its rollouts, or those that could be had."""

    kind: ClassVar[str] = "evaluated"

    label: str
    planned: int
    done: int
    lost: int
    """Attempts of this launch that were lost and run again."""
    passed: int | None
    """Criteria in the rollouts of this launch; None where the score is secret."""
    total: int | None

    @property
    def sentence(self) -> str:
        lost = f", {self.lost} lost and run again" if self.lost else ""
        return f"{self.label}: {self.done}/{self.planned} rollouts{self._pooled()}{lost}"

    def _pooled(self) -> str:
        if self.passed is None or not self.total:
            return ""
        return f", pooled so far {100 * self.passed / self.total:.1f}"


@dataclass(frozen=True, slots=True)
class SessionChanged(Event):
    """A run of a proposer session began or ended."""

    kind: ClassVar[str] = "session"

    iteration: int
    attempt: int
    outcome: str
    """Empty while it runs."""
    news: str

    @property
    def sentence(self) -> str:
        return self.news


@dataclass(frozen=True, slots=True)
class Decided(Event):
    """An iteration is closed."""

    kind: ClassVar[str] = "decided"

    iteration: int
    harness: str
    decision: str
    reason: str

    @property
    def sentence(self) -> str:
        return f"Iteration {self.iteration}: {self.decision}. {self.reason}"


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """The loop sleeps until a limit of a provider has passed."""

    kind: ClassVar[str] = "waiting"

    who: str
    """`the proposer`, `the model`, `the judge`; `the provider` in a sleep that was taken over."""
    until: str
    """ISO 8601, with a time zone."""
    reason: str

    @property
    def sentence(self) -> str:
        clock = datetime.fromisoformat(self.until).astimezone().strftime("%a %H:%M")
        return f"Waiting for {self.who} until {clock}: {self.reason}."


@dataclass(frozen=True, slots=True)
class Paused(Event):
    """No rollout and no session is begun any more; those in flight go on."""

    kind: ClassVar[str] = "paused"

    @property
    def sentence(self) -> str:
        return "Paused: nothing new begins until `meta-harness resume`."


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """The pause is over."""

    kind: ClassVar[str] = "resumed"

    @property
    def sentence(self) -> str:
        return "Resumed."


@dataclass(frozen=True, slots=True)
class Stopping(Event):
    """Nothing new begins; what is in flight has so many seconds to end."""

    kind: ClassVar[str] = "stopping"

    why: str
    seconds: float

    @property
    def sentence(self) -> str:
        if not self.seconds:
            return f"Stopping at once ({self.why})."
        return (
            f"Stopping ({self.why}): what is in flight, if anything, has "
            f"{self.seconds:g} s to end; a second signal ends it at once."
        )


@dataclass(frozen=True, slots=True)
class NeedsPerson(Event):
    """The launch ended because somebody has to look at it; everything done so far is kept."""

    kind: ClassVar[str] = "needs_person"

    reason: str


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """Nothing is left to do."""

    kind: ClassVar[str] = "finished"

    reason: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """A bug ended the launch."""

    kind: ClassVar[str] = "failed"

    error: str
    """Type of the error, and the place in our code; never its text, which may quote anything."""


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The last event of a launch that could still say something."""

    kind: ClassVar[str] = "ended"

    exit_code: int


@dataclass(frozen=True, slots=True)
class HookFailed(Event):
    """A command of one's own that an event started did not do its work."""

    kind: ClassVar[str] = "hook_failed"

    hook: str
    """`on_promoted`, ..."""
    problem: str

    @property
    def sentence(self) -> str:
        return f"The command of `{self.hook}` failed: {self.problem} (see runs/hooks.log)."


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """So many events before this one could not be written; the ledger has all that counts."""

    kind: ClassVar[str] = "dropped"

    count: int
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.count} events were not written: {self.reason}."


@dataclass(frozen=True, slots=True)
class Repaired(Event):
    """What a crash left unfinished at the end of the stream was cut off."""

    kind: ClassVar[str] = "repaired"

    bytes: int
    kept: bool
    """In `events.jsonl.torn`, beside the stream; not kept where the disk was full."""

    @property
    def sentence(self) -> str:
        where = "kept in runs/events.jsonl.torn" if self.kept else "which could not be kept"
        return f"The event log ended in {self.bytes} unfinished bytes, {where}."


EVENTS: tuple[type[Event], ...] = (
    *(Launched, CutOff, PhaseBegan, IterationOpened, EvaluationBegan, RolloutEnded),
    *(EvaluationEnded, SessionChanged, Decided, Waiting, Paused, Resumed, Stopping),
    *(NeedsPerson, Finished, Failed, Ended, HookFailed, Dropped, Repaired),
)
"""All that this version knows."""
