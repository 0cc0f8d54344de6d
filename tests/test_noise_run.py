"""The A/A run on a small workspace: real children, real gateway, simulated model."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_workspace
from scripted_proposer import SILENT, Scripted, decisions, rollouts, run
from test_recovery import answer_with

from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments import noise
from harness_search.experiments.noise import aa_jobs, noise_of, require_noise, run_noise
from harness_search.experiments.rejudging import MOST_VERDICTS, flips_on_disk, spread
from harness_search.ledger.rows import DecisionKind, Role, Usage
from harness_search.ledger.store import Ledger
from harness_search.search import hold_to_identity
from harness_search.workspace import Workspace, open_workspace

COMMAND = "import typer; from harness_search.commands.noise import noise; typer.run(noise)"


def measured(workspace: Workspace) -> Any:
    return asyncio.run(run_noise(workspace, SILENT))


def finished(workspace: Workspace) -> list[tuple[Any, ...]]:
    """Harness, task and trial of the finished rollouts."""
    return [row[:3] for row in rollouts(workspace) if row[4] == "done"]


@pytest.fixture(scope="module")
def measured_folder(
    new_workspace: Path, kit: Path, tmp_path_factory: pytest.TempPathFactory, sandbox: str
) -> Path:
    """A workspace whose A/A run is complete, for tests that copy it."""
    root = copy_workspace(new_workspace, tmp_path_factory.mktemp("measured") / "workspace", kit)
    measured(replace(open_workspace(root, {"trials": 1}), sandbox=sandbox))
    return root


@pytest.fixture
def complete(measured_folder: Path, tmp_path: Path, sandbox: str) -> Workspace:
    """A workspace of one's own whose A/A run is complete."""
    root = Path(shutil.copytree(measured_folder, tmp_path / "complete", symlinks=True))
    return replace(open_workspace(root, {"iterations": 0}), sandbox=sandbox)


def test_the_search_counts_the_rollouts_of_the_run_and_repeats_none(
    complete: Workspace,
) -> None:
    before = rollouts(complete)
    tasks = [task.id for task in complete.splits.dev]
    assert sorted(row[1:3] for row in before) == [(task, n) for task in tasks for n in (1, 2)]
    assert decisions(complete) == [None]
    run(complete, Scripted())
    assert rollouts(complete) == before
    assert decisions(complete) == [DecisionKind.BASELINE]


def test_the_gate_can_be_chosen_by_what_the_run_has_shown(complete: Workspace) -> None:
    chosen = open_workspace(complete.layout.root, {"preset": "economy"})
    with closing(Ledger(complete.layout.ledger)) as ledger:
        hold_to_identity(ledger, replace(chosen, sandbox=complete.sandbox).search_identity())
        with pytest.raises(InputError, match=r"preset: found a search .* 'economy'"):
            hold_to_identity(ledger, complete.search_identity())


def test_the_report_knows_model_cost_and_gate(complete: Workspace) -> None:
    found = measured(complete)
    assert found.simulated
    assert found.sandboxes == {complete.sandbox: 12}
    assert found.cost is not None
    assert found.cost.rollouts == 12
    assert found.days is None
    assert found.chances is not None
    assert 0 <= found.chances.false_promotion <= found.chances.power[-1][1] <= 1


def test_the_arms_alternate_pass_by_pass(open_tiny: Callable[..., Workspace]) -> None:
    workspace = open_tiny(trials=2)
    keys = [job.key for job in aa_jobs(workspace, workspace.baseline)]
    tasks = [task.id for task in workspace.splits.dev]
    assert [(key.trial, key.task) for key in keys] == [(n, t) for n in (1, 2, 3, 4) for t in tasks]


def test_a_complete_run_is_read_from_disk_and_starts_nothing_again(
    open_tiny: Callable[..., Workspace], complete: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert noise_of(open_tiny()) is None
    stored = noise_of(complete)
    assert stored is not None
    before = rollouts(complete)
    monkeypatch.setattr(noise, "open_bench", None)  # no gateway, so no provider is asked
    found = measured(complete)
    assert rollouts(complete) == before
    assert {**found.to_json(), "gate": None, "warning": None} == stored.to_json()
    assert json.loads(json.dumps(found.to_json()))["simulated"] is True


def test_what_the_baseline_is_asked_for_later_belongs_to_no_run(complete: Workspace) -> None:
    before = noise_of(complete)
    with closing(Ledger(complete.layout.ledger)) as ledger:
        (row, *_) = ledger.rows()
        later = replace(row, key=replace(row.key, trial=3))
        rollout, _ = ledger.begin(later.key, 0, 0)
        ledger.finish(rollout, later, [])
    assert noise_of(complete) == before


def test_the_cost_is_what_the_judge_took_too_up_to_the_end_of_the_run(complete: Workspace) -> None:
    file = complete.layout.judged_again
    ended = json.loads(file.read_text())["at"]
    with closing(Ledger(complete.layout.ledger)) as ledger:
        ledger.record_spending(Role.JUDGE, "the run", Usage(), 0.25)
        ledger.record_spending(Role.PROPOSER, "a session", Usage(), 1.0)
        ledger.record_spending(Role.JUDGE, "a calibration", Usage(), 2.0)
    with sqlite3.connect(complete.layout.ledger) as database:
        database.execute("UPDATE spending SET at = ? WHERE subject = 'the run'", [ended])
    assert cost_of(complete) == (0.25, 0.25)
    # Without that time, as older files of it are: all that came before anything else began.
    file.write_text(json.dumps({**json.loads(file.read_text()), "at": ""}))
    with closing(Ledger(complete.layout.ledger)) as ledger:
        ledger.begin(replace(ledger.rows()[0].key, harness="candidate"), 0, 0)
        ledger.record_spending(Role.JUDGE, "the candidate", Usage(), 4.0)
    assert cost_of(complete) == (2.25, 2.25)


def cost_of(workspace: Workspace) -> tuple[float | None, float]:
    """In USD, and what of it is the judge's."""
    found = noise_of(workspace)
    assert found is not None
    assert found.cost is not None
    return found.cost.usd, found.cost.judge_usd


def test_verdicts_are_asked_for_again_once_and_flips_are_counted(complete: Workspace) -> None:
    first = measured(complete).flips
    assert 0 < first.judged <= 12 * 4
    assert first.flipped == 0  # the judge is deterministic
    assert flips_on_disk(complete.layout, "of another harness", complete.judge_version) is None
    turn_verdicts(complete, "C-002")
    assert measured(complete).flips == first
    (complete.layout.runs / "judged_again.json").unlink()
    again = measured(complete).flips
    assert (again.judged, again.flipped) == (first.judged, first.judged // 4)


def turn_verdicts(workspace: Workspace, criterion: str) -> None:
    turned = "CASE verdict WHEN 'pass' THEN 'fail' ELSE 'pass' END"
    with sqlite3.connect(workspace.layout.ledger) as database:
        query = f"UPDATE verdicts SET verdict = {turned} WHERE criterion = ?"
        database.execute(query, [criterion])


def test_verdicts_are_spread_over_the_criteria_of_a_task() -> None:
    assert spread(range(57), 8) == [0, 7, 14, 21, 28, 35, 42, 49]
    assert spread(range(4), 33) == [0, 1, 2, 3]
    assert spread([], 8) == []
    assert MOST_VERDICTS // 24 == 8


def test_a_killed_run_goes_on_without_running_a_finished_rollout_again(
    workspace_folder: Path, open_tiny: Callable[..., Workspace]
) -> None:
    options = ["--workspace", str(workspace_folder), "-k", "1", "-n", "2"]
    arguments = [sys.executable, "-c", COMMAND, *options]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "baseline, A/A: 3/12 rollouts" in process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    workspace = open_tiny()
    before = {row for row in rollouts(workspace) if row[4] == "done"}
    assert 3 <= len(before) < 12
    assert noise_of(workspace) is None
    done = subprocess.run([*arguments, "--json"], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["cost"]["rollouts"] == 12
    assert before <= set(rollouts(workspace))
    assert len(finished(workspace)) == len(set(finished(workspace))) == 12


def test_a_run_whose_rollouts_stay_lost_derives_nothing(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(trials=1)
    once = workspace.settings.limits.model_copy(update={"attempts": 1})
    settings = workspace.settings.model_copy(update={"limits": once})
    workspace = replace(workspace, settings=settings)
    answer_with(monkeypatch, 500)
    with pytest.raises(SearchStoppedError, match="A/A run has 0 of 12 rollouts"):
        measured(workspace)
    assert noise_of(workspace) is None


def test_a_real_models_search_needs_the_run_before_anything_starts(
    open_tiny: Callable[..., Workspace],
) -> None:
    settings = open_tiny().layout.settings
    profile = '[profiles.real]\nbase_url = "http://127.0.0.1:1"\nmodel = "m"\n'
    profile += "price = { input = 1, output = 2 }\n"
    settings.write_text(f"{settings.read_text()}\n{profile}")
    workspace = open_tiny(profile="real")
    with pytest.raises(InputError, match=r"A/A run: found none.*`meta-harness noise` first"):
        require_noise(workspace)
    assert not workspace.layout.ledger.exists()
    require_noise(open_tiny())
