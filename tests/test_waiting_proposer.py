"""A proposer whose account is at its limit, or whose login has expired, loses nothing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from scripted_proposer import Scripted, decisions, delivers_nothing, run

from harness_search.errors import SearchStoppedError
from harness_search.ledger.rows import DecisionKind
from harness_search.proposers.session import Answer, Lost, Session, Stopped, Waiting
from harness_search.reports.progress import Reporter
from harness_search.service import events
from harness_search.service.events import Event
from harness_search.workspace import Workspace


class Limited(Scripted):
    """Answers a few times with something else before it proposes."""

    def __init__(self, workspace: Workspace, *first: Answer) -> None:
        super().__init__(delivers_nothing)
        self.first = list(first)

    async def propose(self, session: Session) -> Answer:  # type: ignore[override]
        return self.first.pop(0) if self.first else await super().propose(session)


class Watching(Reporter):
    """Looks at loop_state.json when the search says that it waits."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(None)
        self.workspace, self.states = workspace, list[str]()

    def tell(self, event: Event) -> None:
        if isinstance(event, events.Waiting):
            self.states.append(self.workspace.layout.loop_state.read_text())


def test_a_session_limit_is_waited_out_and_the_wake_up_is_on_disk(
    open_measured: Callable[..., Workspace],
) -> None:
    workspace = open_measured(iterations=1)
    until = datetime.now(UTC) + timedelta(seconds=0.2)
    proposer = Limited(workspace, Waiting(until, "the five-hour limit is reached"))
    watching = Watching(workspace)
    run(workspace, proposer, watching)
    assert datetime.now(UTC) >= until
    assert decisions(workspace) == [DecisionKind.BASELINE, DecisionKind.ORPHAN]
    (state,) = map(json.loads, watching.states)
    assert state["phase"] == "waiting"
    assert datetime.fromisoformat(state["next_wake_up"]) == until.replace(microsecond=0)
    assert json.loads(workspace.layout.loop_state.read_text())["next_wake_up"] is None


@pytest.mark.parametrize("answer", [Stopped("the login has expired"), Lost("the stream broke")])
def test_what_a_person_must_mend_stops_the_search_and_the_next_launch_goes_on(
    open_measured: Callable[..., Workspace], answer: Answer
) -> None:
    workspace = open_measured(iterations=1)
    with pytest.raises(SearchStoppedError, match=r"iteration 1 ended: the .*the same command"):
        run(workspace, Limited(workspace, answer))
    assert decisions(workspace) == [DecisionKind.BASELINE]
    run(workspace, Limited(workspace))
    assert decisions(workspace) == [DecisionKind.BASELINE, DecisionKind.ORPHAN]
