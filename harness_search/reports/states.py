"""What state a workspace is in, and what a person does next: pure functions of what was seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from harness_search.service.heartbeat import Heartbeat

SEARCH = "run"
"""The command of a search in its heartbeat, however it was launched."""


class State(StrEnum):
    """In one word, or nearly."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    """For a limit of a provider to pass."""
    STOPPING = "stopping"
    HUNG = "hung"
    DEAD = "dead"
    """Cut off: nobody could say how it ended."""
    STOPPED = "stopped"
    """By a signal or a person; or nothing runs although there is something left to do."""
    NEEDS_PERSON = "needs a person"
    FAILED = "failed"
    """By a bug of ours."""
    FINISHED = "finished"

    @property
    def at_work(self) -> bool:
        """Whether a process is there that does something, or will by itself."""
        return self in {State.RUNNING, State.PAUSED, State.WAITING, State.STOPPING}

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS.get(self, self.value)


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to see of a workspace's launches, and of what is left to do."""

    heartbeat: Heartbeat | None
    """Of the last launch."""
    alive: bool
    """Whether its process is there."""
    hung: bool
    pid: int | None
    """Of a process that is at work by its gateway's figures; an older program has no heartbeat."""
    begun: bool
    """Whether the search has an iteration."""
    finished: bool
    """Whether the search has nothing left to do, as far as it said so itself."""
    iteration: int
    target: int
    """Last iteration of the last launch, which a flag may have said."""
    configured: int | None = None
    """The same by the settings; None where they say nothing else."""
    paused: bool = False
    """Whether a relaunch goes on paused."""
    wake_up: datetime | None = None
    """When a limit of a provider will have passed; None when that is over, or none is waited
    for."""
    shortage: str = ""
    """What the disk lacks for going on; empty when it has room."""
    budget_spent: bool = False
    """Whether the last error is that the budget of the search cannot hold a call."""
    needs_noise: bool = False
    """Whether the search has to know its noise first, and does not."""
    opened: bool = False
    """Whether the test split has been opened."""
    nothing_promoted: bool = False
    """Whether the incumbent is where the search began."""

    @property
    def command(self) -> str:
        """What goes on from where the last launch ended."""
        return f"`{self.command_line}`"

    @property
    def command_line(self) -> str:
        """The same without its quotes."""
        beat = self.heartbeat
        if beat is not None and beat.command != SEARCH:
            return f"meta-harness {beat.command}"
        is_other = self.configured is not None and self.configured != self.target
        return f"meta-harness start{f' --iterations {self.target}' if is_other else ''}"


_WORDS = {State.DEAD: "dead (cut off)", State.NEEDS_PERSON: "stopped: needs a person"}
_START = "`meta-harness start`"
_BY_EXIT_CODE = {
    1: State.FAILED,
    2: State.NEEDS_PERSON,
    3: State.NEEDS_PERSON,
    130: State.STOPPED,
    143: State.STOPPED,
}


def state_of(seen: Seen) -> State:
    """The state: by the process if there is one, else by how the last launch ended, else by what
    is left to do."""
    beat = seen.heartbeat
    if beat is not None and not beat.ended and seen.alive:
        return _living(beat, hung=seen.hung)
    if beat is None and seen.pid is not None:
        return State.RUNNING
    if beat is not None and not beat.ended:
        return State.DEAD
    ended = _BY_EXIT_CODE.get(beat.exit_code or 0) if beat is not None else None
    if ended is not None:
        return ended
    if seen.finished:
        return State.FINISHED
    return State.STOPPED if seen.begun else State.NOT_STARTED


def _living(beat: Heartbeat, *, hung: bool) -> State:
    if hung:
        return State.HUNG
    if beat.stopping:
        return State.STOPPING
    if beat.paused:
        return State.PAUSED
    return State.WAITING if beat.waiting_until else State.RUNNING


def next_of(state: State, seen: Seen) -> str:
    """What to do next, in one sentence."""
    return _SAID.get(state, _go_on)(seen)


def _leave(seen: Seen) -> str:
    beat = seen.heartbeat
    pid = beat.pid if beat is not None and seen.alive else seen.pid
    return f"Nothing for now: process {pid} is at work."


def _wait(seen: Seen) -> str:
    when = f" at {clock(seen.wake_up)}" if seen.wake_up else ""
    return f"Nothing: it goes on by itself{when}, or now with `meta-harness resume`."


def _kill(seen: Seen) -> str:
    return f"End it with `meta-harness stop --now`, then {seen.command} goes on."


def _begin(seen: Seen) -> str:
    if seen.needs_noise:
        return f"Measure the noise with `meta-harness noise`, then begin with {_START}."
    return f"Begin with {_START}."


def _look(seen: Seen) -> str:
    """A stop rule may have ended the search early, or somebody may have asked for more since."""
    wanted = seen.target if seen.configured is None else seen.configured
    is_more = seen.iteration < wanted
    more = f", or go on to iteration {wanted} with {_START}" if is_more else ""
    if seen.opened:
        return f"Look at `meta-harness frontier`; the test split has been opened{more}."
    if seen.nothing_promoted:
        return f"Look at `meta-harness frontier`: nothing was promoted, nor is to be tested{more}."
    return (
        f"Look at `meta-harness frontier`, then open the test split with `meta-harness test`{more}."
    )


def _heed(seen: Seen) -> str:
    if wanted := _wanted(seen):
        return wanted
    if seen.heartbeat is not None and seen.heartbeat.exit_code == 2:
        return f"Correct what {seen.command} says is wrong, and run it again."
    return f"Do what the last error says, then {seen.command} goes on."


def _go_on(seen: Seen) -> str:
    """Nothing runs, and something is left to do."""
    if seen.paused:
        now = f"`{seen.command_line} --now`"
        return f"Go on with {now}; without --now it stays paused until `meta-harness resume`."
    if seen.wake_up is not None:
        until = clock(seen.wake_up)
        return f"Go on with {seen.command}: it waits until {until}, and with --now it does not."
    return _wanted(seen) or f"Go on with {seen.command}; all that had finished is kept."


def _report(seen: Seen) -> str:
    return f"Report the last error, which is a bug; {seen.command} goes on from where it ended."


def _wanted(seen: Seen) -> str:
    """What has to be given first; empty when nothing is known to be missing."""
    if seen.shortage:
        return f"Make room on the disk ({seen.shortage}), then {seen.command} goes on."
    if seen.budget_spent:
        return f"Allow more with `{seen.command_line} --budget-usd ...` if it is worth that."
    return ""


_SAID: Mapping[State, Callable[[Seen], str]] = MappingProxyType(
    {
        State.RUNNING: _leave,
        State.PAUSED: lambda _: "Go on with `meta-harness resume`.",
        State.WAITING: _wait,
        State.STOPPING: lambda _: (
            "Nothing: it ends by itself, or at once with `meta-harness stop --now`."
        ),
        State.HUNG: _kill,
        State.NOT_STARTED: _begin,
        State.FINISHED: _look,
        State.NEEDS_PERSON: _heed,
        State.FAILED: _report,
    }
)


def clock(moment: datetime) -> str:
    """Local time for people: `14:05` today, else `23 Nov 14:05`."""
    local = moment.astimezone()
    is_today = local.date() == datetime.now().astimezone().date()
    return local.strftime("%H:%M" if is_today else "%d %b %H:%M")


def ago(seconds: float) -> str:
    """An age for people: `2 s ago`, `5 min ago`, `3 h ago`, `4 days ago`."""
    for unit, size, most in (("s", 1, 90), ("min", 60, 5_400), ("h", 3_600, 172_800)):
        if seconds < most:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds / 86_400:.0f} days ago"
