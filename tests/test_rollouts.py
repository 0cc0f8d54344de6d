"""Rollouts from start to ledger, with real child processes and a scripted model."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scripted_api import Answer, ScriptedApi, failure, message, scripted_api

from harness_search.files import digest_bytes
from harness_search.gateway.server import Gateway
from harness_search.gateway.upstream import Upstream
from harness_search.judging.documents import TextStore
from harness_search.ledger.rows import Outcome, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.rollouts.runner import Bench, Harness, noise_key
from harness_search.rollouts.scheduler import missing, plan, run_missing
from harness_search.workspace import Workspace

ASKS = """\
def ask(model):
    messages = [{"role": "user", "content": "x"}]
    model.complete(system="s", messages=messages, tools=[], max_tokens=9)
"""
ASKS_ONCE = f"""\
{ASKS}
def solve(task, model):
    ask(model)
    write(task)
"""
WRITES = """\
from harness_kit import write_docx
def write(task):
    write_docx(task.output / "abstract.docx", "The annual rent is 100,000 USD.")
"""


class Stage:
    """A workspace with one dev task a trial, a bench on a scripted model, and what came out."""

    def __init__(self, workspace: Workspace, bench: Bench, api: ScriptedApi, folder: Path) -> None:
        self.workspace, self.bench, self.api, self.folder = workspace, bench, api, folder
        self.rows: list[RolloutRow] = []

    async def run(self, source: str, attempts: int = 3) -> list[RolloutRow]:
        """Run a harness's source on every dev task once."""
        file = self.folder / "candidate.py"
        file.write_text(source, encoding="utf-8")
        harness = Harness("candidate", file, digest_bytes([source.encode()]))
        jobs = plan(self.workspace, Split.DEV, harness)
        await run_missing(self.bench, jobs, 2, attempts, self.rows.append)
        return self.bench.ledger.rows()

    def evidence(self, row: RolloutRow, name: str) -> Path:
        suffix = f".attempt-{row.attempt}" if row.attempt > 1 else ""
        trial = f"trial-{row.key.trial}{suffix}"
        return self.workspace.layout.dev_evidence / "candidate" / row.key.task / trial / name


@pytest.fixture
def stage(
    open_tiny: Callable[..., Workspace], kit: Path, short_folder: Path, tmp_path: Path
) -> Any:
    @asynccontextmanager
    async def opened(
        answer: Callable[[int, Any], Answer | None] = lambda number, content: (200, message()),
        tries: int = 1,
        **limits: float,
    ) -> AsyncIterator[Stage]:
        workspace = open_tiny(trials=1)
        layout = workspace.layout
        async with scripted_api(answer) as api:
            upstream = Upstream(api.base_url, "key", simulated=True, tries=tries)
            gateway = Gateway(upstream, "scripted-1", short_folder / "gateway.sock")
            await gateway.start()
            ledger = Ledger(layout.ledger)
            bench = Bench(
                gateway=gateway,
                ledger=ledger,
                evidence=layout.dev_evidence,
                texts=TextStore(layout.text),
                kit=kit,
                runtime=short_folder,
                limits=workspace.settings.limits.model_copy(update=limits),
                price=workspace.settings.profile.price.model_copy(update={"output": 1e6}),
                seed=0,
                split=Split.DEV,
            )
            try:
                yield Stage(workspace, bench, api, tmp_path)
            finally:
                ledger.close()
                await gateway.stop()

    return opened


async def test_a_rollout_is_scored_with_its_tokens_cost_and_evidence(stage: Any) -> None:
    async with stage() as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    assert len(rows) == 6
    assert {row.outcome for row in rows} == {Outcome.SCORED}
    assert sum(row.passed for row in rows) >= 1
    row = rows[0]
    assert (row.usage.input, row.usage.output, row.calls) == (3, 2, 1)
    assert row.cost_usd == pytest.approx(2.0)
    summary = json.loads(it.evidence(row, "rollout.json").read_text())
    assert summary["passed"] == row.passed
    assert summary["output"] == ["abstract.docx"]
    assert [item["criterion"] for item in summary["verdicts"]] == [
        *("C-001", "C-002", "C-003", "C-004")
    ]
    assert it.evidence(row, "output/abstract.docx").is_file()
    assert it.evidence(row, "transcript.jsonl").is_file()


async def test_a_finished_rollout_is_never_run_again(stage: Any) -> None:
    async with stage() as it:
        first = await it.run(WRITES + ASKS_ONCE)
        again = await it.run(WRITES + ASKS_ONCE)
    assert first == again
    assert len(it.api.received) == len(first)


async def test_a_crash_of_the_harness_counts_as_failed_criteria(stage: Any) -> None:
    async with stage() as it:
        rows = await it.run("def solve(task, model):\n    raise ValueError('no')\n")
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}
    assert {(row.passed, row.total) for row in rows} == {(0, 4)}
    assert "exit code 1" in rows[0].reason
    assert "ValueError: no" in it.evidence(rows[0], "harness.log").read_text()


async def test_a_timeout_of_the_harness_counts_as_failed_criteria(stage: Any) -> None:
    source = "import time\ndef solve(task, model):\n    time.sleep(3600)\n"
    async with stage(seconds=0.5) as it:
        rows = await it.run(source)
    assert {row.reason for row in rows} == {"time limit of 0.5 s passed"}
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_lost_rollout_is_run_again_and_never_scored(stage: Any) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (500, failure()) if number <= 4 else (200, message())

    async with stage(answer) as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    lost = [row for row in rows if row.outcome is Outcome.INFRA_FAILED]
    assert len(lost) == 4
    assert {row.reason for row in lost} == {"provider: status 500"}
    finished = {row.key for row in rows if row.outcome is Outcome.SCORED}
    assert len(finished) == 6
    assert all(it.evidence(row, "rollout.json").is_file() for row in rows)


async def test_a_lost_rollout_is_given_up_after_three_attempts(stage: Any) -> None:
    async with stage(lambda number, content: (529, failure())) as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}
    assert sorted(row.attempt for row in rows) == [1] * 6 + [2] * 6 + [3] * 6


async def test_a_harness_that_hides_an_outage_is_still_run_again(stage: Any) -> None:
    source = (
        ASKS
        + WRITES
        + (
            "def solve(task, model):\n"
            "    try:\n"
            "        ask(model)\n"
            "    except Exception:\n"
            "        pass\n"
            "    write(task)\n"
        )
    )
    async with stage(lambda number, content: (503, failure())) as it:
        rows = await it.run(source, attempts=1)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}


@pytest.mark.parametrize(
    "source",
    [
        "def solve(task, model):\n    raise ConnectionError('provider: status 500')\n",
        "import sys\ndef solve(task, model):\n    sys.exit('infra_failed')\n",
        "import os, signal\ndef solve(task, model):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        "import os\ndef solve(task, model):\n    os.kill(os.getpid(), 9)\n",
        "raise SystemExit(3)\n",
        "solve = None\n",
        "def solve(task, model):\n"
        "    message = {'role': 'user', 'content': 5}\n"
        "    model.complete(system='', messages=[message], tools=[], max_tokens=1)\n",
        "def solve(task, model):\n"
        "    model.complete(system='', messages=[], tools=[{'name': {}}], max_tokens='x')\n",
    ],
)
async def test_no_failure_of_a_harness_can_pass_for_an_outage(stage: Any, source: str) -> None:
    async with stage() as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_mistaken_request_is_the_harnesss_own(stage: Any) -> None:
    async with stage(lambda number, content: (400, failure("invalid_request_error"))) as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_slow_harness_is_not_saved_by_its_quick_calls(stage: Any) -> None:
    source = ASKS + ("def solve(task, model):\n    while True:\n        ask(model)\n")
    async with stage(seconds=1) as it:
        rows = await it.run(source)
    assert {row.reason for row in rows} == {"time limit of 1 s passed"}


async def test_a_provider_that_hangs_is_not_the_harnesss_timeout(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_search.gateway.upstream.SILENCE_SECONDS", 2.0)
    async with stage(lambda number, content: (-1, None), seconds=0.5) as it:
        rows = await it.run(WRITES + ASKS_ONCE, attempts=1)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}


async def test_too_much_output_is_a_failure_with_its_reason(stage: Any) -> None:
    source = (
        "def solve(task, model):\n"
        "    for name in 'abc':\n"
        "        (task.output / name).write_bytes(b'x' * 700_000)\n"
    )
    async with stage(output_megabytes=1) as it:
        rows = await it.run(source)
    assert {row.reason for row in rows} == {"output larger than 1 MB or 1000 files"}


async def test_a_link_in_the_output_leads_nowhere(stage: Any, workspace_folder: Path) -> None:
    secret = workspace_folder / "test_split.txt"
    source = (
        "import os\n"
        "def solve(task, model):\n"
        f"    os.symlink({str(secret)!r}, task.output / 'abstract.docx')\n"
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
            noise_key(replace(it.bench, split=Split.TEST), job),
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


async def test_a_dying_scaffold_leaves_an_attempt_that_is_swept(stage: Any) -> None:
    from harness_search.rollouts.bench import sweep

    async with stage() as it:
        job = plan(it.workspace, Split.DEV, it.workspace.baseline)[0]
        it.bench.ledger.begin(job.key, os.getpid(), pid_started=1)
        sweep(it.bench.ledger)
        assert it.bench.ledger.running() == []
        assert it.bench.ledger.rows() == []


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


async def test_an_outage_is_an_outage_for_an_impatient_harness_too(stage: Any) -> None:
    source = ASKS + (
        "import signal\n"
        "def give_up(*_):\n"
        "    raise TimeoutError\n"
        "def solve(task, model):\n"
        "    signal.signal(signal.SIGALRM, give_up)\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
        "    ask(model)\n"
    )
    async with stage(lambda number, content: (529, failure()), tries=3) as it:
        rows = await it.run(source, attempts=1)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}


async def test_a_request_that_the_provider_refuses_stops_nobody_else(stage: Any) -> None:
    source = ASKS.replace('"content": "x"', '"content": "please refuse"') + (
        "def solve(task, model):\n    ask(model)\n"
    )

    def answer(number: int, content: Any) -> Answer:
        refused = "refuse" in str(content["messages"])
        return (404, failure("not_found_error")) if refused else (200, message())

    async with stage(answer) as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


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
            "    for _ in range(2500):\n"
            "        os.mkdir('deeper')\n"
            "        os.chdir('deeper')\n"
            "    os.chdir(home)\n"
            "    open(b'output/bad-\\xff\\xfe.txt', 'w').close()\n"
            "    open('output/line\\nbreak.txt', 'w').close()\n"
            "    os.makedirs('output/locked/inner')\n"
            "    os.chmod('output/locked', 0)\n"
            "    os.chmod('documents', 0)\n"
        )
    )
    async with stage() as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.SCORED}
    summary = json.loads(it.evidence(rows[0], "rollout.json").read_text())
    assert summary["output"] == ["abstract.docx", "line\nbreak.txt"]


async def test_more_files_than_anyone_reads_are_a_failure(stage: Any) -> None:
    source = (
        "def solve(task, model):\n"
        "    for number in range(1001):\n"
        "        (task.output / str(number)).touch()\n"
    )
    async with stage() as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_call_that_outlives_its_harness_is_heard_out_and_paid_for(stage: Any) -> None:
    source = (
        ASKS
        + WRITES
        + (
            "import os, threading\n"
            "def solve(task, model):\n"
            "    threading.Thread(target=ask, args=[model], daemon=True).start()\n"
            "    write(task)\n"
            "    os._exit(0)\n"
        )
    )
    async with stage() as it:
        rows = await it.run(source)
    for row in rows:
        transcript = it.evidence(row, "transcript.jsonl")
        lines = transcript.read_text().splitlines() if transcript.exists() else []
        assert len(lines) == row.calls <= 1
        assert row.usage.input == 3 * row.calls
    assert {row.outcome for row in rows} == {Outcome.SCORED}
