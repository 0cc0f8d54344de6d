"""Prints how long an offline search takes on the real path, with the sandbox on.

Run from the repository root: `.venv/bin/python benchmarks/world_search.py`; it takes some minutes.
The search is that of a fresh workspace around a generated benchmark: 8 iterations on 24 dev tasks
with 3 trials, under the default settings. Times depend on what else the machine does. Ends with
code 1 when the search takes longer than it may, or promotes nothing.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sandbox import machine, write

import meta_harness
from harness_search.benchmark.initialise import initialise
from harness_search.current import frontier_on_disk
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.rows import DecisionKind, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.proposers.catalogue import CatalogueProposer
from harness_search.reports.progress import Reporter
from harness_search.simulated.tasks.build import build_benchmark
from harness_search.workspace import Workspace, open_workspace, prove_sandbox

DEV = 24
MOST_SECONDS = 240.0
"""For 8 iterations on 24 x 3 rollouts, on 2 cores."""
QUIET = Reporter(None)


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search did, and how long it took."""

    frontier: Frontier
    rows: Sequence[RolloutRow]
    seconds: float
    sandbox: str

    @property
    def rate(self) -> float:
        """Rollouts a second."""
        return len(self.rows) / self.seconds

    @property
    def promotions(self) -> int:
        return sum(row.decision is DecisionKind.PROMOTED for row in self.frontier.rows)


def search(
    folder: Path, benchmark: int, flags: dict[str, object], reporter: Reporter = QUIET
) -> Searched:
    """Search in a new workspace around the benchmark of a seed."""
    workspace = made_workspace(folder, benchmark, flags)
    began = time.monotonic()
    asyncio.run(meta_harness.run_search(workspace, CatalogueProposer(), reporter))
    seconds = time.monotonic() - began
    return Searched(frontier_on_disk(workspace), _rows(workspace), seconds, workspace.sandbox)


def measured_rate(folder: Path, benchmark: int, flags: dict[str, object]) -> float:
    """Rollouts of the baseline a second on the real path."""
    workspace = made_workspace(folder, benchmark, flags)
    began = time.monotonic()
    work = meta_harness.measure(workspace, Split.DEV, [workspace.baseline], QUIET)
    asyncio.run(work)
    return len(_rows(workspace)) / (time.monotonic() - began)


def made_workspace(folder: Path, benchmark: int, flags: dict[str, object]) -> Workspace:
    built = build_benchmark(folder / "tasks", benchmark, dev=DEV, test=0)
    initialise(folder, folder / "tasks", dev=len(built.dev), test=0, seed=0)
    return prove_sandbox(open_workspace(folder, flags))


def _rows(workspace: Workspace) -> list[RolloutRow]:
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return ledger.rows()


def table(found: Searched) -> str:
    """The decisions, as Markdown."""
    lines = ["| iteration | mechanism | decision | pooled | blended |", "|---:|---|---|---:|---:|"]
    for row in found.frontier.rows:
        score = row.score if row.whole else None
        figures = f"{score.pooled:.1f} | {score.blended:.1f}" if score is not None else "|"
        name = f"`{row.mechanism}`" if row.mechanism else row.harness
        lines.append(f"| {row.iteration} | {name} | {row.decision} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--benchmark", type=int, default=0, help="seed of the benchmark")
    parser.add_argument("--seed", type=int, default=0, help="seed of the search")
    parser.add_argument("--profile", default="simulated")
    parser.add_argument("--iterations", type=int, default=8)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into a page")
    options = parser.parse_args()
    own = {"benchmark", "write"}
    flags = {name: value for name, value in vars(options).items() if name not in own}
    flags["confirmation_trials"] = 0  # the search itself is what is timed
    with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # each box's own user comes to its own folder
        found = search(folder / "workspace", options.benchmark, flags, Reporter(None))
    verdict = "met" if found.seconds <= MOST_SECONDS else "MISSED"
    text = (
        f"{table(found)}\n\n{len(found.rows)} rollouts in {found.seconds:.0f} s (at most "
        f"{MOST_SECONDS:g}: {verdict}), {found.rate:.1f} a second on {os.cpu_count()} cores in "
        f"{found.sandbox}; {found.promotions} promotions. Seed {options.seed}, benchmark "
        f"{options.benchmark}, profile `{options.profile}`; {machine()}."
    )
    print(text)
    if options.write:
        write(options.write, text, "search")
    sys.exit(0 if verdict == "met" and found.promotions else 1)


if __name__ == "__main__":
    main()
