"""One screen of a search at work: where it stands, and what happened last."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from harness_search.reports.harmless import harmless
from harness_search.reports.logs import Line
from harness_search.reports.states import State
from harness_search.reports.status import Status

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.segment import Segment
    from rich.text import Text

NAMES = frozenset(
    {
        *("state", "iteration", "incumbent", "open", "rollouts", "spent", "budget", "forecast"),
        *("wake-up", "last error", "next"),
    }
)
"""Parts of a status that are shown; of those that go on in further lines, the first one."""
HINTS = "Ctrl-C leaves it running    meta-harness pause | resume | stop | logs -f"
LONGEST_VALUE = 300  # characters
FEWEST_EVENTS = 3
_LOUD = {
    State.HUNG: "bold red",
    State.DEAD: "bold red",
    State.FAILED: "bold red",
    State.NEEDS_PERSON: "bold red",
    State.RUNNING: "bold green",
    State.FINISHED: "bold green",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """Fills a terminal of any size: what does not fit is left out from the bottom of each part."""

    status: Status
    events: Sequence[Line]
    """What happened last, the latest first."""

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.segment import Segment

        width, height = options.max_width, options.height or console.height
        head = list(self._head(console, options.update(width=width, height=None)))
        keep = max(1, height - 2 - FEWEST_EVENTS)
        rule, hints = (_styled(console, options, text) for text in ("\u2500" * width, HINTS))
        room = max(0, height - 2 - len(head[:keep]))
        told = [_styled(console, options, text) for text in self._told(room)]
        blank = [Segment(" " * width)]
        lines = [*head[:keep], rule, *told, *[blank] * (room - len(told)), hints]
        for number, line in enumerate(lines[:height]):
            yield from line
            if number < min(height, len(lines)) - 1:
                yield Segment.line()

    def _head(self, console: "Console", options: "ConsoleOptions") -> "Iterator[list[Segment]]":
        from rich.table import Table

        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(style="bold", no_wrap=True, width=10)
        table.add_column(overflow="fold", ratio=1)
        for name, value in self._parts():
            table.add_row(name, value)
        yield from console.render_lines(table, options)

    def _parts(self) -> "Iterator[tuple[str, RenderableType]]":
        from rich.text import Text

        status = self.status
        for name, value in status.lines():
            if name not in NAMES:
                continue
            style = _LOUD.get(status.state, "") if name in {"state", "next"} else ""
            if name == "rollouts" and (bar := self._bar()):
                yield name, bar
            else:
                yield name, Text(harmless(value, LONGEST_VALUE), style=style)
            if name == "open" and status.score_so_far:
                yield "", Text(harmless(status.score_so_far, LONGEST_VALUE))

    def _bar(self) -> "RenderableType | None":
        """The rollouts of the running stage; None where none is run."""
        beat = self.status.seen.heartbeat
        if beat is None or not beat.planned or not self.status.state.at_work:
            return None
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1, 0, 0))
        row.add_column(width=24)
        row.add_column(no_wrap=True, overflow="ellipsis")
        words = f"{beat.done}/{beat.planned} {harmless(beat.label, 60)}"
        row.add_row(ProgressBar(beat.planned, min(beat.done, beat.planned), width=24), Text(words))
        return row

    def _told(self, room: int) -> "Iterator[Text]":
        from rich.text import Text

        for line in reversed(self.events[:room]):
            clock = datetime.fromtimestamp(line.at).astimezone().strftime("%H:%M:%S")
            yield Text.assemble((clock, "dim"), "  ", harmless(line.text, LONGEST_VALUE))


def _styled(console: "Console", options: "ConsoleOptions", text: "Text | str") -> "list[Segment]":
    """One line of the screen, cut where the screen ends."""
    from rich.text import Text

    line = Text(text, style="dim") if isinstance(text, str) else text
    line.no_wrap, line.overflow = True, "ellipsis"
    return console.render_lines(line, options.update(height=1))[0]
