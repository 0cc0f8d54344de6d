"""A progress line: rollouts done, running score, time left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness_search.ledger.rows import Outcome, RolloutRow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PLAIN_LINES = 4
"""Lines per evaluation where there is no terminal."""


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

    def line(self) -> str:
        """For example `baseline: 18/36 rollouts, pooled so far 61.3, 9 s left`."""
        known = self.total > 0 and not self.secret
        pooled = f", pooled so far {100 * self.passed / self.total:.1f}" if known else ""
        lost = f", {self.lost} lost and run again" if self.lost else ""
        return f"{self.label}: {self.done}/{self.planned} rollouts{pooled}{lost}{self._left()}"

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
    """Shows progress: a live line on a terminal, a few plain lines otherwise, or nothing."""

    def __init__(self, console: "Console | None") -> None:
        self._console = console

    def say(self, text: str) -> None:
        """One line of plain news. A reader that has gone away does not stop a search."""
        if self._console is None:
            return
        if self._console.is_terminal:
            self._console.print(text, highlight=False, soft_wrap=True, markup=False)
            return
        try:
            print(text, file=self._console.file, flush=True)
        except BrokenPipeError:
            self._console = None

    @contextmanager
    def watch(self, tally: Tally) -> Iterator["Watch"]:
        """Follow one evaluation."""
        if self._console is None:
            yield Watch(tally, None, lambda _: None)
        elif self._console.is_terminal:
            with _live(self._console) as progress:
                yield Watch(tally, progress, self.say)
        else:
            yield Watch(tally, None, self.say)
        if tally.run:
            self.say(tally.line())


@dataclass(slots=True)
class Watch:
    """Receives the rows of one evaluation."""

    tally: Tally
    progress: "Progress | None"
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        if self.progress is not None:
            self.progress.add_task(
                self.tally.line(), total=self.tally.planned, completed=self.tally.done
            )

    def __call__(self, row: RolloutRow) -> None:
        self.tally.add(row)
        if self.progress is not None:
            task = self.progress.task_ids[0]
            self.progress.update(task, completed=self.tally.done, description=self.tally.line())
        elif self.tally.done < self.tally.planned and self._is_due():
            self.say(self.tally.line())

    def _is_due(self) -> bool:
        return self.tally.run % max(1, self.tally.planned // PLAIN_LINES) == 0


def _live(console: "Console") -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    description = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), description)
    return Progress(*columns, console=console, transient=True)
