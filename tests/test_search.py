"""The whole loop on a small workspace: real children, real gateway, simulated model."""

import asyncio
import io
import json
import os
import shutil
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
import tenacity
from aiohttp import web
from rich.console import Console

import meta_harness
from harness_search.errors import InputError, SearchStoppedError
from harness_search.gateway import upstream
from harness_search.ledger.rows import DecisionKind, Split
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.proposers.catalogue.proposer import CatalogueProposer
from harness_search.proposers.session import NothingLeft, Proposed, Session
from harness_search.reports.progress import Reporter
from harness_search.search import frontier_on_disk, set_aside
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
        (placebo, {"name": "baseline"}, "name that the scaffold does not use"),
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
    run(open_tiny(iterations=0, trials=1), Scripted())
    with monkeypatch.context() as patch:
        answer_with(patch, 500)
        run(open_tiny(iterations=1), Scripted(placebo))
    (_, row) = frontier_on_disk(open_tiny()).rows
    assert row.decision is DecisionKind.INCONCLUSIVE
    assert row.delta is None
    again = Scripted(placebo)
    run(open_tiny(iterations=2), again)
    restacked = frontier_on_disk(open_tiny()).rows[2]
    assert restacked.decision in {DecisionKind.ORPHAN, DecisionKind.PROMOTED}
    assert restacked.delta is not None


def test_a_provider_that_refuses_everyone_stops_the_search_and_costs_no_iteration(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(open_tiny(iterations=0, trials=1), Scripted())
    workspace = open_tiny(iterations=1)
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

    async def broken(self: object, request: web.Request) -> web.Response:
        return web.Response(status=status)

    patch.setattr(server.SimulatedModel, "_messages", broken)
    patch.setattr(upstream, "wait_random_exponential", lambda **_: tenacity.wait_none())


def test_a_deleted_candidate_is_restored_and_a_changed_one_refused(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    run(workspace, Scripted(delivers_nothing))
    file = workspace.layout.candidate("candidate_1")
    source = file.read_bytes()
    file.unlink()
    run(workspace, Scripted())
    assert file.read_bytes() == source
    file.write_bytes(source + b"# changed")
    with pytest.raises(InputError, match="a changed file"):
        run(open_tiny(iterations=2), Scripted(placebo))
    assert len(frontier_on_disk(workspace).rows) == 2


def test_a_harness_file_of_the_users_own_is_never_written_over(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    own = workspace.layout.candidate("candidate_1")
    own.write_text("def solve(task, model):\n    pass  # mine\n")
    run(workspace, Scripted(placebo))
    assert "mine" in own.read_text()
    assert decisions(workspace)[1] is DecisionKind.NO_CLAIM


def test_a_crash_between_the_ledger_and_the_candidates_file_is_mended(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        original = meta_harness.write_atomically

        def dying(path: Path, content: str | bytes) -> None:
            if path.stem == "candidate_1":
                raise KeyboardInterrupt
            original(path, content)

        patch.setattr(meta_harness, "write_atomically", dying)
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


@pytest.mark.parametrize("damage", ["empty", "missing", "head", "lock", "incumbent"])
def test_lineage_and_loop_state_are_mended_from_the_ledger(
    open_tiny: Callable[..., Workspace], damage: str
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    run(workspace, Scripted(delivers_nothing))
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
    run(open_tiny(iterations=2), Scripted(placebo))
    with git.Repo(repository) as repo:
        assert {"baseline", "candidate_1", "candidate_2"} <= {head.name for head in repo.heads}
        best = frontier_on_disk(workspace).incumbent
        assert repo.heads["incumbent"].commit == repo.heads[best].commit
    assert json.loads(workspace.layout.loop_state.read_text())["iteration"] == 2


def test_a_rejected_touch_is_told_without_what_was_touched(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=2, trials=1)
    test_id = workspace.splits.test[0].id
    proposer = Scripted(lambda source: f"{source}\n# {test_id}\n", placebo)
    run(workspace, proposer)
    digest = (proposer.sessions[1].view / "digest.md").read_text()
    assert "rejected by audit" in digest
    assert test_id not in digest
    assert decisions(workspace)[2] in {DecisionKind.ORPHAN, DecisionKind.PROMOTED}


def test_a_candidate_behind_a_linked_folder_is_not_taken(
    open_tiny: Callable[..., Workspace], tmp_path: Path
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    test_id = workspace.splits.test[0].id

    class Linking(Scripted):
        async def propose(self, session: Session) -> Proposed | NothingLeft:
            answer = await super().propose(session)
            elsewhere = tmp_path / "elsewhere"
            (session.view / "harnesses").rename(elsewhere)
            (session.view / "harnesses").symlink_to(elsewhere)
            return answer

    run(workspace, Linking(lambda source: f"{source}\n# {test_id}\n"))
    assert decisions(workspace)[1] is DecisionKind.NO_CLAIM


def test_a_missing_key_starts_nothing(open_tiny: Callable[..., Workspace]) -> None:
    settings = open_tiny().layout.settings
    profile = '[profiles.real]\nbase_url = "http://127.0.0.1:1"\nmodel = "m"\n'
    settings.write_text(f'{settings.read_text()}\n{profile}key_variable = "NO_SUCH_KEY"\n')
    workspace = open_tiny(profile="real")
    with pytest.raises(InputError, match="NO_SUCH_KEY"):
        run(workspace, Scripted())
    assert not workspace.layout.ledger.exists()


def test_an_interrupted_fresh_is_finished_by_the_next_one(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(iterations=1, trials=1)
    run(workspace, Scripted(delivers_nothing))
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
