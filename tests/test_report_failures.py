"""How rollouts failed, read from the evidence of two harnesses."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from sections import SECTIONS, rollout_folders, section

from harness_search.analysis.evidence import NO_TRANSCRIPT
from harness_search.ledger.rows import DecisionKind
from harness_search.ledger.store import Ledger
from harness_search.reports.document.failures import (
    DAMAGED,
    NO_EVIDENCE,
    OTHER_EVIDENCE,
    Failures,
    failures_of,
)
from harness_search.reports.document.material import Material
from harness_search.rollouts.evidence import SUMMARY
from harness_search.workspace import Workspace


@pytest.fixture
def promoted(open_orphaned: Open) -> Workspace:
    """A search whose first candidate delivers nothing, and was promoted all the same."""
    workspace = open_orphaned()
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        candidate = ledger.iterations()[1]
        ledger.put_iteration(replace(candidate, decision=DecisionKind.PROMOTED))
    return workspace


def test_failures_are_read_from_the_evidence_of_both_harnesses(promoted: Workspace) -> None:
    found: Failures = section(failures_of, promoted)
    assert found.analysis is not None
    assert found.sentence == ""
    assert found.skipped == {NO_TRANSCRIPT: 6}  # the candidate asks nothing
    final = found.analysis.final
    assert (final.harness, final.rollouts) == ("candidate_1", 6)
    endings = {item.ending.value: item.final for item in found.endings}
    assert endings["missing deliverable"] == 6
    assert sum(item.final for item in found.analysis.classes) == final.failed
    for pair, item in zip(
        found.classes.pairs,
        [item for item in found.analysis.classes if item.baseline or item.final],
        strict=True,
    ):
        assert pair.after is not None
        assert item.per_rollout is not None
        assert pair.name == item.name
        assert pair.after.value == pytest.approx(item.per_rollout.final)
        assert pair.after.interval is not None
    before, after = found.mixes.mixes
    assert sum(before.counts) > sum(after.counts)


def test_evidence_that_is_gone_damaged_or_of_another_rollout_is_counted(
    promoted: Workspace,
) -> None:
    gone, torn, listed, nested, other, *_ = rollout_folders(promoted.layout, "baseline")
    shutil.rmtree(gone)
    (torn / SUMMARY).write_text('{"harness": ')
    (listed / SUMMARY).write_text("[]")
    (nested / SUMMARY).write_text("[" * 100_000)
    summary = json.loads((other / SUMMARY).read_text())
    (other / SUMMARY).write_text(json.dumps({**summary, "harness_digest": "another"}))
    found = section(failures_of, promoted)
    assert found.skipped.items() >= {NO_EVIDENCE: 1, DAMAGED: 3, OTHER_EVIDENCE: 1}.items()
    assert found.analysis is None or found.analysis.baseline.rollouts == 1
    for folder in rollout_folders(promoted.layout, "baseline"):
        shutil.rmtree(folder)
    found = section(failures_of, promoted)
    assert (found.analysis, found.skipped[NO_EVIDENCE]) == (None, 6)


def test_the_ledger_decides_which_verdicts_count(promoted: Workspace) -> None:
    before = section(failures_of, promoted).analysis
    for folder in rollout_folders(promoted.layout, "baseline"):
        summary = json.loads((folder / SUMMARY).read_text())
        everything = [{**item, "verdict": "fail"} for item in summary["verdicts"]]
        (folder / SUMMARY).write_text(json.dumps({**summary, "verdicts": everything}))
    assert section(failures_of, promoted).analysis == before


def test_a_benchmark_may_bring_its_own_classes_of_errors(promoted: Workspace) -> None:
    root = promoted.layout.root
    own = '[[classes]]\nname = "Secrets"\npatterns = ["secret criterion title"]\n'
    (root / "own.toml").write_text(own)
    benchmark = promoted.settings.benchmark.model_copy(update={"error_classes": Path("own.toml")})
    settings = promoted.settings.model_copy(update={"benchmark": benchmark})
    found = section(failures_of, replace(promoted, settings=settings))
    assert [pair.name for pair in found.classes.pairs] == ["Secrets"]
    (root / "own.toml").write_text("[[classes]]\nname = 7\n")
    found = section(failures_of, replace(promoted, settings=settings))
    assert found.analysis is None
    assert "own.toml" in found.sentence
    (root / "own.toml").unlink()
    found = section(failures_of, replace(promoted, settings=settings))
    assert "own.toml" in found.sentence


def test_the_setting_is_a_path_of_the_workspace(open_tiny: Open) -> None:
    workspace = open_tiny()
    assert workspace.settings.benchmark.error_classes is None
    file = workspace.layout.settings
    text = file.read_text().replace('# error_classes = "error_classes.toml"', "error_classes = 'x'")
    file.write_text(text)
    assert open_tiny().settings.benchmark.error_classes == Path("x")


# Damaged.


@pytest.mark.parametrize("of", SECTIONS, ids=lambda of: of.__name__)
def test_a_search_whose_runs_are_gone_but_for_the_ledger_still_has_every_section(
    promoted: Workspace, of: Callable[[Material], Any]
) -> None:
    for folder in promoted.layout.runs.iterdir():
        if folder.name != "ledger.sqlite3" and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
    promoted.layout.prices.write_text("no prices [")
    assert section(of, promoted) is not None
