"""Any program can propose: it runs in the same box, and is told by its environment."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from proposer_sessions import CANDIDATE, CLAIM, KEY, MODEL, TASKS, opened_desk
from scripted_api import HANGS, Answer, message

from harness_search.errors import InputError
from harness_search.ledger.rows import Role, Usage
from harness_search.ledger.sessions import SessionOutcome
from harness_search.ledger.spending import spent_by_role
from harness_search.promotion.candidate import collect
from harness_search.proposers.boxed import Visit
from harness_search.proposers.command import CommandProposer, answer_of
from harness_search.proposers.session import Lost, NothingLeft, Proposed, Stopped
from harness_search.sandbox.box import Ending

PROGRAM = f"""\
import json, os, pathlib, sys, urllib.request
assert "PYTHONPATH" not in os.environ
sys.path.append(os.environ["MH_LIBRARY"])
import harness_kit
parent = pathlib.Path(os.environ["MH_VIEW"], "harnesses", os.environ["MH_INCUMBENT"] + ".py")
assert parent.read_text().startswith("def solve")
evidence = pathlib.Path(os.environ["MH_EVIDENCE"])
assert list(evidence.rglob("score.txt"))
asked = {{"model": os.environ["MH_MODEL"], "max_tokens": 9,
         "messages": [{{"role": "user", "content": "which mechanism?"}}]}}
request = urllib.request.Request(
    os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", json.dumps(asked).encode(),
    {{"x-api-key": os.environ["ANTHROPIC_API_KEY"]}})
print(json.load(urllib.request.urlopen(request))["content"][0]["text"], sys.argv[1:])
pathlib.Path("harnesses/second_look.py").write_text({CANDIDATE!r})
pathlib.Path(os.environ["MH_CLAIM"]).write_text({json.dumps(CLAIM)!r})
"""


GOES_ON = f"""\
import os, pathlib
attempt, marker = os.environ["MH_ATTEMPT"], pathlib.Path("marker")
assert (attempt == "2") == marker.exists(), attempt
marker.touch()
{PROGRAM}"""


@pytest.fixture
def desk(open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path) -> Callable[..., Any]:
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("no box has a fixed place for its view without bubblewrap")
    return partial(opened_desk, workspace, kit, short_folder, tmp_path)


async def test_a_program_of_the_workspace_reads_asks_and_proposes(
    desk: Callable[..., Any],
) -> None:
    async with desk() as opened:
        root = opened.services.workspace.layout.root
        (root / "my_agent.py").write_text(PROGRAM, encoding="utf-8")
        proposer = CommandProposer(["python3", "my_agent.py", "--quietly"])
        answer = await proposer.propose(opened.session)
        log = (opened.folder / "session-1.log").read_text(encoding="utf-8")
        assert answer == Proposed(), log
        assert log == "done ['--quietly']\n"
        candidate = collect(opened.session.view, 1, "baseline", set(TASKS), {"baseline": "0"})
        assert candidate.source.decode() == CANDIDATE
        asked = opened.api.received[-1]
        assert (asked.headers["x-api-key"], asked.content["model"]) == (KEY, MODEL)
        assert "which mechanism?" in (opened.folder / "transcript-1.jsonl").read_text()


async def test_a_command_that_is_cut_off_goes_on_in_its_view_and_all_of_it_is_booked(
    desk: Callable[..., Any],
) -> None:
    asked = asyncio.Event()

    def answer(number: int, content: Any) -> Answer:
        if content["max_tokens"] == 1:  # whether it answers at all, before each run
            return 200, message()
        asked.set()
        return (HANGS, "") if number == 2 else (200, message())

    async with desk(answer) as opened:
        ledger = opened.services.bench.ledger
        root = opened.services.workspace.layout.root
        (root / "my_agent.py").write_text(GOES_ON, encoding="utf-8")
        proposer = CommandProposer(["python3", "my_agent.py"])
        first = asyncio.create_task(proposer.propose(opened.session))
        await asyncio.wait_for(asked.wait(), 30)
        (begun,) = ledger.sessions(1)
        assert (begun.start.profile, begun.start.model) == ("claude", f"{MODEL} (feedback full)")
        assert begun.result is None
        first.cancel()
        await asyncio.wait({first})
        assert await proposer.propose(opened.session) == Proposed()
        # A launch after a kill that came now takes what is there.
        assert await proposer.propose(opened.session) == Proposed()
        assert len(opened.api.received) == 4
        before, after = (row.result for row in ledger.sessions(1))
        booked = spent_by_role(ledger)[Role.PROPOSER].usage
        spent = opened.services.bench.gateway.account.budget.by_role[Role.PROPOSER]
    assert (before.outcome, after.outcome) == (SessionOutcome.INTERRUPTED, SessionOutcome.PROPOSED)
    assert (after.paid, before.paid.output) == (Usage(input=3, output=2), 0)
    assert before.paid.input > 9  # all that it may have cost
    assert booked == before.paid + after.paid
    assert spent.tokens == booked.total


async def test_a_command_that_would_show_the_search_is_refused(desk: Callable[..., Any]) -> None:
    async with desk() as opened:
        layout = opened.services.workspace.layout
        files = (str(layout.root), str(layout.test_split), "tasks/", "runs/ledger.sqlite3")
        for shown in (*files, str(layout.canary_seed)):
            with pytest.raises(InputError, match="outside of the search"):
                await CommandProposer(["cat", shown]).propose(opened.session)
        with pytest.raises(InputError, match="a program to run"):
            await CommandProposer([]).propose(opened.session)


@pytest.mark.parametrize(
    ("why", "reason", "stopped", "claimed", "answer"),
    [
        ("ended", "", "", True, Proposed()),
        ("time", "too long", "", True, Proposed()),
        ("ended", "", "", False, NothingLeft("the command ended without a claim")),
        ("ended", "exit code 1", "", False, Lost("the command: exit code 1")),
        ("access", "provider: gone", "", False, Lost("the command: provider: gone")),
        ("access", "the run stops", "no credit", True, Stopped("no credit")),
    ],
)
def test_what_a_command_left_decides_what_its_end_means(
    why: Any, reason: str, stopped: str, claimed: bool, answer: object
) -> None:
    visit = Visit(why, reason, Ending(0, began=True), "")
    assert answer_of(visit, stopped, claimed=claimed) == answer
