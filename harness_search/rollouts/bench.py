"""Sets up all that rollouts need, and takes it down again."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.errors import InputError, SearchLockedError, SearchStoppedError
from harness_search.files import remove_tree, write_atomically
from harness_search.gateway.budget import Amount
from harness_search.gateway.transcript import Paid, paid_so_far
from harness_search.judging.documents import TextStore
from harness_search.layout import Layout
from harness_search.ledger.rows import Split, Usage
from harness_search.ledger.spending import spent_on_disk, tokens_by_candidate, total
from harness_search.ledger.store import Ledger
from harness_search.rollouts.evidence import file_interrupted
from harness_search.rollouts.kit import prepare_kit
from harness_search.rollouts.runner import Bench
from harness_search.sandbox.box import Sandbox
from harness_search.sandbox.choice import make_sandbox
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.processes import boot_id, kill_tree
from harness_search.sandbox.watchdog import Watchdog
from harness_search.settings import Profile, Settings
from harness_search.workspace import Workspace

if TYPE_CHECKING:
    from harness_search.gateway.account import Account
    from harness_search.gateway.server import Gateway

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
    layout, settings = workspace.layout, workspace.settings
    evidence = layout.dev_evidence if split is Split.DEV else layout.test_evidence
    sweep(ledger, evidence)
    sandbox = make_sandbox(workspace.sandbox, _secrets(layout, settings.benchmark.tasks))
    with _runtime(layout, sandbox) as runtime, closing(Identities()) as identities:
        async with (
            _base_url(settings) as base_url,
            _gateway(workspace, ledger, base_url, key, runtime, sandbox) as gateway,
            Watchdog() as watchdog,
        ):
            yield Bench(
                gateway=gateway,
                ledger=ledger,
                evidence=evidence,
                texts=TextStore(layout.text),
                sandbox=sandbox,
                watchdog=watchdog,
                identities=identities,
                kit=_reachable(prepare_kit(layout.kit), runtime, sandbox),
                runtime=runtime,
                limits=settings.limits,
                sampling=settings.profile.sampling,
                context_tokens=settings.profile.context_tokens,
                seed=settings.search.seed,
                split=split,
            )


@asynccontextmanager
async def _gateway(
    workspace: Workspace,
    ledger: Ledger,
    base_url: str,
    key: str,
    runtime: Path,
    sandbox: Sandbox,
) -> "AsyncIterator[Gateway]":
    """A gateway on the profile's account, once that has answered."""
    from harness_search.gateway.mirror import mirrored

    layout, settings = workspace.layout, workspace.settings
    account = _open_account(workspace, ledger, base_url, key)
    gateway = make_gateway(
        account,
        runtime,
        sandbox,
        most_requests=settings.limits.calls,
        sampling=settings.profile.sampling,
    )
    await gateway.start()
    try:
        if not settings.profile.simulated:
            await _require_answers(account)
        async with mirrored(account, layout.account_state, settings.budget):
            yield gateway
    finally:
        await gateway.stop()


def make_gateway(
    account: "Account",
    runtime: Path,
    sandbox: Sandbox,
    *,
    most_requests: int,
    sampling: Iterable[str] = (),
) -> "Gateway":
    """A gateway that boxes of a sandbox can reach: by a socket in a folder of its own, which only
    this user may enter and a box is shown; else by a loopback port."""
    from harness_search.gateway.server import Gateway

    folder = runtime / "gateway"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return Gateway(
        account,
        folder / "gateway.sock",
        most_requests=most_requests,
        loopback=not sandbox.isolated,
        sampling=sampling,
    )


@contextmanager
def _runtime(layout: Layout, sandbox: Sandbox) -> Iterator[Path]:
    """The scaffold's temporary folder, for as long as it runs."""
    runtime = make_runtime(layout)
    if not sandbox.isolated:
        runtime.chmod(0o711)  # each box's own user comes to its own folder, and sees no other
    try:
        yield runtime
    finally:
        remove_tree(runtime)


async def _require_answers(account: "Account") -> None:
    """Ask one token before anything is started; raises SearchStoppedError without an answer."""
    from harness_search.gateway.account import Standing

    standing = await account.standing()
    if standing is not Standing.ANSWERED:
        reason = account.stopped or "the provider does not answer: look at the profile's address"
        raise SearchStoppedError(f"{reason}. Nothing was started.")


def _open_account(workspace: Workspace, ledger: Ledger, base_url: str, key: str) -> "Account":
    """The profile's account, with what the search has spent so far."""
    from harness_search.gateway.account import Account, Terms
    from harness_search.gateway.budget import Budget
    from harness_search.gateway.concurrency import AdaptiveLimit
    from harness_search.gateway.prices import FREE
    from harness_search.gateway.upstream import Silence, Upstream

    profile = workspace.settings.profile
    upstream = Upstream(
        base_url,
        key,
        simulated=profile.simulated,
        authentication=profile.authentication,
        silence=Silence(profile.first_byte_seconds, profile.stall_seconds),
    )
    terms = Terms(
        profile.model,
        workspace.price or FREE,
        profile.context_tokens,
        patience_seconds=profile.patience_seconds,
        longest_retry_after=profile.longest_retry_after,
        sampling=profile.sampling,
    )
    return Account(
        upstream,
        terms,
        limit=AdaptiveLimit(profile.concurrency_start, profile.concurrency_most),
        budget=Budget(
            workspace.settings.budget, _spent_before(workspace.layout), tokens_by_candidate(ledger)
        ),
        spend=lambda role, usage, usd: ledger.record_spending(role, "", usage, usd),
    )


def _spent_before(layout: Layout) -> Amount:
    """What the search has spent, its openings of the test split included."""
    files = (layout.ledger, layout.test_ledger)
    spent = total(spent for file in files for spent in spent_on_disk(file).values())
    return Amount(spent.usd, spent.usage.total)


@asynccontextmanager
async def _base_url(settings: Settings) -> AsyncIterator[str]:
    if not settings.profile.simulated:
        yield settings.profile.base_url
        return
    from harness_search.simulated.server import SimulatedModel, unsteady

    options = settings.simulated
    model = SimulatedModel(
        fault=unsteady(options.fault_share, options.fault_seed),
        latency_seconds=options.latency_seconds,
        tokens_per_second=options.tokens_per_second,
    )
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


def _reachable(kit: Path, runtime: Path, sandbox: Sandbox) -> Path:
    """The kit, at a place that a box's own user may enter, with room for an interpreter."""
    if sandbox.isolated or os.geteuid() != 0:
        return kit
    return Path(shutil.copytree(kit, runtime / "kit"))


def _secrets(layout: Layout, tasks: Path) -> tuple[Path, ...]:
    """What no box may see, wherever it lies."""
    return (layout.root, layout.root / tasks, Path(__file__).resolve().parents[2])


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


def sweep(ledger: Ledger, evidence: Path) -> None:
    """Kill what an earlier scaffold left running, file what it left, and book what that cost."""
    for process in ledger.running():
        if process.pid_started and process.boot in {"", boot_id()}:
            kill_tree(process.pid, process.pid_started)
        transcript = file_interrupted(evidence, process.key, process.attempt)
        paid = paid_so_far(transcript) if transcript is not None else Paid(Usage(), 0.0)
        ledger.mark_interrupted(process.rollout, paid.usage, paid.usd)
