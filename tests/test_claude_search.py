"""Whole iterations with a proposer in a box: real SDK and command line, offline, then the gate."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from proposer_sessions import KEY, KEY_VARIABLE, MODEL, Script, Step
from scripted_api import scripted_api
from scripted_proposer import SILENT, decisions

import meta_harness
from harness_search.choice_of_proposer import make_proposer
from harness_search.current import frontier_on_disk
from harness_search.errors import InputError, SearchStoppedError
from harness_search.ledger.rows import DecisionKind, Role
from harness_search.ledger.sessions import SessionOutcome
from harness_search.ledger.spending import spent_by_role
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import Claim
from harness_search.proposers.claude import sdk
from harness_search.settings import Profile
from harness_search.workspace import Workspace

NAME = "asks_nothing"
EDIT = (
    "sed 's/^    converse(task, model, messages)$/    stops_here(task)\\n    return/' "
    f"harnesses/baseline.py > harnesses/{NAME}.py && printf '\\n\\ndef stops_here(task):\\n"
    f"    return task.output\\n' >> harnesses/{NAME}.py"
)


def claim_of(workspace: Workspace, **changes: Any) -> str:
    tasks = [task.id for task in workspace.splits.dev]
    candidate = {
        "name": NAME,
        "hypothesis": "Nothing is lost by asking nothing.",
        "changes": "Copied baseline; added ONE mechanism, stops_here.",
        "fix_tasks": tasks[:5],
        "regression_tasks": tasks[1:6],
        "parent": "baseline",
        **changes,
    }
    return json.dumps({"iteration": 1, "candidates": [candidate]})


@pytest.fixture
def workspace(
    open_measured: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """The small workspace with its baseline measured, and nothing proposed yet."""
    try:
        sdk.find_sdk()
    except InputError as error:
        pytest.skip(str(error))
    opened = open_measured(iterations=1)
    if opened.sandbox != "bwrap":
        pytest.skip("no session is held without bubblewrap in these tests")
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    return opened


async def search(workspace: Workspace, kind: str, script: Any, **proposer: Any) -> Workspace:
    """One iteration; the frozen model is the simulated one, the proposer's is scripted."""
    async with scripted_api(script) as api:
        profile = Profile(base_url=api.base_url, model=MODEL, key_variable=KEY_VARIABLE)
        settings = workspace.settings
        changed = settings.model_copy(
            update={
                "profiles": {**settings.profiles, "claude": profile},
                "search": settings.search.model_copy(update={"proposer": kind}),
                "proposer": settings.proposer.model_copy(update=proposer),
                "budget": settings.budget.model_copy(update={"allow_unpriced": True}),
            }
        )
        own = replace(workspace, settings=changed)
        with closing(sqlite3.connect(workspace.layout.ledger)) as database, database:
            database.execute("DELETE FROM search WHERE name = 'proposer'")
        await meta_harness.run_search(own, make_proposer(own), SILENT)
        return own


def writes(claim: str) -> tuple[Step, ...]:
    return (
        ("Bash", {"command": EDIT}),
        ("Write", {"file_path": "/work/pending_eval.json", "content": claim}),
    )


async def test_a_claude_session_s_candidate_is_audited_validated_evaluated_and_gated(
    workspace: Workspace,
) -> None:
    script = Script(
        ("Read", {"file_path": "/work/session.md"}),
        ("Bash", {"command": "./mh-query frontier; ./mh-query top 3"}),
        ("Grep", {"pattern": "infra_failed|scored", "path": "/work/dev"}),
        *writes(claim_of(workspace)),
    )
    await search(workspace, "claude", script)
    assert decisions(workspace) == [DecisionKind.BASELINE, DecisionKind.ORPHAN]
    row = frontier_on_disk(workspace).rows[1]
    assert (row.harness, row.rollouts) == (NAME, 6)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        (session,) = ledger.sessions(1)
        claim = Claim.model_validate_json(ledger.iterations()[1].claim).candidate
        spent = spent_by_role(ledger)[Role.PROPOSER]
    assert session.result is not None
    assert session.result.outcome is SessionOutcome.PROPOSED
    assert spent.usage.total == session.result.paid.total > 0
    assert claim.kind == "one mechanism"
    assert "stops_here" in claim.added
    audit = json.loads(workspace.layout.audit(1).read_text())
    assert audit["verdict"] == "pass", audit
    state = json.loads(workspace.layout.loop_state.read_text())
    assert state["proposer_session"] == session.start.session_id


async def test_a_session_that_looks_for_the_test_split_voids_its_iteration(
    workspace: Workspace,
) -> None:
    script = Script(
        ("Bash", {"command": "cat ../../test_split.txt; find / -name 'test_split*'"}),
        *writes(claim_of(workspace)),
    )
    await search(workspace, "claude", script)
    assert decisions(workspace)[1] is DecisionKind.REJECTED
    row = frontier_on_disk(workspace).rows[1]
    assert row.rollouts == 0
    assert "tool call 1 (Bash)" in row.reason
    assert not workspace.layout.candidate(NAME).exists()


async def test_a_claim_that_cannot_be_used_is_mended_in_the_same_session(
    workspace: Workspace,
) -> None:
    wrong, right = claim_of(workspace, fix_tasks=["no/such-task"] * 5), claim_of(workspace)
    script = Script(
        *writes(wrong),
        None,
        ("Write", {"file_path": "/work/pending_eval.json", "content": right}),
    )

    def answer(number: int, content: Any) -> Any:
        told = json.dumps(content["messages"])
        done = 3 if "cannot use what you left" in told else 2
        results = told.count('"tool_result"')
        step = script.steps[results] if results < 2 else None
        if done == 3 and results == 2:
            step = script.steps[3]
        return 200, script._reply(step)

    await search(workspace, "claude", answer)
    assert decisions(workspace)[1] is DecisionKind.ORPHAN
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        first, second = ledger.sessions(1)
    assert first.start.session_id == second.start.session_id
    assert first.result is not None
    assert first.result.outcome is SessionOutcome.TO_CORRECT
    assert "no/such-task" in first.result.reason


async def test_a_program_that_was_lost_finds_its_view_as_it_left_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    program = tmp_path / "agent.sh"
    program.write_text('[ "$MH_ATTEMPT" = 1 ] && touch marker && exit 1\nrm marker || exit 2\n')
    terms = {"command": ("sh", str(program)), "profile": ""}
    with pytest.raises(SearchStoppedError, match=r"exit code 1 \(what it printed: .*session-1.log"):
        await search(workspace, "command", None, **terms)
    await search(workspace, "command", None, **terms)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        lost, left = (row.result for row in ledger.sessions(1))
    assert lost is not None and left is not None
    assert (lost.outcome, left.outcome) == (SessionOutcome.LOST, SessionOutcome.NOTHING_LEFT)


async def test_any_program_can_propose(workspace: Workspace, tmp_path: Path) -> None:
    program = tmp_path / "agent.sh"
    program.write_text(
        f'set -e\ncd "$MH_VIEW"\n./mh-query frontier --json > /dev/null\n{EDIT}\n'
        f"cat > \"$MH_CLAIM\" <<'END'\n{claim_of(workspace)}\nEND\n"
    )
    await search(workspace, "command", None, command=("sh", str(program)), profile="")
    assert decisions(workspace) == [DecisionKind.BASELINE, DecisionKind.ORPHAN]
    assert frontier_on_disk(workspace).rows[1].harness == NAME
