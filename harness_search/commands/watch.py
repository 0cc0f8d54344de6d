"""A live view of a search at work, from another process: it reads what is on disk, and no more."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path

from harness_search import options
from harness_search.commands.logs import logs
from harness_search.commands.shared import ending_cleanly
from harness_search.commands.views import print_status
from harness_search.layout import Layout
from harness_search.reports.logs import Line, folded
from harness_search.reports.looking import Found, found_in_ledgers, status_with
from harness_search.reports.status import Status
from harness_search.reports.watch import Screen
from harness_search.service.journal import Place
from harness_search.workspace import Workspace, open_workspace

SECONDS_BETWEEN = 1.0
MOST_EVENTS = 100
MOST_READ = 1_000_000
"""Bytes of the journal that are looked through for the last events."""
REST = 10.0
"""Of the time that a watcher lives, it reads ledgers in one part of so many at most."""


def watch(workspace: options.Workspace = Path()) -> None:
    """Show live where the search stands, until its launch ends; any number may watch.

    Ctrl-C ends the watcher alone (exit code 130). Where there is no terminal it prints what
    happens line by line, as `logs --follow` does.
    """
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        logs(follow=True, lines=20, kind=None, every=False, workspace=workspace, json=False)
        return
    with ending_cleanly(), _leaving_quietly():
        opened = open_workspace(workspace, {}, to_run=False)
        _show(Watcher(opened))


class Watcher:
    """Reads again what may have changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stamp: object = None
        self._found = Found()
        self._due = 0.0

    def status(self) -> Status:
        """Where the search stands now. Ledgers are read when they have changed; ones that take
        long to read, less often."""
        now, stamp = time.monotonic(), _stamp(self._workspace.layout)
        if stamp != self._stamp and now >= self._due:
            self._found, self._stamp = found_in_ledgers(self._workspace), stamp
            self._due = time.monotonic() + REST * (time.monotonic() - now)
        return status_with(self._workspace, self._found)

    def last_status(self) -> Status:
        """The same with everything read anew."""
        return status_with(self._workspace, found_in_ledgers(self._workspace))

    def events(self) -> list[Line]:
        """What happened last, the latest first."""
        with closing(Place(self._workspace.layout.events, at_end=True)) as place:
            return list(islice(folded(place.earlier(MOST_READ), sys.maxsize), MOST_EVENTS))


def _stamp(layout: Layout) -> tuple[tuple[int, int], ...]:
    """Changes with the ledger's content."""
    log = layout.ledger.with_name(f"{layout.ledger.name}-wal")
    found = []
    for file in (layout.ledger, log):
        with suppress(FileNotFoundError):  # the log goes with the ledger's last connection
            stat = file.stat()
            found.append((stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _show(watcher: Watcher) -> None:
    """Draw the screen until no launch is at work any more, then print the last status."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    if watcher.status().seen.alive:
        first = Screen(watcher.status(), watcher.events())
        live = Live(first, console=console, screen=True, auto_refresh=False)
        try:
            with live, _resizing():
                while (status := watcher.status()).seen.alive:
                    live.update(Screen(status, watcher.events()), refresh=True)
                    signal.sigtimedwait([signal.SIGWINCH], SECONDS_BETWEEN)
        finally:
            live.stop()  # also where Ctrl-C came into its first picture
    print_status(watcher.last_status(), console.width)


@contextmanager
def _resizing() -> Iterator[None]:
    """Let a change of the terminal's size end a wait, so that the screen is drawn anew at once."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _leaving_quietly() -> Iterator[None]:
    """Ctrl-C ends nothing but this command."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise SystemExit(130) from error
