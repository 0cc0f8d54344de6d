"""What the steps of a search share: its ledger, its identity, its mirrors."""

from contextlib import closing
from dataclasses import dataclass

from harness_search.errors import InputError
from harness_search.files import to_json, write_atomically
from harness_search.layout import Layout
from harness_search.ledger.frontier import Frontier, frontier
from harness_search.ledger.lineage import record_lineage
from harness_search.ledger.rows import Split
from harness_search.ledger.store import Ledger
from harness_search.proposers.session import PastIteration, Proposer
from harness_search.reports.progress import Reporter
from harness_search.rollouts.bench import locked
from harness_search.rollouts.runner import Bench
from harness_search.workspace import Workspace


@dataclass(frozen=True)
class Search:
    """One search at work."""

    workspace: Workspace
    ledger: Ledger
    bench: Bench
    proposer: Proposer
    reporter: Reporter
    baseline_attempts: int
    """Tries of a lost baseline rollout: without a baseline there is nothing to go on with, so
    each launch grants fresh ones."""

    def attempts(self, iteration: int) -> int:
        """Tries of a lost rollout in an iteration."""
        return self.baseline_attempts if iteration == 0 else self.bench.limits.attempts


def hold_to_identity(layout: Layout, ledger: Ledger, wanted: dict[str, str]) -> None:
    """Rows that cannot be compared never mix; raises InputError naming what differs."""
    known = ledger.identity()
    for name, value in wanted.items():
        if known.get(name, value) != value:
            raise InputError(
                layout.ledger,
                name,
                f"a search that was started with {known[name]!r}",
                f"the same now and not {value!r} (or set the old search aside with --fresh)",
            )
    new = {name: value for name, value in wanted.items() if name not in known}
    if new:
        ledger.set_identity(new)


def current_frontier(workspace: Workspace, ledger: Ledger) -> Frontier:
    """The frontier from raw rows, under the weights of the settings."""
    return frontier(
        ledger.iterations(),
        ledger.rows(),
        workspace.criteria(Split.DEV),
        workspace.settings.search.trials,
        workspace.settings.weights,
        simulated=workspace.settings.profile.simulated,
    )


def frontier_on_disk(workspace: Workspace) -> Frontier:
    """The frontier as the ledger on disk has it; empty before the first start."""
    if not workspace.layout.ledger.is_file():
        return Frontier((), workspace.settings.weights, workspace.settings.profile.simulated)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return current_frontier(workspace, ledger)


def past_iterations(current: Frontier) -> list[PastIteration]:
    """The decided iterations as a proposer is told them."""
    return [
        PastIteration(
            row.iteration,
            row.harness,
            row.parent,
            row.incumbent,
            row.mechanism,
            row.decision,
            row.reason,
            row.delta,
        )
        for row in current.rows
        if row.decision is not None
    ]


def mirror(workspace: Workspace, ledger: Ledger, phase: str) -> None:
    """Bring lineage and loop_state.json up to the ledger; after a crash this mends them too."""
    current = current_frontier(workspace, ledger)
    layout = workspace.layout
    decided = [row for row in current.rows if row.decision is not None and row.score is not None]
    files = {row.harness: layout.candidate(row.harness) for row in decided}
    sources = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
    claims = {item.name: item.claim for item in ledger.iterations()}
    record_lineage(layout.lineage, decided, sources, claims)
    state = {
        "iteration": current.iteration,
        "phase": phase,
        "incumbent": current.incumbent or None,
        "proposer_session": None,
        "next_wake_up": None,
    }
    write_atomically(layout.loop_state, to_json(state))


KEPT = frozenset({"archive", "kit", "text", "lock", "lock.pid"})


def set_aside(layout: Layout) -> None:
    """Move an earlier search, candidates included, to `runs/archive/<n>`; nothing is deleted."""
    with locked(layout):
        old = [path for path in layout.runs.iterdir() if path.name not in KEPT]
        candidates = [file for file in layout.harnesses.glob("*.py") if file != layout.baseline]
        if not layout.ledger.is_file():
            return
        number = len(list(layout.archive.glob("*"))) + 1
        target = layout.archive / f"{number:03d}"
        (target / "harnesses").mkdir(parents=True)
        for path in old:
            path.rename(target / path.name)
        for file in candidates:
            file.rename(target / "harnesses" / file.name)
        if layout.loop_state.is_file():
            layout.loop_state.rename(target / layout.loop_state.name)
