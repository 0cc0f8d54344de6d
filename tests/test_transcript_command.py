"""`meta-harness transcript`: a rollout at the terminal, in a hundred columns and as JSON."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filed import LISTED, MODEL_REASON, TEXT, begin_search, file_rollout, verdicts_of
from transcripts import record, reply_of, user
from typer.testing import CliRunner

from harness_search.benchmark.tasks import Task
from harness_search.commands.application import new_application
from harness_search.rollouts.evidence import TRANSCRIPT
from harness_search.workspace import Workspace, open_workspace

HOSTILE = "\x1b[31mred\x07\u202e\u200b<b>[bold]"


@pytest.fixture
def workspace(workspace_folder: Path) -> Workspace:
    found = open_workspace(workspace_folder, {}, to_run=False)
    begin_search(found)
    return found


@pytest.fixture
def task(workspace: Workspace) -> Task:
    return next(item for item in workspace.splits.dev if "abstract.md" in item.content.deliverables)


@pytest.fixture
def folder(workspace: Workspace, task: Task) -> Path:
    verdicts = verdicts_of(task, ("pass", MODEL_REASON), ("fail", f"found none of {HOSTILE}"))
    return file_rollout(workspace, task, verdicts, output={"abstract.md": TEXT + HOSTILE})


def transcript(workspace: Workspace, *arguments: str) -> Any:
    command = ["transcript", *arguments, "--workspace", str(workspace.layout.root)]
    return CliRunner().invoke(new_application(), command)


def test_a_rollout_reads_as_a_conversation_with_its_verdicts(
    workspace: Workspace, task: Task, folder: Path
) -> None:
    shown = transcript(workspace, task.id.split("/")[1], "1")
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert max(map(len, lines)) <= 100
    assert f"baseline on {task.id}, trial 1" in lines
    assert "Model, call 1: 1,200 tokens in, 45 out" in lines
    assert "  > glob, 20 characters" in lines
    assert f"    {LISTED}" in lines
    assert f"  ✓ pass {task.criteria[0].id} {task.criteria[0].title}" in lines
    assert "Criteria: 1 pass, 3 fail" in lines


def test_what_others_wrote_cannot_reach_the_terminal(
    workspace: Workspace, task: Task, folder: Path
) -> None:
    long = {"model": HOSTILE, "system": HOSTILE, "messages": [user(HOSTILE + "x" * 300_000)]}
    record(folder / TRANSCRIPT, (long, reply_of(HOSTILE)))
    for more in ((), ("--full",), ("--json",)):
        shown = transcript(workspace, task.id, "1", *more)
        assert shown.exit_code == 0
        assert not set(shown.output) & set("\x1b\x07\u202e\u200b")
        assert "[bold]" in shown.output


def test_tool_results_are_shortened_unless_all_is_asked_for(
    workspace: Workspace, task: Task, folder: Path
) -> None:
    lines = "\n".join(f"line {number}" for number in range(40))
    result = {"type": "tool_result", "tool_use_id": "t1", "content": lines}
    request = {"model": "m", "messages": [user([result])]}
    (folder / TRANSCRIPT).unlink()
    record(folder / TRANSCRIPT, (request, reply_of("Done.")))
    short = transcript(workspace, task.id, "1").output
    assert "line 5" in short
    assert "line 6\n" not in short
    assert "more characters" in short
    whole = transcript(workspace, task.id, "1", "--full").output
    assert "line 39" in whole
    assert "payable quarterly" in whole


def test_the_json_document_holds_all_of_it(workspace: Workspace, task: Task, folder: Path) -> None:
    found = json.loads(transcript(workspace, task.id, "1", "--json").output)
    assert found["simulated"] is True
    assert found["attempt"]["outcome"] == "scored"
    assert found["deliverables"][0]["text"] == TEXT + HOSTILE
    assert found["criteria"][0]["quotes"] == [{"text": "the annual rent is … USD", "near": []}]
    assert found["conversation"]["entries"][-1]["text"] == "All is delivered."


def test_an_emptied_transcript_is_said(workspace: Workspace, task: Task, folder: Path) -> None:
    (folder / TRANSCRIPT).write_bytes(b"")
    shown = transcript(workspace, task.id, "1").output
    assert "The transcript is empty." in shown.splitlines()
    assert "All is delivered." not in shown
    found = json.loads(transcript(workspace, task.id, "1", "--json").output)
    assert found["notes"] == ["The transcript is empty."]
    assert found["conversation"]["entries"] == []


def test_a_wrong_name_ends_with_one_sentence(
    workspace: Workspace, task: Task, folder: Path
) -> None:
    shown = transcript(workspace, task.id, "2")
    assert shown.exit_code == 2
    assert shown.output.count("\n") == 1
    assert "a trial of baseline on" in shown.output
    shown = transcript(workspace, workspace.splits.test[0].id, "1", "--split", "test")
    assert shown.exit_code == 2
    assert "not opened yet" in shown.output


def test_the_command_needs_no_library_for_pages(
    workspace: Workspace, task: Task, folder: Path
) -> None:
    code = (
        "import sys; from harness_search.commands.application import new_application\n"
        f"try: new_application()(['transcript', {task.id!r}, '1', '-w', "
        f"{str(workspace.layout.root)!r}])\n"
        "finally: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = set(done.stdout.split())
    assert "harness_search.reports.rollout" in loaded
    assert not loaded & {"jinja2", "matplotlib", "aiohttp", "numpy", "anthropic"}
