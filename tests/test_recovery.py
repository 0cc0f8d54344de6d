"""Outages, kills, edits and damage: the search goes on from what its ledger says."""

import io
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import git
import pytest
import tenacity
from conftest import keep_dev_tasks
from forked import Forked, run_forked
from rich.console import Console
from scripted_proposer import Scripted, decisions, delivers_nothing, placebo, rollouts, run

from harness_search import proposals
from harness_search.current import frontier_on_disk
from harness_search.errors import InputError, SearchStoppedError
from harness_search.gateway import account
from harness_search.ledger.rows import DecisionKind
from harness_search.reports.progress import Reporter
from harness_search.search import set_aside
from harness_search.simulated import server
from harness_search.simulated.faults import Status
from harness_search.workspace import Workspace


def test_an_outage_makes_an_iteration_inconclusive_and_never_worse(
    open_measured: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        answer_with(patch, 500)
        run(open_measured(iterations=1), Scripted(placebo))
    (_, row) = frontier_on_disk(open_measured()).rows
    assert row.decision is DecisionKind.INCONCLUSIVE
    assert row.delta is None
    again = Scripted(placebo)
    run(open_measured(iterations=2), again)
    restacked = frontier_on_disk(open_measured()).rows[2]
    assert restacked.decision in {DecisionKind.ORPHAN, DecisionKind.PROMOTED}
    assert restacked.delta is not None


def test_a_provider_that_refuses_everyone_stops_the_search_and_costs_no_iteration(
    open_measured: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_measured(iterations=1)
    for _ in range(4):
        with monkeypatch.context() as patch, pytest.raises(SearchStoppedError, match="status 401"):
            answer_with(patch, 401)
            run(workspace, Scripted(placebo))
    assert decisions(workspace) == [DecisionKind.BASELINE, None]
    run(workspace, Scripted())
    assert decisions(workspace)[1] in {DecisionKind.ORPHAN, DecisionKind.PROMOTED}


def test_a_baseline_lost_to_an_outage_stops_the_search_and_is_measured_later(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(iterations=0, trials=1)
    with monkeypatch.context() as patch:
        answer_with(patch, 500)
        with pytest.raises(SearchStoppedError, match="baseline were lost"):
            run(workspace, Scripted())
    assert decisions(workspace) == [None]
    run(workspace, Scripted())
    assert decisions(workspace) == [DecisionKind.BASELINE]


def answer_with(patch: pytest.MonkeyPatch, status: int) -> None:
    """From now on the simulated model's server answers with an error, and no retry waits."""
    patch.setattr(server.SimulatedModel, "fault_of", lambda self, received: Status(status))
    patch.setattr(account, "wait_random_exponential", lambda **_: tenacity.wait_none())
    patch.setattr(account, "_Patience", lambda _: tenacity.stop_after_attempt(2))


def test_a_deleted_candidate_is_restored_and_a_changed_one_refused(
    open_orphaned: Callable[..., Workspace],
) -> None:
    workspace = open_orphaned(iterations=1)
    file = workspace.layout.candidate("candidate_1")
    source = file.read_bytes()
    file.unlink()
    run(workspace, Scripted())
    assert file.read_bytes() == source
    file.write_bytes(source + b"# changed")
    with pytest.raises(InputError, match="a changed file"):
        run(open_orphaned(iterations=2), Scripted(placebo))
    assert len(frontier_on_disk(workspace).rows) == 2


def test_a_crash_between_the_ledger_and_the_candidates_file_is_mended(
    open_measured: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_measured(iterations=1, trials=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        original = proposals.write_atomically

        def dying(path: Path, content: str | bytes) -> None:
            if path.stem == "candidate_1":
                raise KeyboardInterrupt
            original(path, content)

        patch.setattr(proposals, "write_atomically", dying)
        run(workspace, Scripted(placebo))
    again = Scripted()
    run(workspace, again)
    assert again.sessions == []
    assert decisions(workspace)[1] in {DecisionKind.ORPHAN, DecisionKind.PROMOTED}
    assert workspace.layout.candidate("candidate_1").is_file()


def test_a_harness_that_is_edited_while_it_runs_is_measured_as_it_was(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=0, trials=1)
    source = workspace.layout.baseline.read_text()

    class Editing(Reporter):
        def say(self, text: str) -> None:
            if "rollouts" in text:
                workspace.layout.baseline.write_text("def solve(task, model):\n    pass\n")

    run(workspace, Scripted(), Editing(Console(file=io.StringIO())))
    score = frontier_on_disk(workspace).rows[0].score
    assert score is not None
    assert score.pooled > 0
    workspace.layout.baseline.unlink()
    with pytest.raises(InputError, match=r"baseline\.py"):
        open_tiny(iterations=1).search_identity()
    workspace.layout.baseline.write_text(source)
    run(workspace, Scripted())


def delivers_nothing_either(source: str) -> str:
    return placebo(delivers_nothing(source))


@pytest.mark.parametrize("damage", ["empty", "missing", "head", "lock", "incumbent"])
def test_lineage_and_loop_state_are_mended_from_the_ledger(
    open_orphaned: Callable[..., Workspace], damage: str
) -> None:
    workspace = open_orphaned()
    repository = workspace.layout.lineage
    if damage in {"empty", "missing"}:
        shutil.rmtree(repository)
    if damage == "empty":
        repository.mkdir()
    if damage == "incumbent":
        with git.Repo(repository) as repo:
            repo.git.update_ref("refs/heads/incumbent", "refs/heads/candidate_1")
    if damage == "head":
        (repository / "HEAD").write_text("")
    if damage == "lock":
        (repository / "refs" / "heads" / "candidate_2.lock").touch()
    workspace.layout.loop_state.unlink()
    run(open_orphaned(iterations=2), Scripted(delivers_nothing_either))
    with git.Repo(repository) as repo:
        assert {"baseline", "candidate_1", "candidate_2"} <= {head.name for head in repo.heads}
        best = frontier_on_disk(workspace).incumbent
        assert repo.heads["incumbent"].commit == repo.heads[best].commit
    assert json.loads(workspace.layout.loop_state.read_text())["iteration"] == 2


def test_an_interrupted_fresh_is_finished_by_the_next_one(
    open_orphaned: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_orphaned()
    rename, moved = Path.rename, list[str]()

    def dying(self: Path, target: Path) -> Path:
        if len(moved) == 3:
            raise KeyboardInterrupt
        moved.append(self.name)
        return rename(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", dying)
        set_aside(workspace.layout)
    assert workspace.layout.ledger.is_file()
    set_aside(workspace.layout)
    left = {path.name for path in workspace.layout.runs.iterdir()}
    assert left <= {"archive", "kit", "text", "lock", "lock.pid", "runtime"}
    assert [file.name for file in workspace.layout.harnesses.iterdir()] == ["baseline.py"]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_without_running_a_finished_rollout_again(
    workspace_folder: Path, open_tiny: Callable[..., Workspace], stop: signal.Signals
) -> None:
    keep_dev_tasks(workspace_folder, 3)
    whole = ("--iterations", "1", "-k", "2", "-n", "2", "--preset", "seed")
    process = Forked("run", *whole, folder=workspace_folder)
    # Lines come at every quarter of an evaluation: this one says that rollouts are in flight.
    line = process.stdout.readline()
    assert "baseline: 1/6 rollouts" in line
    process.send_signal(stop)
    process.communicate()
    workspace = open_tiny()
    finished = {row for row in rollouts(workspace) if row[4] == "done"}
    assert 1 <= len(finished) < 6
    assert run_forked("run", *whole, folder=workspace_folder).returncode == 0
    after = rollouts(workspace)
    assert finished <= set(after)
    done = [row[:3] for row in after if row[4] == "done"]
    assert len(done) == len(set(done)) == 12
    assert decisions(workspace)[0] is DecisionKind.BASELINE
    assert [row.iteration for row in frontier_on_disk(workspace).rows] == [0, 1]


def test_a_second_scaffold_is_kept_out(
    workspace_folder: Path, open_tiny: Callable[..., Workspace]
) -> None:
    from harness_search.rollouts.bench import locked

    with locked(open_tiny().layout):
        done = run_forked("run", "--iterations", "0", folder=workspace_folder)
    assert done.returncode == 4
    assert f"held by process {os.getpid()}" in done.stderr
