"""SIGKILL of the scaffold in the middle of a session: the same session goes on, nothing is left."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest
from forked import Forked
from proposer_sessions import KEY, KEY_VARIABLE, MODEL, Script, results_in
from scripted_api import HANGS, scripted_api
from seen_processes import command_of
from test_claude_search import claim_of, writes

from harness_search.errors import InputError
from harness_search.ledger.rows import Role
from harness_search.ledger.sessions import SessionOutcome
from harness_search.ledger.spending import spent_by_role
from harness_search.ledger.store import Ledger
from harness_search.proposers.claude import sdk
from harness_search.reports.looking import status_of
from harness_search.workspace import Workspace, open_workspace

PROFILE = """
[profiles.claude]
base_url = "{base_url}"
model = "{model}"
key_variable = "{variable}"
price = {{input = 1.0, output = 1.0}}
"""


def meta_harness(folder: Path) -> Forked:
    return Forked(
        *("run", "--iterations", "1", "-k", "1"),
        folder=folder,
        environment={**os.environ, KEY_VARIABLE: KEY},
    )


def boxes_below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


async def test_the_same_session_goes_on_after_a_kill(open_tiny: Callable[..., Workspace]) -> None:
    try:
        sdk.find_sdk()
    except InputError as error:
        pytest.skip(str(error))
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("no session is held without bubblewrap in these tests")
    script = Script(("Read", {"file_path": "/work/session.md"}), *writes(claim_of(workspace)))
    in_the_middle, killed = asyncio.Event(), asyncio.Event()

    def answer(number: int, content: Any) -> Any:
        if len(results_in(content)) == 1 and not killed.is_set():
            in_the_middle.set()
            return HANGS, ""
        return script(number, content)

    async with scripted_api(answer) as api:
        settings = workspace.layout.settings
        text = settings.read_text().replace('proposer = "catalogue"', 'proposer = "claude"')
        profile = PROFILE.format(base_url=api.base_url, model=MODEL, variable=KEY_VARIABLE)
        settings.write_text(text + profile)
        first = meta_harness(workspace.layout.root)
        await asyncio.wait_for(in_the_middle.wait(), 60)
        processes = boxes_below(first.pid)
        assert any("claude" in " ".join(command_of(process)) for process in processes)
        seen = status_of(open_workspace(workspace.layout.root, {}, to_run=False)).session
        assert seen is not None
        assert seen.running
        assert seen.paid.tokens > 0
        first.send_signal(signal.SIGKILL)
        printed, _ = await asyncio.to_thread(first.communicate)
        assert "Iteration 1: a session of claude begins." in printed
        _, alive = psutil.wait_procs(processes, timeout=10)
        assert not alive
        killed.set()
        second = meta_harness(workspace.layout.root)
        printed, errors = await asyncio.to_thread(second.communicate)
    assert (second.returncode, errors) == (0, "")
    assert "Iteration 1: a session of claude goes on (attempt 2)." in printed
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        before, after = ledger.sessions(1)
        assert ledger.iterations()[1].decision is not None
        booked = spent_by_role(ledger)[Role.PROPOSER].usage
    assert before.start.session_id == after.start.session_id
    assert before.result is not None
    assert before.result.outcome is SessionOutcome.INTERRUPTED
    assert after.result is not None
    assert after.result.outcome is SessionOutcome.PROPOSED
    # The first one's call in flight counts with all that it may have cost.
    assert before.result.paid.total > after.result.paid.total > 0
    assert booked == before.result.paid + after.result.paid
    state = json.loads(workspace.layout.loop_state.read_text())
    assert state["proposer_session"] == before.start.session_id
