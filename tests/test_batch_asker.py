"""A judge by message batches: many scopes together, and nothing paid twice by a later launch."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from clients import client_of
from doors import MODEL as SCRIPTED
from doors import PRICE, opened_door
from judge_api import MEMO, MODEL, Asked, asked_of, deliver, item, message, rubric_task, says
from scripted_api import failure

from harness_search.benchmark.tasks import Criterion
from harness_search.gateway.prices import FREE, Price
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Subject
from harness_search.judging.model.batch_asker import BatchAsker, BatchTerms
from harness_search.judging.model.batch_notes import BatchNotes
from harness_search.judging.model.cache import VerdictCache
from harness_search.judging.model.judge import JudgeTerms, ModelJudge
from harness_search.judging.model.prompt import CallTerms, joined
from harness_search.judging.model.questions import (
    Answer,
    Failed,
    Question,
    Replied,
    scope_digest_of,
)
from harness_search.ledger.rows import Role, Usage
from harness_search.simulated.batches import Batch
from harness_search.simulated.delivery import Answer as Delivered
from harness_search.simulated.faults import Fault, FaultPlan, Status, no_fault
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.received import Received
from harness_search.simulated.server import SimulatedModel

CALL = CallTerms(MODEL)
Results = list[dict[str, Any]]
PASSES = says(lambda title: "pass")


class BatchApi(MessagesApi):
    """A judge that is asked by batches. `looks` of each are in vain; `change` makes its results
    what they are."""

    def __init__(
        self,
        answer: Callable[[Asked], dict[str, Any]] = PASSES,
        looks: int = 0,
        change: Callable[[Results], Results] = lambda results: results,
        fault: FaultPlan = no_fault,
    ) -> None:
        super().__init__(lambda received: answer(asked_of(received)), fault=fault)
        self.looks, self._change = looks, change
        self.made: list[list[str]] = []
        """Titles that each batch asks about."""

    def _answer(self, method: str, received: Received, *, too_large: bool) -> Delivered:
        name = received.path.rsplit("/", 1)[-1]
        if method == "GET" and name in self._batches and self.looks:
            self.looks -= 1
            seen = self._batches[name].description(self.base_url)
            seen |= {"processing_status": "in_progress", "results_url": None, "ended_at": None}
            return Delivered(200, json.dumps(seen).encode())
        answer = super()._answer(method, received, too_large=too_large)
        if method == "POST":
            self._made(received, json.loads(answer.body)["id"])
        return answer

    def _made(self, received: Received, name: str) -> None:
        requests = received.content["requests"]
        found = [
            asked_of(Received(0, "", {}, json.dumps(one["params"]).encode())) for one in requests
        ]
        self.made.append([title for asked in found for title in asked.titles])
        batch: Batch = self._batches[name]
        results = self._change(list(batch.results))
        self._batches[name] = replace(batch, results=tuple(results))


@dataclass
class Pauses:
    """Pauses that take no time; a window closes once so many scopes have been asked about."""

    scopes: int = 1
    looks: list[float] = field(default_factory=list)
    seen: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, seconds: float) -> None:
        if seconds == BatchTerms().window:
            await self.enough.wait()
        else:
            self.looks.append(seconds)

    def note(self) -> None:
        self.seen += 1
        if self.seen >= self.scopes:
            self.enough.set()


@asynccontextmanager
async def batching(
    root: Path,
    api: MessagesApi,
    pauses: Pauses | None = None,
    call: CallTerms = CALL,
    price: Price = FREE,
    **terms: Any,
) -> AsyncIterator[BatchAsker]:
    """An asker whose notes outlive it."""
    pause = pauses or Pauses()
    pause.note()
    with BatchNotes(root / "batches.sqlite3") as notes:
        async with (
            client_of(api) as client,
            BatchAsker(client, call, notes, price, BatchTerms(**terms), pause=pause) as asker,
        ):
            yield asker


def questions(*titles: str, text: str = MEMO) -> list[Question]:
    shown = joined([("memo.md", text)])
    digest = scope_digest_of(shown)
    return [
        Question(digest, shown, Criterion(id=title, title=title, match_criteria="PASS if so"))
        for title in titles
    ]


async def said(asker: BatchAsker, asked: Sequence[Question]) -> dict[str, Answer | Failed]:
    return {question.criterion.id: reply async for question, reply in asker.ask(asked)}


def kinds(replies: dict[str, Answer | Failed]) -> dict[str, str]:
    return {
        name: reply.verdict if isinstance(reply, Answer) else reply.reason
        for name, reply in sorted(replies.items())
    }


# One launch.


async def test_results_are_matched_by_name_in_whatever_order_they_come(tmp_path: Path) -> None:
    answer = says(lambda title: "fail" if title == "B" else "pass")
    async with (
        BatchApi(answer, change=lambda results: results[::-1]) as api,
        batching(tmp_path, api) as asker,
    ):
        replies = await said(asker, questions("A", "B", "C"))
    assert kinds(replies) == {"A": "pass", "B": "fail", "C": "pass"}
    assert api.made == [["A", "B", "C"]]


async def test_a_batch_costs_half(tmp_path: Path) -> None:
    price = Price(input=1e6, output=1e6, cache_write=1, cache_read=1)
    async with BatchApi() as api, batching(tmp_path, api, price=price) as asker:
        replies = await said(asker, questions("A"))
    (reply,) = replies.values()
    assert isinstance(reply, Answer)
    assert reply.usage == Usage(1, 40)
    assert reply.usd == pytest.approx(41 / 2)
    assert reply.request_id.endswith("/c0")


async def test_a_batch_is_looked_at_less_and_less_often(tmp_path: Path) -> None:
    pauses = Pauses()
    async with BatchApi(looks=10) as api, batching(tmp_path, api, pauses) as asker:
        replies = await said(asker, questions("A"))
    assert kinds(replies) == {"A": "pass"}
    assert pauses.looks == sorted(pauses.looks)
    assert (pauses.looks[0], pauses.looks[-1], len(pauses.looks)) == (15.0, 300.0, 10)


def spoiled(results: Results) -> Results:
    """Of four results one errs, one expires, one is canceled, and one is lost."""
    error = failure("invalid_request_error", "too long")
    spoils: Results = [{"type": "errored", "error": error}, {"type": "expired"}]
    spoils.append({"type": "canceled"})
    pairs = zip(results[:3], spoils, strict=True)
    return [{**result, "result": spoil} for result, spoil in pairs] + results[4:]


async def test_what_a_batch_does_not_answer_is_undecided_and_asked_anew(tmp_path: Path) -> None:
    def change(results: Results) -> Results:
        return spoiled(results) if len(results) == 5 else results

    async with BatchApi(change=change) as api, batching(tmp_path, api) as asker:
        replies = await said(asker, questions("A", "B", "C", "D", "E"))
        again = await said(asker, questions("A", "B", "C", "D"))
    assert kinds(replies) == {
        "A": "its call in the batch was errored: too long",
        "B": "its call in the batch was expired",
        "C": "its call in the batch was canceled",
        "D": "the batch gave no result for it",
        "E": "pass",
    }
    assert not any(isinstance(reply, Failed) and reply.invalid for reply in replies.values())
    assert set(kinds(again).values()) == {"pass"}
    assert api.made[1] == ["A", "B", "C", "D"]


async def test_an_unusable_answer_is_told_from_a_failed_call(tmp_path: Path) -> None:
    def answer(asked: Asked) -> dict[str, Any]:
        return message(item(quote="stands nowhere in the memo")) if asked.titles == ("A",) else {
            **message(item()), "stop_reason": "refusal"
        }  # fmt: skip

    async with BatchApi(answer) as api, batching(tmp_path, api) as asker:
        replies = await said(asker, questions("A", "B"))
        assert not asker.notes.find([])
        assert not asker.notes.batches()
    assert all(isinstance(reply, Failed) and reply.invalid for reply in replies.values())


async def test_chunks_are_asked_together_and_a_large_load_in_several_batches(
    tmp_path: Path,
) -> None:
    titles = [f"T{n}" for n in range(9)]
    async with BatchApi() as api:
        async with batching(tmp_path, api, call=replace(CALL, chunk=2), most_calls=2) as asker:
            replies = await said(asker, questions(*titles))
        assert set(kinds(replies).values()) == {"pass"}
        assert [len(batch) for batch in api.made] == [4, 4, 1]
        api.made.clear()
        async with batching(tmp_path / "other", api, most_bytes=9_000) as asker:
            await said(asker, questions(*titles))
    sizes = [len(one.body) for one in api.received if one.body][-len(api.made) :]
    assert len(api.made) > 1
    assert max(sizes) <= 9_000


async def test_a_provider_that_takes_no_batch_leaves_all_undecided(tmp_path: Path) -> None:
    def fault(received: Received) -> Fault | None:
        return Status(400, "invalid_request_error", "no credit")

    async with BatchApi(fault=fault) as api, batching(tmp_path, api) as asker:
        replies = await said(asker, questions("A", "B"))
    assert set(kinds(replies).values()) == {"the batch failed (status 400: no credit)"}


async def test_a_question_that_two_ask_is_sent_once(tmp_path: Path) -> None:
    pauses = Pauses()
    async with BatchApi() as api, batching(tmp_path, api, pauses) as asker:
        twice = await asyncio.gather(*(said(asker, questions("A", "B")) for _ in range(2)))
    assert twice[0] == twice[1]
    assert api.made == [["A", "B"]]


# Many graders.


class Counted:
    """The asker, and a window that closes when all graders have asked."""

    def __init__(self, asker: BatchAsker, pauses: Pauses) -> None:
        self._asker, self._pauses = asker, pauses

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        self._pauses.note()
        async with aclosing(self._asker.ask(questions)) as replies:
            async for reply in replies:
                yield reply


async def test_what_many_graders_ask_goes_into_one_batch(tmp_path: Path) -> None:
    """72 rollouts, judged by the simulated model behind its server's batches."""
    rollouts, call = 72, CallTerms("simulated-1")
    pauses = Pauses(rollouts + 1)  # that of the asker's own opening is one
    subjects = []
    for number in range(rollouts):
        root = tmp_path / str(number)
        root.mkdir()
        text = f"# Memo {number}\n\nThe annual fee is {1_000 + number} USD."
        subjects.append(Subject(rubric_task(root, "The annual fee"), deliver(root, text)))
    async with SimulatedModel() as api, batching(tmp_path, api, pauses, call) as asker:
        with VerdictCache(tmp_path / "verdicts.sqlite3") as cache:
            terms = JudgeTerms("simulated", call, read_again=False)
            judge = ModelJudge(Counted(asker, pauses), cache, TextStore(tmp_path / "text"), terms)
            gradings = await asyncio.gather(*map(judge.grade, subjects))
        assert len(asker.notes.batches()) == 1
    assert len(gradings) == rollouts
    assert not any(grading.undecided for grading in gradings)


# A later launch.


async def killed_while_waiting(root: Path, api: BatchApi, asked: Sequence[Question]) -> None:
    """A launch that ends when its batch has been made and nothing of it has been read."""
    api.looks = 1
    reached = asyncio.Event()

    class Waiting(Pauses):
        async def __call__(self, seconds: float) -> None:
            if seconds == BatchTerms().window:
                return
            reached.set()
            await asyncio.Event().wait()

    async with batching(root, api, Waiting()) as asker:
        launch = asyncio.create_task(said(asker, asked))
        await reached.wait()
    assert all(isinstance(reply, Failed) for reply in (await launch).values())


async def test_a_batch_under_way_is_found_again_and_paid_once(tmp_path: Path) -> None:
    one, other = questions("A", "B"), questions("C", text=f"{MEMO}\nAnother one.")
    async with BatchApi() as api:
        await killed_while_waiting(tmp_path, api, one)
        pauses = Pauses(2)
        async with batching(tmp_path, api, pauses) as asker:
            assert asker.notes.booked() == frozenset()
            pauses.note()
            replies = await asyncio.gather(said(asker, one), said(asker, other))
    assert [kinds(found) for found in replies] == [{"A": "pass", "B": "pass"}, {"C": "pass"}]
    assert api.made == [["A", "B"], ["C"]]


async def test_part_of_a_chunk_is_found_again_in_its_place(tmp_path: Path) -> None:
    """What was cached in between is not asked any more; the rest of its call keeps its place."""
    answer = says(lambda title: "fail" if title in "BD" else "pass")
    call = replace(CALL, chunk=4)
    async with BatchApi(answer) as api:
        api.looks = 0
        async with batching(tmp_path, api, call=call) as asker:
            await said(asker, questions("A", "B", "C", "D"))
        async with batching(tmp_path, api, call=call) as asker:
            assert asker.notes.booked() == asker.notes.batches()
            replies = await said(asker, questions("B", "C"))
    assert kinds(replies) == {"B": "fail", "C": "pass"}
    assert len(api.made) == 1


async def test_a_batch_that_the_provider_has_forgotten_is_made_anew(tmp_path: Path) -> None:
    async with BatchApi() as api:
        await killed_while_waiting(tmp_path, api, questions("A"))
        api._batches.clear()
        async with batching(tmp_path, api) as asker:
            first = await said(asker, questions("A"))
            second = await said(asker, questions("A"))
    assert kinds(first) == {"A": "its batch is gone"}
    assert kinds(second) == {"A": "pass"}


async def test_through_the_gateway_a_later_launch_pays_once_for_the_batch_of_a_killed_one(
    short_folder: Path, tmp_path: Path
) -> None:
    call = CallTerms(SCRIPTED)
    quotes = json.dumps(item())
    async with opened_door(short_folder) as door:
        door.api._reply = lambda received: {**message(quotes), "model": SCRIPTED}
        paid: list[float] = []
        for launch in range(3):
            with BatchNotes(tmp_path / "batches.sqlite3") as notes:
                grant = door.another(Role.JUDGE, batches=notes.batches(), booked=notes.booked())
                pauses = Pauses()
                pauses.note()
                async with (
                    door.client(grant, max_retries=0) as client,
                    BatchAsker(client, call, notes, PRICE, pause=pauses) as asker,
                ):
                    asked = questions("A", "B")
                    if launch == 0:
                        await _begin(asker, asked)
                    else:
                        replies = await said(asker, asked)
                door.gateway.revoke(grant)
                paid.append(grant.paid_usd)
        assert kinds(replies) == {"A": "pass", "B": "pass"}
        assert sum(one.path == "/v1/messages/batches" for one in door.api.received) == 1
        usd = sum(reply.usd for reply in replies.values() if isinstance(reply, Answer))
        assert usd > 0
        assert paid == pytest.approx([0.0, usd, 0.0])
        assert door.account.budget.reserved.tokens == 0


async def _begin(asker: BatchAsker, asked: Sequence[Question]) -> None:
    """Ask until the batch is noted, and go away."""
    launch = asyncio.create_task(said(asker, asked))
    while not asker.notes.batches():
        await asyncio.sleep(0)
    launch.cancel()
