"""Rollouts from start to ledger, with real child processes and a scripted model."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import rollout_row
from stages import ASKS, ASKS_ONCE, WRITES

from harness_search.errors import SearchStoppedError
from harness_search.ledger.rows import Outcome, Purpose, Split
from harness_search.rollouts.runner import noise_key
from harness_search.rollouts.scheduler import missing, plan
from harness_search.workspace import Workspace


async def test_a_rollout_is_scored_with_its_tokens_cost_and_evidence(stage: Any) -> None:
    async with stage() as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    assert len(rows) == 6
    assert {row.outcome for row in rows} == {Outcome.SCORED}
    assert sum(row.passed for row in rows) >= 1
    row = rows[0]
    assert (row.usage.input, row.usage.output, row.calls) == (3, 2, 1)
    assert row.cost_usd == pytest.approx(2.0)
    assert row.served_model == "scripted-1"
    summary = json.loads(it.evidence(row, "rollout.json").read_text())
    assert summary["passed"] == row.passed
    assert summary["output"] == summary["deliverables"]
    assert [item["criterion"] for item in summary["verdicts"]] == [
        *("C-001", "C-002", "C-003", "C-004")
    ]
    (deliverable,) = summary["output"]
    assert it.evidence(row, f"output/{deliverable}").is_file()
    assert it.evidence(row, "transcript.jsonl").is_file()


async def test_a_finished_rollout_is_never_run_again(stage: Any) -> None:
    async with stage() as it:
        first = await it.run(WRITES + ASKS_ONCE)
        again = await it.run(WRITES + ASKS_ONCE)
    assert first == again
    assert len(it.api.received) == len(first)


async def test_too_much_output_is_a_failure_with_its_reason(stage: Any) -> None:
    source = (
        "def solve(task, model):\n"
        "    for name in 'abc':\n"
        "        (task.output / name).write_bytes(b'x' * 700_000)\n"
    )
    async with stage(output_megabytes=1) as it:
        rows = await it.run(source)
    assert {row.reason for row in rows} == {
        "output larger than 1 MB, 1,000 files or 10,000 entries"
    }


async def test_a_link_in_the_output_leads_nowhere(stage: Any, workspace_folder: Path) -> None:
    secret = workspace_folder / "test_split.txt"
    source = (
        "import os\n"
        "def solve(task, model):\n"
        f"    os.symlink({str(secret)!r}, task.output / task.deliverables[0])\n"
        f"    os.symlink({str(secret.parent)!r}, task.output / 'folder')\n"
        f"    os.link({str(secret)!r}, task.output / 'hard.txt')\n"
        "    os.mkfifo(task.output / 'pipe')\n"
    )
    async with stage() as it:
        rows = await it.run(source)
    assert {row.passed for row in rows} == {0}
    assert list(it.evidence(rows[0], "output").iterdir()) == []


async def test_the_view_shows_documents_and_nothing_of_the_task_or_its_rubric(stage: Any) -> None:
    source = (
        "import os, pathlib\n"
        "def solve(task, model):\n"
        "    for path in sorted(pathlib.Path('.').rglob('*')):\n"
        "        text = path.read_text(errors='replace') if path.is_file() else ''\n"
        "        print(path, 'hidden rubric' in text)\n"
        "    print('cwd', os.getcwd())\n"
    )
    async with stage() as it:
        rows = await it.run(source)
    log = it.evidence(rows[0], "harness.log").read_text()
    assert "documents/lease.txt False" in log
    assert "documents/side letter.docx False" in log
    assert "True" not in log
    assert "task.json" not in log
    for row in rows:
        for part in row.key.task.split("/"):
            assert part not in log


async def test_noise_is_the_same_for_a_rollout_run_again_and_another_for_a_placebo(
    stage: Any,
) -> None:
    async with stage() as it:
        job = plan(it.workspace, Split.DEV, it.workspace.baseline)[0]
        same = noise_key(it.bench, job)
        assert noise_key(it.bench, job) == same
        others = [
            noise_key(it.bench, replace(job, key=replace(job.key, harness="placebo"))),
            noise_key(it.bench, replace(job, key=replace(job.key, trial=2))),
            noise_key(it.bench, replace(job, key=replace(job.key, task_digest="other"))),
            noise_key(replace(it.bench, seed=1), job),
            noise_key(replace(it.bench, purpose=Purpose.TEST), job),
        ]
    assert len({same, *others}) == 6
    assert all(job.task.id not in key for key in [same, *others])


async def test_rollouts_are_interleaved_over_tasks(open_tiny: Callable[..., Workspace]) -> None:
    workspace = open_tiny(trials=2)
    jobs = plan(workspace, Split.DEV, workspace.baseline)
    tasks = [task.id for task in workspace.splits.dev]
    assert [job.key.task for job in jobs] == tasks * 2
    assert [job.key.trial for job in jobs] == [1] * 6 + [2] * 6
    assert missing(jobs, [], 3) == jobs


@pytest.mark.parametrize(("before", "lost", "left"), [(0, 2, 1), (0, 3, 0), (4, 2, 1), (4, 3, 0)])
def test_tries_are_counted_from_what_had_been_lost_before(
    open_tiny: Callable[..., Workspace], before: int, lost: int, left: int
) -> None:
    """Of each rollout by itself: another one gets no more for it."""
    workspace = open_tiny(trials=1)
    job, other, *_ = plan(workspace, Split.DEV, workspace.baseline)
    row = rollout_row(outcome=Outcome.INFRA_FAILED)
    rows = [replace(row, key=job.key)] * (before + lost) + [replace(row, key=other.key)] * 3
    assert missing([job, other], rows, 3, {job.key: before}) == [job][:left]


@pytest.mark.parametrize("target", ["/proc/self", "/etc"])
async def test_an_output_folder_that_is_a_link_is_empty(stage: Any, target: str) -> None:
    source = (
        "import os\n"
        "def solve(task, model):\n"
        "    os.rename('output', 'elsewhere')\n"
        f"    os.symlink({target!r}, 'output')\n"
    )
    async with stage() as it:
        rows = await it.run(source)
    assert {(row.outcome, row.passed) for row in rows} == {(Outcome.SCORED, 0)}
    assert list(it.evidence(rows[0], "output").iterdir()) == []


async def test_odd_names_and_hidden_folders_in_the_output_harm_nothing(stage: Any) -> None:
    source = (
        ASKS
        + WRITES
        + (
            "import os\n"
            "def solve(task, model):\n"
            "    write(task)\n"
            "    home = os.getcwd()\n"
            "    os.chdir('output')\n"
            "    for _ in range(90):\n"
            "        os.mkdir('deeper')\n"
            "        os.chdir('deeper')\n"
            "    os.chdir(home)\n"
            "    open(b'output/bad-\\xff\\xfe.txt', 'w').close()\n"
            "    open('output/line\\nbreak.txt', 'w').close()\n"
            "    os.makedirs('output/locked/inner')\n"
            "    os.chmod('output/locked', 0)\n"
        )
    )
    async with stage() as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.SCORED}
    summary = json.loads(it.evidence(rows[0], "rollout.json").read_text())
    assert summary["output"] == summary["deliverables"]
    assert summary["refused"]["line\\nbreak.txt"] == "a name with control characters"


async def test_more_files_than_anyone_reads_are_a_failure(stage: Any) -> None:
    source = (
        "def solve(task, model):\n"
        "    for number in range(1001):\n"
        "        (task.output / str(number)).touch()\n"
    )
    async with stage() as it:
        (row,) = await it.run(source, tasks=1)
    assert row.outcome is Outcome.HARNESS_FAILED


async def test_nothing_begins_on_a_disk_that_could_not_hold_it(stage: Any) -> None:
    async with stage(workspace_megabytes=10**9) as it:
        with pytest.raises(SearchStoppedError, match="MB free on its disk"):
            await it.run(WRITES + ASKS_ONCE)
    assert it.rows == []
    assert it.api.received == []
