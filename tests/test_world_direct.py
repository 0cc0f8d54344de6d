"""The calibration's quick rollouts: what they find is what the real path finds."""

import asyncio
import importlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from conftest import share_kit

import meta_harness
from harness_search.benchmark.initialise import initialise
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split, Usage
from harness_search.ledger.store import Ledger
from harness_search.proposers.catalogue import default_catalogue
from harness_search.proposers.catalogue.edits import Source
from harness_search.reports.progress import Reporter
from harness_search.rollouts.evidence import filed_folder
from harness_search.rollouts.jobs import Harness
from harness_search.workspace import Workspace, open_workspace

CRASHES = "def solve(task, model):\n    raise RuntimeError('no')\n"
REFUSED = """\
from harness_kit import ModelError

def solve(task, model):
    try:
        model.complete(system="", messages=[], tools=[], max_tokens=9)
    except ModelError as error:
        (task.output / task.deliverables[0]).write_text(f"{error.status} {error.kind}")
"""

Counted = tuple[Outcome, int, int, Usage, int]
Found = dict[RolloutKey, tuple[Counted, tuple[Verdict, ...]]]


@pytest.fixture
def direct(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    return importlib.import_module("world_rollouts")


@pytest.fixture
def workspace(repository: Path, kit: Path, tmp_path: Path, sandbox: str) -> Workspace:
    """A workspace with four of the bundled tasks, of as many areas."""
    root = tmp_path / "workspace"
    initialise(root, repository / "tasks", dev=4, test=0, seed=1)
    share_kit(root, kit)
    flags = {"seed": 5, "trials": 2, "concurrency": 2}
    return replace(open_workspace(root, flags), sandbox=sandbox)


def added(workspace: Workspace, name: str, source: str) -> Harness:
    workspace.layout.candidate(name).write_text(source, encoding="utf-8")
    return workspace.harness(name)


def with_mechanisms(workspace: Workspace) -> str:
    source = Source(workspace.layout.baseline.read_text(encoding="utf-8"))
    for mechanism in default_catalogue():
        if mechanism.name in {"deliverable_landing_gate", "toolcall_json_repair", "second_look"}:
            source = mechanism.add_to(source)
    return source.text


def counted(row: RolloutRow) -> Counted:
    """What counts of a rollout: all but its time and its words for a failure."""
    return row.outcome, row.passed, row.total, row.usage, row.calls


def on_the_real_path(workspace: Workspace, harnesses: Sequence[Harness]) -> Found:
    reporter = Reporter(None)
    asyncio.run(meta_harness.measure(workspace, Split.DEV, [*harnesses], reporter))
    names = {harness.digest: harness.name for harness in harnesses}
    found: Found = {}
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        for row in ledger.rows():
            folder = filed_folder(
                workspace.layout.dev_evidence, names[row.key.harness], row.key, row.attempt
            )
            summary = json.loads((folder / "rollout.json").read_text(encoding="utf-8"))
            verdicts = tuple(
                Verdict(item["criterion"], item["verdict"], item["reason"])
                for item in summary["verdicts"]
            )
            found[row.key] = counted(row), verdicts
    return found


def rollouts(direct: ModuleType, workspace: Workspace, harness: Harness) -> list[object]:
    settings = workspace.settings
    return [
        direct.Rollout(
            harness.file.read_text(encoding="utf-8"),
            (workspace.layout.root / settings.benchmark.tasks).resolve(),
            task.id,
            trial,
            settings.profile.model,
            settings.search.seed,
        )
        for task in workspace.splits.dev
        for trial in range(1, settings.search.trials + 1)
    ]


def named_for_the_profile(workspace: Workspace, key: RolloutKey) -> RolloutKey:
    """Direct rollouts know their persona, and no profile."""
    return replace(key, profile=workspace.settings.search.profile)


def test_a_direct_rollout_has_the_verdicts_and_the_tokens_of_the_real_path(
    direct: ModuleType, workspace: Workspace
) -> None:
    harnesses = [workspace.baseline, added(workspace, "mended", with_mechanisms(workspace))]
    real = on_the_real_path(workspace, harnesses)
    found: Found = {}
    for harness in harnesses:
        for rollout in rollouts(direct, workspace, harness):
            result = direct.run_directly(rollout)
            key = named_for_the_profile(workspace, result.row.key)
            found[key] = counted(result.row), result.verdicts
    assert len(real) == 16
    assert found == real
    assert len({verdicts for _, verdicts in real.values()}) >= 4
    assert min(usage.total for (_, _, _, usage, _), _ in real.values()) > 1_000


@pytest.mark.parametrize("source", [CRASHES, REFUSED], ids=["crashes", "refused request"])
def test_what_goes_wrong_goes_wrong_on_both_paths(
    direct: ModuleType, workspace: Workspace, source: str
) -> None:
    harness = added(workspace, "odd", source)
    real = on_the_real_path(workspace, [harness])
    for rollout in rollouts(direct, workspace, harness):
        result = direct.run_directly(rollout)
        key = named_for_the_profile(workspace, result.row.key)
        outcome, passed, total, usage, _ = counted(result.row)
        assert (outcome, passed, total, usage) == real[key][0][:4]


def test_rollouts_of_a_pool_come_in_order_and_are_the_same(
    direct: ModuleType, workspace: Workspace
) -> None:
    wanted = rollouts(direct, workspace, workspace.baseline)[:4]
    with direct.Rollouts(workers=1) as pool:
        results = list(pool.run(wanted))
    alone = [direct.run_directly(rollout) for rollout in wanted]
    assert [counted(result.row) for result in results] == [counted(result.row) for result in alone]
    assert [result.verdicts for result in results] == [result.verdicts for result in alone]


def test_the_current_folder_and_the_tasks_are_left_as_they_were(
    direct: ModuleType, workspace: Workspace, make_digest: Callable[[], str]
) -> None:
    before, folder = make_digest(), Path.cwd()
    for rollout in rollouts(direct, workspace, added(workspace, "odd", CRASHES))[:1]:
        direct.run_directly(rollout)
    assert Path.cwd() == folder
    assert make_digest() == before


@pytest.fixture
def make_digest(workspace: Workspace) -> Callable[[], str]:
    return lambda: "".join(task.digest() for task in workspace.splits.dev)
