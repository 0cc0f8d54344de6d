"""What happened, line by line, and what happens."""

import json as json_format
import os
import select
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.reports.logs import folded, line_of
from harness_search.service.events import EVENTS, Ended, RolloutEnded
from harness_search.service.heartbeat import read_heartbeat
from harness_search.service.journal import Entry, Place

POLL_MILLISECONDS = 250
FOLDED_WHILE_FOLLOWING = 12
"""Rollouts of one line: whoever looks on sees that something moves."""
NOTHING = "meta-harness: nothing has happened yet; `meta-harness start` begins a search"
NOBODY = "meta-harness: no launch is at work in this workspace now"


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the launch ends.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="The last so many.")] = 20,
    kind: Annotated[str | None, typer.Option(help="Only such events: decided,session")] = None,
    every: Annotated[bool, typer.Option("--all", help="Each rollout, not their number.")] = False,
    workspace: options.Workspace = Path(),
    json: Annotated[bool, typer.Option("--json", help="The events as they are stored.")] = False,
) -> None:
    """Show what happened in all launches, and with --follow what happens."""
    with ending_cleanly(), _leaving_quietly():
        layout, kinds = _layout(workspace), _kinds(kind)
        every = every or RolloutEnded.kind in kinds
        with closing(Place(layout.events, at_end=True)) as place:
            if next(place.earlier(), None) is None:
                print(NOTHING, file=sys.stderr)
            shown = _shown(place.earlier(), kinds, every=every, json=json, most=sys.maxsize)
            _put(list(islice(shown, lines))[::-1])
            if follow:
                entries = _until_ended(layout, place)
                most = FOLDED_WHILE_FOLLOWING
                _put(_shown(entries, kinds, every=every, json=json, most=most))


def _layout(root: Path) -> Layout:
    """Without reading the settings: a mistake in them must not hide what happened."""
    layout = Layout(root.resolve())
    if not layout.settings.is_file():
        expected = "a workspace (make one with `meta-harness init`)"
        raise InputError(layout.settings, "", "no such file", expected)
    return layout


def _kinds(named: str | None) -> frozenset[str]:
    """The kinds to show; empty for all of them."""
    known = [event.kind for event in EVENTS]
    wanted = {name.strip() for name in (named or "").split(",")} - {""}
    if strange := sorted(wanted - set(known)):
        expected = f"one or more of: {', '.join(known)}"
        raise InputError("command line", "--kind", repr(strange[0]), expected)
    return frozenset(wanted)


def _shown(
    entries: Iterable[Entry], kinds: Collection[str], *, every: bool, json: bool, most: int
) -> Iterator[str]:
    chosen = (entry for entry in entries if not kinds or entry.kind in kinds)
    if json:
        return (json_format.dumps(entry.document, separators=(",", ":")) for entry in chosen)
    return map(str, map(line_of, chosen) if every else folded(chosen, most))


def _until_ended(layout: Layout, place: Place) -> Iterator[Entry]:
    """What is added until the launch says that it ended, or there is none any more."""
    for entry in place.following(lambda: _waited(layout)):
        yield entry
        if entry.kind == Ended.kind:
            return
    print(NOBODY, file=sys.stderr)


def _waited(layout: Layout) -> bool:
    """Whether a launch is at work, asked a moment later; raises BrokenPipeError when whoever reads
    has gone: on its own an idle `logs -f` would not find out."""
    heartbeat = read_heartbeat(layout.heartbeat)
    if heartbeat is None or heartbeat.ended or not heartbeat.alive:
        return False
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)
    if reader.poll(POLL_MILLISECONDS):
        raise BrokenPipeError
    return True


def _put(lines: Iterable[str]) -> None:
    """Print in whatever letters the terminal has."""
    letters = sys.stdout.encoding or "ascii"
    for line in lines:
        print(line.encode(letters, "replace").decode(letters), flush=True)


@contextmanager
def _leaving_quietly() -> Iterator[None]:
    """Whoever reads may go at any time, and Ctrl-C ends nothing but this command."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered would fail once more when Python closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as error:
        raise SystemExit(130) from error
