"""A stream says the same as the message that it was made of, however its bytes arrive."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness_search.gateway import events
from harness_search.gateway.events import Assembler, error_event, events_of

TEXTS = st.text(max_size=60)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
CITATIONS = st.lists(st.fixed_dictionaries({"cited_text": TEXTS}), max_size=2)
BLOCKS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": TEXTS}, optional={"citations": st.none() | CITATIONS}
    ),
    st.fixed_dictionaries(
        {"type": st.just("tool_use"), "id": TEXTS, "name": TEXTS, "input": VALUES}
    ),
    st.fixed_dictionaries(
        {"type": st.just("thinking"), "thinking": TEXTS}, optional={"signature": TEXTS}
    ),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": TEXTS}),
)
COUNTS = st.integers(0, 10**9)
USAGES = st.fixed_dictionaries(
    {"input_tokens": COUNTS, "output_tokens": COUNTS},
    optional={
        "cache_creation_input_tokens": COUNTS | st.none(),
        "cache_read_input_tokens": COUNTS,
        "cache_creation": st.dictionaries(TEXTS, COUNTS, max_size=2),
        "server_tool_use": st.none(),
        "service_tier": st.just("standard"),
    },
)
MESSAGES = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": TEXTS,
        "content": st.lists(BLOCKS, max_size=4),
        "stop_reason": st.sampled_from(["end_turn", "tool_use", "max_tokens", None]),
        "stop_sequence": st.none() | TEXTS,
        "usage": USAGES,
    }
)
PLAIN = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Grüße aus Köln 🎲"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 9},
}


def assembled(*chunks: bytes) -> Assembler:
    assembler = Assembler()
    for chunk in chunks:
        assembler.feed(chunk)
    return assembler


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def chopped(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(MESSAGES, st.integers(1, 50), st.lists(st.integers(0, 10**6), max_size=30))
@example({**PLAIN, "content": [{"type": "text", "text": "half a pair: \ud800"}]}, 40, [])
def test_a_message_comes_out_of_its_stream_unchanged_wherever_the_stream_is_cut(
    message: dict[str, Any], piece: int, cuts: list[int]
) -> None:
    stream = b"".join(events_of(message, piece=piece))
    assembler = assembled(*chopped(stream, cuts))
    assert assembler.message == message
    assert assembler.whole
    assert assembler.error is None


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_one_byte_at_a_time_is_enough_with_any_line_end(line_end: bytes) -> None:
    stream = b"".join(events_of(PLAIN)).replace(b"\n", line_end)
    assembler = assembled(*(bytes([byte]) for byte in stream))
    assert assembler.message == PLAIN
    assert assembler.whole


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_an_event_in_several_lines_is_one_event_with_any_line_end(line_end: bytes) -> None:
    lines = [b"event: error", b'data: {"error":', b'data:  {"type": "x"}}', b"", b""]
    assembler = assembled(*(bytes([byte]) for byte in line_end.join(lines)))
    assert assembler.error == {"error": {"type": "x"}}


@given(MESSAGES)
def test_every_event_is_one_complete_event_that_names_its_kind(message: dict[str, Any]) -> None:
    stream = events_of(message)
    for one in stream:
        name, data, *rest = one.split(b"\n")
        assert rest == [b"", b""]
        assert name == b"event: " + json.loads(data.removeprefix(b"data: "))["type"].encode()
    kinds = [one.split(b"\n")[0].removeprefix(b"event: ") for one in stream]
    assert kinds[0] == b"message_start"
    assert kinds[-2:] == [b"message_delta", b"message_stop"]


def test_a_stream_begins_with_one_output_token_and_ends_with_all() -> None:
    start, *_, ending, _ = [json.loads(one.split(b"data: ")[1]) for one in events_of(PLAIN)]
    assert start["message"]["usage"] == {"input_tokens": 3, "output_tokens": 1}
    assert start["message"]["stop_reason"] is None
    assert start["message"]["content"] == []
    assert ending["usage"] == {"input_tokens": 3, "output_tokens": 9}
    assert ending["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}


@given(MESSAGES, st.data())
def test_a_stream_without_its_end_is_never_whole(message: dict[str, Any], data: Any) -> None:
    stream = b"".join(events_of(message))
    assembler = assembled(stream[: data.draw(st.integers(0, len(stream) - 1))])
    assert not assembler.whole


def test_what_came_before_a_break_is_kept() -> None:
    tool = {"type": "tool_use", "id": "t", "name": "write", "input": {"path": "a" * 99}}
    message = {**PLAIN, "content": [*PLAIN["content"], tool]}  # type: ignore[misc]
    stream = events_of(message)
    assembler = assembled(*stream[:6])
    assert assembler.message is not None
    text, cut = assembler.message["content"]
    assert text == message["content"][0]
    assert cut["input"] == '{"path": "' + "a" * 30
    assert assembler.message["usage"]["output_tokens"] == 1


def test_nothing_has_begun_before_the_first_event_is_complete() -> None:
    first = events_of(PLAIN)[0]
    assembler = assembled(first[:-1])
    assert (assembler.started, assembler.message) == (False, None)
    assembler.feed(first[-1:])
    assert assembler.started
    assert assembler.message is not None


@pytest.mark.parametrize("begun", [0, 3])
def test_an_error_event_is_kept_and_ends_the_stream(begun: int) -> None:
    stream = events_of(PLAIN)
    error = error_event("overloaded_error", "Overloaded")
    assembler = assembled(*stream[:begun], error, *stream[begun:])
    assert assembler.error == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    }
    assert (assembler.started, assembler.whole) == (True, False)


def test_an_error_event_that_cannot_be_read_is_an_error_too() -> None:
    assembler = assembled(b"event: error\ndata: <html>\n\n")
    assert assembler.error is not None
    assert assembler.error["error"]["type"] == "api_error"


def test_lines_that_mean_nothing_are_passed_over() -> None:
    start, *rest = events_of(PLAIN)
    noise = [
        b": a comment\n\n",
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b"data: {not json\n\n",
        b"data: \xff\xfe\n\n",
        b"data: [1]\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"id: 7\nretry: 10\n\n",
        event("from_a_later_version", index=0),
    ]
    assert assembled(*noise, start, *noise, *rest).message == PLAIN


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_bytes_make_it_raise(chunks: list[bytes]) -> None:
    assembler = assembled(*chunks)
    assert not assembler.whole
    assert assembler.message is None


FIELDS = (
    *("type", "text", "thinking", "partial_json", "signature"),
    *("citations", "citation", "usage", "content"),
)
JUNK = st.recursive(
    st.none() | st.integers(-2, 2) | st.sampled_from(["text", "thinking", "text_delta"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=8,
)
KINDS = ("message_start", "content_block_start", "content_block_delta", "message_delta")
JUNK_EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional=dict.fromkeys(("message", "index", "content_block", "delta", "usage"), JUNK),
)


@given(st.lists(JUNK_EVENTS, max_size=12))
def test_no_event_of_the_wrong_shape_makes_it_raise(junk: list[dict[str, Any]]) -> None:
    assembler = Assembler()
    for one in junk:
        assembler.feed(event(one["type"], **{key: one[key] for key in one if key != "type"}))
    assert assembler.message is None or isinstance(assembler.message["content"], list)


def test_citations_are_added_to_whatever_the_block_was_opened_with() -> None:
    for opened, expected in ([{"n": 0}], [{"n": 0}, {"n": 1}]), (None, [{"n": 1}]), (5, [{"n": 1}]):
        assembler = assembled(
            event("message_start", message={}),
            event("content_block_start", index=0, content_block={"citations": opened}),
            event(
                "content_block_delta",
                index=0,
                delta={"type": "citations_delta", "citation": {"n": 1}},
            ),
        )
        assert assembler.message == {"content": [{"citations": expected}]}


@pytest.mark.parametrize("written", ['{"path": "a\nb', "", " ", "5", '"a"', "{}", "null", "NaN"])
def test_tool_input_that_is_a_text_stays_as_the_model_wrote_it(written: str) -> None:
    tool = {"type": "tool_use", "id": "t", "name": "write", "input": written}
    message = {**PLAIN, "content": [tool]}
    assert assembled(*events_of(message)).message == message


def test_usage_at_the_end_replaces_usage_at_the_start_and_absent_counts_do_not() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    ending = {"input_tokens": None, "output_tokens": 11}
    assembler = assembled(
        event("message_start", message={"usage": usage, "content": []}),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4}),
        event("message_delta", delta={}, usage=ending),
    )
    assert assembler.message == {
        "usage": {**usage, "output_tokens": 11},
        "content": [],
        "stop_reason": "end_turn",
    }


@pytest.mark.parametrize("event_end", [b"", b"\n\n"])
def test_an_event_larger_than_anyone_sends_breaks_the_stream_and_is_not_held(
    monkeypatch: pytest.MonkeyPatch, event_end: bytes
) -> None:
    monkeypatch.setattr(events, "LARGEST_EVENT", 10_000)
    lines = [b"data: " + b"x" * 90 + b"\n"] * 200
    assembler = assembled(*events_of(PLAIN)[:2], *lines, event_end, *events_of(PLAIN)[2:])
    assert (assembler.broken, assembler.whole) == (True, False)
    assert assembler.message is not None
    endless = assembled(*[b"x" * 1000] * 11)
    assert (endless.broken, endless.started) == (True, False)


def test_a_stream_larger_than_anyone_sends_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events, "LARGEST_STREAM", 10_000)
    comment = b": nothing to say\n"
    assembler = assembled(*[comment] * 1000, *events_of(PLAIN))
    assert (assembler.broken, assembler.whole, assembler.message) == (True, False, None)


def test_many_small_events_are_not_taken_for_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LARGEST_EVENT", 600)
    message = {**PLAIN, "content": [{"type": "text", "text": "word " * 2000}]}
    assert assembled(*events_of(message)).message == message
