"""Where a search stands, in words and as JSON."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness_search.ledger.frontier import GateRecord
from harness_search.ledger.sandboxes import listed, warning
from harness_search.ledger.scores import Score
from harness_search.reports.harmless import harmless
from harness_search.reports.held import Held
from harness_search.reports.money import Money
from harness_search.reports.pooled import Pooled
from harness_search.reports.states import Seen, State, ago, clock, next_of, state_of

LONGEST_ERROR = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Running:
    """The score of the candidate that is being evaluated, as far as it has come."""

    harness: str
    score: Pooled
    incumbent: float | None
    """What the incumbent has on the same tasks, in points; None where that is not known, or where
    the harness is the incumbent itself."""

    def words(self) -> str:
        """For example `pooled 61.3 from 31 rollouts of 24 tasks; there the incumbent has 59.8`."""
        score = self.score
        against = (
            "" if self.incumbent is None else f"; there the incumbent has {self.incumbent:.1f}"
        )
        many = f"{score.rollouts} rollouts of {score.tasks} tasks"
        return f"pooled {score.points:.1f} from {many}{against}"


@dataclass(frozen=True, slots=True)
class Status:
    """What `status` prints."""

    seen: Seen
    incumbent: str
    score: Score | None
    """Of the incumbent, on dev."""
    pooled: Pooled | None
    """The same pooled rate with its uncertainty."""
    open_harness: str
    done: int
    """Finished rollouts of the open iteration, or of the last one."""
    planned: int
    money: Money
    simulated: bool
    phase: str = ""
    """What the loop last turned to."""
    running: Running | None = None
    """None while nothing is evaluated, and where a score must not be seen before the end."""
    sandboxes: Mapping[str, int] = field(default_factory=dict)
    """Rollouts of the search by what they ran in."""
    gate: GateRecord | None = None
    """What is known of the gate's own errors."""
    session: Held | None = None
    error: str = ""
    """What the last launch said last of what went wrong."""
    reason: str = ""
    """Why the search has finished; empty while it has not."""
    finished_at: float | None = None
    """When it did, in Unix time; None where that is not known."""

    @property
    def state(self) -> State:
        return state_of(self.seen)

    @property
    def iteration(self) -> int:
        return self.seen.iteration

    @property
    def target(self) -> int:
        """Last iteration to run."""
        return self.seen.target

    @property
    def warning(self) -> str:
        """What is unsafe about it; empty when nothing is."""
        return warning(self.sandboxes)

    @property
    def score_so_far(self) -> str:
        """The running score in words; empty where it is the incumbent's own."""
        running = self.running
        return running.words() if running and running.harness != self.incumbent else ""

    @property
    def undecided(self) -> bool:
        """Whether the incumbent is a baseline that is still being measured."""
        return bool(self.incumbent) and self.incumbent == self.open_harness

    @property
    def next(self) -> str:
        """What to do next, in one sentence."""
        return next_of(self.state, self.seen)

    def to_json(self) -> dict[str, Any]:
        """The document of `status --json`."""
        score, running = self.score, self.running
        return {
            "state": self.state.value,
            **self._launch_json(),
            "iteration": self.iteration,
            "target": self.target,
            "phase": self.phase or None,
            "incumbent": self.incumbent or None,
            "coverage": self._coverage(),
            "pooled": round(score.pooled, 4) if score else None,
            "pooled_interval": self.pooled.intervals_json() if self.pooled else None,
            "blended": round(score.blended, 4) if score else None,
            "open": self.open_harness or None,
            "running_score": {
                "harness": running.harness,
                "pooled": round(running.score.points, 4),
                "rollouts": running.score.rollouts,
                "tasks": running.score.tasks,
                "incumbent": _rounded(running.incumbent),
            }
            if running
            else None,
            "session": self.session.to_json() if self.session else None,
            "rollouts_done": self.done,
            "rollouts_planned": self.planned,
            "gate": self.gate.to_json() if self.gate else None,
            "simulated": self.simulated,
            "sandboxes": dict(self.sandboxes),
            **self.money.to_json(),
            "next_wake_up": _moment(self.seen.wake_up),
            "last_error": self.error or None,
            "finished_because": self.reason or None,
            "next": self.next,
        }

    def _launch_json(self) -> dict[str, Any]:
        """Of the last launch: who, since when, and what it says of itself."""
        beat = self.seen.heartbeat
        over = self.finished_at if self.state is State.FINISHED else None
        finished = _moment(datetime.fromtimestamp(over, UTC)) if over is not None else None
        if beat is None:
            return {"pid": self.seen.pid, "since": finished, "stage": None, "heartbeat": None}
        stage = {"label": beat.label, "done": beat.done, "planned": beat.planned}
        return {
            "pid": beat.pid if self.seen.alive else None,
            "since": beat.launched_at if self.seen.alive else finished or beat.written_at,
            "stage": stage if beat.label and not beat.ended else None,
            "heartbeat": {**beat.to_json(), "age_seconds": round(beat.age_seconds, 1)},
        }

    def lines(self) -> list[tuple[str, str]]:
        """Names and values for a terminal; a value without a name goes on with the one before."""
        session = self.session.lines() if self.session else []
        return [
            ("state", self._state()),
            ("iteration", f"{self.iteration} of {self.target}{self._phase()}"),
            ("incumbent", self._incumbent()),
            *(session or [("open", self.open_harness or "nothing")]),
            *([("", said)] if (said := self.score_so_far) else []),
            ("rollouts", self._rollouts()),
            *([("gate", self.gate.sentence())] if self.gate else []),
            *([("sandbox", listed(self.sandboxes))] if self.sandboxes else []),
            *self.money.lines(),
            *self._end(),
            ("next", self.next),
        ]

    def _state(self) -> str:
        """The state with the process, and how old its last sign of life is."""
        beat, words = self.seen.heartbeat, self.state.words
        if self.state is State.FINISHED and self.finished_at is not None:
            age = ago(max(0.0, time.time() - self.finished_at))
            return f"{words} {age}: {harmless(self.reason, LONGEST_ERROR)}"
        if beat is None:
            return words
        who, age = f"process {beat.pid} ({beat.command})", ago(beat.age_seconds)
        launched = f"launched {clock(datetime.fromisoformat(beat.launched_at))}"
        match self.state:
            case State.DEAD | State.HUNG:
                return f"{words}: {who} gave its last sign of life {age}"
            case State.RUNNING | State.PAUSED | State.WAITING | State.STOPPING if self.seen.alive:
                return f"{words}{self._until()}: {who}, {launched}, last sign of life {age}"
            case State.NOT_STARTED:
                return words
        return f"{words}: meta-harness {beat.command} ended {age}"

    def _until(self) -> str:
        wake_up = self.seen.wake_up if self.state is State.WAITING else None
        return f" until {clock(wake_up)}" if wake_up else ""

    def _phase(self) -> str:
        return f", {self.phase}" if self.phase and self.state is not State.FINISHED else ""

    def _incumbent(self) -> str:
        pooled = f", pooled {self.pooled.words()}" if self.pooled else ""
        so_far = f", so far, {self.done} of {self.planned} rollouts" if self.undecided else ""
        return f"{self.incumbent or 'none yet'}{so_far}{pooled}"

    def _coverage(self) -> dict[str, int] | None:
        """What the incumbent's score is of until it is decided; None from then on."""
        return {"rollouts": self.done, "planned": self.planned} if self.undecided else None

    def _rollouts(self) -> str:
        """A gate may end an iteration early, which then lacks nothing."""
        beat = self.seen.heartbeat
        if beat is not None and beat.label and self.state.at_work:
            return f"{beat.done} of {beat.planned} of this stage: {harmless(beat.label, 60)}"
        if self.open_harness or not self.incumbent:
            return f"{self.done} so far, where full trials are {self.planned}"
        return f"{self.done} in the last iteration"

    def _end(self) -> list[tuple[str, str]]:
        wake_up = None if self._until() else self.seen.wake_up
        return [
            *([("wake-up", clock(wake_up))] if wake_up else []),
            *([("last error", harmless(self.error, LONGEST_ERROR))] if self.error else []),
        ]


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if value is not None else None


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None
