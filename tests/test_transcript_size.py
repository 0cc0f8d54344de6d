"""A transcript holds once what was said often, and its writer does not hold it in memory."""

import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from transcripts import (
    Message,
    asked,
    assistant,
    dressed,
    plain_message,
    record,
    reply_of,
    text_block,
    user,
)

from harness_search.gateway import transcript
from harness_search.gateway.transcript import TranscriptWriter, conversation, read_transcript

# The file grows with what is new.


def prose(rng: random.Random, low: int = 1_000, high: int = 5_000) -> str:
    words = (f"{rng.choice(['Kündigung', 'clause', 'party'])} {rng.random()}" for _ in iter(int, 1))
    text = ""
    for word in words:
        text += f'{word}, "{word}"\n'
        if len(text) > rng.randint(low, high):
            return text
    raise AssertionError("words never end")


class Measured:
    """Writes exchanges and adds up the bytes of what is new in them."""

    def __init__(self, file: Path) -> None:
        self.file, self.writer = file, TranscriptWriter(file)
        self.calls = self.bytes = 0
        self._seen: set[str] = set()

    def send(self, values: dict[str, Any], messages: list[Message]) -> int:
        self.calls += 1
        for key, value in values.items():
            self._count_once(key, value)
        for message in messages:
            self._count_once("message", plain_message(message))
        marked = [*messages[:-1], dressed(messages[-1], frozenset({"block", "mark"}))]
        request = {**values, "messages": marked}
        self.writer.request(
            self.calls, "d" * 64, request, reserved_usd=0.123456, reserved_tokens=123_456
        )
        return self.calls

    def answer(self, call: int, content: list[dict[str, Any]]) -> Message:
        usage = {"input_tokens": 12_345, "output_tokens": 678, "cache_read_input_tokens": 9_012}
        reply = {"id": f"msg_{call:024}", "type": "message", "role": "assistant", "model": "m" * 20,
                 "content": content, "stop_reason": "tool_use", "usage": usage}  # fmt: skip
        self.writer.reply(call, 200, reply, cost_usd=0.012345)
        self.bytes += size(reply)
        self._seen.add(json.dumps(["message", plain_message(assistant(content))]))
        return assistant(content)

    def _count_once(self, kind: str, value: Any) -> None:
        text = json.dumps([kind, value])
        if text not in self._seen:
            self._seen.add(text)
            self.bytes += size(value)

    @property
    def ratio(self) -> float:
        return self.file.stat().st_size / self.bytes


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


class Agent:
    """A tool-using agent, as harnesses and their sub-agents are."""

    def __init__(self, measured: Measured, rng: random.Random) -> None:
        self.measured, self.rng = measured, rng
        schema = {"type": "object", "properties": {"command": {"type": "string"}}}
        tool = {"name": "bash", "description": prose(rng), "input_schema": schema}
        self.values = {"model": "m" * 20, "max_tokens": 8_192, "temperature": 1.0, "stream": True,
                       "system": [text_block(prose(rng))], "tools": [tool]}  # fmt: skip
        self.messages: list[Message] = [user(prose(rng))]
        self._use = ""

    def send(self) -> int:
        if self._use:
            told = {"type": "tool_result", "tool_use_id": self._use, "content": prose(self.rng)}
            self.messages.append(user([told]))
        return self.measured.send(self.values, self.messages)

    def hear(self, call: int) -> None:
        self._use = f"toolu_{call:022}"
        use = {"type": "tool_use", "id": self._use, "name": "bash", "input": prose(self.rng)}
        self.messages.append(self.measured.answer(call, [text_block("Next."), use]))

    def turn(self) -> None:
        self.hear(self.send())


def one_agent(measured: Measured, rng: random.Random) -> None:
    agent = Agent(measured, rng)
    for _ in range(40):
        agent.turn()


def an_agent_that_is_nudged(measured: Measured, rng: random.Random) -> None:
    agents = [Agent(measured, rng), Agent(measured, rng)]
    for turn in range(60):
        messages = agents[turn % 2].messages
        call = measured.send(agents[turn % 2].values, messages)
        messages += [measured.answer(call, [text_block(prose(rng))]), user("Continue.")]


def alternating_sub_agents(measured: Measured, rng: random.Random) -> None:
    agents = [Agent(measured, rng) for _ in range(3)]
    for _ in range(40):
        rng.choice(agents).turn()


def concurrent_sub_agents(measured: Measured, rng: random.Random) -> None:
    agents = [Agent(measured, rng) for _ in range(4)]
    for _ in range(10):
        calls = [(agent, agent.send()) for agent in agents]
        for agent, call in rng.sample(calls, len(calls)):
            agent.hear(call)


def a_fan_out_over_one_document(measured: Measured, rng: random.Random) -> None:
    document = text_block(prose(rng, 40_000, 50_000))
    values = Agent(measured, rng).values
    calls = [
        measured.send(values, [user([document]), user(prose(rng))]) for _ in range(20)
    ]  # fmt: skip
    for call in calls:
        measured.answer(call, [text_block(prose(rng))])


def compaction(measured: Measured, rng: random.Random) -> None:
    agent = Agent(measured, rng)
    for turn in range(40):
        if turn % 10 == 9:
            summary = user(f"Summary so far: {prose(rng)}")
            agent.messages = [summary, *agent.messages[-7:]]
        agent.turn()


def old_results_cleared(measured: Measured, rng: random.Random) -> None:
    agent = Agent(measured, rng)
    for turn in range(40):
        agent.turn()
        if turn >= 10:
            old = agent.messages[2 * turn - 18]
            (block,) = old["content"]
            cleared = user([{**block, "content": "[cleared]"}])
            agent.messages[2 * turn - 18] = cleared


def a_window_of_messages(measured: Measured, rng: random.Random) -> None:
    agent = Agent(measured, rng)
    for _ in range(40):
        agent.turn()
        agent.messages = agent.messages[-20:]


@pytest.mark.parametrize(
    "scenario",
    [
        one_agent, an_agent_that_is_nudged, alternating_sub_agents, concurrent_sub_agents,
        a_fan_out_over_one_document, compaction, old_results_cleared, a_window_of_messages,
    ],
)  # fmt: skip
def test_the_file_is_hardly_larger_than_what_is_new(
    tmp_path: Path, scenario: Callable[[Measured, random.Random], None]
) -> None:
    measured = Measured(tmp_path / "transcript.jsonl")
    with closing(measured.writer):
        scenario(measured, random.Random(1))
    assert measured.ratio <= 1.2
    assert len(list(read_transcript(measured.file))) == measured.calls


def test_a_reply_that_comes_back_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    reply = {"content": [{"text": "said once", "citations": None, "type": "text"}], "usage": {}}
    history = [user("asked once"), assistant([text_block("said once")]), user("next")]
    record(file, ({"messages": history[:1]}, reply), ({"messages": history}, reply_of("")))
    assert file.read_text().count("said once") == file.read_text().count("asked once") == 1
    assert [plain_message(message) for message in asked(file)[1]] == [
        plain_message(message) for message in history
    ]


def test_a_refused_or_failed_request_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        for call in (1, 2, 3):
            writer.request(call, "", {"system": "stays", "messages": [user("asked once")]})
            if call == 1:
                writer.failure(call, "status 529")
            elif call == 2:
                writer.reply(call, 400, {"type": "error"})
        writer.reply(3, 200, reply_of("b"))
    assert file.read_text().count("asked once") == file.read_text().count("stays") == 1
    assert conversation(file) == [user("asked once"), assistant([text_block("b")])]


def test_what_is_still_in_use_is_not_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with mock.patch.object(transcript, "REMEMBERED", 50), closing(TranscriptWriter(file)) as writer:
        for call in range(1, 31):
            messages = [user("asked once"), user(f"number {call}"), user("asked twice")]
            writer.request(call, "", {"system": "told once", "messages": messages})
    assert file.read_text().count("told once") == file.read_text().count("asked once") == 1


def test_values_are_referred_to_where_they_stand_in_full(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    request = {"model": "m", "system": "s", "messages": [user("a")]}
    other = {"model": "m", "system": "another", "messages": [user("a")]}
    record(file, *((each, reply_of("")) for each in (request, request, other, request, other)))
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    same = [entry.get("same") for entry in entries if "request" in entry]
    assert same == [None, 1, {"model": 1}, 1, 3]


def test_lines_can_be_found_with_grep(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    record(file, ({"messages": [user("Kündigung")]}, reply_of("é")), ({"messages": []}, {}))
    first, second, *_ = file.read_text(encoding="utf-8").splitlines()
    assert first.startswith('{"call": 1, "request_digest": "digest 1", "request": ')
    assert '{"role": "user", "content": "Kündigung"}' in first
    assert second.startswith('{"call": 1, "status": 200, "reply": ')


# Memory.


@contextmanager
def measured_memory() -> Iterator[Callable[[], int]]:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield lambda: tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_a_writer_does_not_hold_the_context(tmp_path: Path) -> None:
    rng = random.Random(1)
    with measured_memory() as held, closing(TranscriptWriter(tmp_path / "t.jsonl")) as writer:
        request = {"messages": [user(prose(rng, 4_000, 4_500)) for _ in range(100)]}
        writer.request(1, "", request)
        writer.reply(1, 200, reply_of(prose(rng)))
        assert held() > 400_000
        request.clear()
        assert held() < 100_000


def test_a_hostile_number_of_messages_does_not_fill_the_memory(tmp_path: Path) -> None:
    with measured_memory() as held, closing(TranscriptWriter(tmp_path / "t.jsonl")) as writer:
        for call in range(1, 5):
            messages = [user(f"{call} {number}") for number in range(5_000)]
            writer.request(call, "", {f"value {call}": call, "messages": messages})
            del messages
        assert held() < 3_000_000
