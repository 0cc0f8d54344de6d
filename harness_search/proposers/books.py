"""Keeps the ledger's rows of proposer sessions: each run is begun, ended and booked once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness_search.gateway.transcript import Paid, paid_so_far, read_transcript
from harness_search.layout import Layout
from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionRow, SessionStart
from harness_search.ledger.store import Ledger
from harness_search.proposers.session import (
    Answer,
    Lost,
    NothingLeft,
    Proposed,
    Stopped,
    Waiting,
)

OUTCOMES: Mapping[type[Any], SessionOutcome] = MappingProxyType(
    {
        Proposed: SessionOutcome.PROPOSED,
        NothingLeft: SessionOutcome.NOTHING_LEFT,
        Waiting: SessionOutcome.WAITING,
        Lost: SessionOutcome.LOST,
        Stopped: SessionOutcome.STOPPED,
    }
)
"""What the ledger says of a run, by what its proposer answers."""


def held_with(model: str, *, effort: str = "", feedback: str = "") -> str:
    """What a run is held with, for the ledger: the next one may be held with something else."""
    named = {"effort": effort, "feedback": feedback}
    told = ", ".join(f"{name} {value}" for name, value in named.items() if value)
    return f"{model} ({told})" if told else model


def naming(answer: Answer, log: Path) -> Answer:
    """The answer; one that was lost names what a person may want to read."""
    if not isinstance(answer, Lost):
        return answer
    return Lost(f"{answer.reason} (what it printed: {log})")


def transcript_in(folder: Path, attempt: int) -> Path:
    """Where the gateway writes down a run of a session."""
    return folder / f"transcript-{attempt}.jsonl"


def log_in(folder: Path, attempt: int) -> Path:
    """Where is kept what a run printed."""
    return folder / f"session-{attempt}.log"


def paid_by(layout: Layout, row: SessionRow, *, running: bool) -> Paid:
    """What a run that has not been closed has paid so far, by what the gateway wrote down.

    Calls in flight of one that is still `running` are left out; of one that was cut off they count
    in full, as they will be booked.
    """
    transcript = transcript_in(layout.session(row.start.iteration), row.attempt)
    return paid_so_far(transcript, unanswered=not running)


@dataclass(slots=True)
class Run:
    """One run of a session at work."""

    row: SessionRow
    result: SessionResult | None = None
    """How it ended, once that is known."""


@contextmanager
def recorded(ledger: Ledger, folder: Path, start: SessionStart) -> Iterator[Run]:
    """Record a run before it begins, and when it has ended, however it ends.

    `folder` holds its transcript: that is what a run without a result is booked by.
    """
    run = Run(ledger.begin_session(start))
    try:
        yield run
    finally:
        ledger.end_session(run.row.id, run.result or _interrupted(folder, run.row))


def was_answered(folder: Path, row: SessionRow) -> bool:
    """Whether a run of a session had a reply of the model, by what the gateway wrote down."""
    file = transcript_in(folder, row.attempt)
    return file.is_file() and any(found.status == 200 for found in read_transcript(file))


def close_interrupted(layout: Layout, ledger: Ledger) -> None:
    """Close the runs that ended with their scaffold, and book what they had paid."""
    for row in ledger.sessions():
        if row.result is None:
            folder = layout.session(row.start.iteration)
            ledger.end_session(row.id, _interrupted(folder, row))


def _interrupted(folder: Path, row: SessionRow) -> SessionResult:
    """What is known of a run whose end nobody saw, from what the gateway wrote down."""
    paid = paid_so_far(transcript_in(folder, row.attempt))
    return SessionResult(SessionOutcome.INTERRUPTED, "", paid.usage, paid.usd)
