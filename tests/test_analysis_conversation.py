"""A transcript is read as a conversation: each message once, whatever was sent again."""

import json
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcripts import assistant, reply_of, text_block, user

from harness_search.analysis import conversation
from harness_search.analysis.conversation import LONGEST_SHOWN, read_conversation
from harness_search.analysis.entries import Conversation, Kind
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import Usage

SYSTEM = [text_block("Be exact.")]
TOOLS = [{"name": "read"}, {"name": "write"}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "transcript.jsonl"


def request(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "system": SYSTEM, "messages": list(messages), **more}


def calling(name: str, call_id: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return user([{"type": "tool_result", "tool_use_id": call_id, "content": content, **more}])


def replied(*blocks: dict[str, Any], tokens: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    return {**reply_of("", tokens=tokens), "content": list(blocks), "stop_reason": "end_turn"}


def kinds(found: Conversation) -> list[tuple[str, str]]:
    return [(entry.kind.value, entry.text) for entry in found.entries]


def test_a_conversation_reads_from_top_to_bottom_with_every_message_once(file: Path) -> None:
    first = user("Read it.")
    asked = [text_block("I will."), calling("read", "t1", file_path="lease.txt")]
    answer = result("t1", "The rent is 5.")
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "d1", request(first, tools=TOOLS))
        writer.reply(1, 200, replied(*asked, tokens=(10, 2)), cost_usd=0.5)
        writer.request(2, "d2", request(first, assistant(asked), answer, tools=TOOLS))
        writer.reply(2, 200, replied(text_block("Done."), tokens=(20, 3)), cost_usd=0.25)
    found = read_conversation(file)
    assert kinds(found) == [
        ("system", "Be exact."),
        ("tools", "read, write"),
        ("text", "Read it."),
        ("text", "I will."),
        ("tool call", "file_path: lease.txt"),
        ("tool result", "The rent is 5."),
        ("text", "Done."),
    ]
    call, answered = found.entries[4:6]
    assert (call.name, call.pair, answered.name, answered.pair) == (
        "read", answered.id, "read", call.id,
    )  # fmt: skip
    assert found.usage == Usage(input=30, output=5)
    assert found.cost_usd == 0.75
    assert [(item.messages, item.new, item.conversation) for item in found.calls] == [
        (1, 1, 1),
        (3, 1, 1),
    ]


def test_calls_that_failed_were_refused_replayed_or_never_answered_say_so(file: Path) -> None:
    first = user("Go.")
    with closing(TranscriptWriter(file)) as writer:
        for number in (1, 2, 3, 4):
            writer.request(number, "d", request(first))
            if number == 1:
                half = replied(text_block("Hal"), tokens=(4, 1))
                writer.failure(1, "stream without its end", partial=half, cost_usd=0.1, tries=2)
            elif number == 2:
                writer.reply(2, 400, {"type": "error", "error": {"message": "too long"}})
            elif number == 3:
                writer.reply(3, 200, reply_of("Done.", tokens=(5, 1)), replayed=True, cost_usd=0.2)
    found = read_conversation(file)
    failed, refused, answered, waiting = found.calls
    assert [call.end for call in found.calls] == ["failed", "refused", "answered", "unanswered"]
    assert (failed.cause, failed.tries, failed.usage.input) == ("stream without its end", 2, 4)
    assert refused.cause == "status 400: too long"
    assert refused.usage == Usage()
    assert (answered.replayed, answered.cost_usd, failed.replayed) == (True, 0.2, False)
    assert [call.repeats for call in found.calls] == [None, 1, 2, 3]
    assert waiting.new == 0
    assert kinds(found) == [
        ("system", "Be exact."), ("text", "Go."), ("text", "Hal"), ("text", "Done."),
    ]  # fmt: skip
    assert [entry.broken for entry in found.entries] == [False, False, True, False]


def test_two_conversations_at_once_are_told_apart(file: Path) -> None:
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "a", request(user("One.")))
        writer.request(2, "b", request(user("Two.")))
        writer.reply(2, 200, reply_of("two"))
        writer.reply(1, 200, reply_of("one"))
        writer.request(3, "c", request(user("Two."), assistant("two"), user("More.")))
        writer.reply(3, 200, reply_of("three"))
    found = read_conversation(file)
    assert [call.conversation for call in found.calls] == [1, 2, 2]
    assert [text for _, text in kinds(found)[1:]] == [
        "One.", "one", "Two.", "two", "More.", "three",
    ]  # fmt: skip


def test_what_a_harness_leaves_out_and_sends_again_elsewhere_is_said(file: Path) -> None:
    long = [user("One."), assistant("a"), user("Two."), assistant("b"), user("Three.")]
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "a", request(*long))
        writer.reply(1, 200, reply_of("c"))
        # the middle is summed up, the last two messages are kept
        writer.request(2, "b", request(long[0], assistant("In short."), long[4], assistant("c")))
        writer.reply(2, 200, reply_of("d"))
        writer.request(3, "c", request(long[0], assistant("Shorter."), long[4], assistant("c")))
    found = read_conversation(file)
    second = found.calls[1]
    assert (second.conversation, second.left_out, second.new) == (1, 5, 1)
    repeated = [entry for entry in found.entries if entry.kind is Kind.REPEATED]
    assert [(item.text, item.messages, item.call) for item in repeated] == [
        ("Three.", 2, 2),
        ("Three.", 2, 3),
    ]
    # the second time it is a repetition of a repetition
    assert [item.pair for item in repeated] == ["1.4.0", "1.4.0"]


def test_a_reply_that_the_harness_changed_is_shown_as_said_and_as_changed(file: Path) -> None:
    said, repaired = calling("read", "t1", file_path="lease"), calling("read", "t1", file_path="a")
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "a", request(user("Go.")))
        writer.reply(1, 200, replied(said))
        writer.request(2, "b", request(user("Go."), assistant([repaired]), result("t1", "text")))
    found = read_conversation(file)
    by_model, by_harness, answer = found.entries[2:]
    assert (by_model.by_harness, by_harness.by_harness) == (False, True)
    assert (by_harness.text, by_harness.pair, answer.pair) == (
        "file_path: a", answer.id, by_harness.id,
    )  # fmt: skip
    assert found.calls[1].left_out == 1


def test_pictures_and_unknown_blocks_are_labels_and_never_their_bytes(file: Path) -> None:
    picture = {"type": "image", "source": {"media_type": "image/png", "data": "QUJD" * 100}}
    odd = {"type": "weather", "content": "sun"}
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "a", request(user([picture, odd]), result("t", [picture])))
    assert kinds(read_conversation(file))[1:] == [
        ("other", "[image, image/png, 400 characters]"),
        ("other", "[weather]"),
        ("tool result", "[image, image/png, 400 characters]"),
    ]


def test_a_long_text_is_cut_with_a_note(file: Path) -> None:
    long = "deadline \x1b[31m<script>\u202e " * 250_000
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "a", request(user("Go."), result("t", long)))
        writer.reply(1, 200, reply_of("Done."))
    entry = next(item for item in read_conversation(file).entries if item.length > 100)
    assert entry.text == long[:LONGEST_SHOWN]
    assert entry.note == f"the first 20,000 of {len(long):,} characters"


def test_a_torn_last_line_and_damaged_ones_are_counted_and_passed_over(file: Path) -> None:
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "a", request(user("Go.")))
        writer.reply(1, 200, reply_of("Done."))
    damaged = [b"not json", b"[]", b'{"call": "x"}', b"[" * 5_000, b'{"call": 7}', b"\xff\xfe"]
    file.write_bytes(b"".join(b"%s\n" % line for line in damaged) + file.read_bytes() + b'{"cal')
    found = read_conversation(file)
    assert found.damage == {"unreadable line": 6, "torn last line": 1}
    assert [text for _, text in kinds(found)] == ["Be exact.", "Go.", "Done."]


def test_the_json_form_is_json_whatever_was_said(file: Path) -> None:
    content = {"call": 1, "request": {"messages": [{"role": "user", "content": "\ud800 \x00"}]}}
    file.write_text(json.dumps(content) + "\n")
    said = json.dumps(read_conversation(file).to_json(), ensure_ascii=False)
    assert said.encode()
    assert json.loads(said)["ends"] == {"unanswered": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "call", "request", "reply", "messages", "role", "content", "type", "text", "tools",
            "as_in_call", "from", "to", "input", "usage", "status", "failure", "partial", "source",
            "tool_use_id", "id", "error", "system", "name", "cost_usd",
        ]),
        inner,
        max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip
LINES = st.lists(
    st.tuples(st.sampled_from(["request", "reply", "failure"]), JSON, st.integers(0, 3), JSON),
    max_size=6,
)


@given(lines=LINES)
def test_no_line_breaks_the_reading(
    lines: list[tuple[str, Any, int, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "odd.jsonl"
    blocks = [{"type": "tool_use", "input": {}}, {"type": "tool_result", "content": []}]
    odd = [
        {"call": call, kind: value, "status": 200, "cost_usd": more}
        if kind != "request" or not isinstance(value, list)
        else {"call": call, kind: {"messages": [*value, {"role": "user", "content": blocks}]}}
        for kind, value, call, more in lines
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in odd))
    json.dumps(read_conversation(file).to_json())


def test_memory_stays_bounded_however_much_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "MOST_SHOWN", 100_000)
    monkeypatch.setattr(conversation, "MOST_ENTRIES", 50)
    said: list[dict[str, Any]] = []
    with closing(TranscriptWriter(file)) as writer:
        for number in range(1, 61):
            said.append(user(f"{number} " + "x" * 60_000))
            writer.request(number, f"d{number}", request(*said))
            writer.reply(number, 200, reply_of(f"r{number}"))
            said.append(assistant(f"r{number}"))
    assert file.stat().st_size > 3_600_000
    tracemalloc.start()
    found = read_conversation(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_200_000
    assert (len(found.entries), found.left_out, len(found.calls)) == (50, 71, 60)
    assert [len(entry.text) for entry in found.entries if entry.role == "user"][-1] == 200


@pytest.mark.parametrize("kind", [["text"], {"a": 1}, 5, None])
def test_a_block_of_a_kind_that_is_no_text_is_shown_as_a_label(file: Path, kind: Any) -> None:
    odd = [{"type": kind, "text": "x"}, text_block("The rent is due.")]
    with closing(TranscriptWriter(file)) as writer:
        use = assistant([calling("read", "t1")])
        writer.request(1, "d1", request(user("Go."), use, result("t1", odd)))
        writer.reply(1, 200, reply_of("Done."))
    shown = [entry.text for entry in read_conversation(file).entries]
    assert "[]\nThe rent is due." in shown
