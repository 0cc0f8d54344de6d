"""A limit that ends at a known time is slept out: nothing is lost by it, and nobody is called."""

import asyncio
import json
import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import test_judged_search
from conftest import Open
from doors import is_own, opened_door
from hypothesis import given
from hypothesis import strategies as st
from judge_api import Asked
from proposer_sessions import opened_desk
from scripted_api import Answer, message
from scripted_proposer import Scripted
from stages import ASKS_THRICE, WRITES
from test_command_proposer import PROGRAM
from test_judged_search import SearchJudge, fair, judged_by, rows_of, workspace
from test_regrade import Strict, measured

import meta_harness
from harness_search import waking
from harness_search.errors import LimitReachedError, SearchInterruptedError
from harness_search.experiments.regrade import planned, regrade
from harness_search.gateway.account import LONGEST_REST
from harness_search.gateway.limits import seconds_to_reset
from harness_search.judging.judge import Grading, Subject
from harness_search.layout import Layout
from harness_search.ledger.rows import Outcome
from harness_search.ledger.sessions import SessionOutcome
from harness_search.ledger.store import Ledger
from harness_search.proposers.command import CommandProposer
from harness_search.proposers.session import Waiting
from harness_search.reports.progress import Reporter
from harness_search.service.conduct import Conduct
from harness_search.service.events import Event
from harness_search.service.events import Waiting as Told
from harness_search.simulated.faults import Fault, Status
from harness_search.simulated.received import Received
from harness_search.waking import next_wake_up, sleep_until, through_limits, wait_for_wake_up
from harness_search.workspace import Workspace

__all__ = ["measured", "workspace"]
NOW, HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC), 3600.0
FAR = Status(429, headers={"retry-after": "18000"})
PREFIX = "anthropic-ratelimit-"


# What a provider says.


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Sun, 01 Mar 2026 13:00:00 GMT"}, HOUR),
        ({f"{PREFIX}tokens-remaining": "0", f"{PREFIX}tokens-reset": "2026-03-01T12:01:00Z"}, 60),
        ({f"{PREFIX}tokens-remaining": "5", f"{PREFIX}tokens-reset": "2026-03-01T12:01:00Z"}, 0),
        (
            {
                f"{PREFIX}unified-status": "rejected",
                f"{PREFIX}unified-reset": f"{NOW.timestamp() + 5 * HOUR}",
                "retry-after": "7",
            },
            5 * HOUR,
        ),
        ({f"{PREFIX}unified-status": "allowed", f"{PREFIX}unified-reset": "1e12"}, 0.0),
        ({"retry-after": "inf"}, math.inf),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, 0.0),
    ],
)  # fmt: skip
def test_the_latest_time_that_is_named_counts(headers: dict[str, str], seconds: float) -> None:
    assert seconds_to_reset(headers, NOW) == pytest.approx(seconds)


NAMES = st.sampled_from(
    ["retry-after", "retry-after-ms", f"{PREFIX}unified-status", f"{PREFIX}unified-reset"]
    + [f"{PREFIX}{one}-{end}" for one in ("requests", "tokens") for end in ("remaining", "reset")]
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["0", "rejected", "nan", "1e309", "9" * 400, "9999-12-31T23:59:59-23:59"]),
    st.datetimes().map(datetime.isoformat),
    st.floats().map(str),
)


@given(st.dictionaries(NAMES, VALUES))
def test_whatever_a_provider_sends_is_a_number_of_seconds(headers: dict[str, str]) -> None:
    assert seconds_to_reset(headers, NOW) >= 0


# The model's account.


async def test_a_far_limit_interrupts_rollouts_and_keeps_what_they_paid_for(
    stage: Callable[..., Any],
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if number <= 4 else FAR

    source = ASKS_THRICE + WRITES
    async with stage(answer) as opened:
        before = datetime.now(UTC)
        with pytest.raises(LimitReachedError) as reached:
            await opened.run(source, at_once=2)
        limit, ledger = reached.value, opened.bench.ledger
        assert limit.who == "the model"
        assert timedelta(hours=4) < limit.until - before < timedelta(hours=6)
        assert all(row.outcome is Outcome.SCORED for row in ledger.rows())
        assert ledger.running() == []
        with pytest.raises(LimitReachedError):  # before that is over, nobody is asked
            asked = len(opened.api.received)
            await opened.run(source)
        assert len(opened.api.received) == asked
        limit.again()
        opened.api.follow(lambda number, content: (200, message()))
        rows = await opened.run(source, attempts=1)
        assert [row.outcome for row in rows] == [Outcome.SCORED] * 6
        assert len(opened.api.received) == 6 * 3 - 4


@pytest.mark.parametrize("wait", ["1e300", "inf", "99999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_no_header_makes_it_sleep_for_longer_than_a_day(
    short_folder: Path, wait: str
) -> None:
    fault = Status(529, headers={"retry-after": wait})
    async with opened_door(short_folder, lambda number, content: fault) as door:
        assert (await door.ask())[0] == 529
        assert door.grant.halted
        limit = door.account.limit_reached("the model")
        assert limit is not None
        assert limit.until - datetime.now(UTC) <= timedelta(seconds=LONGEST_REST)


async def test_a_limit_that_one_request_alone_meets_sends_nobody_to_sleep(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if is_own(content) else FAR

    async with opened_door(short_folder, answer, patience=0.1) as door:
        assert (await door.ask())[0] == 529
        assert (door.grant.halted, door.account.stopped) == (False, "")
        assert door.grant.failure == "provider: status 429"


async def test_what_passes_within_the_patience_of_a_call_is_waited_for_in_it(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return Status(429, headers={"retry-after": "61"}) if number < 3 else (200, message())

    async with opened_door(short_folder, answer, patience=100.0) as door:
        assert (await door.ask())[0] == 200
        assert (door.grant.halted, len(door.api.received)) == (False, 3)


async def test_what_a_person_has_to_see_to_is_not_slept_out(short_folder: Path) -> None:
    async with opened_door(short_folder, lambda number, content: FAR) as door:
        await door.ask()
        door.account.stop("the budget is spent")
        assert door.account.limit_reached("the model") is None
        door.account.go_on()
        assert door.account.stopped == "the budget is spent"


class Listening(Reporter):
    """Keeps what it is told of, and what loop_state.json says at that moment."""

    def __init__(self, opened: Workspace | None = None) -> None:
        super().__init__(None)
        self.opened, self.told, self.states = opened, list[Told](), list[dict[str, Any]]()

    def tell(self, event: Event) -> None:
        if isinstance(event, Told):
            self.told.append(event)
            if self.opened is not None:
                self.states.append(json.loads(self.opened.layout.loop_state.read_text()))


async def test_the_loop_sleeps_notes_its_wake_up_and_goes_on_by_itself(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = list[datetime]()

    def busy(asked: Asked) -> dict[str, Any] | Fault:
        return FAR if asked.number > 20 and not slept else fair(asked)

    class Busy(SearchJudge):
        def _scripted_fault(self, received: Received) -> Fault | None:
            its_own = len(received.content["messages"]) == 1
            if its_own and len(self.asked) > 20 and not slept:
                return FAR
            return super()._scripted_fault(received)

    async def sleep(until: datetime, conduct: Conduct) -> None:
        assert until > datetime.now(UTC)
        slept.append(until)

    monkeypatch.setattr(waking, "sleep_until", sleep)
    monkeypatch.setattr(test_judged_search, "SearchJudge", Busy)
    async with judged_by(workspace, busy) as (opened, api):
        search = opened.settings.search.model_copy(update={"iterations": 0})
        settings = opened.settings.model_copy(update={"search": search})
        judged = replace(opened, settings=settings)
        listening = Listening(judged)
        finished = await meta_harness.run_search(judged, Scripted(), listening)
        assert finished.reason.startswith("iteration 0 of 0")
        assert len(set(api.titles)) == 3 * 60
        assert len(rows_of(judged)) == 3  # none was lost, and every one was judged
        with closing(Ledger(judged.layout.ledger, read_only=True)) as ledger:
            assert ledger.running() == []  # those that could not be judged are interrupted ones
    assert {told.who for told in listening.told} == {"the judge"}
    assert [state["phase"] for state in listening.states] == ["waiting"] * len(slept)
    woken = [datetime.fromisoformat(state["next_wake_up"]) for state in listening.states]
    assert woken == [until.replace(microsecond=0) for until in slept]
    assert json.loads(judged.layout.loop_state.read_text())["next_wake_up"] is None


async def test_other_commands_sleep_and_go_on_too() -> None:
    limits, again = [1, 2], list[int]()
    conduct, listening = Conduct(), Listening()

    async def work() -> str:
        if limits:
            number = limits.pop()
            until = datetime.now(UTC) - timedelta(seconds=1)
            raise LimitReachedError("the model", until, "reached", lambda: again.append(number))
        return "done"

    assert await through_limits(work, conduct, listening) == "done"
    assert (again, len(listening.told)) == ([2, 1], 2)
    conduct.stop("SIGTERM", 143)
    limits.append(3)
    with pytest.raises(SearchInterruptedError):
        await through_limits(partial(later, work), conduct, listening)


async def later(work: Callable[[], Any]) -> Any:
    try:
        return await work()
    except LimitReachedError as limit:
        limit.until += timedelta(hours=1)
        raise


def test_a_regrade_waits_for_its_judge_and_leaves_nothing_out(measured: Workspace) -> None:
    again = list[str]()

    class Limited(Strict):
        async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
            if not again:
                past = datetime.now(UTC) - timedelta(seconds=1)
                raise LimitReachedError("the judge", past, "reached", lambda: again.append("now"))
            return await super().grade(subject, replicate)

    plan = planned(measured, Strict().version)
    done = asyncio.run(regrade(measured, Limited(), plan, 2, Listening(), Conduct()))
    assert (done.rollouts, again) == (6, ["now"])


# A proposer's account, without the headers of a subscription.


async def test_a_command_whose_account_is_at_its_limit_goes_on_when_that_has_ended(
    open_tiny: Open, kit: Path, short_folder: Path, tmp_path: Path
) -> None:
    workspace = open_tiny()
    if workspace.sandbox != "bwrap":
        pytest.skip("no box has a fixed place for its view without bubblewrap")

    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if content["max_tokens"] == 1 else FAR

    async with opened_desk(workspace, kit, short_folder, tmp_path, answer) as desk:
        (desk.services.workspace.layout.root / "my_agent.py").write_text(PROGRAM)
        answered = await CommandProposer(["python3", "my_agent.py"]).propose(desk.session)
        (row,) = desk.services.bench.ledger.sessions(1)
    assert isinstance(answered, Waiting)
    assert abs(answered.until - datetime.now(UTC) - timedelta(hours=5)) < timedelta(hours=1)
    assert row.result and row.result.outcome is SessionOutcome.WAITING


# Sleeping.


class Clocks(Conduct):
    """The machine's two clocks, and a sleep that moves them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *steps: tuple[float, float]) -> None:
        super().__init__()
        self.day, self.since_boot, self.steps = NOW, 0.0, list(steps)
        self.naps = list[float]()
        clocks = self

        class Day(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
                return clocks.day

        monkeypatch.setattr(waking, "datetime", Day)
        monkeypatch.setattr(waking.time, "monotonic", lambda: clocks.since_boot)

    async def sleep(self, seconds: float) -> bool:
        self.naps.append(seconds)
        by_day, since_boot = self.steps.pop(0) if self.steps else (seconds, seconds)
        self.day += timedelta(seconds=by_day)
        self.since_boot += since_boot
        return False


async def test_it_sleeps_in_short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = Clocks(monkeypatch)
    await sleep_until(NOW + timedelta(seconds=150), clocks)
    assert clocks.naps == [60, 60, 30]


async def test_a_machine_that_was_suspended_wakes_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks = Clocks(monkeypatch, (60, 60), (4 * HOUR, 60))
    await sleep_until(NOW + timedelta(hours=2), clocks)
    assert clocks.naps == [60, 60]


async def test_a_clock_that_is_set_back_makes_nobody_sleep_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks = Clocks(monkeypatch, (-365 * 24 * HOUR, 60))
    await sleep_until(NOW + timedelta(seconds=120), clocks)
    assert sum(clocks.naps) == 120


async def test_resume_ends_a_sleep_and_a_stop_ends_the_launch() -> None:
    for_hours, conduct = datetime.now(UTC) + timedelta(hours=9), Conduct()
    asyncio.get_running_loop().call_soon(conduct.resume)
    await sleep_until(for_hours, conduct)
    asyncio.get_running_loop().call_soon(conduct.stop, "SIGTERM", 143)
    with pytest.raises(SearchInterruptedError):
        await sleep_until(for_hours, conduct)


# A launch that finds another one's sleep.


def asleep(folder: Path, text: str) -> Layout:
    layout = Layout(folder)
    layout.loop_state.write_text(text)
    return layout


@pytest.mark.parametrize(
    "text",
    [
        '{"next_wake_up": null}',
        '{"next_wake_up": "2020-01-01T00:00:00+00:00"}',
        '{"next_wake_up": "2999-01-01T00:00:00+00:00"}',
        '{"next_wake_up": "2999-01-01T00:00:00"}',
        '{"next_wake_up": 7}',
        '{"next',
        "[]",
    ],
)
async def test_a_launch_begins_at_once_where_nothing_is_to_be_waited_for(
    tmp_path: Path, text: str
) -> None:
    listening = Listening()
    await wait_for_wake_up(asleep(tmp_path, text), Conduct(), listening)
    await wait_for_wake_up(Layout(tmp_path / "nothing"), Conduct(), listening)
    assert listening.told == []


async def test_a_launch_waits_on_unless_it_is_to_begin_now(tmp_path: Path) -> None:
    until = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    layout = asleep(tmp_path, json.dumps({"next_wake_up": until.isoformat()}))
    assert next_wake_up(layout.loop_state) == until
    conduct, listening = Conduct(), Listening()
    await wait_for_wake_up(layout, conduct, listening, now=True)
    assert listening.told == []
    waiting = asyncio.create_task(wait_for_wake_up(layout, conduct, listening))
    while not listening.told:
        await asyncio.sleep(0)
    assert not waiting.done()
    conduct.resume()
    await waiting
    assert datetime.fromisoformat(listening.told[0].until) == until
