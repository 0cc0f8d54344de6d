"""How a model judge calls: what the provider keeps, what fails, and what is paid for."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clients import client_of
from judge_api import MODEL, Asked, JudgeApi, item, message
from model_judges import (
    CALL,
    NAMES,
    OVERLOADED,
    by_title,
    judging,
    stored_usages,
    subject,
    verdicts,
)

from harness_search.errors import SearchStoppedError
from harness_search.judging.documents import TextStore
from harness_search.judging.model.asker import MessagesAsker
from harness_search.judging.model.cache import VerdictCache
from harness_search.judging.model.judge import JudgeTerms, ModelJudge, served_as
from harness_search.judging.model.questions import Answer, Replied
from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import BreakStream, Drop, ErrorEvent, Fault, Garbage, Status

# Caching at the provider.


async def test_one_call_writes_the_deliverables_and_every_later_one_reads_them(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "verdicts.sqlite3"
    async with judging(tmp_path, by_title()) as (judge, api):
        await judge.grade(subject(tmp_path, *NAMES))
        assert [asked.streams for asked in api.asked] == [True] + [False] * 8
    usages = stored_usages(cache)
    assert sum(write > 0 for write, _ in usages) == 1
    assert sum(read > 0 for _, read in usages) == 8
    blocks = [block for one in api.asked[0].content["messages"] for block in one["content"]]
    marks = [block.get("cache_control") for block in blocks]
    assert marks == [{"type": "ephemeral", "ttl": "5m"}, None, None]


async def test_nothing_else_is_asked_before_the_first_reply_begins(tmp_path: Path) -> None:
    begin = asyncio.Event()

    class Slow(JudgeApi):
        async def _handle(self, request: Any) -> Any:
            if not self.asked:
                return await self._hold(request)
            return await super()._handle(request)

        async def _hold(self, request: Any) -> Any:
            arrived.set()
            await begin.wait()
            return await super()._handle(request)

    arrived = asyncio.Event()
    cache = VerdictCache(tmp_path / "verdicts.sqlite3")
    async with Slow(by_title()) as api, client_of(api) as client:
        asker = MessagesAsker(client, CALL)
        judge = ModelJudge(asker, cache, TextStore(tmp_path), JudgeTerms("p", CALL))
        grading = asyncio.create_task(judge.grade(subject(tmp_path, *NAMES)))
        await arrived.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert api.asked == []
        begin.set()
        assert (await grading).undecided == 0
    cache.close()


@pytest.mark.parametrize("fault", [OVERLOADED, Drop(), Garbage(), BreakStream(0)])
async def test_where_the_first_call_fails_the_next_one_comes_first(
    tmp_path: Path, fault: Fault
) -> None:
    def fails_first(asked: Asked) -> dict[str, Any] | Fault:
        return fault if asked.number == 1 else by_title()(asked)

    async with judging(tmp_path, fails_first) as (judge, api):
        grading = await judge.grade(subject(tmp_path, *NAMES))
    assert Counter(verdicts(grading)) == {"pass": 8, "undecided": 1}
    assert [asked.streams for asked in api.asked] == [True, True] + [False] * 7
    written = 0 if isinstance(fault, BreakStream) else 1  # by the call that broke
    writes = [write for write, _ in stored_usages(tmp_path / "verdicts.sqlite3")]
    assert sum(map(bool, writes)) == written


async def test_an_outage_is_not_waited_for_by_every_single_call(tmp_path: Path) -> None:
    async with judging(tmp_path, lambda asked: OVERLOADED) as (judge, api):
        grading = await judge.grade(subject(tmp_path, *NAMES))
    assert verdicts(grading) == ["undecided"] * 9
    assert len(api.asked) == 3
    assert grading.verdicts[0].reason == "status 529: Overloaded"


# Failures, and what is paid for.


@pytest.mark.parametrize(
    "fault", [OVERLOADED, Drop(), Garbage(), BreakStream(1), ErrorEvent(2), Status(400)]
)
async def test_a_failed_call_is_undecided_and_never_a_fail(tmp_path: Path, fault: Fault) -> None:
    def fails(asked: Asked) -> dict[str, Any] | Fault:
        return fault if "Point 3" in asked.titles else by_title()(asked)

    async with judging(tmp_path, fails) as (judge, _):
        grading = await judge.grade(subject(tmp_path, *NAMES))
    assert verdicts(grading)[2] == "undecided"
    assert Counter(verdicts(grading)) == {"pass": 8, "undecided": 1}


async def test_a_stream_that_breaks_is_undecided(tmp_path: Path) -> None:
    def breaks(asked: Asked) -> dict[str, Any] | Fault:
        return BreakStream(3) if asked.streams else by_title()(asked)

    async with judging(tmp_path, breaks) as (judge, api):
        grading = await judge.grade(subject(tmp_path, *NAMES))
    assert Counter(verdicts(grading)) == {"pass": 8, "undecided": 1}
    assert sum(asked.streams for asked in api.asked) == 1


async def test_after_an_outage_in_mid_grading_only_what_is_missing_is_paid_for(
    tmp_path: Path,
) -> None:
    def goes_down(asked: Asked) -> dict[str, Any] | Fault:
        return by_title()(asked) if asked.number <= 4 else OVERLOADED

    async with judging(tmp_path, goes_down, concurrency=1) as (judge, api):
        first = await judge.grade(subject(tmp_path, *NAMES))
        answered = set(api.titles[:4])
    assert Counter(verdicts(first)) == {"pass": 4, "undecided": 5}
    async with judging(tmp_path, by_title()) as (judge, api):
        second = await judge.grade(subject(tmp_path, *NAMES))
        assert sorted(api.titles) == sorted(set(NAMES) - answered)
        third = await judge.grade(subject(tmp_path, *NAMES))
        assert len(api.asked) == 5
    assert verdicts(second) == verdicts(third) == ["pass"] * 9


async def test_what_was_answered_before_an_interruption_is_kept(tmp_path: Path) -> None:
    fourth = asyncio.Event()

    class Hangs(JudgeApi):
        async def _handle(self, request: Any) -> Any:
            if len(self.asked) == 4:
                fourth.set()
                await asyncio.Event().wait()
            return await super()._handle(request)

    cache = VerdictCache(tmp_path / "verdicts.sqlite3")
    async with Hangs(by_title()) as api, client_of(api) as client:
        asker = MessagesAsker(client, CALL, concurrency=1)
        judge = ModelJudge(asker, cache, TextStore(tmp_path / "text"), JudgeTerms("claude", CALL))
        grading = asyncio.create_task(judge.grade(subject(tmp_path, *NAMES)))
        await fourth.wait()
        grading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await grading
    cache.close()
    async with judging(tmp_path, by_title()) as (judge, api):
        await judge.grade(subject(tmp_path, *NAMES))
    assert len(api.asked) == 5


async def test_answers_that_come_at_the_moment_of_an_interruption_are_kept(tmp_path: Path) -> None:
    answered = asyncio.Event()
    answer = Answer("pass", "q", "r", MODEL, Usage(1), 0.1, "req", "raw")

    class AtOnce(MessagesAsker):
        async def _ask_first(self, call: Any, evidence: Any, began: Any) -> list[Replied]:
            began.set_result(None)
            return [(call[0], answer)]

        async def _ask(self, call: Any, evidence: Any) -> list[Replied]:
            waiting.append(call)
            await answered.wait()
            return [(call[0], answer)]

    waiting: list[Any] = []
    cache = VerdictCache(tmp_path / "verdicts.sqlite3")
    async with JudgeApi(by_title()) as api, client_of(api) as client:
        judge = ModelJudge(
            AtOnce(client, CALL), cache, TextStore(tmp_path / "text"), JudgeTerms("claude", CALL)
        )
        grading = asyncio.create_task(judge.grade(subject(tmp_path, *NAMES)))
        while len(waiting) < 8:
            await asyncio.sleep(0)
        answered.set()
        grading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await grading
    cache.close()
    assert len(stored_usages(tmp_path / "verdicts.sqlite3")) == 9


async def test_another_model_than_the_one_asked_for_stops_the_search(tmp_path: Path) -> None:
    async with judging(tmp_path, lambda asked: message(item(), model="judge-2")) as (judge, _):
        with pytest.raises(SearchStoppedError, match=r"'judge-1'.*'judge-2'"):
            await judge.grade(subject(tmp_path, *NAMES))
    assert stored_usages(tmp_path / "verdicts.sqlite3") == []


async def test_an_alias_that_moves_to_another_snapshot_stops_the_search(tmp_path: Path) -> None:
    def served(snapshot: str) -> Callable[[Asked], dict[str, Any]]:
        return lambda asked: message(item(), model=snapshot)

    old, new = "judge-1-20250101", "judge-1-20260930"
    async with judging(tmp_path, served(old), concurrency=1) as (judge, api):
        await judge.grade(subject(tmp_path, "Point 1"))
        assert not (await judge.grade(subject(tmp_path, *NAMES[:2]))).undecided
        api.answer = served(new)
        with pytest.raises(SearchStoppedError, match=f"'{old}' .*'{new}'"):
            await judge.grade(subject(tmp_path, *NAMES[:3]))
    async with judging(tmp_path, served(new)) as (judge, _):  # a relaunch knows it, too
        with pytest.raises(SearchStoppedError, match=r"profile 'claude'.*regrade"):
            await judge.grade(subject(tmp_path, *NAMES[:4]))
    pinned = replace(CALL, model=new)
    async with judging(tmp_path, served(new), pinned) as (judge, _):
        assert verdicts(await judge.grade(subject(tmp_path, *NAMES[:4]))) == ["pass"] * 4
    assert len(stored_usages(tmp_path / "verdicts.sqlite3")) == 2 + 4


@pytest.mark.parametrize(
    ("served", "same"),
    [
        ("judge-1", True),
        ("judge-1-20260131", True),
        ("judge-1-2026", False),
        ("judge-1-latest", False),
        ("judge-10", False),
        ("-20260131", False),
        ("", False),
    ],
)
def test_a_snapshot_of_the_model_is_the_model(served: str, same: bool) -> None:
    assert served_as("judge-1", served) is same
