"""The journal for people: one line an event, with rollouts counted."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from harness_search.reports.harmless import harmless
from harness_search.service.events import (
    Ended,
    EvaluationBegan,
    Event,
    Failed,
    Finished,
    Launched,
    NeedsPerson,
    PhaseBegan,
    RolloutEnded,
)
from harness_search.service.journal import Entry

LONGEST_LINE = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Line:
    """What there is to say of one event, or of several rollouts."""

    at: float
    text: str

    def __str__(self) -> str:
        clock = datetime.fromtimestamp(self.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"{clock}  {harmless(self.text, LONGEST_LINE)}"


def line_of(entry: Entry) -> Line:
    """The line of one event."""
    if entry.event is not None:
        return Line(entry.at, _sentence(entry.event))
    told = {name: value for name, value in entry.document.items() if name not in {"at", "event"}}
    return Line(entry.at, f"{entry.kind}: {json.dumps(told, ensure_ascii=False)}")


def folded(entries: Iterable[Entry], most: int) -> Iterator[Line]:
    """The lines of events in either order of time; of rollouts that follow each other, up to so
    many together have one."""
    counted: list[Entry] = []
    for entry in entries:
        is_rollout = isinstance(entry.event, RolloutEnded)
        if counted and not is_rollout:
            yield _count_of(counted)
            counted = []
        if not is_rollout:
            yield line_of(entry)
            continue
        counted.append(entry)
        if len(counted) == most:
            yield _count_of(counted)
            counted = []
    if counted:
        yield _count_of(counted)


def _count_of(entries: list[Entry]) -> Line:
    lost = sum(isinstance(entry.event, RolloutEnded) and entry.event.lost for entry in entries)
    ended = "1 rollout" if len(entries) == 1 else f"{len(entries)} rollouts"
    text = f"{ended} ended{f', {lost} lost and run again' if lost else ''}."
    return Line(max(entry.at for entry in entries), text)


def _sentence(event: Event) -> str:
    said = event.sentence
    match event:
        case Launched(_, pid, command):
            said = f"`meta-harness {command}` begins (process {pid})."
        case PhaseBegan(phase, iteration):
            said = f"Iteration {iteration}: {phase}."
        case EvaluationBegan(label, planned, done):
            said = f"{label}: {planned - done} of {planned} rollouts to run."
        case RolloutEnded(task, trial, outcome, passed, total):
            score = "" if passed is None else f", {passed}/{total} criteria"
            said = f"{task}, trial {trial}: {outcome}{score}."
        case NeedsPerson(reason):
            said = f"A person is needed: {reason}"
        case Finished(reason):
            said = f"Finished: {reason}."
        case Failed(error):
            said = f"A bug ended the launch: {error}."
        case Ended(exit_code):
            said = f"The launch ended with exit code {exit_code}."
    return said
