"""What is read of a workspace, kept for all who ask."""

import sqlite3
import sys
import time
from collections.abc import Hashable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from threading import Lock

from harness_search.aside import aside
from harness_search.current import frontier_on_disk
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.rows import Purpose
from harness_search.ledger.store import has_begun
from harness_search.ledger.totals import Adding
from harness_search.reports.logs import Line, folded
from harness_search.reports.looking import Found, found_in_ledgers, status_with
from harness_search.reports.status import Status
from harness_search.service.directing import in_flight
from harness_search.service.heartbeat import read_heartbeat
from harness_search.service.journal import Place
from harness_search.serving.shared import Shared
from harness_search.workspace import Workspace, open_workspace

REST = 10.0
"""Ledgers are read in one part of so many of the time at most: a search needs its processor."""
SECONDS_BETWEEN = 0.5
"""That a view stays as it is at least."""
SECONDS_THAT_TELL_NOTHING = 10.0
"""After so long a view is made anew although nothing on disk has changed."""
SECONDS_FOR_A_LOOK = 10.0
MOST_EVENTS = 60
"""Lines of the log."""
MOST_READ = 300_000
"""Bytes of the journal that are looked through for them."""


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What takes long to read of a long search."""

    found: Found
    lost: int
    """Attempts of the search that were lost and run again."""
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class Now:
    """Where a search stands at this moment."""

    workspace: Workspace
    status: Status
    """With nothing from the ledgers while those are None."""
    ledgers: Ledgers | None
    """None until they have been read once."""
    in_flight: int | None
    """Rollouts; None where that cannot be read."""
    problem: str = ""
    """Why the ledgers cannot be read; empty where they can."""


UNREADABLE = (InputError, OSError, sqlite3.Error)
"""What keeps something on disk from being read."""


class Looks:
    """Reads again what has changed, for everybody once."""

    def __init__(self, root: Path) -> None:
        """Raises InputError for what is no workspace."""
        self.layout = Layout(root.resolve())
        self._opening = Lock()
        # With no stamp yet, as what it is made of may change while it is read.
        self._opened: tuple[Hashable, Workspace] = (None, open_workspace(root, {}, to_run=False))
        self.ledgers = Shared(self._ledgers, self.ledger_stamp, rest=REST)
        self._now = Shared(self._look, self._moment, seconds=SECONDS_BETWEEN)

    def workspace(self) -> Workspace:
        """As its settings and tasks are now; raises InputError for bad ones."""
        with self._opening:
            stamp = self._settings_stamp()
            if stamp != self._opened[0]:
                self._opened = (stamp, open_workspace(self.layout.root, {}, to_run=False))
            return self._opened[1]

    @property
    def name(self) -> str:
        return self.layout.root.name

    async def now(self, seconds: float) -> Now:
        """Where it stands, with what ledgers say if that is known within so many seconds."""
        problem = ""
        try:
            await self.ledgers.within(seconds)
        except UNREADABLE as error:
            problem = self._words(error)
        found = await self._now.within(SECONDS_FOR_A_LOOK)
        if found is None or found.ledgers is not self.ledgers.kept:
            found = await self._now.now()
        return replace(found, problem=problem) if problem else found

    async def status(self) -> Status:
        """Where it stands, ledgers included, however long that takes; raises UNREADABLE."""
        await self.ledgers.now()
        return (await aside(None, self._look)).status

    def _words(self, error: Exception) -> str:
        """What cannot be read, without the place of the workspace."""
        if isinstance(error, InputError):
            return error.within(self.layout.root)
        if isinstance(error, OSError):
            return f"the disk does not answer ({error.strerror})"
        return f"the ledger cannot be read ({error})"

    def log(self) -> tuple[list[Line], str]:
        """What happened last, oldest first, and the mark of the place after it."""
        with closing(Place(self.layout.events, at_end=True)) as place:
            lines = folded(place.earlier(MOST_READ), sys.maxsize)
            return list(islice(lines, MOST_EVENTS))[::-1], place.mark

    def ledger_stamp(self) -> Hashable:
        """Changes with what ledgers, settings and tasks hold."""
        ledgers = [self.layout.ledger_of(purpose) for purpose in Purpose]
        logs = [file.with_name(f"{file.name}-wal") for file in ledgers]
        return self._settings_stamp(), _stamp([*ledgers, *logs])

    def report_stamp(self) -> Hashable:
        """Changes with all that a report shows: what ledgers hold, what was said of iterations,
        what was opened, and whether somebody is at work."""
        layout, beat = self.layout, read_heartbeat(self.layout.heartbeat)
        life = (beat.alive, beat.hung, beat.ended) if beat is not None else None
        state = _stamp([layout.loop_state, layout.test_openings, *layout.documents()])
        return self.ledger_stamp(), life, layout.paused.exists(), state

    def _settings_stamp(self) -> Hashable:
        layout = self.layout
        # A search that begins fixes settings that flags may have given.
        ledger = _state(layout.ledger)
        files = [layout.settings, layout.dev_split, layout.test_split, layout.prices]
        splits = self._opened[1].splits
        tasks = [task.folder / "task.json" for task in (*splits.dev, *splits.test)]
        return ledger and ledger[1], _stamp([*files, layout.task_digests, *tasks])

    def _ledgers(self) -> Ledgers:
        workspace = self.workspace()
        return Ledgers(found_in_ledgers(workspace), _lost(workspace), frontier_on_disk(workspace))

    def _look(self) -> Now:
        workspace, ledgers = self._opened[1], self.ledgers.kept
        status = status_with(workspace, ledgers.found if ledgers else Found())
        return Now(workspace, status, ledgers, self._in_flight(status))

    def _moment(self) -> Hashable:
        """Changes with what launches leave behind, and with what only time and processes tell."""
        layout, beat = self.layout, read_heartbeat(self.layout.heartbeat)
        life = (beat.alive, beat.hung) if beat is not None else None
        files = [layout.heartbeat, layout.events, layout.account_state, layout.loop_state]
        clock = time.monotonic() // SECONDS_THAT_TELL_NOTHING
        return life, _stamp(files), layout.paused.exists(), id(self.ledgers.kept), clock

    def _in_flight(self, status: Status) -> int | None:
        beat = status.seen.heartbeat
        if beat is None or not status.seen.alive:
            return 0
        try:
            return in_flight(self.layout, beat)
        except UNREADABLE:
            return None


def _lost(workspace: Workspace) -> int:
    if not has_begun(workspace.layout.ledger):
        return 0
    with closing(Adding(workspace.layout.ledger)) as adding:
        return adding.totals(workspace.settings.search.trials).lost


def _stamp(files: Iterable[Path]) -> Hashable:
    """Changes with the files; an empty one, which a mere reader may leave, is none."""
    return tuple(found for file in files if (found := _state(file)) is not None)


def _state(file: Path) -> tuple[str, int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return (file.name, found.st_ino, found.st_mtime_ns, found.st_size) if found.st_size else None
