"""Sets up all that rollouts need, and takes it down again."""

import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.benchmark.canaries import Canaries
from harness_search.disk import require_room, require_writable, stopping_when_full
from harness_search.endpoints import base_url_of, open_account, require_answers, terms_of
from harness_search.errors import SearchLockedError
from harness_search.files import remove_tree, remove_unfinished, write_atomically
from harness_search.gateway.budget import Amount
from harness_search.gateway.prices import FREE
from harness_search.gateway.transcript import Paid, paid_so_far
from harness_search.judging.documents import TextStore
from harness_search.judging.model.opening import JudgeMeans, open_judge
from harness_search.layout import Layout
from harness_search.ledger.rows import Purpose, Usage
from harness_search.ledger.spending import (
    Spent,
    spent_by_role,
    spent_on_disk,
    tokens_by_candidate,
    total,
)
from harness_search.ledger.store import Ledger
from harness_search.rollouts.evidence import file_interrupted, remove_given_up
from harness_search.rollouts.kit import prepare_kit
from harness_search.rollouts.room import room_needed
from harness_search.rollouts.runner import Bench
from harness_search.sandbox.box import Sandbox
from harness_search.sandbox.choice import make_sandbox
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.processes import boot_id, kill_tree, read_process, start_ticks
from harness_search.sandbox.watchdog import Watchdog
from harness_search.service.conduct import Conduct
from harness_search.service.holder import advice, holder, require_locks, sign
from harness_search.settings import BudgetSettings
from harness_search.workspace import Workspace

if TYPE_CHECKING:
    from harness_search.gateway.account import Account
    from harness_search.gateway.server import Gateway

    OpenGateway = Callable[[Path, Sandbox], AbstractAsyncContextManager[Gateway]]

RUNTIME_PREFIX = "meta-harness-"
LONGEST_TEMPORARY_FOLDER = 60
NOWHERE = "http://replay.invalid"
"""Not an address, by RFC 2606."""


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Keep a second scaffold out of the workspace.

    Raises SearchLockedError saying who holds it, and InputError where nothing can be locked.
    """
    from filelock import FileLock, Timeout

    require_writable(layout.root, layout.runs)
    layout.runs.mkdir(parents=True, exist_ok=True)
    require_locks(layout.lock)
    lock = FileLock(layout.lock, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise SearchLockedError(
            layout.lock,
            "",
            holder(layout),
            f"one scaffold in a workspace at a time{advice(layout)}",
        ) from error
    try:
        with stopping_when_full(layout.runs):
            sign(layout)
            remove_unfinished(*_written_to(layout))
            yield
    finally:
        lock.release()


def _written_to(layout: Layout) -> list[Path]:
    """Folders in which a killed scaffold may have left half a file; of sessions, the last one."""
    sessions = sorted(layout.session(0).parent.glob("[0-9]*"))[-1:]
    inside = [session / part for session in sessions for part in ("", "view", "view/harnesses")]
    lineage = layout.lineage
    of_git = [lineage, lineage / "refs" / "heads", *lineage.glob("objects/??")]
    evaluators = layout.kept_evaluator("").parent
    return [layout.root, layout.harnesses, layout.runs, layout.text, evaluators, *of_git, *inside]


@asynccontextmanager
async def open_bench(
    workspace: Workspace, ledger: Ledger, purpose: Purpose, key: str, conduct: Conduct
) -> AsyncIterator[Bench]:
    """Start the gateway, and the simulated model if the profile asks for it."""
    settings = workspace.settings
    async with base_url_of(settings.profile, settings.simulated) as base_url:
        gateway = partial(_gateway, workspace, ledger, base_url, key, conduct)
        async with _bench(workspace, ledger, purpose, gateway, conduct) as bench:
            yield bench


@asynccontextmanager
async def open_replay_bench(
    workspace: Workspace, ledger: Ledger, conduct: Conduct
) -> AsyncIterator[Bench]:
    """Start a gateway behind which there is no model: only jobs with an original can be run."""
    gateway = partial(_recorded_gateway, workspace)
    async with _bench(workspace, ledger, Purpose.REPLAY, gateway, conduct) as bench:
        yield bench


@asynccontextmanager
async def _bench(
    workspace: Workspace,
    ledger: Ledger,
    purpose: Purpose,
    gateway_of: "OpenGateway",
    conduct: Conduct,
) -> AsyncIterator[Bench]:
    """All that rollouts need, on a gateway that is opened for a runtime folder and a sandbox."""
    layout, settings = workspace.layout, workspace.settings
    require_room(layout.runs, room_needed(settings))
    evidence = layout.evidence_of(purpose)
    sweep(ledger, evidence, layout)
    sandbox = make_sandbox(workspace.sandbox, _secrets(layout, settings.benchmark.tasks))
    with _runtime(layout, sandbox) as runtime, closing(Identities()) as identities:
        means_of = partial(_means, workspace, ledger, purpose, runtime)
        async with (
            gateway_of(runtime, sandbox) as gateway,
            open_judge(workspace, means_of(gateway), batched=purpose is Purpose.TEST) as judge,
            Watchdog() as watchdog,
        ):
            yield Bench(
                gateway=gateway,
                ledger=ledger,
                evidence=evidence,
                texts=TextStore(layout.text),
                judge=judge,
                sandbox=sandbox,
                watchdog=watchdog,
                identities=identities,
                kit=_reachable(prepare_kit(layout.kit), runtime, sandbox),
                runtime=runtime,
                limits=settings.limits,
                sampling=settings.profile.sampling,
                context_tokens=settings.profile.context_tokens,
                seed=settings.search.seed,
                purpose=purpose,
                conduct=conduct,
                canary_of=Canaries.of(layout).canary_of if purpose is Purpose.TEST else None,
            )


def _means(
    workspace: Workspace, ledger: Ledger, purpose: Purpose, runtime: Path, gateway: "Gateway"
) -> JudgeMeans:
    """What a judge spends from: the run's budget, also where replies are stored ones."""
    from harness_search.gateway.budget import Budget

    budget = gateway.account.budget
    if purpose is Purpose.REPLAY:
        budget = Budget(workspace.settings.budget, spent_before(workspace.layout))
    return JudgeMeans(ledger, purpose, budget, runtime)


@asynccontextmanager
async def _gateway(
    workspace: Workspace,
    ledger: Ledger,
    base_url: str,
    key: str,
    conduct: Conduct,
    runtime: Path,
    sandbox: Sandbox,
) -> "AsyncIterator[Gateway]":
    """A gateway on the profile's account, once that has answered."""
    from harness_search.gateway.budget import Budget
    from harness_search.gateway.mirror import mirrored

    layout, settings = workspace.layout, workspace.settings
    budget = Budget(settings.budget, spent_before(layout, ledger), tokens_by_candidate(ledger))
    price = workspace.price or FREE
    account = open_account(settings.profile, price, base_url, key, budget, ledger)
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
            await conduct.unless_stopped(require_answers(account))
        async with mirrored(account, layout.account_state, settings.budget):
            yield gateway
    finally:
        await gateway.stop()


@asynccontextmanager
async def _recorded_gateway(
    workspace: Workspace, runtime: Path, sandbox: Sandbox
) -> "AsyncIterator[Gateway]":
    """A gateway without key or provider. A rollout's own limit stays: a harness is to meet it
    where it met it before."""
    from harness_search.gateway.account import Account
    from harness_search.gateway.budget import Budget
    from harness_search.gateway.upstream import Upstream

    settings = workspace.settings
    limits = BudgetSettings(rollout_tokens=settings.budget.rollout_tokens)
    terms = terms_of(settings.profile, workspace.price or FREE)
    account = Account(Upstream(NOWHERE, ""), terms, budget=Budget(limits))
    gateway = make_gateway(
        account,
        runtime,
        sandbox,
        most_requests=settings.limits.calls,
        sampling=settings.profile.sampling,
    )
    await gateway.start()
    try:
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


def spent_before(layout: Layout, ledger: Ledger | None = None) -> Amount:
    """What the search has spent, its openings of the test split included. A ledger that is open is
    not opened once more."""
    found = Spent()
    for file in map(layout.ledger_of, Purpose):
        if ledger is not None and ledger.file == file:
            found += total(spent_by_role(ledger).values())
        else:
            found += total(spent_on_disk(file).values())
    return Amount(found.usd, found.usage.total)


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
    if layout.runtime.is_file() and not _is_copy_of_living(layout):
        old = Path(_noted(layout)[0])
        ours = old.parent in {Path(tempfile.gettempdir()), Path("/tmp")}
        if ours and old.name.startswith(RUNTIME_PREFIX):
            remove_tree(old)
    # A unix socket's path has at most 108 bytes.
    short = len(tempfile.gettempdir()) <= LONGEST_TEMPORARY_FOLDER
    folder = Path(tempfile.gettempdir() if short else "/tmp")
    runtime = folder / f"{RUNTIME_PREFIX}{secrets.token_hex(8)}"
    us = (os.getpid(), start_ticks(os.getpid()), boot_id())
    # Noted before it is there: a kill in between leaves nothing that nobody knows of.
    write_atomically(layout.runtime, "\n".join(map(str, (runtime, *us))))
    runtime.mkdir(mode=0o700)
    return runtime


def _noted(layout: Layout) -> list[str]:
    """The last scaffold's temporary folder, and the scaffold: pid, start in ticks, boot."""
    noted = layout.runtime.read_text(encoding="utf-8", errors="replace").split("\n")
    return [*noted, "", "", ""][:4]


def _is_copy_of_living(layout: Layout) -> bool:
    """Whether this workspace, which we hold the lock of, is a copy made while a scaffold was at
    work in the original: what it noted of itself is that scaffold's, and not to be cleared away."""
    if not layout.runtime.is_file():
        return False
    _, pid, started, boot = _noted(layout)
    if boot != boot_id() or not pid.isdecimal() or int(pid) == os.getpid():
        return False
    process = read_process(int(pid))
    return process is not None and not process.zombie and str(process.started) == started


def sweep(ledger: Ledger, evidence: Path, layout: Layout) -> None:
    """Kill what an earlier scaffold left running, file what it left, and book what that cost."""
    is_copy = _is_copy_of_living(layout)
    for process in ledger.running():
        if not is_copy and process.pid_started and process.boot in {"", boot_id()}:
            kill_tree(process.pid, process.pid_started)
        transcript = file_interrupted(evidence, process.key, process.attempt)
        paid = paid_so_far(transcript) if transcript is not None else Paid(Usage(), 0.0)
        ledger.mark_interrupted(process.rollout, paid.usage, paid.usd)
    remove_given_up(evidence)
