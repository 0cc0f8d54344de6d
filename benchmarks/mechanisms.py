"""Measures what each catalogue mechanism does in the simulated world, alone and in the stack.

Only this folder says which mechanisms are good; the catalogue does not know. Run from the
repository root: `.venv/bin/python benchmarks/mechanisms.py [trials]`; with 3 trials it takes about
two minutes. Prints Markdown tables: the change of the blended score that a mechanism makes on the
baseline, what leaving it out of the stack of the helpful ones costs, and the noise of a pass.
"""

import asyncio
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import meta_harness
from harness_search.benchmark.initialise import initialise
from harness_search.ledger.gains import Gain, gain
from harness_search.ledger.rows import RolloutRow, Split
from harness_search.ledger.scores import Score, score
from harness_search.ledger.store import Ledger
from harness_search.proposers.catalogue import Mechanism, default_catalogue
from harness_search.proposers.catalogue.edits import Source
from harness_search.reports.progress import Reporter
from harness_search.reports.tables import gain_text
from harness_search.workspace import Workspace, open_workspace, prove_sandbox

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = {
    "deliverable_landing_gate": "helpful",
    "deliverable_reassembly_gate": "helpful",
    "toolcall_json_repair": "helpful",
    "output_listing": "neutral",
    "short_tool_results": "harmful",
    "second_look": "a little for many tokens",
}
HELPFUL = [name for name, kind in EXPECTED.items() if kind == "helpful"]


def main(trials: int) -> None:
    mechanisms = {mechanism.name: mechanism for mechanism in default_catalogue()}
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "workspace", trials)
        stack = [mechanisms[name] for name in HELPFUL]
        write(workspace, "stack", stack)
        for name, mechanism in mechanisms.items():
            write(workspace, f"alone_{name}", [mechanism])
            rest = [other for other in stack if other is not mechanism]
            last = [*rest, mechanism] if mechanism not in stack else rest
            write(workspace, f"stack_{name}", last)
        rows = measure(workspace)
        print_table(workspace, rows, list(mechanisms))


def make_workspace(folder: Path, trials: int) -> Workspace:
    """Every bundled task is a dev task here, for more precision."""
    count = len(list((ROOT / "tasks").rglob("task.json")))
    initialise(folder, ROOT / "tasks", dev=count, test=0, seed=0)
    return prove_sandbox(open_workspace(folder, {"trials": trials}))


def write(workspace: Workspace, name: str, mechanisms: list[Mechanism]) -> None:
    source = Source(workspace.layout.baseline.read_text(encoding="utf-8"))
    for mechanism in mechanisms:
        source = mechanism.add_to(source)
    workspace.layout.candidate(name).write_text(source.text, encoding="utf-8")


def measure(workspace: Workspace) -> dict[str, list[RolloutRow]]:
    """Raw rows by harness name."""
    names = sorted(file.stem for file in workspace.layout.harnesses.glob("*.py"))
    chosen = [workspace.harness(name) for name in names]
    asyncio.run(meta_harness.measure(workspace, Split.DEV, chosen, Reporter(None)))
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return {harness.name: ledger.rows(harness.digest) for harness in chosen}


def print_table(
    workspace: Workspace, rows: dict[str, list[RolloutRow]], mechanisms: list[str]
) -> None:
    trials = workspace.settings.search.trials
    shape = (workspace.criteria(Split.DEV), trials, workspace.settings.weights)
    print(f"{len(workspace.splits.dev)} tasks x {trials} trials, simulated model, blended points\n")
    print("| mechanism | meant to be | on the baseline | in the stack of helpful ones |")
    print("|---|---|---:|---:|")
    for name in mechanisms:
        alone = gain(rows[f"alone_{name}"], rows["baseline"], *shape)
        with_it, without = f"stack_{name}", "stack"
        if name in HELPFUL:
            with_it, without = "stack", f"stack_{name}"
        stacked = gain(rows[with_it], rows[without], *shape)
        print(f"| `{name}` | {EXPECTED[name]} | {text(alone)} | {text(stacked)} |")
    print("\n| harness | pooled | all-pass | tokens (M) | SD of a single pass, pooled |")
    print("|---|---:|---:|---:|---:|")
    for name in ("baseline", "stack"):
        whole = score(rows[name], *shape)
        assert whole is not None
        passes = [
            single_pass(rows[name], trial, shape[0], workspace) for trial in range(1, trials + 1)
        ]
        spread = statistics.stdev(item.pooled for item in passes)
        print(
            f"| {name} | {whole.pooled:.1f} | {whole.all_pass:.1f} | {whole.tokens_m:.3f} "
            f"| {spread:.2f} |"
        )


def single_pass(
    rows: list[RolloutRow], trial: int, criteria: dict[str, int], workspace: Workspace
) -> Score:
    own = [row for row in rows if row.key.trial == trial]
    found = score(own, criteria, trial, workspace.settings.weights)
    assert found is not None
    return found


def text(item: Gain | None) -> str:
    """Points with the half width of the 95 % interval of trial noise."""
    assert item is not None
    return gain_text(item)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
