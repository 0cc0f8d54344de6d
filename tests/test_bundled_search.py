"""The search that `make run` shows, with one trial to be quick: the bundled tasks, two seeds."""

import asyncio
import shutil
from pathlib import Path

import pytest

import meta_harness
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.rows import DecisionKind, Split
from harness_search.proposers.catalogue import CatalogueProposer
from harness_search.reports.comparison import Comparison
from harness_search.reports.progress import Reporter
from harness_search.search import frontier_on_disk
from harness_search.workspace import open_workspace, prove_sandbox

PARTS = ("meta_harness.toml", "dev_split.txt", "test_split.txt", "task_digests.json")


def search(repository: Path, root: Path, seed: int) -> tuple[Frontier, Comparison]:
    """Search in a copy of the repository's workspace, then open the test split."""
    root.mkdir()
    for name in PARTS:
        shutil.copy(repository / name, root / name)
    for name in ("tasks", "skills"):
        (root / name).symlink_to(repository / name)
    (root / "harnesses").mkdir()
    shutil.copy(repository / "harnesses" / "baseline.py", root / "harnesses")
    flags = {"seed": seed, "trials": 1, "iterations": 4}
    workspace = prove_sandbox(open_workspace(root, flags))
    reporter = Reporter(None)
    asyncio.run(meta_harness.run_search(workspace, CatalogueProposer(), reporter))
    found = frontier_on_disk(workspace)
    chosen = [workspace.baseline, workspace.harness(found.incumbent)]
    return found, asyncio.run(meta_harness.measure(workspace, Split.TEST, chosen, reporter))


@pytest.mark.parametrize("seeds", [(0, 1)])
def test_two_seeds_promote_some_orphan_some_and_tell_different_stories(
    repository: Path, tmp_path: Path, seeds: tuple[int, int]
) -> None:
    results = [search(repository, tmp_path / str(seed), seed) for seed in seeds]
    for found, held_out in results:
        decisions = [row.decision for row in found.rows]
        assert DecisionKind.PROMOTED in decisions
        assert DecisionKind.ORPHAN in decisions
        assert set(decisions[1:]) <= {DecisionKind.PROMOTED, DecisionKind.ORPHAN}
        assert all(row.score is not None and row.score.complete for row in found.rows)
        (_, baseline), (_, final) = held_out.scores
        assert baseline is not None
        assert final is not None
        assert final.pooled > baseline.pooled + 10
    tables = [found.to_json()["rows"] for found, _ in results]
    assert tables[0] != tables[1]
