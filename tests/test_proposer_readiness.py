"""A proposer that no session could be held with is refused before anything is paid."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from proposer_sessions import KEY, KEY_VARIABLE, MODEL, opened_desk
from scripted_api import failure, scripted_api

from harness_search.choice_of_proposer import check_proposer, make_proposer
from harness_search.errors import InputError, SearchStoppedError
from harness_search.gateway.grants import Grant
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Role, Usage
from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionRow, SessionStart
from harness_search.proposers.claude import sdk
from harness_search.proposers.claude.proposer import ClaudeProposer
from harness_search.proposers.command import attempt_in_view
from harness_search.proposers.gateway import open_proposer_gateway
from harness_search.proposers.session import Services
from harness_search.sandbox.choice import NONE
from harness_search.settings import Price, Profile
from harness_search.workspace import Workspace

REAL = Profile(base_url="https://example.org", model=MODEL, key_variable=KEY_VARIABLE)
PRICED = REAL.model_copy(update={"price": Price(input=1.0, output=1.0)})


@pytest.fixture
def having(open_tiny: Open, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Workspace]:
    """The small workspace with a proposer; its key is set, and its profile has a price."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)

    def having(kind: str, named_claude: Profile = PRICED, **proposer: Any) -> Workspace:
        workspace = open_tiny()
        settings = workspace.settings
        changes = {
            "profiles": {**settings.profiles, "claude": named_claude},
            "search": settings.search.model_copy(update={"proposer": kind}),
            "proposer": settings.proposer.model_copy(update=proposer),
        }
        return replace(workspace, settings=settings.model_copy(update=changes), sandbox="bwrap")

    return having


def files(workspace: Workspace) -> Workspace:
    """Some programs of the workspace."""
    root = workspace.layout.root
    for name, mode in (("agent.py", 0o644), ("agent.sh", 0o755)):
        (root / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (root / name).chmod(mode)
    return workspace


@pytest.mark.parametrize(
    "command",
    [
        ("python3", "agent.py"),
        ("sh", "-c", "true"),
        ("./agent.sh", "--out", "notes.md"),
        ("agent.sh",),
        ("/bin/sh", "agent.sh"),
    ],
)
def test_a_command_that_its_box_will_find_is_accepted(
    having: Callable[..., Workspace], command: tuple[str, ...]
) -> None:
    check_proposer(files(having("command", command=command, profile="")))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((), "a program to run"),
        (("",), "no box finds"),
        (("no-such-program",), "'no-such-program', which no box finds here"),
        (("./no-such-file",), "'./no-such-file', which is no file"),
        (("./agent.py",), "cannot be executed"),
        (("python3", "missing.py"), "'missing.py', which is no file"),
        (("cat", "./runs"), "a program outside of the search"),
    ],
)
def test_a_command_that_its_box_would_not_find_is_refused(
    having: Callable[..., Workspace], command: tuple[str, ...], said: str
) -> None:
    workspace = files(having("command", command=command, profile=""))
    with pytest.raises(InputError, match=said) as refused:
        check_proposer(workspace)
    assert refused.value.field == "proposer.command"


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        (
            "claude",
            {"profile": "claud"},
            "proposer.profile: found 'claud', expected one of: claude",
        ),
        ("claude", {"profile": ""}, "expected one of: claude$"),
        ("claude", {"profile": "simulated"}, "cannot use a coding agent's tools"),
        ("command", {"profile": "claud"}, 'one of: claude, or "" for a command without a model'),
        ("command", {"profile": "simulated"}, 'or "" for a command without a model'),
    ],
)
def test_a_profile_that_no_session_can_use_is_refused(
    having: Callable[..., Workspace], kind: str, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        check_proposer(having(kind, command=("sh",), **changes))


@pytest.mark.parametrize("kind", ["claude", "command"])
def test_a_missing_key_or_price_is_told_with_its_profile(
    having: Callable[..., Workspace], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_proposer(having(kind, command=("sh",)))
    unknown = REAL.model_copy(update={"model": "nobody-1"})
    with pytest.raises(InputError, match=r"nobody-1: found no price.*\[profiles\.claude\]"):
        check_proposer(having(kind, unknown, command=("sh",)))
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(InputError, match=f"{KEY_VARIABLE}: found nothing.*profile 'claude'"):
        check_proposer(having(kind, command=("sh",)))
    # What asks no model needs neither.
    check_proposer(having("command", command=("sh",), profile=""))
    check_proposer(having("catalogue"))


def test_a_machine_without_the_sdk_or_a_sandbox_holds_no_session(
    having: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="would read the held-out tasks"):
        check_proposer(replace(having("claude"), sandbox=NONE))
    monkeypatch.setattr(sdk, "PACKAGE", "no-such-agent-sdk")
    with pytest.raises(InputError, match="no such package, expected what a Claude proposer runs"):
        check_proposer(having("claude"))


async def test_a_claude_session_s_watch_is_as_patient_as_its_profile(
    having: Callable[..., Workspace], tmp_path: Path
) -> None:
    slow = PRICED.model_copy(update={"first_byte_seconds": 2_000.0})
    proposer = make_proposer(having("claude", slow))
    assert isinstance(proposer, ClaudeProposer)
    grant = Grant("m", TranscriptWriter(tmp_path / "t.jsonl"), Role.PROPOSER)
    grant.answering.add(asyncio.current_task())  # type: ignore[arg-type]
    grant.heard = time.monotonic() - 2_180.0
    assert await proposer.watch(grant) == "no byte of an answer for 2180 s"


async def test_a_proposer_s_endpoint_is_asked_for_a_token_before_a_session(
    open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path
) -> None:
    refusing = scripted_api(lambda number, content: (401, failure("authentication_error")))
    async with opened_desk(open_tiny(), kit, short_folder, tmp_path) as opened, refusing as api:
        workspace = opened.services.workspace
        settings = workspace.settings

        def services(authentication: str) -> Services:
            changes = {"base_url": api.base_url, "authentication": authentication}
            profile = settings.profiles["claude"].model_copy(update=changes)
            profiles = {**settings.profiles, "claude": profile}
            changed = settings.model_copy(update={"profiles": profiles})
            return Services(replace(workspace, settings=changed), opened.services.bench)

        with pytest.raises(SearchStoppedError, match=r"the proposer's profile 'claude'.*refuses"):
            async with open_proposer_gateway(services("api_key")):
                raise AssertionError("no session may begin")
        assert len(api.received) == 1
        async with open_proposer_gateway(services("oauth")):
            assert len(api.received) == 1


def test_a_command_s_runs_are_counted_anew_in_a_view_that_is_made_anew() -> None:
    start = SessionStart(1, "command-001", "", "no model")

    def rows(*outcomes: SessionOutcome) -> list[SessionRow]:
        ends = [SessionResult(outcome, "", Usage()) for outcome in outcomes]
        return [SessionRow(n, start, n, "", "", end) for n, end in enumerate(ends, start=1)]

    lost, nothing = SessionOutcome.LOST, SessionOutcome.NOTHING_LEFT
    assert attempt_in_view([]) == 1
    assert attempt_in_view(rows(lost, lost)) == 3
    assert attempt_in_view(rows(lost, nothing)) == 1
    assert attempt_in_view(rows(lost, nothing, lost)) == 2
