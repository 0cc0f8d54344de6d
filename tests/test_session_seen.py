"""A proposer session, which may run for hours, is seen by whoever watches the search."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import rollout_row
from scripted_api import message
from scripted_proposer import run

from harness_search.files import digest_bytes
from harness_search.gateway.prices import FREE
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.layout import Layout
from harness_search.ledger.rows import DecisionKind, IterationRow, Role, Usage
from harness_search.ledger.sessions import (
    SessionOutcome,
    SessionResult,
    SessionRow,
    SessionStart,
    awaited,
)
from harness_search.ledger.store import Ledger
from harness_search.proposers.books import recorded, transcript_in
from harness_search.proposers.session import NothingLeft, Session
from harness_search.reports.looking import status_of
from harness_search.reports.progress import Reporter
from harness_search.reports.sessions import news_of
from harness_search.reports.status import Status
from harness_search.service.events import Event, SessionChanged
from harness_search.workspace import Workspace, open_workspace

START = SessionStart(1, "0b2f", "real", "claude-opus-5-5")
REAL = """
[profiles.real]
base_url = "https://api.example"
model = "claude-opus-5-5"
price = { input = 5.0, output = 25.0 }
"""
LOST = SessionResult(SessionOutcome.LOST, "the stream broke", Usage(100, 5), 0.25)
ENDED = SessionResult(SessionOutcome.PROPOSED, "", Usage(200, 5), 0.5)


def row(
    attempt: int, result: SessionResult | None = None, session_id: str = "0b2f", profile: str = "a"
) -> SessionRow:
    start = SessionStart(3, session_id, profile, "")
    began = "2026-08-03T12:00:00.000+00:00"
    return SessionRow(attempt, start, attempt, began, "" if result is None else began, result)


# In the words of the search.


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(1)], "a session of a begins"),
        ([row(1, profile="")], "a session begins"),
        ([row(1, LOST), row(2)], "a session of a goes on (attempt 2)"),
        ([row(1, LOST), row(2, session_id="77aa")], "another session of a begins (attempt 2)"),
        (
            [row(1, LOST)],
            "the session of a was lost (attempt 1, 0.25 USD, 105 tokens): the stream broke",
        ),
        ([row(1, ENDED)], "the session of a has ended with a proposal (0.50 USD, 205 tokens)"),
        (
            [row(1, LOST), row(2, ENDED)],
            "the session of a has ended with a proposal (2 attempts, 0.75 USD, 310 tokens)",
        ),
        (
            [row(1, SessionResult(SessionOutcome.TO_CORRECT, "no\x1b[2Jclaim\n"))],
            "the session of a left no sound claim and is told so once (attempt 1, 0 tokens): "
            "no [2Jclaim",
        ),
    ],
)
def test_each_run_is_told_in_a_line(rows: list[SessionRow], said: str) -> None:
    assert news_of(rows) == f"Iteration 3: {said}."


def test_every_end_of_a_run_has_words() -> None:
    assert all(news_of([row(1, SessionResult(outcome, ""))]) for outcome in SessionOutcome)


class Holds:
    """Holds a session whose first run is lost, and whose second has nothing left to try."""

    async def propose(self, session: Session) -> NothingLeft:
        assert session.services is not None
        ledger = session.services.bench.ledger
        nothing = SessionResult(SessionOutcome.NOTHING_LEFT, "all was tried", Usage(7), 0.5)
        for result in (LOST, nothing):
            with recorded(ledger, session.view.parent, START) as held:
                held.result = result
        return NothingLeft("all was tried")


class Listening(Reporter):
    """Keeps what is said of sessions, and loop_state.json as it is when one begins."""

    def __init__(self, file: Path) -> None:
        super().__init__(None)
        self.file, self.said, self.states = file, list[str](), list[dict[str, object]]()

    def tell(self, event: Event) -> None:
        if not isinstance(event, SessionChanged):
            return
        self.said.append(event.sentence)
        if "begins" in event.sentence:
            self.states.append(json.loads(self.file.read_text()))


def test_a_search_tells_of_each_run_as_it_begins_and_ends_and_notes_it_on_disk(
    open_measured: Callable[..., Workspace],
) -> None:
    workspace = open_measured(iterations=1)
    listening = Listening(workspace.layout.loop_state)
    run(workspace, Holds(), listening)
    assert listening.said == [
        "Iteration 1: a session of real begins.",
        "Iteration 1: the session of real was lost (attempt 1, 0.25 USD, 105 tokens): "
        "the stream broke.",
        "Iteration 1: a session of real goes on (attempt 2).",
        "Iteration 1: the session of real has nothing left to try (2 attempts, 0.75 USD, "
        "112 tokens): all was tried.",
    ]
    (state,) = listening.states
    assert (state["iteration"], state["phase"]) == (1, "propose")
    assert state["proposer_session"] == "0b2f"
    after = json.loads(workspace.layout.loop_state.read_text())
    assert (after["iteration"], after["phase"]) == (0, "finished")


def test_the_search_stands_at_the_iteration_that_a_session_is_held_for() -> None:
    nothing = row(1, SessionResult(SessionOutcome.NOTHING_LEFT, ""))
    assert awaited([], 2) is None
    assert awaited([row(1)], 2) == row(1)
    assert awaited([row(1, LOST)], 2) == row(1, LOST)
    assert awaited([row(1)], 3) is None
    assert awaited([nothing], 2) is None


# In `status`.


@pytest.fixture
def begun(workspace_folder: Path) -> Layout:
    """A search with real sessions over a simulated model, whose first session has begun: one call
    was answered, one is in flight."""
    layout = Layout(workspace_folder)
    text = layout.settings.read_text().replace('proposer = "catalogue"', 'proposer = "claude"')
    layout.settings.write_text(
        text.replace('# profile = "claude"        # whose', 'profile = "real"        # whose')
        + REAL
    )
    digest = digest_bytes([layout.baseline.read_bytes()])
    with closing(Ledger(layout.ledger)) as ledger:
        ledger.set_identity({"price": FREE.model_dump_json()})
        decided = DecisionKind.BASELINE
        ledger.put_iteration(IterationRow(0, digest, "baseline", "", "", "", "", decided, ""))
        ledger.begin_session(START)
    layout.session(1).mkdir(parents=True)
    with closing(TranscriptWriter(transcript_in(layout.session(1), 1))) as writer:
        for call in (1, 2):
            content = {"messages": []}
            writer.request(call, "d", content, reserved_usd=2.82, reserved_tokens=100_000)
        writer.reply(1, 200, message(), cost_usd=0.25)
    return layout


def looked_at(layout: Layout, pid: int) -> Status:
    """What `status` finds while, or after, a process holds the session's call in flight."""
    live = {"pid": pid, "state": "running", "reserved_usd": 2.82, "reserved_tokens": 100_000}
    layout.account_state.write_text(json.dumps({**live, "spent_usd": 0.25, "spent_tokens": 5}))
    return status_of(open_workspace(layout.root, {}, to_run=False))


def test_status_shows_the_session_that_runs_and_what_it_has_paid(begun: Layout) -> None:
    found = looked_at(begun, os.getpid())
    text = "\n".join(f"{name} {value}" for name, value in found.lines())
    assert "open a proposer session of iteration 1 has run since " in text
    assert "attempt 1, 0.25 USD, 5 tokens so far" in text
    assert "session id 0b2f" in text
    assert "spent 0.25 USD, 5 tokens (real model)" in text
    assert "0 calls of rollouts" in text
    assert "2.82 USD, 100 k tokens reserved for calls of every role" in text
    assert f"next Nothing for now: process {os.getpid()} is at work." in text
    document = found.to_json()
    assert document["session"]["running"] is True
    assert document["session"]["paid"] == {"usd": 0.25, "tokens": 5}
    assert (document["iteration"], document["open"]) == (1, None)


def test_status_counts_what_a_killed_scaffold_s_session_may_have_cost(begun: Layout) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    found = looked_at(begun, dead.pid)
    text = "\n".join(f"{name} {value}" for name, value in found.lines())
    assert "and was cut off" in text
    assert "spent 3.07 USD, 100 k tokens (real model)" in text
    assert "next Go on with `meta-harness start`; all that had finished is kept." in text
    assert found.to_json()["spent"]["by_role"]["proposer"]["usd"] == pytest.approx(3.07)
    with closing(Ledger(begun.ledger)) as ledger:
        ledger.end_session(1, LOST)
    ended = looked_at(begun, dead.pid)
    assert ended.session is not None
    assert ended.to_json()["session"]["outcome"] == "lost"
    assert ended.to_json()["spent"]["by_role"]["proposer"]["usd"] == 0.25


def test_a_role_s_spending_is_called_simulated_only_if_its_own_model_is(begun: Layout) -> None:
    with closing(Ledger(begun.ledger)) as ledger:
        done = rollout_row(ledger.iterations()[0].harness)
        rollout, _ = ledger.begin(done.key, 1, 1)
        ledger.mark_interrupted(rollout, Usage(40_000), 0.0)
    lines = looked_at(begun, os.getpid()).lines()
    assert ("spent", "0.25 USD, 40 k tokens") in lines
    assert ("", "rollouts 0.00 USD, 40 k tokens (simulated model)") in lines
    assert ("", "proposer 0.25 USD, 5 tokens") in lines
    by_role = looked_at(begun, os.getpid()).to_json()["spent"]["by_role"]
    simulated = {name for name, item in by_role.items() if item["simulated"]}
    assert simulated == {Role.ROLLOUT.value}
