"""What a person may have a launch do, from another process, and what is said of it then."""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from harness_search.layout import Layout
from harness_search.service.asking import (
    AskError,
    HangsError,
    NobodyThereError,
    OutOfReachError,
    ask,
    kill,
    scaffold_at_work,
    terminate,
)
from harness_search.service.heartbeat import HUNG_SECONDS, Heartbeat, read_heartbeat
from harness_search.service.holder import how_to_end

SECONDS_BETWEEN_LOOKS = 0.05


@dataclass(frozen=True, slots=True)
class Directed:
    """What was asked and is done."""

    sentence: str
    document: dict[str, Any]
    """The same as JSON."""


def pause(layout: Layout) -> Directed:
    """Let a launch begin nothing new; raises AskError."""
    beat = ask(layout, {"ask": "pause"})
    flying = in_flight(layout, beat)
    said = f"Paused: {_named(beat)} begins nothing new; {_rollouts(flying)} in flight."
    return Directed(said, {"event": "pause", "pid": beat.pid, "in_flight": flying})


def resume(layout: Layout) -> Directed:
    """Let a launch go on, or the next one if none is at work; raises AskError."""
    try:
        beat = ask(layout, {"ask": "resume"})
    except NobodyThereError:
        if not layout.paused.is_file():
            raise
        layout.paused.unlink(missing_ok=True)
        said = "No longer paused; no scaffold is running here: `meta-harness start` goes on."
        return Directed(said, {"event": "resume", "pid": None})
    said = f"{_named(beat).capitalize()} goes on."
    return Directed(said, {"event": "resume", "pid": beat.pid})


@dataclass(frozen=True, slots=True)
class Stopping:
    """A launch that is about to end, or has been killed."""

    beat: Heartbeat
    in_flight: int
    now: bool
    killed: bool = False

    @property
    def sentence(self) -> str:
        broken_off = f"{_rollouts(self.in_flight)} in flight {_are(self.in_flight)} run again"
        if self.killed:
            return f"Killed {_named(self.beat)}, which hung: {broken_off} by the same command."
        if not self.in_flight:
            return f"Stopping {_named(self.beat)}: no rollout is in flight."
        if self.now:
            flying = f"{_rollouts(self.in_flight)} in flight {_are(self.in_flight)}"
            return f"Stopping at once: {flying} broken off and run again."
        return f"Stopping {_named(self.beat)}: {_rollouts(self.in_flight)} in flight to wait for."

    def to_json(self) -> dict[str, Any]:
        """Its part of the document of `stop --json`."""
        return {
            "event": "stop",
            "pid": self.beat.pid,
            "in_flight": self.in_flight,
            "killed": self.killed,
        }


def stop(layout: Layout, *, now: bool) -> Stopping:
    """Ask a launch to end; where its socket is gone, by the signal that says the same. One that
    hangs is killed if it is to end now. Raises AskError."""
    flying = in_flight(layout, scaffold_at_work(layout)) if now else 0  # asked, it has none
    try:
        beat = ask(layout, {"ask": "stop", "now": now})
    except HangsError as error:
        if not now:
            raise
        kill(error.beat)
        return Stopping(error.beat, flying, now, killed=True)
    except OutOfReachError as error:
        beat = error.beat
        terminate(beat)
        if now and _hears(layout, beat):
            terminate(beat)
    return Stopping(beat, flying if now else in_flight(layout, beat), now)


def _hears(layout: Layout, beat: Heartbeat) -> bool:
    """Wait until a launch knows of a signal: two at once would arrive as one. False once it has
    ended."""
    while beat.alive:
        seen = read_heartbeat(layout.heartbeat)
        if seen is not None and seen.run == beat.run:
            if seen.ended:
                return False
            if seen.stopping:
                return True
            _require_life(seen)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return False


def await_end(layout: Layout, beat: Heartbeat) -> Heartbeat:
    """What a launch last said, once its process is gone; raises AskError for one that hangs."""
    last = beat
    while beat.alive:
        seen = read_heartbeat(layout.heartbeat)
        if seen is not None and seen.run == beat.run:
            last = seen
        _require_life(last)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    seen = read_heartbeat(layout.heartbeat)
    return seen if seen is not None and seen.run == beat.run else last


def _require_life(beat: Heartbeat) -> None:
    if beat.alive and beat.age_seconds > HUNG_SECONDS:
        raise AskError(f"process {beat.pid} does not come to its end: {how_to_end(beat)}")


def in_flight(layout: Layout, beat: Heartbeat) -> int:
    """Rollouts that a launch has begun and that have no result yet."""
    from harness_search.ledger.rows import Purpose
    from harness_search.ledger.store import Ledger, has_begun

    count = 0
    for file in filter(has_begun, map(layout.ledger_of, Purpose)):
        with closing(Ledger(file, read_only=True)) as ledger:
            running = ledger.running()
        count += sum(
            not row.pid_started or (row.boot == beat.boot and row.pid_started >= beat.pid_started)
            for row in running
        )
    return count


def _rollouts(count: int) -> str:
    return f"{count or 'no'} rollout{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _named(beat: Heartbeat) -> str:
    return f"process {beat.pid} (meta-harness {beat.command})"
