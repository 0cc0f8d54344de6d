"""The whole loop on a small workspace: real children, real gateway, simulated model."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import git
import pytest
from aiohttp import web

import meta_harness
from harness_search.errors import InputError, SearchStoppedError
from harness_search.ledger.rows import DecisionKind, Split
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.proposers.catalogue.proposer import CatalogueProposer
from harness_search.proposers.session import NothingLeft, Proposed, Session
from harness_search.reports.progress import Reporter
from harness_search.search import frontier_on_disk
from harness_search.simulated import server
from harness_search.workspace import Workspace

SILENT = Reporter(None)


class Scripted:
    """A proposer that writes what a test tells it to."""

    def __init__(self, *edits: Callable[[str], str], claim: dict[str, Any] | None = None) -> None:
        self.edits, self.claim, self.sessions = list(edits), claim or {}, list[Session]()

    async def propose(self, session: Session) -> Proposed | NothingLeft:
        self.sessions.append(session)
        if len(self.sessions) > len(self.edits):
            return NothingLeft("the script has ended")
        source = (session.view / "harnesses" / f"{session.incumbent}.py").read_text()
        name = f"candidate_{session.iteration}"
        edited = self.edits[len(self.sessions) - 1](source)
        (session.view / "harnesses" / f"{name}.py").write_text(edited)
        tasks = session.dev_tasks
        candidate = CandidateClaim(
            name=name,
            hypothesis="it helps",
            changes="one mechanism",
            fix_tasks=tasks[:5],
            regression_tasks=tasks[1:6],
        ).model_copy(update=self.claim)
        claim = Claim(iteration=session.iteration, candidates=(candidate,))
        session.claim_file.write_text(claim.to_json())
        session.log_file.write_text("read digest.md\n")
        return Proposed()


def delivers_nothing(source: str) -> str:
    return source.replace("    converse(task, model, messages)\n", "    return\n", 1)


def placebo(source: str) -> str:
    return source + "\n# a remark\n"


def run(workspace: Workspace, proposer: Any, reporter: Reporter = SILENT) -> str:
    return asyncio.run(meta_harness.run_search(workspace, proposer, reporter)).reason


def decisions(workspace: Workspace) -> list[DecisionKind | None]:
    return [row.decision for row in frontier_on_disk(workspace).rows]


def test_a_search_promotes_orphans_and_records_its_lineage(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=2, trials=1)
    reason = run(workspace, Scripted(delivers_nothing, placebo))
    assert "iteration 2 of 2" in reason
    kinds = decisions(workspace)
    assert kinds[:2] == [DecisionKind.BASELINE, DecisionKind.ORPHAN]
    assert frontier_on_disk(workspace).rows[1].score.pooled == 0  # type: ignore[union-attr]
    state = json.loads(workspace.layout.loop_state.read_text())
    assert (state["iteration"], state["phase"]) == (2, "finished")
    with git.Repo(workspace.layout.lineage) as repo:
        names = {head.name for head in repo.heads}
        assert names == {"baseline", "candidate_1", "candidate_2", "incumbent"}
        commit = repo.heads["candidate_1"].commit
        assert commit.parents == (repo.heads["baseline"].commit,)
        assert "Iteration: 1\nDecision: orphan\nPooled: 0.00" in str(commit.message)
        source = commit.tree["harness.py"].data_stream.read()
    assert source == workspace.layout.candidate("candidate_1").read_bytes()


def test_the_scaffold_writes_what_it_observed_into_the_claim(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    run(workspace, Scripted(delivers_nothing))
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        claim = Claim.model_validate_json(ledger.iterations()[1].claim)
    assert "-> 0.0" in claim.candidate.observed
    assert "fix tasks" in claim.candidate.observed
    assert "regression tasks" in claim.candidate.observed


def test_running_again_does_nothing_and_more_iterations_go_on(
    open_tiny: Callable[..., Workspace],
) -> None:
    run(open_tiny(iterations=1, trials=1), Scripted(delivers_nothing))
    workspace = open_tiny(iterations=2)
    before = rollouts(workspace)
    second = Scripted(placebo)
    run(open_tiny(iterations=1), second)
    assert second.sessions == []
    assert rollouts(workspace) == before
    run(workspace, second)
    assert [session.iteration for session in second.sessions] == [2]
    assert second.sessions[0].history[1].decision is DecisionKind.ORPHAN
    assert "candidate_1" in (second.sessions[0].view / "digest.md").read_text()


def test_the_search_ends_when_the_proposer_has_nothing_left(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=3, trials=1)
    assert "the script has ended" in run(workspace, Scripted())
    assert decisions(workspace) == [DecisionKind.BASELINE]


@pytest.mark.parametrize(
    ("edit", "claim", "words"),
    [
        (lambda source: source, {}, "the same as baseline"),
        (lambda source: "def solve(task:\n", {}, "invalid Python"),
        (lambda source: "import requests\n" + source, {}, "harness_kit only"),
        (lambda source: source.replace("def solve", "def solved"), {}, "solve"),
        (placebo, {"fix_tasks": ()}, "fix_tasks"),
        (placebo, {"regression_tasks": ("no/such-task",) * 5}, "regression_tasks"),
        (placebo, {"name": "baseline"}, "name not used before"),
        (placebo, {"parent": "nobody"}, "parent"),
    ],
)
def test_an_unsound_candidate_costs_no_rollout(
    open_tiny: Callable[..., Workspace],
    edit: Callable[[str], str],
    claim: dict[str, Any],
    words: str,
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    run(workspace, Scripted(edit, claim=claim))
    (_, row) = frontier_on_disk(workspace).rows
    assert row.decision is DecisionKind.NO_CLAIM
    assert words in row.reason
    assert len(rollouts(workspace)) == 6


def test_an_iteration_that_touched_the_test_split_is_rejected_unmeasured(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    test_id = workspace.splits.test[0].id
    run(workspace, Scripted(lambda source: f"{source}\n# as in {test_id}\n"))
    (_, row) = frontier_on_disk(workspace).rows
    assert row.decision is DecisionKind.REJECTED
    assert "candidate_1.py" in row.reason
    assert len(rollouts(workspace)) == 6
    assert not workspace.layout.candidate("candidate_1").exists()


def test_an_outage_makes_an_iteration_inconclusive_and_never_worse(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    run(open_tiny(iterations=0, trials=1), Scripted())
    break_the_model(monkeypatch)
    run(workspace, Scripted(placebo))
    (_, row) = frontier_on_disk(workspace).rows
    assert row.decision is DecisionKind.INCONCLUSIVE
    assert row.delta is None


def test_a_baseline_lost_to_an_outage_stops_the_search_and_is_measured_later(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(iterations=0, trials=1)
    with monkeypatch.context() as patch:
        break_the_model(patch)
        with pytest.raises(SearchStoppedError, match="6 rollouts of the baseline were lost"):
            run(workspace, Scripted())
    assert decisions(workspace) == [None]
    run(workspace, Scripted())
    assert decisions(workspace) == [DecisionKind.BASELINE]


def break_the_model(patch: pytest.MonkeyPatch) -> None:
    """From now on the simulated model's server answers with an error that no retry mends."""

    async def broken(self: object, request: web.Request) -> web.Response:
        return web.Response(status=403)

    patch.setattr(server.SimulatedModel, "_messages", broken)


def test_another_seed_needs_a_fresh_search(open_tiny: Callable[..., Workspace]) -> None:
    run(open_tiny(iterations=0, trials=1, seed=1), Scripted())
    assert open_tiny().settings.search.seed == 1
    with pytest.raises(InputError, match=r"seed.*--fresh"):
        run(open_tiny(iterations=0, seed=2), Scripted())


def test_no_request_to_the_model_holds_a_criterion_or_a_task_id(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    original = server.reply_to

    def recording(request: dict[str, Any], noise: str) -> dict[str, Any]:
        seen.append(json.dumps(request) + noise)
        return original(request, noise)

    monkeypatch.setattr(server, "reply_to", recording)
    workspace = open_tiny(iterations=2, trials=1)
    run(workspace, CatalogueProposer())
    test = asyncio.run(meta_harness.measure(workspace, Split.TEST, [workspace.baseline], SILENT))
    assert test.complete
    assert len(seen) > 50
    requests = "\n".join(seen).lower()
    for task in (*workspace.splits.dev, *workspace.splits.test):
        hidden = [task.id, task.id.split("/")[1], task.digest(), str(task.content.title)]
        for criterion in task.criteria:
            hidden += [criterion.title, criterion.match_criteria]
        hidden.append(str((task.content.model_extra or {})["metadata"]["canary"]))
        for text in hidden:
            assert text.lower() not in requests


def test_the_search_never_touches_what_the_test_split_gave(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=0, trials=1)
    run(workspace, Scripted())
    before = rollouts(workspace)
    asyncio.run(meta_harness.measure(workspace, Split.TEST, [workspace.baseline], SILENT))
    assert rollouts(workspace) == before
    test_ids = [task.id for task in workspace.splits.test]
    for file in workspace.layout.dev_evidence.rglob("*"):
        assert not any(test_id in str(file) for test_id in test_ids)


def rollouts(workspace: Workspace) -> list[tuple[Any, ...]]:
    """Every attempt with its start, straight from the ledger's file."""
    with sqlite3.connect(workspace.layout.ledger) as database:
        return database.execute(
            "SELECT harness, task, trial, attempt, status, started_at FROM rollouts ORDER BY id"
        ).fetchall()


def command(*arguments: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "meta_harness", *arguments, "--workspace", str(folder)]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_without_running_a_finished_rollout_again(
    workspace_folder: Path, open_tiny: Callable[..., Workspace], stop: signal.Signals
) -> None:
    arguments = command("run", "--iterations", "1", "-k", "2", folder=workspace_folder)
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    # Lines come at every quarter of an evaluation: this one says that rollouts are in flight.
    line = process.stdout.readline()
    assert "baseline: 3/12 rollouts" in line
    os.kill(process.pid, stop)
    process.communicate()
    workspace = open_tiny()
    finished = {row for row in rollouts(workspace) if row[4] == "done"}
    assert 3 <= len(finished) < 12
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    after = rollouts(workspace)
    assert finished <= set(after)
    done = [row[:3] for row in after if row[4] == "done"]
    assert len(done) == len(set(done)) == 24
    assert decisions(workspace)[0] is DecisionKind.BASELINE
    assert [row.iteration for row in frontier_on_disk(workspace).rows] == [0, 1]


def test_a_second_scaffold_is_kept_out(
    workspace_folder: Path, open_tiny: Callable[..., Workspace]
) -> None:
    from harness_search.rollouts.bench import locked

    with locked(open_tiny().layout):
        done = subprocess.run(
            command("run", "--iterations", "0", folder=workspace_folder),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 4
    assert f"held by process {os.getpid()}" in done.stderr
