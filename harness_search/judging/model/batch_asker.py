"""Asks a judging model by message batches: half the price, and an answer within a day.

What many graders ask at about the same time goes together. The provider is told once: a batch that
was under way when the process died is found again, and its results are read by whoever asks next.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

import anthropic
import httpx2

from harness_search.files import digest_text, to_json
from harness_search.gateway.prices import BATCH_FACTOR, FREE, Price
from harness_search.judging.model.answers import replies_of
from harness_search.judging.model.batch_notes import BatchNotes, Noted
from harness_search.judging.model.cache import criterion_digest
from harness_search.judging.model.causes import cause_of, message_of
from harness_search.judging.model.evidence import Evidence
from harness_search.judging.model.prompt import (
    PROMPT_VERSION,
    CallTerms,
    Delimiters,
    calls_of,
    request_of,
)
from harness_search.judging.model.questions import Answer, Failed, Question, Replied

MOST_LOST_LOOKS = 5
"""Looks at a batch in a row that may fail; each has been tried by the gateway for long already."""
MOST_TEXTS = 4
"""Held ready to look quotes up in, while a batch is read: results come about as they were sent."""
_Errors = (anthropic.AnthropicError, httpx2.HTTPError, ValueError, RecursionError)
_Pending = asyncio.Future[Answer | Failed]


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """How batches are made and looked after. Times are in seconds."""

    most_calls: int = 100_000
    """In one batch (source: the API's documentation of message batches)."""
    most_bytes: int = 30_000_000
    """Of one batch: what a gateway takes. The API takes 256 MB."""
    window: float = 5.0
    """A batch is sent once nobody has asked anything more for so long."""
    first_look: float = 15.0
    longest_look: float = 300.0
    """Between two looks at a batch; the pause grows from the one to the other."""
    seconds: float = 600.0
    """Patience with one request; the gateway's own ends earlier."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call whose results are awaited."""

    questions: dict[int, Question]
    """Those that somebody asks now, by their place in the call."""
    count: int
    """Of all its questions."""


@dataclass
class BatchAsker:
    """Implements `Asker`; to be entered, and left when nobody asks any more.

    The client must not try again by itself (`max_retries=0`): a batch would be paid twice. `notes`
    outlive the process; with a gateway between, its grant has to be given `notes.batches()` and
    `notes.booked()`. `pause` waits for so many seconds.
    """

    client: anthropic.AsyncAnthropic
    terms: CallTerms
    notes: BatchNotes
    price: Price = FREE
    batching: BatchTerms = field(default_factory=BatchTerms)
    delimiters: Delimiters = field(default_factory=Delimiters)
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    _pending: dict[str, _Pending] = field(default_factory=dict, init=False, repr=False)
    """By question, until it is answered."""
    _fresh: list[tuple[Question, ...]] = field(default_factory=list, init=False, repr=False)
    """Calls that wait to be sent."""
    _found: dict[str, dict[str, _Call]] = field(default_factory=dict, init=False, repr=False)
    """Calls of earlier batches that wait to be read, by batch and `custom_id`."""
    _asked: int = field(default=0, init=False, repr=False)
    _gathers: bool = field(default=False, init=False, repr=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)
    _group: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup, init=False, repr=False)

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        """Give up waiting. What is under way at the provider stays noted."""
        for task in self._tasks:
            task.cancel()
        try:
            await self._group.__aexit__(*error)
        finally:
            for pending in self._pending.values():
                if not pending.done():
                    pending.set_result(Failed("the judge was left before its batch had ended"))
            self._pending.clear()

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        """Each question once with its answer, in the order in which answers come."""
        digests = [self._digest_of(question) for question in questions]
        self._enlist(dict(zip(digests, questions, strict=True)))
        awaited: dict[_Pending, list[Question]] = {}
        for digest, question in zip(digests, questions, strict=True):
            awaited.setdefault(self._pending[digest], []).append(question)
        waiting = set(awaited)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for pending in done:
                for question in awaited[pending]:
                    yield question, pending.result()

    def _enlist(self, questions: dict[str, Question]) -> None:
        """Have what nobody awaits yet sent, or read where it was sent before."""
        new = {name: item for name, item in questions.items() if name not in self._pending}
        noted = self.notes.find(new)
        for name in new:
            self._pending[name] = asyncio.get_running_loop().create_future()
        for name, place in noted.items():
            self._find(place, new[name])
        fresh = [item for name, item in new.items() if name not in noted]
        self._fresh += calls_of(fresh, self.terms.chunk)
        self._asked += len(new)
        if new and not self._gathers:
            self._gathers = True
            self._start(self._gather())

    def _find(self, noted: Noted, question: Question) -> None:
        calls = self._found.setdefault(noted.batch, {})
        call = calls.setdefault(noted.custom_id, _Call({}, noted.count))
        call.questions[noted.place] = question

    def _start(self, work: Any) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Sending.

    async def _gather(self) -> None:
        """Wait until nobody has asked anything more for a while, and send what there is."""
        asked = -1
        while asked != self._asked:
            asked = self._asked
            await self.pause(self.batching.window)
        fresh, found = self._fresh, self._found
        self._fresh, self._found, self._gathers = [], {}, False
        for batch, calls in found.items():
            self._start(self._follow(batch, calls))
        for together in self._packed(fresh):
            await self._send(together)

    def _packed(
        self, calls: Iterable[tuple[Question, ...]]
    ) -> Iterator[list[tuple[tuple[Question, ...], dict[str, Any]]]]:
        """Calls with their requests in batches of the size that is taken; one at a time is held."""
        batch: list[tuple[tuple[Question, ...], dict[str, Any]]] = []
        size = 0
        for call in calls:
            request = request_of(self.terms, self.delimiters.code_of(call[0].scope_digest), call)
            own = len(json.dumps(request)) + len('{"custom_id": "", "params": }, 123456')
            full = len(batch) == self.batching.most_calls or size + own > self.batching.most_bytes
            if batch and full:
                yield batch
                batch, size = [], 0
            batch.append((call, request))
            size += own
        if batch:
            yield batch

    async def _send(self, together: Sequence[tuple[tuple[Question, ...], dict[str, Any]]]) -> None:
        calls = {f"c{number}": call for number, (call, _) in enumerate(together)}
        requests: Any = [
            {"custom_id": name, "params": request}
            for name, (_, request) in zip(calls, together, strict=True)
        ]
        awaited = {name: _Call(dict(enumerate(call)), len(call)) for name, call in calls.items()}
        try:
            batch = await self.client.messages.batches.create(
                requests=requests, timeout=self.batching.seconds
            )
        except _Errors as error:
            self._settle(awaited.values(), Failed(f"the batch failed ({cause_of(error)})"))
            return
        digests = {name: [self._digest_of(item) for item in call] for name, call in calls.items()}
        self.notes.put(batch.id, digests)
        self._start(self._follow(batch.id, awaited))

    # Waiting and reading.

    async def _follow(self, batch: str, calls: dict[str, _Call]) -> None:
        cause = "the batch was given up"
        try:
            cause = await self._end_of(batch) or await self._read(batch, calls)
        finally:
            self._settle(calls.values(), Failed(cause))

    async def _end_of(self, batch: str) -> str:
        """Wait until a batch has ended; why nobody can, if that is so."""
        look, lost = self.batching.first_look, 0
        while True:
            try:
                seen = await self.client.messages.batches.retrieve(
                    batch, timeout=self.batching.seconds
                )
                if seen.processing_status == "ended":
                    return ""
                lost = 0
            except anthropic.NotFoundError:
                self.notes.forget_batch(batch)
                return "its batch is gone"
            except _Errors as error:
                lost += 1
                if lost == MOST_LOST_LOOKS:
                    return f"the batch failed ({cause_of(error)})"
            await self.pause(look)
            look = min(1.5 * look, self.batching.longest_look)

    async def _read(self, batch: str, calls: dict[str, _Call]) -> str:
        """Hand the results over; what is said of a call that is not among them."""
        evidence_of = lru_cache(MOST_TEXTS)(Evidence)
        try:
            results = await self.client.messages.batches.results(
                batch, timeout=self.batching.seconds
            )
            # The gateway has all results in its books before it hands over the first.
            self.notes.book(batch)
            async for entry in results:
                content = entry.to_dict(warnings=False)
                name = content.get("custom_id")
                if isinstance(name, str) and (call := calls.get(name)):
                    self._hand_over(call, content.get("result"), f"{batch}/{name}", evidence_of)
        except _Errors as error:
            return f"the batch failed ({cause_of(error)})"
        self._forget(calls.values())
        return "the batch gave no result for it"

    def _hand_over(
        self, call: _Call, result: object, name: str, evidence_of: Callable[[str], Evidence]
    ) -> None:
        """Answer the questions of one call; `name` is its request's."""
        message = result.get("message") if isinstance(result, dict) else None
        if not isinstance(message, dict):
            self._settle([call], Failed(_problem_of(result)), forget=True)
            return
        some = next(iter(call.questions.values()))
        evidence = evidence_of(some.text)
        # Those that nobody asks any more have places in the reply too.
        questions = [call.questions.get(place, some) for place in range(call.count)]
        replies = replies_of(questions, message, evidence, self.price, name, BATCH_FACTOR)
        for place, question in call.questions.items():
            reply = replies[place][1]
            self._answer(question, reply, forget=isinstance(reply, Failed))

    # Answers.

    def _settle(self, calls: Iterable[_Call], failed: Failed, *, forget: bool = False) -> None:
        """Answer whatever is still awaited of some calls."""
        for call in calls:
            for question in call.questions.values():
                self._answer(question, failed, forget=forget)

    def _forget(self, calls: Iterable[_Call]) -> None:
        """Let be asked anew what an ended batch has no result for."""
        asked = [self._digest_of(item) for call in calls for item in call.questions.values()]
        self.notes.forget(name for name in asked if name in self._pending)

    def _answer(self, question: Question, reply: Answer | Failed, *, forget: bool) -> None:
        digest = self._digest_of(question)
        if pending := self._pending.pop(digest, None):
            if forget:
                self.notes.forget([digest])
            if not pending.done():
                pending.set_result(reply)

    def _digest_of(self, question: Question) -> str:
        """Of all that a question asks, whoever asks it and whenever."""
        call = self.terms
        terms = {
            "model": call.model,
            "structured": call.structured,
            "chunk": call.chunk,
            "most_tokens": call.most_tokens,
            "sampling": dict(call.sampling),
        }
        return digest_text(
            to_json(terms),
            PROMPT_VERSION,
            question.scope_digest,
            criterion_digest(question.criterion, question.task_title),
            str(question.replicate),
            question.canary,
            question.again,
        )


def _problem_of(result: object) -> str:
    """Why one call of a batch has no reply."""
    content = result if isinstance(result, dict) else {}
    said = message_of(content.get("error"))
    return f"its call in the batch was {content.get('type', 'lost')}{said and f': {said}'}"
