"""What the steps of a search share: its ledger, its identity, its mirrors."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from harness_search.errors import InputError
from harness_search.files import digest_bytes, next_free, to_json, write_atomically
from harness_search.layout import Layout
from harness_search.ledger.frontier import Frontier, frontier
from harness_search.ledger.lineage import mirror_lineage
from harness_search.ledger.rows import IterationRow, RolloutRow, Split
from harness_search.ledger.store import Ledger, has_begun
from harness_search.proposers.session import PastIteration, Proposer
from harness_search.reports.progress import Reporter
from harness_search.rollouts.bench import locked
from harness_search.rollouts.runner import Bench, Harness
from harness_search.rollouts.scheduler import most_lost
from harness_search.workspace import Workspace


@dataclass(frozen=True)
class Search:
    """One search at work."""

    workspace: Workspace
    ledger: Ledger
    bench: Bench
    proposer: Proposer
    reporter: Reporter
    lost_before: Mapping[str, int]
    """By harness digest, how often a rollout had been lost when this launch began: each launch
    grants fresh tries to what is still open."""

    def harness(self, row: IterationRow) -> Harness:
        """The harness of an iteration; its digest is the ledger's, whatever the file holds now."""
        return Harness(row.name, self.workspace.layout.candidate(row.name), row.harness)

    def attempts(self, harness: str) -> int:
        """Tries of a lost rollout of a harness, given by its digest."""
        return self.bench.limits.attempts + self.lost_before.get(harness, 0)


def lost_before(rows: Sequence[RolloutRow]) -> dict[str, int]:
    """The most attempts that any rollout of each harness has lost so far."""
    by_harness: dict[str, list[RolloutRow]] = {}
    for row in rows:
        by_harness.setdefault(row.key.harness, []).append(row)
    return {harness: most_lost(found) for harness, found in by_harness.items()}


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
    if not has_begun(workspace.layout.ledger):
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


def check_sources(layout: Layout, iterations: Sequence[IterationRow]) -> None:
    """Hold every harness file of the search to its digest; a deleted candidate is restored.

    Raises InputError for a file that was changed: its rows are of another harness.
    """
    for row in iterations:
        if not row.harness:
            continue
        file = layout.candidate(row.name)
        kept = layout.kept_source(row.number, row.name)
        if not file.is_file() and kept.is_file():
            write_atomically(file, kept.read_bytes())
        if not file.is_file() or digest_bytes([file.read_bytes()]) != row.harness:
            found = "a changed file" if file.is_file() else "no such file"
            expected = f"the harness of iteration {row.number}, kept in {kept}"
            raise InputError(file, "content", found, expected)


def mirror(workspace: Workspace, ledger: Ledger, phase: str) -> None:
    """Bring lineage and loop_state.json up to the ledger; after a crash this mends them too."""
    current = current_frontier(workspace, ledger)
    layout = workspace.layout
    decided = [row for row in current.rows if row.decision is not None and row.score is not None]
    sources = {row.harness: layout.candidate(row.harness).read_bytes() for row in decided}
    claims = {item.name: item.claim for item in ledger.iterations()}
    mirror_lineage(layout.lineage, decided, sources, claims)
    state = {
        "iteration": current.iteration,
        "phase": phase,
        "incumbent": current.incumbent or None,
        "proposer_session": None,
        "next_wake_up": None,
    }
    write_atomically(layout.loop_state, to_json(state))


KEPT = frozenset({"archive", "kit", "text", "lock", "lock.pid", "runtime", "test_openings.jsonl"})


def set_aside(layout: Layout) -> None:
    """Move an earlier search, its candidates included, to `runs/archive/search-<n>`.

    Nothing is deleted. The ledger goes last, so that a crash leaves the rest to the next try.
    """
    with locked(layout):
        if not layout.ledger.is_file():
            return
        target = next_free(layout.archive / "search")
        (target / "harnesses").mkdir(parents=True)
        for file in _candidates(layout):
            file.rename(target / "harnesses" / file.name)
        ledger = [path for path in layout.runs.iterdir() if path.name == layout.ledger.name]
        others = {path for path in layout.runs.iterdir() if path.name not in KEPT} - set(ledger)
        for path in [*sorted(others), layout.loop_state, *ledger]:
            if path.exists():
                path.rename(target / path.name)


def _candidates(layout: Layout) -> list[Path]:
    """The files of a search's candidates. Reading the ledger as its writer also takes in what a
    crash left in its log, which could not be moved together with it."""
    with closing(Ledger(layout.ledger)) as ledger:
        names = [row.name for row in ledger.iterations() if row.harness and row.number > 0]
    return [file for file in map(layout.candidate, names) if file.is_file()]
