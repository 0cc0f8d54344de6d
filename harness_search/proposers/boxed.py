"""A proposer's box: a session's view to write into, its evidence to read, the gateway, no more."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness_search.aside import aside, disk_that_answers
from harness_search.errors import InputError, SearchStoppedError
from harness_search.files import remove_tree
from harness_search.sandbox import inside
from harness_search.sandbox.box import (
    MEGABYTE,
    Box,
    Door,
    Ending,
    Handle,
    Limits,
    Mount,
    SandboxStartError,
)
from harness_search.sandbox.choice import NONE
from harness_search.sandbox.interpreter import closed_to_others
from harness_search.sandbox.process import breach_of_exit
from harness_search.sandbox.usage import folder_usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness_search.gateway.grants import Grant
    from harness_search.gateway.server import Gateway
    from harness_search.rollouts.runner import Bench

WORK, EVIDENCE, STATE = "/work", "/work/dev", "/state"
LIMITS = Limits(
    cpu_seconds=4 * 3600.0,
    memory_bytes=4096 * MEGABYTE,
    processes=256,
    open_files=1024,
    file_bytes=256 * MEGABYTE,
    workspace_bytes=1024 * MEGABYTE,
    temporary_bytes=512 * MEGABYTE,
)
"""Of a coding agent: it takes some 350 MB and 30 threads by itself."""
LONGEST_LOG = 16 * MEGABYTE
"""Bytes of what a session prints that are kept: the last ones, which say how it ended."""
SECONDS_TO_HEAR_OUT = 60.0
PAUSES_BETWEEN_STARTS = (0.0, 1.0, 5.0)  # seconds
FILES_SECONDS = 600.0
"""For a step that does no more than look at, or change, files of one session."""

Why = Literal["ended", "time", "limit", "access", "stopped", "never began"]


@dataclass(frozen=True, slots=True)
class Access:
    """A way to a model: a gateway, and what one session may do there."""

    gateway: "Gateway"
    grant: "Grant"


@dataclass(frozen=True, slots=True)
class Folders:
    """What of the workspace is shown to a session."""

    view: Path
    """To write into."""
    evidence: Path
    """To read."""
    state: Path
    """To write into; kept for when the session goes on."""


@dataclass(frozen=True, slots=True)
class Inside:
    """The same as the program in the box sees it."""

    view: str
    evidence: str
    state: str
    base_url: str
    """Of the gateway; empty without one."""
    token: str
    model: str


@dataclass(frozen=True, slots=True)
class Guest:
    """A program that is to run in a proposer's box."""

    program: Callable[[Inside], dict[str, Any]]
    """What the launcher is told to run."""
    modules: tuple[Path, ...] = ()
    """Python files that the launcher may import the program from."""
    mounts: tuple[Mount, ...] = ()
    limits: Limits = field(default=LIMITS)


@dataclass(frozen=True, slots=True)
class Visit:
    """What became of a guest. Nothing that it printed is to be believed."""

    why: Why
    reason: str
    """One phrase; empty for a program that ended by itself with exit code 0."""
    ending: Ending
    log: str


Watch = Callable[[], Awaitable[str]]
"""Waits beside a session; the session is ended for what it returns."""


async def run_boxed(
    bench: "Bench",
    access: Access | None,
    folders: Folders,
    guest: Guest,
    seconds: float,
    watch: Watch | None = None,
    *,
    hard_seconds: float | None = None,
) -> Visit:
    """Run a program in a box until it ends, or has to; then no process of it is left.

    `seconds` it may take, without those that the provider held it up; `hard_seconds` with them,
    after which it is `stopped`. Raises InputError without a sandbox, SearchStoppedError where it
    cannot show the folders or there is no user id for it.
    """
    if bench.sandbox.name == NONE:
        raise no_sandbox()
    with _lodged(bench, access, folders, guest) as (box, seen):
        handle = await _start(bench, box)
        if isinstance(handle, str):
            return Visit("never began", handle, Ending(0, began=False), "")
        try:
            told = guest.program(_inside(handle, seen, access))
            watched = partial(_watched_out, watch, hard_seconds)
            why, reason = await _let_it_work(bench, handle, box, told, access, seconds, watched)
        finally:
            ending = await handle.kill()
        return _visit(why, reason, ending, guest.limits, _log_of(box.log))


def no_sandbox() -> InputError:
    """Why no proposer is ever run without one."""
    found, expected = "no sandbox", "one: a proposer would read the held-out tasks without"
    return InputError("command line", "--unsafe-no-sandbox", found, expected)


async def heard_out(grant: "Grant") -> None:
    """Wait for the calls that a session had in flight: what they cost is known only then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_HEAR_OUT):
            await grant.settled()


def _visit(why: Why, reason: str, ending: Ending, limits: Limits, log: str) -> Visit:
    if not ending.began and why == "ended":
        said = log.strip().splitlines()
        return Visit("never began", said[-1] if said else "no word of it", ending, log)
    if why == "ended" and (breach := breach_of_exit(ending.exit_code, limits)):
        return Visit("limit", breach, ending, log)
    if why == "ended" and ending.exit_code:
        code = ending.exit_code
        reason = f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return Visit(why, reason, ending, log)


# The box.


def proposer_kit(runtime: Path, modules: Sequence[Path]) -> Path:
    """A folder with the launcher and some modules, and nothing else of ours; made when missing."""
    kit = runtime / "-".join(["proposer-kit", *(module.stem for module in modules)])
    if kit.is_dir():
        return kit
    building = Path(tempfile.mkdtemp(prefix=".kit-", dir=runtime))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(inside.__file__).parent, building / "inside", ignore=ignored)
    for module in modules:
        shutil.copyfile(module, building / module.name)
    for path in (building, *building.rglob("*")):  # whatever this user's umask
        path.chmod(0o755 if path.is_dir() else 0o644)
    building.rename(kit)
    return kit


@contextmanager
def _lodged(
    bench: "Bench", access: Access | None, folders: Folders, guest: Guest
) -> "Iterator[tuple[Box, tuple[Mount, Mount, Mount]]]":
    """A box on the folders, and its mounts of them; for so long they belong to the box's user."""
    _make_mount_point(folders.view / "dev")
    for folder in (folders.evidence, folders.state):
        folder.mkdir(parents=True, exist_ok=True)
    shown = (
        Mount(folders.view.resolve(), WORK, writable=True),
        Mount(folders.evidence.resolve(), EVIDENCE),
        Mount(folders.state.resolve(), STATE, writable=True),
    )
    mounts = (*shown, *guest.mounts)
    _require_reachable(bench, mounts)
    door = Door(access.gateway.socket, access.gateway.port) if access else None
    kit = proposer_kit(bench.runtime, guest.modules)
    place = Path(tempfile.mkdtemp(prefix="session-", dir=bench.runtime))
    with _lent(bench, place, (folders.view, folders.state)) as (uid, temporary):
        log = place / "log"
        yield Box(kit, mounts, shown[0], temporary, guest.limits, log, door, uid), shown


def _make_mount_point(folder: Path) -> None:
    """For the evidence, in a view that an earlier attempt may have written to."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    folder.mkdir(exist_ok=True)


@contextmanager
def _lent(
    bench: "Bench", place: Path, writable: Sequence[Path]
) -> "Iterator[tuple[int | None, Path]]":
    """A user id that owns what a box writes to, and a folder for what it keeps for itself."""
    place.chmod(0o711)
    temporary = place / "tmp"
    temporary.mkdir()
    uid = bench.identities.lease()
    try:
        for folder in writable:  # whatever this user's umask, or what a box before made of it
            folder.chmod(0o755)
        _give(uid, [*writable, temporary])
        yield uid, temporary
    finally:
        _take_back([path for path in writable if path.exists()])
        bench.identities.give_back(uid)
        remove_tree(place)


def _give(uid: int | None, folders: Sequence[Path]) -> None:
    if uid is not None:
        _change("chown", f"{uid}:{uid}", folders)


def _take_back(folders: Sequence[Path]) -> None:
    """Make what a box left ours, and open to us, whatever it did to shut us out."""
    if os.geteuid() == 0:
        _change("chown", "0:0", folders)
    _change("chmod", "u+rwX", folders)


def _change(command: str, to: str, folders: Sequence[Path]) -> None:
    """Links are neither followed nor changed; paths may be longer than the kernel takes."""
    options = ["-h"] if command == "chown" else []
    change = [command, "-R", *options, to, "--", *map(str, folders)]
    try:
        subprocess.run(change, check=True, timeout=FILES_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SearchStoppedError(
            f"the disk of {folders[0]} does not answer ({command} took {FILES_SECONDS:g} s)"
        ) from error


def _require_reachable(bench: "Bench", mounts: Sequence[Mount]) -> None:
    """Raise SearchStoppedError where a user without rights could not come to the folders, and the
    sandbox has no file system of its own to show them in."""
    if bench.sandbox.isolated or os.geteuid() != 0:
        return
    for mount in mounts:
        if closed_to_others(mount.source):
            raise SearchStoppedError(
                f"the sandbox {bench.sandbox.name!r} cannot show {mount.source} to a proposer: "
                "install bubblewrap, or put the workspace where other users may enter"
            )


def _inside(handle: Handle, shown: tuple[Mount, Mount, Mount], access: Access | None) -> Inside:
    view, evidence, state = (handle.seen(mount) for mount in shown)
    if access is None:
        return Inside(view, evidence, state, "", "", "")
    grant = access.grant
    return Inside(view, evidence, state, handle.base_url, grant.token, grant.model)


async def _start(bench: "Bench", box: Box) -> Handle | str:
    """The started box; or why not, after a few tries: a machine may be short for a moment."""
    problem = ""
    for pause in PAUSES_BETWEEN_STARTS:
        await asyncio.sleep(pause)
        try:
            return await bench.sandbox.start(box)
        except (SandboxStartError, OSError) as error:
            problem = str(error)
    return problem


def _log_of(log: Path) -> str:
    """The last of what was printed."""
    try:
        descriptor = os.open(log, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # gone, or no longer ours: only a box that is none can do that
        return ""
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(max(0, os.fstat(descriptor).st_size - LONGEST_LOG))
        return stream.read(LONGEST_LOG).decode(errors="replace")


# Its time.


async def _let_it_work(
    bench: "Bench",
    handle: Handle,
    box: Box,
    program: dict[str, Any],
    access: Access | None,
    seconds: float,
    watch: Watch,
) -> tuple[Why, str]:
    """Give the guest its program, and wait until it ends or there is a reason to end it."""
    breaches: asyncio.Queue[str] = asyncio.Queue()
    with await _watched(bench, handle, box, breaches):
        waits: dict[Why, asyncio.Task[Any]] = {
            "ended": asyncio.create_task(_ended(handle, program)),
            "limit": asyncio.create_task(_done(breaches.get())),
            "time": asyncio.create_task(_time_is_up(seconds, access)),
        }
        if access is not None:
            waits["access"] = asyncio.create_task(_over(access))
        waits["stopped"] = asyncio.create_task(_done(watch()))
        try:
            await asyncio.wait(waits.values(), return_when=asyncio.FIRST_COMPLETED)
            why = next(name for name, task in waits.items() if task.done())
            return why, waits[why].result() or ""
        finally:
            for task in waits.values():
                task.cancel()
            await asyncio.gather(*waits.values(), return_exceptions=True)


async def _watched(
    bench: "Bench", handle: Handle, box: Box, breaches: "asyncio.Queue[str]"
) -> AbstractContextManager[None]:
    """The watchdog on a box; what was in its folders before does not count."""
    kept = [box.log.parent, *(mount.source for mount in box.mounts if mount.writable)]
    with disk_that_answers(*kept):
        before = await aside(FILES_SECONDS, folder_usage, kept, sys.maxsize)
    room = box.limits.workspace_bytes + before.bytes
    limits = replace(box.limits, workspace_bytes=room)
    return bench.watchdog.watching(handle.pid, limits, kept, breaches.put_nowait, handle.ours)


async def _ended(handle: Handle, program: dict[str, Any]) -> None:
    await handle.give(program)
    await handle.wait()


async def _watched_out(watch: Watch | None, hard_seconds: float | None) -> str:
    """What a watch says, or that all the time there is has passed."""
    try:
        async with asyncio.timeout(hard_seconds):
            if watch is not None:
                return await watch()
            await asyncio.Event().wait()
            return ""
    except TimeoutError:
        return f"hard limit of {hard_seconds:g} s passed (proposer.hard_seconds)"


async def _done(waiting: Awaitable[Any]) -> Any:
    return await waiting


async def _over(access: Access) -> str:
    """Why no further reply will come."""
    await access.grant.over.wait()
    return access.grant.failure or "the run stops"


async def _time_is_up(seconds: float, access: Access | None) -> str:
    """The provider's failures do not count towards the limit."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        lost = access.grant.seconds_lost if access else 0.0
        left = started + seconds + lost - loop.time()
        if left <= 0:
            return f"time limit of {seconds:g} s passed"
        await asyncio.sleep(left)
