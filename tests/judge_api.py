"""A scripted judge on loopback: a real Messages API, with the provider's rules of prompt caching.

It answers what a test tells it to, criterion by criterion, and keeps what it was asked.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.benchmark.tasks import Task, read_task
from harness_search.simulated.caching import PromptCache
from harness_search.simulated.faults import Fault
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.received import Received

MODEL = "judge-1"
MEMO = """\
# Advice on the Halden lease

The annual fee is 1,250,000 USD and falls due on 31 March 2026.
Either party may terminate the lease by notice of six months.
"""
QUOTE = "The annual fee is 1,250,000 USD"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as the judge got it."""

    number: int
    """From 1, in order of arrival."""
    titles: tuple[str, ...]
    """Of the criteria that it asks about, in its order."""
    system: str
    data: str
    """The block of deliverables."""
    question: str
    """All that comes after it."""
    content: dict[str, Any]

    @property
    def streams(self) -> bool:
        return self.content.get("stream") is True

    @property
    def outside(self) -> str:
        """What stands outside of the markers, whoever wrote it."""
        code = re.search(r"<deliverables (\w+)>", self.data)
        assert code is not None
        pattern = rf"<deliverables {code[1]}>.*</deliverables {code[1]}>"
        return self.system + re.sub(pattern, "", self.data, count=1, flags=re.DOTALL)


def item(verdict: str = "pass", quote: str = QUOTE, reason: str = "It says so.") -> dict[str, str]:
    return {"evidence_quote": quote, "verdict": verdict, "reason": reason}


def message(content: object, stop_reason: str = "end_turn", model: str = MODEL) -> dict[str, Any]:
    """A reply of the judge; what is no text goes out as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 40},
    }


def says(verdict_of: Callable[[str], str]) -> Callable[[Asked], dict[str, Any]]:
    """A sound judge that gives each criterion, by its title, a verdict."""

    def reply(asked: Asked) -> dict[str, Any]:
        items = [item(verdict_of(title)) for title in asked.titles]
        if len(items) == 1:
            return message(items[0])
        return message({"answers": [{"id": str(n), **one} for n, one in enumerate(items, 1)]})

    return reply


class JudgeApi(MessagesApi):
    """`answer` gives each call a reply, or a fault that it meets."""

    def __init__(self, answer: Callable[[Asked], dict[str, Any] | Fault], **options: Any) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self._replies: dict[int, dict[str, Any]] = {}
        # An answer takes a moment to begin: what is asked meanwhile finds nothing in the cache.
        latency = options.pop("latency_seconds", 0.01)
        cache = PromptCache(minimum_tokens=16)
        super().__init__(
            self._reply_to,
            fault=self._scripted_fault,
            cache=cache,
            latency_seconds=latency,
            **options,
        )

    def _scripted_fault(self, received: Received) -> Fault | None:
        asked = asked_of(received)
        self.asked.append(asked)
        answer = self.answer(asked)
        is_reply = isinstance(answer, dict)
        # A stream may break in the middle of an answer: there has to be one.
        self._replies[received.number] = answer if is_reply else message(item())
        return None if is_reply else answer

    def _reply_to(self, received: Received) -> dict[str, Any]:
        return self._replies.pop(received.number)

    @property
    def titles(self) -> list[str]:
        """Of all criteria that it was asked about, in order of arrival."""
        return [title for asked in self.asked for title in asked.titles]


def asked_of(received: Received) -> Asked:
    content = received.content
    shown, _, last = content["messages"]
    (data,), (question,) = ([block["text"] for block in one["content"]] for one in (shown, last))
    titles = tuple(re.findall(r"^Criterion: (.*)$", question, flags=re.MULTILINE))
    system = content["system"][0]["text"]
    return Asked(received.number, titles, system, data, question, content)


def rubric_task(
    root: Path,
    *titles: str,
    deliverables: tuple[str, ...] = ("memo.md",),
    reads: dict[str, list[str]] | None = None,
) -> Task:
    """A task with a criterion of each title; `reads` names the deliverables of some."""
    folder = root / "tasks" / "tax" / "secret-task-name"
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    criteria = [
        {
            "id": f"C-{number:03d}",
            "title": title,
            "match_criteria": f"PASS if {title} is right",
            "deliverables": (reads or {}).get(title, []),
        }
        for number, title in enumerate(titles, start=1)
    ]
    content = {
        "title": "T", "instructions": "Do", "criteria": criteria, "deliverables": [*deliverables]
    }  # fmt: skip
    (folder / "task.json").write_text(json.dumps(content), encoding="utf-8")
    return read_task(folder / "task.json", root / "tasks")


def deliver(root: Path, text: str = MEMO, name: str = "memo.md") -> Path:
    """An output folder with one more deliverable."""
    (root / "output").mkdir(exist_ok=True)
    (root / "output" / name).write_text(text, encoding="utf-8")
    return root / "output"
