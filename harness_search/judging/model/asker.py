"""Asks a judging model call by call: one call of a scope first, the others once its reply begins.

What a request writes into the provider's prompt cache can be read when its reply has begun; calls
that start before that write the deliverables each for itself, at more than the full price.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2

from harness_search.gateway.prices import FREE, Price
from harness_search.judging.model.answers import replies_of
from harness_search.judging.model.causes import cause_of
from harness_search.judging.model.evidence import Evidence
from harness_search.judging.model.prompt import CallTerms, Delimiters, calls_of, request_of
from harness_search.judging.model.questions import Failed, Question, Replied

MOST_FAILED_FIRST = 3
"""Calls in a row that may fail before their reply begins; the rest is then not tried. Each may have
waited for a provider's outage to end."""

Call = tuple[Question, ...]
_Running = asyncio.Task[list[Replied]]


@dataclass(frozen=True)
class MessagesAsker:
    """Asks over the real client of the Messages API.

    The client must not try again by itself (`max_retries=0`): the gateway does, and knows when not
    to. `concurrency` bounds the calls under way of this asker, whatever their scope; what askers of
    their own for each scope send together, the gateway bounds.
    """

    client: anthropic.AsyncAnthropic
    terms: CallTerms
    price: Price = FREE
    concurrency: int = 16
    seconds: float = 3600.0
    """Patience with one call; the gateway's own ends earlier."""
    delimiters: Delimiters = field(default_factory=Delimiters)
    _places: asyncio.Semaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the places that calls take."""
        object.__setattr__(self, "_places", asyncio.Semaphore(self.concurrency))

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        """Each question once with its answer, in the order in which answers come."""
        waiting = deque(calls_of(questions, self.terms.chunk))
        evidence = Evidence(questions[0].text) if questions else Evidence("")
        began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        running: set[_Running] = set()
        tried = 0
        try:
            while waiting or running:
                if began.done():
                    running |= {asyncio.create_task(self._ask(call, evidence)) for call in waiting}
                    waiting.clear()
                elif not running and tried == MOST_FAILED_FIRST:
                    for reply in _given_up(waiting):
                        yield reply
                    return
                elif not running:
                    tried += 1
                    first = self._ask_first(waiting.popleft(), evidence, began)
                    running.add(asyncio.create_task(first))
                interruption = await _some_end(running, began if waiting else None)
                for task in [task for task in running if task.done()]:
                    running.remove(task)
                    for reply in task.result():
                        yield reply
                if interruption is not None:  # after what has been paid for was handed over
                    raise interruption
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _ask_first(
        self, call: Call, evidence: Evidence, began: asyncio.Future[None]
    ) -> list[Replied]:
        """Ask by a stream, and tell when the reply has begun."""
        try:
            async with self._places, self.client.messages.stream(**self._sent(call)) as stream:
                async for event in stream:
                    if event.type == "message_start" and not began.done():
                        began.set_result(None)
                if not began.done():
                    return _all_failed(call, "the answer was no message")
                message = stream.current_message_snapshot.to_dict(warnings=False)
                request_id = stream.request_id or ""
        except (anthropic.APIError, httpx2.HTTPError, ValueError) as error:
            return _all_failed(call, _cause_of(error))
        return replies_of(call, message, evidence, self.price, request_id)

    async def _ask(self, call: Call, evidence: Evidence) -> list[Replied]:
        try:
            async with self._places:
                create = self.client.messages.with_raw_response.create
                response = await create(**self._sent(call))
            # Read here: to build the client's own objects takes longer than all that follows.
            message = json.loads(await response.text())
        except (anthropic.APIError, httpx2.HTTPError, ValueError, RecursionError) as error:
            return _all_failed(call, _cause_of(error))
        if not isinstance(message, dict) or message.get("type") != "message":
            return _all_failed(call, "the answer was no message")
        return replies_of(call, message, evidence, self.price, response.request_id or "")

    def _sent(self, call: Call) -> dict[str, Any]:
        request = request_of(self.terms, self.delimiters.code_of(call[0].scope_digest), call)
        for name in self.terms.sampling:  # the client knows no name that only some endpoints take
            del request[name]
        return {**request, "extra_body": dict(self.terms.sampling), "timeout": self.seconds}


async def _some_end(
    running: Iterable[_Running], began: asyncio.Future[None] | None
) -> asyncio.CancelledError | None:
    """Wait until a call ends, or the first reply begins; the interruption, if one came instead."""
    awaited: set[asyncio.Future[Any]] = {*running}
    try:
        await asyncio.wait(
            awaited | {began} if began is not None else awaited,
            return_when=asyncio.FIRST_COMPLETED,
        )
    except asyncio.CancelledError as error:
        return error
    return None


def _given_up(waiting: Iterable[Call]) -> list[Replied]:
    reason = f"not asked, as {MOST_FAILED_FIRST} calls in a row had failed"
    return [reply for call in waiting for reply in _all_failed(call, reason)]


def _all_failed(call: Call, reason: str) -> list[Replied]:
    return [(question, Failed(reason)) for question in call]


def _cause_of(error: Exception) -> str:
    cause = cause_of(error)
    return cause if isinstance(error, anthropic.APIStatusError) else f"the call failed ({cause})"
