"""The search that `make run` shows, made small: a dozen bundled tasks, one trial, two seeds."""

import asyncio
from pathlib import Path

import pytest

import meta_harness
from harness_search.benchmark.initialise import initialise
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.rows import DecisionKind, Split
from harness_search.proposers.catalogue import CatalogueProposer
from harness_search.reports.comparison import Comparison
from harness_search.reports.progress import Reporter
from harness_search.search import frontier_on_disk
from harness_search.workspace import open_workspace, prove_sandbox


def search(repository: Path, root: Path, seed: int) -> tuple[Frontier, Comparison]:
    """Search in a workspace of its own, then open the test split."""
    initialise(root, repository / "tasks", dev=12, test=12, seed=0)
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
        assert all(score is not None and score.complete for _, score in held_out.scores)
        assert dev_gain(found) > 2
    tables = [found.to_json()["rows"] for found, _ in results]
    assert tables[0] != tables[1]


def dev_gain(found: Frontier) -> float:
    """Blended points of the incumbent beyond those of the baseline.

    A dozen tasks are too few to ask for a gain on the others: benchmarks/world.py measures it.
    """
    scores = {row.harness: row.score for row in found.rows}
    baseline, incumbent = scores["baseline"], scores[found.incumbent]
    assert baseline is not None
    assert incumbent is not None
    return incumbent.blended - baseline.blended
