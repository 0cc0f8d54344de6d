"""A reply that was paid is given again to the same request, and to no other."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.gateway.replay import Recorded, Replies
from harness_search.gateway.transcript import TranscriptWriter


def reply(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "usage": {"output_tokens": 1}}


def test_a_reply_is_found_by_its_very_request_and_not_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "one", {"messages": []})
        writer.request(2, "two", {"messages": []})
        writer.reply(2, 200, reply("second"), cost_usd=0.2)
        writer.reply(1, 200, reply("first"), cost_usd=0.1)
    replies = Replies.of([file])
    assert len(replies) == 2
    assert replies.find("one", 1) == Recorded(200, reply("first"), 0.1)
    assert replies.find("two", 1) == Recorded(200, reply("second"), 0.2)
    assert replies.find("one", 2) is None
    assert replies.find("three", 1) is None


def test_what_was_not_paid_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        for call in (1, 2, 3, 4):
            writer.request(call, "digest", {"messages": []}, reserved_usd=1.0)
        writer.reply(1, 400, {"type": "error"})
        writer.failure(2, "status 529")
        writer.failure(3, "stream without its end", partial=reply("half"), cost_usd=0.5)
    replies = Replies.of([file])
    assert len(replies) == 0
    assert all(replies.find("digest", time) is None for time in (1, 2, 3, 4))


def test_a_replayed_reply_replays_again_at_its_original_price(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        writer.request(1, "digest", {"messages": []})
        writer.reply(1, 200, reply("paid long ago"), cost_usd=0.3, replayed=True)
    assert Replies.of([file]).find("digest", 1) == Recorded(200, reply("paid long ago"), 0.3)


def test_an_attempt_that_never_asked_has_no_replies(tmp_path: Path) -> None:
    assert len(Replies()) == len(Replies.of([])) == 0
    assert len(Replies.of([tmp_path / "missing.jsonl"])) == 0


def test_what_is_asked_again_has_its_replies_in_turn(tmp_path: Path) -> None:
    file = tmp_path / "transcript.jsonl"
    with closing(TranscriptWriter(file)) as writer:
        for call in (1, 2, 3):
            writer.request(call, "digest", {"messages": []})
        writer.failure(1, "stream without its end", tries=1)
        writer.reply(3, 200, reply("first"))
        writer.reply(2, 200, reply("second"))
    replies = Replies.of([file])
    found = [replies.find("digest", time) for time in (1, 2, 3)]
    assert [recorded and recorded.reply for recorded in found] == [
        *(reply("first"), reply("second"), None)
    ]


def test_tries_in_vain_are_summed_over_attempts(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.jsonl" for number in range(2)]
    for number, file in enumerate(files, start=1):
        with closing(TranscriptWriter(file)) as writer:
            writer.request(1, "answered", {"messages": []})
            writer.reply(1, 200, reply("done"))
            writer.request(2, "failing", {"messages": []})
            writer.failure(2, "status 500", tries=3 * number)
    replies = Replies.of(files)
    assert (replies.failed_tries("failing"), replies.failed_tries("answered")) == (9, 0)


CALLS = st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 9)), max_size=6)


@settings(deadline=None)
@given(attempts=st.lists(CALLS, max_size=3))
def test_of_several_attempts_the_later_prevails(
    tmp_path_factory: Any, attempts: list[list[tuple[str, int]]]
) -> None:
    folder = tmp_path_factory.mktemp("attempts")
    files = [folder / f"{number}.jsonl" for number in range(len(attempts))]
    expected: dict[tuple[str, int], int] = {}
    for file, attempt in zip(files, attempts, strict=True):
        times: Counter[str] = Counter()
        with closing(TranscriptWriter(file)) as writer:
            for call, (digest, price) in enumerate(attempt, start=1):
                times[digest] += 1
                writer.request(call, digest, {"messages": []})
                writer.reply(call, 200, reply(digest), cost_usd=price)
                expected[digest, times[digest]] = price
    replies = Replies.of(files)
    assert len(replies) == len(expected)
    for digest in "xyz":
        for time in range(1, 7):
            found = replies.find(digest, time)
            assert (found and found.cost_usd) == expected.get((digest, time))
