"""A scripted Messages API on loopback: answers what a test tells it to, and keeps what it got."""

import json
from collections.abc import Callable
from typing import Any

from harness_search.simulated.faults import Drop, Fault, FaultPlan, Hang, Status
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.received import Received

Answer = tuple[int, Any] | Fault
"""A status with its content, or a fault; a fault that needs a reply breaks `message()`."""
HANGS = -1
"""Status of an answer that never comes."""

__all__ = [
    "HANGS",
    "Answer",
    "Received",
    "ScriptedApi",
    "failure",
    "fault_server",
    "message",
    "scripted_api",
]


def message(text: str = "done", **usage: int) -> dict[str, Any]:
    """A plain closing reply of the Messages API."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted-1",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2, **usage},
    }


def failure(kind: str = "api_error", text: str = "broken") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": text}}


class ScriptedApi(MessagesApi):
    """`answer` is called with the number of the request, from 1, and its content; None drops it.

    Messages go out as a stream where the request asks for one. Token counts and batches are served
    without asking: a batch is answered with `message()`.
    """

    def __init__(self, answer: Callable[[int, Any], Answer | None]) -> None:
        super().__init__(self._scripted_reply, fault=self._scripted_fault)
        self.answer = answer
        self._next_reply = message()

    def follow(self, answer: Callable[[int, Any], Answer | None]) -> None:
        """Answer so from now on, as if nothing had been asked before."""
        self.answer, self._requests = answer, 0
        self.received.clear()

    def _scripted_fault(self, received: Received) -> Fault | None:
        self._next_reply = message()
        if received.path != "/v1/messages":
            return None
        answer = self.answer(received.number, received.content)
        if answer is None:
            return Drop()
        if not isinstance(answer, tuple):
            return answer
        status, content = answer
        if status == HANGS:
            return Hang()
        if status == 200 and isinstance(content, dict) and content.get("type") == "message":
            self._next_reply = content
            return None
        text = content if isinstance(content, str) else json.dumps(content)
        return Status(status, body=text, headers={"content-type": "application/json"})

    def _scripted_reply(self, received: Received) -> dict[str, Any]:
        return self._next_reply


def scripted_api(answer: Callable[[int, Any], Answer | None]) -> ScriptedApi:
    """Serve on a free loopback port; an async context manager."""
    return ScriptedApi(answer)


def fault_server(
    fault: FaultPlan | Fault | None = None, reply: dict[str, Any] | None = None, **options: Any
) -> MessagesApi:
    """An API whose every request meets a fault, or the one that a plan names for it."""
    plan = fault if callable(fault) else lambda received: fault
    return MessagesApi(lambda received: reply or message(), fault=plan, **options)
