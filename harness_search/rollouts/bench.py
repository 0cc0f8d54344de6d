"""Sets up all that rollouts need, and takes it down again."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from harness_search.errors import InputError, SearchLockedError
from harness_search.files import remove_tree, write_atomically
from harness_search.judging.documents import TextStore
from harness_search.layout import Layout
from harness_search.ledger.rows import Split
from harness_search.ledger.store import Ledger
from harness_search.rollouts.child import kill_leftover
from harness_search.rollouts.kit import prepare_kit
from harness_search.rollouts.runner import Bench
from harness_search.settings import Profile
from harness_search.workspace import Workspace

RUNTIME_PREFIX = "meta-harness-"
LONGEST_TEMPORARY_FOLDER = 60


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Keep a second scaffold out of the workspace; raises SearchLockedError."""
    from filelock import FileLock, Timeout

    layout.runs.mkdir(parents=True, exist_ok=True)
    holder = layout.lock.with_suffix(".pid")
    try:
        with FileLock(layout.lock, timeout=0):
            holder.write_text(f"{os.getpid()}\n", encoding="ascii")
            yield
    except Timeout as error:
        pid = holder.read_text(encoding="ascii").strip() if holder.is_file() else "unknown"
        raise SearchLockedError(
            layout.lock, "", f"held by process {pid}", "one scaffold in a workspace at a time"
        ) from error


@asynccontextmanager
async def open_bench(
    workspace: Workspace, ledger: Ledger, split: Split, key: str
) -> AsyncIterator[Bench]:
    """Start the gateway, and the simulated model if the profile asks for it."""
    from harness_search.gateway.server import Gateway
    from harness_search.gateway.upstream import Upstream

    layout, settings = workspace.layout, workspace.settings
    sweep(ledger)
    runtime = make_runtime(layout)
    try:
        async with _base_url(settings.profile) as base_url:
            gateway = Gateway(
                Upstream(base_url, key, simulated=settings.profile.simulated),
                settings.profile.model,
                runtime / "gateway.sock",
            )
            await gateway.start()
            try:
                yield Bench(
                    gateway=gateway,
                    ledger=ledger,
                    evidence=layout.dev_evidence if split is Split.DEV else layout.test_evidence,
                    texts=TextStore(layout.text),
                    kit=prepare_kit(layout.kit),
                    runtime=runtime,
                    limits=settings.limits,
                    price=settings.profile.price,
                    seed=settings.search.seed,
                    split=split,
                )
            finally:
                await gateway.stop()
    finally:
        remove_tree(runtime)


@asynccontextmanager
async def _base_url(profile: Profile) -> AsyncIterator[str]:
    if not profile.simulated:
        yield profile.base_url
        return
    from harness_search.simulated.server import SimulatedModel

    model = SimulatedModel()
    await model.start()
    try:
        yield model.base_url
    finally:
        await model.stop()


def api_key(profile: Profile) -> str:
    """The key from the profile's environment variable; raises InputError when it is unset."""
    if not profile.key_variable:
        return ""
    key = os.environ.get(profile.key_variable, "")
    if not key:
        raise InputError("environment", profile.key_variable, "nothing", "an API key")
    return key


def make_runtime(layout: Layout) -> Path:
    """A short private folder for sockets and views; what a killed scaffold left is removed."""
    if layout.runtime.is_file():
        old = Path(layout.runtime.read_text(encoding="utf-8", errors="replace"))
        ours = old.parent in {Path(tempfile.gettempdir()), Path("/tmp")}
        if ours and old.name.startswith(RUNTIME_PREFIX):
            remove_tree(old)
    # A unix socket's path has at most 108 bytes.
    short = len(tempfile.gettempdir()) <= LONGEST_TEMPORARY_FOLDER
    runtime = Path(tempfile.mkdtemp(prefix=RUNTIME_PREFIX, dir=None if short else "/tmp"))
    write_atomically(layout.runtime, str(runtime))
    return runtime


def sweep(ledger: Ledger) -> None:
    """Kill what an earlier scaffold left running, and close its attempts."""
    for process in ledger.running():
        kill_leftover(process.pid, process.pid_started)
        ledger.mark_interrupted(process.rollout)
