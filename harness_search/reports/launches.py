"""What launches have left of themselves on disk, whatever has become of them."""

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness_search.layout import Layout
from harness_search.reports.states import SEARCH
from harness_search.service.heartbeat import Heartbeat, read_heartbeat

MOST_READ = 1_000_000
"""Bytes of the journal that are looked through for why a search has finished."""


@dataclass(frozen=True, slots=True)
class Launches:
    """The last launch of a workspace, and what the next one will find."""

    heartbeat: Heartbeat | None
    alive: bool
    """Whether its process is there, and has not said that it ended."""
    hung: bool
    phase: str
    """What the loop last turned to; empty before the search's first step."""
    iteration: int
    """That the loop last turned to; 0 before the search's first step."""
    target: int | None
    """Last iteration of the last search, which a flag may have said; None before the first."""
    wake_up: datetime | None
    """When a limit of a provider will have passed; None once that is over."""
    paused: bool
    """Whether a search stays paused when it is launched again."""
    error: str
    """What went wrong in the last launch; empty when nothing did."""
    reason: str
    """Why the search finished, if nothing has begun it again since; empty while a launch is at
    work."""
    finished_at: float | None
    """When it did, in Unix time; None without a reason."""

    @property
    def is_search(self) -> bool:
        """Whether the last launch was the search's own."""
        return self.heartbeat is None or self.heartbeat.command == SEARCH


def read_launches(layout: Layout) -> Launches:
    """Read them; what is missing or unreadable says nothing."""
    beat, state = read_heartbeat(layout.heartbeat), _loop_state(layout.loop_state)
    alive = beat is not None and not beat.ended and beat.alive
    error, finished = ("", None) if alive else _last_words(layout.events)
    return Launches(
        heartbeat=beat,
        alive=alive,
        hung=beat is not None and beat.hung,
        phase=_text(state, "phase"),
        iteration=_number(state, "iteration") or 0,
        target=_number(state, "target"),
        wake_up=_later(beat.waiting_until if beat and alive else _text(state, "next_wake_up")),
        paused=layout.paused.exists(),
        error=beat.last_error if beat and beat.last_error else error,
        reason=finished[0] if finished else "",
        finished_at=finished[1] if finished else None,
    )


def _loop_state(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(state: dict[str, Any], name: str) -> str:
    found = state.get(name)
    return found if isinstance(found, str) else ""


def _number(state: dict[str, Any], name: str) -> int | None:
    found = state.get(name)
    return found if type(found) is int and found >= 0 else None


def _later(moment: str) -> datetime | None:
    """A moment, if it is still to come."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if found.tzinfo is None:
        return None
    return found if found > datetime.now(UTC) else None


def _last_words(file: Path) -> tuple[str, tuple[str, float] | None]:
    """What ended the last launch early; and why and when the search finished, if its last launch
    did: what is measured afterwards does not begin it again."""
    from harness_search.service.events import Failed, Finished, Launched, NeedsPerson
    from harness_search.service.journal import Place

    error, is_last = "", True
    with closing(Place(file, at_end=True)) as place:
        for entry in place.earlier(MOST_READ):
            match entry.event:
                case Launched(command=command):
                    is_last = False
                    if command == SEARCH:
                        break
                case NeedsPerson(said) | Failed(said) if is_last:
                    error = error or said
                case Finished(reason):
                    return error, (reason, entry.at)
                case _:
                    pass
    return error, None
