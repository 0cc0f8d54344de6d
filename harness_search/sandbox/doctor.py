"""What a run needs of this machine and of a workspace: what is here, what is missing, what to do.

Looking is done first, and by itself; what follows from it is pure.
"""

import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.ledger.store import has_begun, read_identity
from harness_search.sandbox.advice import how_to_install
from harness_search.sandbox.box import MEGABYTE, Capabilities
from harness_search.sandbox.choice import AUTO, BWRAP, NONE, SANDBOXES, make_sandbox
from harness_search.sandbox.inside import landlock
from harness_search.settings import Settings
from harness_search.workspace import harness_at, open_workspace

ENOUGH_FILES = 8_000
"""From here on the gateway takes as many connections as it ever does."""
WIDTH_OF_NAMES = 18
State = Literal["fine", "note", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Machine:
    """What was found of the machine."""

    sandboxes: Mapping[str, Capabilities]
    """What their probes said, the strongest first; without `none`."""
    kernel: str
    landlock: int
    """ABI; 0 for none."""
    seccomp: bool
    uid: int
    python: str
    git: str
    """Its version; empty when it is not installed."""
    git_remedy: str
    free_bytes: int
    """On the disk that evidence is written to."""
    open_files: int | None
    """That one process may have open; None for any number."""


@dataclass(frozen=True, slots=True)
class Place:
    """What was found of a workspace."""

    root: Path
    problem: str = ""
    """Why it cannot be opened, as one sentence."""
    settings: Settings = field(default_factory=Settings)
    key_is_set: bool = False
    begun_in: str = ""
    """The sandbox of its search so far; empty before that, and for a search of an older version."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    value: str
    state: State = "fine"
    """`note`: a run can start, and is the poorer for it; `missing`: something can be added."""
    remedy: str = ""
    stops: str = ""
    """Why no run can start; empty when that is no reason."""

    def line(self) -> str:
        """For a terminal."""
        missing = "missing: " if self.state == "missing" else ""
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return f"{self.name:<{WIDTH_OF_NAMES}} {missing}{self.value}{remedy}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found, and what follows from it."""

    findings: tuple[Finding, ...]
    auto: str | None
    """The sandbox that `auto` takes; None when none works."""

    @property
    def refusal(self) -> str:
        """Why no run can start, in one sentence; empty when one can."""
        return "; ".join(found.stops for found in self.findings if found.stops)

    def to_json(self) -> dict[str, Any]:
        """The document of `doctor --json`."""
        return {
            "ready": not self.refusal,
            "refusal": self.refusal or None,
            "auto": self.auto,
            "findings": [
                {name: value for name, value in asdict(found).items() if name != "stops"}
                for found in self.findings
            ],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        return [found.line() for found in self.findings]


def diagnose(root: Path) -> Diagnosis:
    """Look at this machine, and at the workspace in a folder if there is one."""
    place = look_at_workspace(root)
    return conclude(look_at_machine(root), place)


# What follows from what was found.


def conclude(machine: Machine, place: Place | None) -> Diagnosis:
    """Everything worth saying of a machine, and of a workspace if there is one."""
    settings = place.settings if place else Settings()
    auto = next((name for name, found in machine.sandboxes.items() if found.usable), None)
    findings = [
        *(_sandbox(name, found) for name, found in machine.sandboxes.items()),
        *_choice(machine, auto, settings.sandbox.backend, place.begun_in if place else ""),
        *_kernel(machine),
        Finding("python", machine.python),
        _git(machine),
        _disk(machine.free_bytes, settings),
        _open_files(machine.open_files),
        *(_workspace(place) if place else [Finding("workspace", "none here, so not looked at")]),
    ]
    return Diagnosis(tuple(findings), auto)


def _sandbox(name: str, found: Capabilities) -> Finding:
    if found.usable:
        return Finding(f"sandbox {name}", f"works ({found.reason})" if found.reason else "works")
    return Finding(f"sandbox {name}", found.reason, "missing", found.remedy)


def _choice(machine: Machine, auto: str | None, backend: str, begun_in: str) -> list[Finding]:
    """What `auto` takes, and what the settings or the search so far take instead."""
    known = backend == AUTO and begun_in in machine.sandboxes
    asked = begun_in if known else backend
    wanted = list(machine.sandboxes) if asked == AUTO else [asked]
    works = any(machine.sandboxes[name].usable for name in wanted)
    stops = "" if works else _no_sandbox(machine.sandboxes, auto, wanted)
    state: State = "fine" if works else "broken"
    taken = auto or "nothing, since none works"
    if asked == AUTO:
        return [Finding("auto takes", taken, state, stops=stops), *_change(begun_in, auto)]
    value = asked if works else f"{asked}, which does not work here"
    name = "search goes on in" if known else "sandbox.backend"
    chosen = Finding(name, value, state, stops=stops)
    return [Finding("auto takes", taken), chosen, *_change(begun_in, asked)]


def _change(begun_in: str, taken: str | None) -> list[Finding]:
    """A search keeps the sandbox that it was begun in."""
    if not begun_in or taken in {None, begun_in}:
        return []
    same = "--unsafe-no-sandbox" if begun_in == NONE else f"sandbox.backend set to {begun_in}"
    remedy = f"go on with {same}, or set the search aside with --fresh"
    stops = f"the search was begun in the sandbox {begun_in}, which is not {taken} ({remedy})"
    return [Finding("search begun in", begun_in, "broken", remedy, stops)]


def _no_sandbox(
    sandboxes: Mapping[str, Capabilities], auto: str | None, wanted: Sequence[str]
) -> str:
    """That none of those wanted works, and what can be done."""
    weaker = [f"set sandbox.backend to {auto}"] if auto else []
    remedies = [sandboxes[name].remedy for name in wanted if sandboxes[name].remedy]
    ways = "; or ".join([*remedies, *weaker, "run with --unsafe-no-sandbox"])
    return f"{' and '.join(wanted)} {'do' if len(wanted) > 1 else 'does'} not work ({ways})"


def _kernel(machine: Machine) -> list[Finding]:
    bwrap = machine.sandboxes[BWRAP]
    return [
        Finding("kernel", machine.kernel),
        Finding("landlock", f"ABI {machine.landlock}")
        if machine.landlock
        else Finding("landlock", "the kernel has none, or has it switched off", "missing"),
        Finding("seccomp", "works")
        if machine.seccomp
        else Finding("seccomp", "the kernel has no system call filters", "missing"),
        Finding("namespaces", "allowed")
        if bwrap.usable
        else Finding("namespaces", "not shown to be allowed (see sandbox bwrap)", "note"),
        _user(machine.uid),
    ]


def _user(uid: int) -> Finding:
    if uid == 0:
        return Finding("user", "root: harness code runs as an unprivileged user id of its own")
    return Finding("user", f"id {uid}: harness code runs as the same user")


def _git(machine: Machine) -> Finding:
    if machine.git:
        return Finding("git", machine.git)
    stops = f"git is not installed, and the lineage needs it: {machine.git_remedy}"
    return Finding("git", "not installed", "missing", machine.git_remedy, stops)


def _disk(free: int, settings: Settings) -> Finding:
    shown = f"{free / 1e9:.1f} GB free in runs/"
    most = settings.search.concurrency * settings.limits.workspace_megabytes * MEGABYTE
    if free >= most:
        return Finding("disk", shown)
    might = f"the rollouts at once may fill {most / 1e9:.1f} GB"
    return Finding("disk", f"{shown}, and {might}", "note", "lower --concurrency, or free some")


def _open_files(most: int | None) -> Finding:
    shown = "no limit" if most is None else f"{most:,}"
    if most is None or most >= ENOUGH_FILES:
        return Finding("open files", shown)
    few = f"{shown}: enough for {most // 4:,} connections of the gateway at once"
    return Finding("open files", few, "note", f"ulimit -Hn {ENOUGH_FILES}")


def _workspace(place: Place) -> list[Finding]:
    if place.problem:
        return [Finding("workspace", f"broken: {place.problem}", "broken", stops=place.problem)]
    return [Finding("workspace", f"{place.root} is sound"), _key(place)]


def _key(place: Place) -> Finding:
    profile, name = place.settings.profile, place.settings.search.profile
    variable = profile.key_variable
    if not variable:
        model = " (simulated model)" if profile.simulated else ""
        return Finding("API key", f"not needed by the profile {name}{model}")
    if place.key_is_set:
        return Finding("API key", f"{variable} is set, for the profile {name}")
    missing = f"{variable} is not set, and the profile {name} needs it"
    return Finding("API key", missing, "missing", f"export {variable}=...", missing)


# Looking.


def look_at_machine(root: Path) -> Machine:
    """Probe the sandboxes by running them, and note what else a run needs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Machine(
        sandboxes={name: make_sandbox(name).probe() for name in SANDBOXES if name != NONE},
        kernel=f"{platform.system()} {platform.release()} ({platform.machine()})",
        landlock=landlock.abi(),
        seccomp=Path("/proc/sys/kernel/seccomp/actions_avail").exists(),
        uid=os.geteuid(),
        python=f"{platform.python_version()} at {sys.executable}",
        git=_git_version(),
        git_remedy=how_to_install("git"),
        free_bytes=shutil.disk_usage(_nearest(Layout(root.resolve()).runs)).free,
        open_files=None if most == resource.RLIM_INFINITY else most,
    )


def look_at_workspace(root: Path) -> Place | None:
    """Open it as a run would; None where there is none."""
    layout = Layout(root.resolve())
    if not layout.settings.exists():
        return None
    try:
        opened = open_workspace(root, {})
        harness_at(layout.baseline, "baseline")
        known = read_identity(layout.ledger) if has_begun(layout.ledger) else {}
    except InputError as error:
        return Place(layout.root, problem=str(error))
    except OSError as error:
        return Place(layout.root, problem=f"{error.filename}: {error.strerror}")
    return Place(
        layout.root,
        settings=opened.settings,
        key_is_set=bool(os.environ.get(opened.settings.profile.key_variable)),
        begun_in=known.get("sandbox", ""),
    )


def _git_version() -> str:
    command = shutil.which("git")
    if command is None:
        return ""
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix("git version ")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
