"""The home screen: what this is, what to do next in this folder, and every command on a line.

It looks at files alone, and says less where they say nothing: a broken workspace has a home screen
too. It is there at once, since it imports no library.
"""

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness_search.commands.table import GOOD_FOR, PURPOSES
from harness_search.layout import Layout
from harness_search.lost_ledger import left_behind
from harness_search.reports.states import SEARCH, Seen, State, state_of
from harness_search.service.heartbeat import Heartbeat, read_heartbeat

COLUMNS = 80
WORKSPACE_VARIABLE = "META_HARNESS_WORKSPACE"
STEP = "  {mark} {number}. meta-harness {command:<22} {line}"


SQLITE = b"SQLite format 3\0"
VERSION_BYTES = slice(60, 64)
"""Where a ledger's header has the version of its tables (SQLite's file format, section 1.3)."""
_SAID: Mapping[State, tuple[str, int]] = MappingProxyType(
    {
        State.NOT_STARTED: ("a workspace, and no search yet", 1),
        State.RUNNING: ("{what} is running{at}", 2),
        State.PAUSED: ("{what} is paused{at}: `resume` goes on", 2),
        State.WAITING: ("{what} waits for a limit to pass{at}", 2),
        State.STOPPING: ("{what} is stopping{at}", 2),
        State.HUNG: ("{what} hangs{at}: `status` says how to end it", 2),
        State.DEAD: ("{what} was cut off{at}; nothing is lost", 1),
        State.STOPPED: ("{what} is not running{at}", 1),
        State.NEEDS_PERSON: ("{what} needs a person{at}: `status` says why", 2),
        State.FAILED: ("{what} ended by a bug{at}: `status` has it", 2),
        State.FINISHED: ("a search that has finished{at}", 3),
    }
)
"""What is said of a workspace in each state, and the step of the golden path that comes next."""


@dataclass(frozen=True, slots=True)
class Here:
    """What the files of a folder say of its search."""

    folder: Path
    state: State | None
    """None where there is no workspace, or a broken one."""
    iteration: int | None = None
    command: str = SEARCH
    """Of the last launch."""
    broken: str = ""
    """What of the workspace cannot be read; empty when all can."""


def show_home(folder: Path | None = None) -> None:
    """Print the home screen of a folder, by default the one that commands work in."""
    here = folder or Path(os.environ.get(WORKSPACE_VARIABLE, ""))
    text = "\n".join([*home_lines(look(here)), ""])
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a folder may be called anything
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has gone; Python would flush once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def home_lines(here: Here) -> list[str]:
    """At most 40 lines of 80 columns."""
    return [GOOD_FOR, *_path(here), "", *_commands()]


def _path(here: Here) -> list[str]:
    """Where the folder stands on the golden path, and the path in three steps."""
    said, next_step = _standing(here)
    lines = [
        STEP.format(
            mark=">" if number == next_step else " ", number=number, command=name, line=line
        )
        for number, (name, line) in enumerate(_steps(here), start=1)
    ]
    return [_shortened(f"{here.folder}: {said}"), *lines]


def _standing(here: Here) -> tuple[str, int]:
    if here.broken:
        return f"a workspace whose {here.broken}", 1
    if here.state is None:
        return "no workspace here yet", 1
    said, next_step = _SAID[here.state]
    at = "" if here.iteration is None else f", iteration {here.iteration}"
    what = "the search" if here.command == SEARCH else f"`{here.command}`"
    return said.format(what=what, at=at), next_step


def _steps(here: Here) -> list[tuple[str, str]]:
    if here.broken:
        first = ("doctor", "what is wrong here, and how to mend it")
    elif here.state is None:
        return [
            ("tasks build", "a simulated benchmark, in ./tasks"),
            ("init . --tasks tasks", "a workspace around it, or your own"),
            ("start", "search in the background, for days"),
        ]
    else:
        first = ("start", "search in the background, for days")
    return [
        first,
        ("status", "where it stands; live: `watch`"),
        ("frontier", "what was found; at the end: `test`"),
    ]


def _shortened(line: str) -> str:
    return line if len(line) <= COLUMNS else f"...{line[3 - COLUMNS :]}"


def _commands() -> list[str]:
    """Every command on a line, beside its purpose."""
    lines = []
    for purpose in PURPOSES:
        for number, command in enumerate(purpose.commands):
            name = purpose.name if number == 0 else ""
            lines.append(f"{name:<9}{command.name:<11}{command.line}")
    return [*lines, "`meta-harness COMMAND --help` says more."]


def look(folder: Path) -> Here:
    """What the files of a folder say; of one that cannot be read, that it cannot."""
    layout = Layout(_absolute(folder))
    if not _is_there(layout.settings):
        return Here(layout.root, None)
    if broken := _unreadable_settings(layout.settings) or _unreadable_ledger(layout.ledger):
        return Here(layout.root, None, broken=broken)
    if not _is_there(layout.ledger):
        if left_behind(layout):
            return Here(layout.root, None, broken="ledger is gone, and its evidence is there")
        return Here(layout.root, State.NOT_STARTED)
    found, beat = _read(layout.loop_state), read_heartbeat(layout.heartbeat)
    number = found.get("iteration")
    iteration = number if type(number) is int else None
    state = state_of(_seen(beat, found))
    return Here(layout.root, state, iteration, beat.command if beat else SEARCH)


def _seen(beat: Heartbeat | None, found: Mapping[str, Any]) -> Seen:
    return Seen(
        heartbeat=beat,
        alive=beat is not None and not beat.ended and beat.alive,
        hung=beat is not None and beat.hung,
        pid=None,
        begun=bool(found.get("phase")),
        finished=found.get("phase") == "finished",
        iteration=0,
        target=0,
    )


def _unreadable_settings(file: Path) -> str:
    try:
        tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return f"{file.name} cannot be read"
    return ""


def _unreadable_ledger(file: Path) -> str:
    """By its header alone; a kill can leave a ledger of no bytes."""
    if not _is_there(file):
        return ""
    try:
        with file.open("rb") as opened:
            header = opened.read(100)
    except OSError:
        return "ledger cannot be read"
    if header and not header.startswith(SQLITE):
        return "ledger is none"
    return _of_newer_program(header)


def _of_newer_program(header: bytes) -> str:
    from harness_search.ledger.versions import VERSION  # it imports SQLite

    is_newer = int.from_bytes(header[VERSION_BYTES], "big") > VERSION
    return "ledger is of a newer Meta-Harness" if is_newer else ""


def _absolute(folder: Path) -> Path:
    try:
        return folder.absolute()
    except FileNotFoundError:  # the current folder has been deleted
        return folder


def _is_there(file: Path) -> bool:
    """Whether a file can be seen; one behind a folder that is closed to us cannot."""
    try:
        return file.exists()
    except OSError:
        return False


def _read(file: Path) -> dict[str, Any]:
    """A JSON object on disk; empty when there is none."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
