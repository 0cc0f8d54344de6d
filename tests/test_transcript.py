"""A transcript gives back every exchange exactly as it was said, whatever conversations do."""

import json
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcripts import (
    Message,
    asked,
    assistant,
    dressed,
    plain,
    record,
    reply_of,
    text_block,
    user,
)

from harness_search.gateway import transcript
from harness_search.gateway.transcript import TranscriptWriter, conversation, read_transcript

WORDS = st.text(st.sampled_from("ab\u2028\n\ud83d\ude00é"), max_size=3)
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["cache_control", "content", "type", "x"]), inner)
    ),
    max_leaves=4,
) | st.sampled_from([[{"cache_control": 1}], [{"type": "tool_result", "cache_control": None}]])
INNER_BLOCKS = st.lists(
    st.builds(text_block, WORDS, citations=st.none())
    | st.builds(
        lambda kind, odd: {"type": kind, "content": odd, "cache_control": {}},
        st.sampled_from(["tool_result", "odd"]),
        ODD_JSON,
    ),
    max_size=2,
)
BLOCKS = st.one_of(
    st.builds(text_block, WORDS),
    st.builds(lambda odd: {"type": "tool_use", "id": "1", "input": odd}, ODD_JSON),
    st.builds(
        lambda told: {"type": "tool_result", "tool_use_id": "1", "content": told},
        WORDS | INNER_BLOCKS,
    ),
    st.builds(lambda odd: {"type": "unheard of", "content": odd}, ODD_JSON),
)
CONTENTS = st.sampled_from(["Continue.", "Go on.", ""]) | WORDS | st.lists(BLOCKS, max_size=2)
WHO = st.integers(0, 1)
WHICH = st.integers(0, 4)
SAID = st.lists(BLOCKS, max_size=2)
HOW = st.just(frozenset()) | st.frozensets(st.sampled_from(["mark", "block", "null"]))
KEYS = st.sampled_from(["system", "tools", "same", "call", "x"])
VALUES = st.sampled_from([None, 1, "s", "m"]) | ODD_JSON
TURN = st.tuples(st.just("turn"), WHO, CONTENTS, HOW, SAID)
ACTIONS = st.one_of(
    TURN,
    TURN,
    TURN,
    st.tuples(st.just("ask"), WHO, CONTENTS, HOW),
    st.tuples(st.just("reply"), WHICH, SAID, st.booleans()),
    st.tuples(st.just("refuse"), WHICH),
    st.tuples(st.just("fail"), WHICH),
    st.tuples(st.just("forget"), WHO, WHICH, WHICH),
    st.tuples(st.just("insert"), WHO, WHICH, CONTENTS),
    st.tuples(st.just("mark"), WHO, WHICH, ODD_JSON),
    st.tuples(st.just("copy"), WHO, WHO),
    st.tuples(st.just("set"), WHO, KEYS, VALUES),
    st.tuples(st.just("unset"), WHO, KEYS),
)


@dataclass
class Crowd:
    """Two agents that go on, forget, insert, rewrite and copy each other, in one transcript."""

    writer: TranscriptWriter
    messages: list[list[Message]] = field(default_factory=lambda: [[], []])
    values: list[dict[str, Any]] = field(
        default_factory=lambda: [{"model": "m", "system": "s", "as_in_call": 1} for _ in range(2)]
    )
    waiting: list[tuple[int, int, dict[str, Any], list[Message]]] = field(default_factory=list)
    answered: list[tuple[Any, ...]] = field(default_factory=list)
    calls: int = 0

    def turn(self, who: int, content: Any, how: frozenset[str], said: Any) -> None:
        self.ask(who, content, how)
        self.reply(-1, said, False)

    def ask(self, who: int, content: Any, how: frozenset[str]) -> None:
        self.calls += 1
        self.messages[who] = [*self.messages[who], user(content)]
        sent = [dressed(message, how) for message in self.messages[who]]
        request = json.loads(json.dumps({**self.values[who], "messages": sent}))
        self.writer.request(self.calls, f"digest {self.calls}", request)
        self.waiting.append((self.calls, who, request, self.messages[who]))

    def reply(self, index: int, content: Any, replayed: bool) -> None:
        if self.waiting:
            call, who, request, messages = self.waiting.pop(index % len(self.waiting))
            reply = json.loads(json.dumps({"content": content, "usage": {}}))
            self.writer.reply(call, 200, reply, cost_usd=0.5, replayed=replayed)
            self.messages[who] = [*messages, assistant(content)]
            self._expect(call, request, 200, reply, 0.5, replayed)

    def refuse(self, index: int) -> None:
        if self.waiting:
            call, _, request, _ = self.waiting.pop(index % len(self.waiting))
            error = {"type": "error", "content": ["no message"]}
            self.writer.reply(call, 400, error)
            self._expect(call, request, 400, error, 0.0, False)

    def fail(self, index: int) -> None:
        if self.waiting:
            self.writer.failure(self.waiting.pop(index % len(self.waiting))[0], "status 529")

    def forget(self, who: int, start: int, count: int) -> None:
        self.messages[who] = self.messages[who][:start] + self.messages[who][start + count :]

    def insert(self, who: int, place: int, content: Any) -> None:
        messages = self.messages[who]
        self.messages[who] = [*messages[:place], user(content), *messages[place:]]

    def mark(self, who: int, place: int, odd: Any) -> None:
        for message in self.messages[who][place : place + 1]:
            after = self.messages[who][place + 1 :]
            self.messages[who] = [*self.messages[who][:place], {**message, "x": odd}, *after]

    def copy(self, who: int, other: int) -> None:
        self.messages[who] = [*self.messages[who], *self.messages[other]][-12:]

    def set(self, who: int, key: str, value: Any) -> None:
        self.values[who] = {**self.values[who], key: value}

    def unset(self, who: int, key: str) -> None:
        self.values[who] = {k: v for k, v in self.values[who].items() if k != key}

    def _expect(self, call: int, request: dict[str, Any], *rest: Any) -> None:
        self.answered.append((call, f"digest {call}", plain(request), *rest))


@pytest.mark.parametrize("remembered", [4, transcript.REMEMBERED])
@settings(max_examples=150, deadline=None)
@given(actions=st.lists(ACTIONS, min_size=5, max_size=30))
def test_every_answered_exchange_reads_back_as_it_was_said(
    tmp_path_factory: Any, remembered: int, actions: list[tuple[Any, ...]]
) -> None:
    file = tmp_path_factory.mktemp("transcript") / "transcript.jsonl"
    file.touch()
    with (
        mock.patch.object(transcript, "REMEMBERED", remembered),
        closing(TranscriptWriter(file)) as writer,
    ):
        crowd = Crowd(writer)
        for name, *arguments in actions:
            getattr(crowd, name)(*arguments)
    assert [
        (each.call, each.digest, plain(each.request), each.status, each.reply, each.cost_usd,
         each.replayed)
        for each in read_transcript(file)
    ] == crowd.answered  # fmt: skip


def test_a_message_reads_back_as_it_was_first_sent_but_for_its_breakpoints(tmp_path: Path) -> None:
    breakpoint_ = {"cache_control": {"type": "ephemeral"}}
    use = {"type": "tool_use", "id": "1", "name": "n", "input": {"cache_control": 1, "a": None}}
    told = {"type": "tool_result", "tool_use_id": "1", "content": [text_block("b", **breakpoint_)]}
    first = [user("a"), assistant([use | breakpoint_]), user([told | breakpoint_])]
    later = [user([text_block("a", citations=None)]), assistant([use]), user([told])]
    system, tools = [text_block("s", **breakpoint_)], [{"name": "n", "type": None} | breakpoint_]
    file = tmp_path / "transcript.jsonl"
    record(
        file,
        ({"system": system, "tools": tools, "messages": first}, reply_of("c")),
        ({"system": "s", "tools": [{"name": "n"}], "messages": later}, reply_of("d")),
    )
    told_plainly = {"type": "tool_result", "tool_use_id": "1", "content": [text_block("b")]}
    expected = {
        "system": [text_block("s")],
        "tools": [{"name": "n", "type": None}],
        "messages": [user("a"), assistant([use]), user([told_plainly])],
    }
    assert [exchange.request for exchange in read_transcript(file)] == [expected, expected]


def test_a_value_that_was_not_sent_again_is_not_read_again(tmp_path: Path) -> None:
    requests = [{"messages": [], "system": "s"}, {"messages": []}, {"messages": [], "tools": []}]
    file = tmp_path / "transcript.jsonl"
    record(file, *((request, reply_of("")) for request in requests))
    assert [exchange.request for exchange in read_transcript(file)] == requests


def test_a_history_may_be_cut_down_to_a_reply(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    cut = [assistant([text_block("to a")]), user("b")]
    record(
        file, ({"messages": [user("a")]}, reply_of("to a")), ({"messages": cut}, reply_of("to b"))
    )
    assert asked(file) == [[user("a")], cut]


def test_the_same_value_under_another_key_is_another(tmp_path: Path) -> None:
    requests = [{"temperature": 1, "messages": []}, {"top_p": 1, "messages": []}]
    file = tmp_path / "transcript.jsonl"
    record(file, *((request, reply_of("")) for request in requests))
    assert [exchange.request for exchange in read_transcript(file)] == requests


def test_halves_of_a_character_are_told_apart(tmp_path: Path) -> None:
    messages = [user("\ud83d"), user("\ud83e"), user("?")]
    file = tmp_path / "transcript.jsonl"
    record(file, *(({"messages": [message]}, reply_of("")) for message in messages))
    assert asked(file) == [[message] for message in messages]


def test_a_text_that_is_no_unicode_is_kept(tmp_path: Path) -> None:
    half = json.loads('"\\ud83d é"')
    file = tmp_path / "transcript.jsonl"
    record(file, ({"messages": [user(half)], half: half}, reply_of(half)))
    assert conversation(file) == [user(half), assistant([text_block(half)])]
    assert next(read_transcript(file)).request[half] == half


def test_an_error_is_part_of_the_record_and_of_no_conversation(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    error = {"type": "error", "error": {"message": "too long"}, "content": []}
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "digest", {"messages": [user("a")]})
        writer.reply(1, 400, error)
    (exchange,) = read_transcript(file)
    assert (exchange.status, exchange.reply) == (400, error)
    assert conversation(file) == [user("a")]


def test_the_conversation_is_that_of_the_last_answer(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "", {"messages": [user("a")]})
        writer.request(2, "", {"messages": [user("b")]})
        writer.reply(2, 200, reply_of("to b"))
        writer.reply(1, 200, reply_of("to a"))
        writer.request(3, "", {"messages": [user("c")]})
        writer.failure(3, "status 529")
    assert conversation(file) == [user("a"), assistant([text_block("to a")])]


def test_a_session_without_an_answer_has_no_conversation(tmp_path: Path) -> None:
    with closing(TranscriptWriter(tmp_path / "transcript.jsonl")) as writer:
        writer.request(1, "digest", {"messages": [user("a")]})
        assert conversation(tmp_path / "transcript.jsonl") == []


def test_a_call_has_one_answer(tmp_path: Path) -> None:
    with closing(TranscriptWriter(tmp_path / "transcript.jsonl")) as writer:
        writer.request(1, "", {"messages": []})
        writer.reply(1, 200, reply_of(""))
        with pytest.raises(KeyError):
            writer.failure(1, "status 529")
    assert len(list(read_transcript(tmp_path / "transcript.jsonl"))) == 1
