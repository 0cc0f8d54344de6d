"""Prints what the gates `standard` and `seed` do in whole offline searches, side by side.

Run from the repository root: `.venv/bin/python benchmarks/gate_search.py`; it takes a quarter of
an hour. Each search is that of a fresh workspace around the generated benchmark: 8 iterations on
24 dev tasks with 3 trials, sandbox and gateway on, with the simulated model and the catalogue
proposer. The gain is that of the confirmation. `--write docs/gate.md` puts the table into the page.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sandbox import machine, write
from world_search import QUIET, made_workspace

import meta_harness
from harness_search.current import frontier_on_disk
from harness_search.experiments.confirmed import Confirmation, confirmation_of
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.rows import DecisionKind
from harness_search.ledger.store import Ledger
from harness_search.proposers.catalogue import CatalogueProposer
from harness_search.workspace import Workspace

PRESETS = ("seed", "standard")


@dataclass(frozen=True, slots=True)
class Result:
    """One search with one gate."""

    preset: str
    seed: int
    frontier: Frontier
    confirmation: Confirmation | None
    rollouts: int
    """Of the search, without the confirmation."""
    seconds: float

    @property
    def decisions(self) -> str:
        """For example `+72 -10 -43`: promotions and orphans in order, and their rollouts."""
        rows = [row for row in self.frontier.rows if row.iteration]
        return " ".join(
            f"{'+' if row.decision is DecisionKind.PROMOTED else '-'}{row.rollouts}" for row in rows
        )

    def row(self) -> str:
        """A line of the table."""
        record = self.frontier.gate
        promotions = record.promotions if record else 0
        expected = record.false_promotions if record else None
        cells = [
            f"`{self.preset}`",
            str(self.seed),
            str(self.rollouts),
            str(promotions),
            "-" if expected is None else f"{expected:.2f}",
            f"{record.inflation:+.1f}" if record else "-",
            _confirmed(self.confirmation),
            self.decisions,
            f"{self.seconds:.0f}",
        ]
        return f"| {' | '.join(cells)} |"


def _confirmed(found: Confirmation | None) -> str:
    if found is None or found.gain is None:
        return "-"
    interval = found.gain.interval(found.gain.trial_error)
    half = f" ±{(interval[1] - interval[0]) / 2:.1f}" if interval else ""
    return f"{found.gain.points:+.1f}{half}"


def searched(folder: Path, preset: str, options: argparse.Namespace, seed: int) -> Result:
    """Run one search with a gate."""
    flags = {"preset": preset, "seed": seed, "iterations": options.iterations}
    workspace = made_workspace(folder, options.benchmark, flags)
    began = time.monotonic()
    asyncio.run(meta_harness.run_search(workspace, CatalogueProposer(), QUIET))
    seconds = time.monotonic() - began
    found = frontier_on_disk(workspace)
    return Result(preset, seed, found, confirmation_of(workspace), _rollouts(workspace), seconds)


def _rollouts(workspace: Workspace) -> int:
    """Finished rollouts of the search, those of incumbents for a comparison among them."""
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return sum(row.outcome.finished for row in ledger.rows())


def table(results: list[Result], options: argparse.Namespace) -> str:
    """All searches, as Markdown."""
    head = (
        "gate",
        "seed",
        "rollouts",
        "promotions",
        "expected false",
        "inflation",
        "confirmed gain",
        "candidates in order",
        "seconds",
    )
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---:|---:|---:|---|---:|"]
    lines += [result.row() for result in results]
    sums = {
        preset: sum(item.rollouts for item in results if item.preset == preset)
        for preset in PRESETS
    }
    saved = 1 - sums["standard"] / sums["seed"]
    return (
        "\n".join(lines) + "\n\n"
        "Candidates in order: `+` promoted, `-` orphan, and how many rollouts each took. Gains in "
        "blended points against the baseline, with the 95 % interval of trial noise, by fresh "
        f"rollouts. `standard` took {abs(saved):.0%} {'fewer' if saved >= 0 else 'more'} of them "
        f"over these searches. Simulated model; {options.iterations} iterations on 24 dev tasks "
        f"x 3 trials, benchmark {options.benchmark}; {machine()}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--benchmark", type=int, default=0, help="seed of the benchmark")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="of the searches")
    parser.add_argument("--iterations", type=int, default=8)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the figures into a page")
    options = parser.parse_args()
    results = []
    for seed in options.seeds:
        for preset in PRESETS:
            with tempfile.TemporaryDirectory(prefix="mh-", dir="/tmp") as name:
                folder = Path(name)
                folder.chmod(0o711)  # each box's own user comes to its own folder
                results.append(searched(folder / "workspace", preset, options, seed))
            print(results[-1].row(), flush=True)
    text = table(results, options)
    print(text)
    if options.write:
        write(options.write, text, "searches")


if __name__ == "__main__":
    main()
