"""A whole Claude session in its box: the real SDK and its real command line, offline."""

import asyncio
import json
import os
import secrets
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from conftest import Open, opener
from hypothesis import given
from hypothesis import strategies as st
from proposer_sessions import (
    CANDIDATE,
    CLAIM,
    KEY,
    SCORE,
    TASKS,
    Desk,
    Script,
    opened_desk,
    results_in,
    where_others_may_enter,
)
from scripted_api import Answer
from seen_processes import command_of

from harness_search.errors import InputError
from harness_search.files import digest_text
from harness_search.gateway.transcript import conversation
from harness_search.ledger.rows import Role
from harness_search.promotion.candidate import collect
from harness_search.proposers.claude import sdk
from harness_search.proposers.claude.messages import Said, read_messages
from harness_search.proposers.claude.session import SessionEnd, Terms, hold_session
from harness_search.sandbox.choice import LANDLOCK, make_sandbox
from harness_search.workspace import Workspace

BASELINE = "/work/harnesses/baseline.py"
LOOKS_ROUND = """\
python3 -c 'import harness_search' 2>&1 | tail -1
python3 -c 'import docx, harness_kit; print("imported", harness_kit.Task.__name__)' 2>&1 | tail -1
echo; ls /root /home {repository} 2>&1; cat {secret} 2>&1; env; cat /proc/*/environ | tr '\\0' '\\n'
touch /work/dev/planted /sdk/planted /etc/planted /library/planted 2>&1
setsid sleep {mark} > /dev/null 2>&1 & echo $!
id -u"""


@pytest.fixture
def desk(
    open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path, repository: Path
) -> Callable[..., Any]:
    """Opens a desk; skipped where no session can be held."""
    try:
        sdk.find_sdk()
    except InputError as error:
        pytest.skip(str(error))
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("no session is held without bubblewrap in these tests")
    return partial(opened_desk, workspace, kit, short_folder, tmp_path)


def terms(session_id: str, **changes: Any) -> Terms:
    usual = {"prompt": "Begin.", "contract": "THE-CONTRACT", "max_turns": 20, "seconds": 60.0}
    return Terms(session_id, **{**usual, **changes})


async def hold(desk: Desk, session_id: str, **changes: Any) -> SessionEnd:
    held = terms(session_id, **changes)
    return await hold_session(desk.services.bench, desk.gateway, desk.session, held)


def writes() -> tuple[tuple[str, dict[str, Any]], ...]:
    return (
        ("Write", {"file_path": "/work/harnesses/second_look.py", "content": CANDIDATE}),
        ("Write", {"file_path": "/work/pending_eval.json", "content": json.dumps(CLAIM)}),
    )


async def test_a_session_reads_by_its_tools_and_leaves_a_candidate_with_its_claim(
    desk: Callable[..., Any], repository: Path, tmp_path: Path
) -> None:
    secret, mark = tmp_path / "secret", f"1000{secrets.randbelow(10**6)}"
    secret.write_text("nobody-may-read-this")
    looks_round = LOOKS_ROUND.format(repository=repository, secret=secret, mark=mark)
    script = Script(
        ("Read", {"file_path": BASELINE}),
        ("Glob", {"pattern": "dev/**/score.txt"}),
        ("Grep", {"pattern": "passed", "path": "/work/dev", "output_mode": "content"}),
        ("Bash", {"command": looks_round}),
        *writes(),
    )
    session_id = str(uuid4())
    async with desk(script) as opened:
        before = untouched(opened)
        end = await hold(opened, session_id)
        spent = opened.gateway.account.budget.by_role
        received = opened.api.received
        assert untouched(opened) == before
        candidate = collect(opened.session.view, 1, "baseline", set(TASKS), {"baseline": "0"})
    assert (end.ended, end.reason, end.said.finished) == ("ended", "", True), end
    assert candidate.source.decode() == CANDIDATE
    read, globbed, grepped, looked = results_in(received[-1].content)[:4]
    assert "return None" in read and "score.txt" in globbed and SCORE in grepped
    assert "ModuleNotFoundError: No module named 'harness_search'" in looked
    assert "nobody-may-read-this" not in looked and "pyproject.toml" not in looked
    assert KEY not in looked and end.grant.token in looked
    assert "imported Task" in looked, looked  # as every harness does
    assert looked.count("Read-only file system") == 4, looked
    assert int(looked.split()[-1].rstrip("']}")) > 0
    # What it cost is the gateway's word, under a role of its own.
    assert {asked.headers["x-api-key"] for asked in received} == {KEY}
    assert (end.grant.role, end.grant.calls) == (Role.PROPOSER, 7)
    assert spent[Role.PROPOSER].tokens == end.grant.paid.total
    # What it was told and what it asked is in the gateway's transcript.
    assert "THE-CONTRACT" in json.dumps(received[0].content["system"])
    # Nothing offers it a place outside its view, or work that the contract forbids.
    first = json.dumps(received[0].content).lower()
    assert not [word for word in ("memory/", "attribution", "git commit", "`gh`") if word in first]
    assert received[0].content["output_config"] == {"effort": "high"}
    assert SCORE in json.dumps(conversation(end.transcript))
    assert end.transcript.name == "transcript-1.jsonl"
    assert not [one for one in psutil.process_iter() if mark in command_of(one)]


def untouched(desk: Desk) -> str:
    """What must be after a session as it was before: evidence, and all that lies around it."""
    root = desk.services.workspace.layout.root
    left_out = (desk.folder, desk.services.workspace.layout.runs / "ledger.sqlite3")
    files = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(str(path).startswith(str(one)) for one in left_out)
    ]
    return digest_text(*(f"{file} {file.read_bytes()!r}" for file in files))


async def test_a_session_whose_box_was_killed_goes_on_under_the_same_id(
    desk: Callable[..., Any],
) -> None:
    session_id, asked = str(uuid4()), asyncio.Event()
    script = Script(("Read", {"file_path": BASELINE}), *writes())

    def answer(number: int, content: Any) -> Answer:
        if len(results_in(content)) == 1 and not asked.is_set():
            asked.set()
            return 200, {**script(number, content)[1], **hanging()}  # type: ignore[index]
        return script(number, content)

    async with desk(answer) as opened:
        held = asyncio.create_task(hold(opened, session_id))
        await asyncio.wait_for(asked.wait(), 30)
        await until_sleeping()
        await until_recorded(opened.folder / "state", session_id, "toolu_hanging")
        for process in boxes():
            os.kill(process, signal.SIGKILL)
        killed, before = await held, len(opened.api.received)
        script.steps = (script.steps[0], ("Bash", {}), *writes())
        again = await hold(
            opened, session_id, attempt=2, resume=True, prompt="Please go on.", contract="another"
        )
        received = opened.api.received
        candidate = collect(opened.session.view, 1, "baseline", set(TASKS), {"baseline": "0"})
    assert (killed.ended, killed.reason) == ("ended", "ended by signal 9")
    assert not killed.said.finished
    assert (again.ended, again.reason, again.said.finished) == ("ended", "", True)
    assert candidate.name == "second_look"
    remembered = results_in(received[before].content)  # in the first request after its death
    assert "return None" in remembered[0] and "interrupted" in remembered[1], remembered
    assert again.transcript.name == "transcript-2.jsonl" and again.transcript.is_file()
    assert len(list((opened.folder / "state").rglob(f"{session_id}.jsonl"))) == 1
    assert not boxes()


def hanging() -> dict[str, Any]:
    """A tool call that lasts until somebody ends it."""
    command = {"command": "sleep 777"}
    call = {"type": "tool_use", "id": "toolu_hanging", "name": "Bash", "input": command}
    return {"content": [call], "stop_reason": "tool_use"}


async def until_sleeping() -> None:
    async with asyncio.timeout(30):
        while not any(
            "777" in command_of(one) for one in psutil.Process().children(recursive=True)
        ):
            await asyncio.sleep(0.02)


async def until_recorded(state: Path, session_id: str, call: str) -> None:
    """The command line writes what it remembers a moment after it acts on it."""
    async with asyncio.timeout(30):
        while not any(call in file.read_text() for file in state.rglob(f"{session_id}.jsonl")):
            await asyncio.sleep(0.02)


def boxes() -> list[int]:
    below = psutil.Process().children()
    return [one.pid for one in below if "bwrap" in "".join(command_of(one)[:1])]


@pytest.fixture
def behind_landlock(workspace_folder: Path, short_folder: Path) -> Workspace:
    found = make_sandbox(LANDLOCK).probe()
    if not found.usable:
        pytest.skip(found.reason)
    return opener(where_others_may_enter(workspace_folder, short_folder), LANDLOCK)()


async def test_a_session_is_held_by_landlock_alone_where_there_is_nothing_stronger(
    behind_landlock: Workspace, kit: Path, short_folder: Path, tmp_path: Path
) -> None:
    workspace = behind_landlock
    view = workspace.layout.session(1) / "view"
    claim = {"file_path": str(view / "pending_eval.json"), "content": "{}"}
    tries = f"cat {workspace.layout.test_split} {workspace.layout.root}/*"
    imports = "python3 -c 'import harness_kit; print(harness_kit.Task); import harness_search'"
    outside = {"command": f"{tries}; {imports}"}
    script = Script(("Bash", outside), ("Write", claim))
    async with opened_desk(workspace, kit, short_folder, tmp_path, script) as opened:
        end = await hold(opened, str(uuid4()))
        first = opened.api.received[0].content["messages"]
        told = results_in(opened.api.received[-1].content)
    assert (end.ended, end.reason, end.said.finished) == ("ended", "", True), end
    assert (view / "pending_eval.json").read_text() == "{}"
    assert "Permission denied" in told[0] and workspace.splits.test[0].id not in told[0]
    assert f"/work is {view} here" in str(first)
    assert "harness_kit.task.Task" in told[0] and "No module named 'harness_search'" in told[0]


@given(st.text())
def test_nothing_that_a_session_prints_can_break_its_reader(text: str) -> None:
    found = read_messages(f'{text}\n{{"message": {text}\n{{"message": "End", "fields": 3}}\n')
    assert isinstance(found, Said)


def test_the_last_word_of_a_session_is_kept_in_short() -> None:
    lines = [
        {"message": "AssistantMessage", "fields": {"error": "rate_limit"}},
        {
            "message": "ResultMessage",
            "fields": {"is_error": True, "subtype": "success", "api_error_status": 429},
        },
        {"message": "End", "fields": {"error": {"kind": "ResultError", "text": "x" * 5000}}},
    ]
    said = read_messages("noise\n" + "\n".join(map(json.dumps, lines)))
    assert (said.finished, said.status, said.error) == (False, 429, "rate_limit")
    assert (said.exception, said.text) == ("ResultError", "x" * 300)


def test_a_session_is_shown_what_the_sdk_needs_and_never_the_scaffold() -> None:
    found = sdk.find_sdk()
    names = {entry.name for entry in found.entries}
    assert {"claude_agent_sdk", "anyio", "mcp", "cryptography"} <= names
    assert not names & {"harness_search", "harness_kit", "numpy", "pytest", "aiohttp"}
    assert not [name for name in names if name.endswith(".pth")]
    assert sum(mount.executable for mount in found.mounts()) == 1


def test_a_machine_without_the_sdk_is_told_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setattr(sdk, "PACKAGE", "no-such-agent-sdk")
    with pytest.raises(InputError, match=r"pip install 'claude-agent-sdk>=0\.2\.186'"):
        sdk.find_sdk()
