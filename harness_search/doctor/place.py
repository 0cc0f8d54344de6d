"""A workspace as a run would open it: settings, tasks and splits, ledger, lock, proposer."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from harness_search.choice_of_proposer import check_proposer
from harness_search.configuration.reading import read_settings
from harness_search.doctor.report import Finding, failed, fix_of, found_in, warned
from harness_search.doctor.rubrics import redline_row
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.ledger.database import open_to_read
from harness_search.ledger.store import has_begun, read_identity
from harness_search.ledger.versions import VERSION, VERSION_FIELD
from harness_search.lost_ledger import EXPECTED, require_ledger
from harness_search.service.heartbeat import read_heartbeat
from harness_search.service.holder import how_to_end, introduced
from harness_search.service.hook_programs import hooks_of
from harness_search.settings import Settings
from harness_search.workspace import Workspace, harness_at, open_workspace

RESTORE = "copy the newest backup of runs/ back, or set the search aside with --fresh"


@dataclass(frozen=True, slots=True)
class Place:
    """What was found of a workspace."""

    root: Path
    problem: str = ""
    """Why it cannot be opened, as one sentence."""
    fix: str = ""
    """What to do about that."""
    settings: Settings = field(default_factory=Settings)
    tasks: tuple[int, int] = (0, 0)
    """Of the dev and of the test split."""
    proposer_problem: InputError | None = None
    """Why no session of its proposer could be held."""
    begun_in: str = ""
    """The sandbox of its search so far; empty before that, and for a search of an older version."""
    last_written: float = 0.0
    """Unix time in seconds; 0 before the first run."""
    ledger: Finding | None = None
    lock: Finding | None = None
    redlines: Finding | None = None


def look_at_workspace(root: Path) -> Place | None:
    """Open it as a run would; None where there is none."""
    layout = Layout(root.resolve())
    if not layout.settings.exists():
        return None
    ledger = lost_row(layout) or ledger_row(layout.ledger)
    is_readable = ledger is None or ledger.state == "ok"
    try:
        settings = read_settings(layout.settings, {})
    except InputError as error:
        return Place(layout.root, found_in(error), fix_of(error), ledger=ledger)
    try:
        opened = open_workspace(root, {}, adopt=is_readable)
        harness_at(layout.baseline, "baseline")
        known = read_identity(layout.ledger) if is_readable and has_begun(layout.ledger) else {}
    except InputError as error:
        return Place(layout.root, found_in(error), fix_of(error), settings, ledger=ledger)
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}"
        fix = f"make {error.filename} readable, or room for it"
        return Place(layout.root, problem, fix, settings, ledger=ledger)
    return Place(
        layout.root,
        settings=opened.settings,
        tasks=(len(opened.splits.dev), len(opened.splits.test)),
        proposer_problem=_problem_of_proposer(opened),
        begun_in=known.get("sandbox", ""),
        last_written=_last_written(layout),
        ledger=ledger,
        lock=lock_row(layout),
        redlines=redline_row(opened.splits),
    )


def findings_of_workspace(place: Place) -> list[Finding]:
    """A row for what it is, its ledger, its lock and its proposer."""
    rows = [row for row in (place.ledger, place.lock) if row is not None]
    if place.problem:
        return [failed("workspace", place.problem, place.fix), *rows]
    dev, test = place.tasks
    sound = f"{place.root} is sound: {dev} dev and {test} test tasks, as pinned"
    hooks = hook_rows(place.settings, place.root)
    rubrics = [place.redlines] if place.redlines else []
    return [Finding("workspace", sound), *rubrics, *rows, _proposer(place), *hooks]


def lost_row(layout: Layout) -> Finding | None:
    """Whether there is evidence that no ledger belongs to; None where all is well with that."""
    try:
        require_ledger(layout)
    except InputError as error:
        # A file that is no ledger at all has a row of its own.
        return failed("ledger", found_in(error), RESTORE) if error.expected == EXPECTED else None
    return None


def ledger_row(file: Path) -> Finding | None:
    """Whether a search's ledger can be read and is whole; None before the first run."""
    fix = RESTORE
    try:
        if not has_begun(file):
            return None
        with closing(open_to_read(file)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            (said,) = database.execute("PRAGMA main.quick_check(1)").fetchone()
    except InputError as error:
        newer = "install the newer Meta-Harness that wrote it; or "
        is_newer = error.field == VERSION_FIELD
        return failed("ledger", found_in(error), f"{newer if is_newer else ''}{fix}")
    except sqlite3.DatabaseError as error:
        return failed("ledger", f"{file}: {error}", fix)
    if said != "ok":
        return failed("ledger", f"{file} is damaged: {said}", fix)
    if version < VERSION:
        return Finding(
            "ledger", f"whole, of version {version}: the next run brings it to {VERSION}"
        )
    return Finding("ledger", f"whole, of version {version}")


def lock_row(layout: Layout) -> Finding:
    """Whether a scaffold is at work here; it is told from its sign of life."""
    beat = read_heartbeat(layout.heartbeat)
    if beat is None or beat.ended or not beat.alive:
        return Finding("lock", "free: no scaffold is at work here")
    held = f"held by {introduced(beat)}"
    return warned("lock", held, how_to_end(beat)) if beat.hung else Finding("lock", held)


def hook_rows(settings: Settings, root: Path) -> list[Finding]:
    """A row for each program that is to be started on an event."""
    rows = []
    for hook in hooks_of(settings.service, Layout(root)):
        title = f"hook {hook.name}"
        if hook.problem:
            fix = f"install it or `chmod +x` it, or correct service.{hook.name}"
            rows.append(failed(title, f"{hook.program!r} {hook.problem}", fix))
        else:
            rows.append(Finding(title, f"{hook.program!r} can be started"))
    return rows


def _proposer(place: Place) -> Finding:
    settings, problem = place.settings, place.proposer_problem
    kind, name = settings.search.proposer, settings.proposer.profile
    if problem is not None:
        return failed("proposer", f"{problem.field}: found {problem.found}", fix_of(problem))
    if kind == "catalogue":
        return Finding("proposer", "catalogue: needs no model")
    return Finding("proposer", f"{kind}, with {f'the profile {name}' if name else 'no model'}")


def _problem_of_proposer(workspace: Workspace) -> InputError | None:
    try:
        check_proposer(workspace)
    except InputError as error:
        return error
    return None


def _last_written(layout: Layout) -> float:
    files = (layout.ledger, layout.loop_state, layout.heartbeat)
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)
