"""Tells what happens, and shows people a progress line: rollouts done, score, time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.reports.harmless import harmless
from harness_search.service.events import EvaluationBegan, EvaluationEnded, Event, RolloutEnded

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PLAIN_LINES = 4
"""Lines per evaluation where there is no terminal."""
LONGEST_LINE = 5_000  # characters


@dataclass(slots=True)
class Tally:
    """Counts the rollouts of one evaluation as they end."""

    label: str
    planned: int
    secret: bool = False
    """Leave the running score out: the held-out split shows no figure below full coverage."""
    done: int = 0
    passed: int = 0
    total: int = 0
    lost: int = 0
    run: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, row: RolloutRow) -> None:
        """Count one ended attempt."""
        self.run += 1
        if row.outcome is Outcome.INFRA_FAILED:
            self.lost += 1
            return
        self.done += 1
        self.passed += row.passed
        self.total += row.total

    def ended(self) -> EvaluationEnded:
        """What it came to."""
        passed, total = (None, None) if self.secret else (self.passed, self.total)
        return EvaluationEnded(self.label, self.planned, self.done, self.lost, passed, total)

    def line(self) -> str:
        """For example `baseline: 18/36 rollouts, pooled so far 61.3, 9 s left`."""
        return f"{self.ended().sentence}{self._left()}"

    def _left(self) -> str:
        if not self.run or self.done >= self.planned:
            return ""
        seconds = (time.monotonic() - self.started) / self.run * (self.planned - self.done)
        return f", {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Seconds for people: `42 s`, `7 min`, `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Reporter:
    """Passes events on to all who listen, and shows them to people: a live line on a terminal, a
    few plain lines otherwise, or nothing."""

    def __init__(self, console: "Console | None") -> None:
        self._console = console
        self._listeners: list[Callable[[Event], None]] = []

    def tell(self, event: Event) -> None:
        """Pass an event on, and show people what there is to say of it."""
        for listener in self._listeners:
            listener(event)
        if event.sentence:
            self._show(event.sentence)

    @contextmanager
    def heard_by(self, listener: Callable[[Event], None]) -> Iterator[None]:
        """Let a listener hear every event."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @contextmanager
    def watch(self, tally: Tally) -> Iterator["Watch"]:
        """Follow one evaluation, and tell of it."""
        self.tell(EvaluationBegan(tally.label, tally.planned, tally.done))
        if self._console is None:
            yield Watch(tally, self.tell)
        elif self._console.is_terminal:
            progress = _live(self._console)
            line = LiveLine(progress, tally)
            with self._outliving_console():
                progress.start()
            try:
                yield Watch(tally, self.tell, line)
            finally:
                with self._outliving_console():
                    progress.stop()
        else:
            yield Watch(tally, self.tell, PlainLines(self._show, tally))
        if tally.run:
            self.tell(tally.ended())

    def _show(self, text: str) -> None:
        """One line of plain news."""
        if self._console is None:
            return
        line = harmless(text, LONGEST_LINE)
        with self._outliving_console():
            if self._console.is_terminal:
                self._console.print(line, highlight=False, soft_wrap=True, markup=False)
            else:
                print(line, file=self._console.file, flush=True)

    @contextmanager
    def _outliving_console(self) -> Iterator[None]:
        """A reader that has gone, a closed terminal or a full disk does not stop a search: what
        cannot be shown is shown to nobody from then on."""
        try:
            yield
        except OSError:
            self._console = None


class Follower(Protocol):
    """Shows a tally while it grows."""

    def moved(self) -> None:
        """A rollout was added to it."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """For nobody."""

    def moved(self) -> None:
        pass


@dataclass(slots=True)
class Watch:
    """Receives the rows of one evaluation."""

    tally: Tally
    tell: Callable[[Event], None]
    follower: Follower = Unseen()

    def __call__(self, row: RolloutRow) -> None:
        self.tally.add(row)
        self.tell(_ended(row, secret=self.tally.secret))
        self.follower.moved()


def _ended(row: RolloutRow, *, secret: bool) -> RolloutEnded:
    key, outcome = row.key, row.outcome
    if not secret:
        return RolloutEnded(key.task, key.trial, outcome.value, row.passed, row.total)
    told = "finished" if outcome.finished else outcome.value
    return RolloutEnded(key.task, key.trial, told, None, None)


class LiveLine:
    """On a terminal."""

    def __init__(self, progress: "Progress", tally: Tally) -> None:
        self._progress, self._tally = progress, tally
        self._task = progress.add_task(tally.line(), total=tally.planned, completed=tally.done)

    def moved(self) -> None:
        done, line = self._tally.done, self._tally.line()
        self._progress.update(self._task, completed=done, description=line)


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Where there is no terminal."""

    show: Callable[[str], None]
    tally: Tally

    def moved(self) -> None:
        due = self.tally.run % max(1, self.tally.planned // PLAIN_LINES) == 0
        if due and self.tally.done < self.tally.planned:
            self.show(self.tally.line())


def _live(console: "Console") -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    description = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), description)
    return Progress(*columns, console=console, transient=True)
