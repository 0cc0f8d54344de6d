"""A transcript holds every exchange once and gives back exactly what was said."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.transcript import TranscriptWriter, conversation, read_transcript

Message = dict[str, Any]


def marked(messages: list[Message]) -> list[Message]:
    """The messages with a cache breakpoint on the last block, as harnesses send them."""
    last = messages[-1]
    blocks = last["content"]
    if isinstance(blocks, str):
        blocks = [{"type": "text", "text": blocks}]
    blocks = [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral"}}]
    return [*messages[:-1], {**last, "content": blocks}]


def write_conversation(file: Path, texts: list[str]) -> list[Message]:
    writer = TranscriptWriter(file)
    messages: list[Message] = []
    for text in texts:
        messages.append({"role": "user", "content": text})
        reply = {"content": [{"type": "text", "text": f"re: {text}"}], "usage": {}}
        writer.append({"model": "m", "system": "s", "messages": marked(messages)}, 200, reply)
        messages.append({"role": "assistant", "content": reply["content"]})
    return messages


def texts_of(messages: list[Message]) -> list[str]:
    blocks = [
        [{"text": message["content"]}]
        if isinstance(message["content"], str)
        else message["content"]
        for message in messages
    ]
    return [block["text"] for content in blocks for block in content]


@given(texts=st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_every_exchange_can_be_read_again(tmp_path_factory: Any, texts: list[str]) -> None:
    file = tmp_path_factory.mktemp("transcript") / "transcript.jsonl"
    messages = write_conversation(file, texts)
    exchanges = list(read_transcript(file))
    assert [exchange.call for exchange in exchanges] == list(range(1, len(texts) + 1))
    assert texts_of(conversation(file)) == texts_of(messages)
    assert all(exchange.request["system"] == "s" for exchange in exchanges)
    assert [len(exchange.request["messages"]) for exchange in exchanges] == [
        2 * index + 1 for index in range(len(texts))
    ]


def test_the_file_grows_with_the_conversation_and_not_with_its_square(tmp_path: Path) -> None:
    said = ["x" * 1000] * 40
    write_conversation(tmp_path / "transcript.jsonl", said)
    assert (tmp_path / "transcript.jsonl").stat().st_size < 4 * sum(map(len, said))


def test_a_rewritten_history_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    writer = TranscriptWriter(file)
    first = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    writer.append({"messages": first}, 200, {"content": []})
    writer.append({"messages": [{"role": "user", "content": "summary"}]}, 200, {"content": []})
    requests = [exchange.request["messages"] for exchange in read_transcript(file)]
    assert requests == [first, [{"role": "user", "content": "summary"}]]


def test_error_replies_are_part_of_the_record(tmp_path: Path) -> None:
    writer = TranscriptWriter(tmp_path / "transcript.jsonl")
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    writer.append({"messages": []}, 400, error)
    (line,) = (tmp_path / "transcript.jsonl").read_text().splitlines()
    assert json.loads(line)["status"] == 400
    assert next(read_transcript(tmp_path / "transcript.jsonl")).reply == error
