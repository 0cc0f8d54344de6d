"""After a reply that met its length limit, the model is told and asked for the rest."""

import copy
from pathlib import Path
from typing import Any

import pytest
from candidates import DONE, call, load, outputs, write

from harness_kit import Reply, Task

CONTINUATION = ["cut_reply_continuation"]
DELIBERATION = [{"type": "text", "text": "Let me think about each of the points first. The"}]
TOLD = "Your reply was cut off"

Content = list[dict[str, Any]]


class LimitedModel:
    """Answers with prepared contents, of which some are cut at the length limit."""

    def __init__(self, *replies: tuple[Content, str]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._replies = [*replies]

    def complete(self, **request: Any) -> Reply:
        self.requests.append(copy.deepcopy(request))
        content, reason = self._replies.pop(0) if self._replies else (DONE, "end_turn")
        return Reply(copy.deepcopy(content), reason, {})


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("documents", "output"):
        (tmp_path / "work" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")


def cut(content: Content) -> tuple[Content, str]:
    return content, "max_tokens"


def whole(content: Content) -> tuple[Content, str]:
    return content, "tool_use"


def conversation(names: list[str], *replies: tuple[Content, str]) -> list[dict[str, Any]]:
    """The messages of the last request."""
    model = LimitedModel(*replies)
    task = Task("Write it.", Path("documents"), Path(), Path("output"), ())
    load(names, Path("..")).solve(task, model)
    messages = model.requests[-1]["messages"]
    assert isinstance(messages, list)
    return messages


def texts(message: dict[str, Any]) -> list[str]:
    content = message["content"]
    blocks = [{"text": content}] if isinstance(content, str) else content
    return [block.get("text", block.get("content", "")) for block in blocks]


def test_the_result_of_a_cut_call_says_so_and_asks_for_the_rest() -> None:
    messages = conversation(CONTINUATION, cut(write("memo.md", "# Memo\n\nThe")))
    (result,) = texts(messages[2])
    assert result.startswith("wrote output/memo.md\n\n[Your reply was cut off")
    assert "Write the rest now in one more call to the same path" in result


def test_of_several_calls_in_a_cut_reply_only_the_last_one_was_cut() -> None:
    several = [*write("a.md", "a"), *write("b.md", "b")]
    messages = conversation(CONTINUATION, cut(several))
    assert [TOLD in text for text in texts(messages[2])] == [False, True]


def test_a_cut_call_that_failed_for_it_says_so_too() -> None:
    messages = conversation(CONTINUATION, cut(call("write", {"file_path": "memo.md"})))
    (result,) = texts(messages[2])
    assert result.startswith("ValueError: missing argument: content")
    assert TOLD in result


def test_a_whole_reply_is_answered_as_ever() -> None:
    step = write("memo.md", "# Memo")
    with_it, without = (conversation(names, whole(step)) for names in (CONTINUATION, []))
    assert with_it == without


def test_a_cut_reply_without_a_call_is_asked_to_go_on() -> None:
    messages = conversation(CONTINUATION, cut(DELIBERATION), whole(write("memo.md", "# Memo")))
    assert messages[2]["role"] == "user"
    assert texts(messages[2])[0].startswith(TOLD)
    assert outputs() == {"memo.md": "# Memo"}


def test_a_whole_reply_without_a_call_ends_the_conversation() -> None:
    messages = conversation(CONTINUATION, whole(DELIBERATION), whole(write("memo.md", "# Memo")))
    assert len(messages) == 1
    assert outputs() == {}


def test_a_model_that_only_deliberates_is_not_asked_for_ever() -> None:
    messages = conversation(CONTINUATION, *[cut(DELIBERATION)] * 300)
    asked = [message for message in messages if message["role"] == "user"]
    assert len(asked) == 6, "the assignment and five requests"


def test_a_cut_reply_without_anything_in_it_is_not_sent_back() -> None:
    messages = conversation(CONTINUATION, cut([]), whole(write("memo.md", "# Memo")))
    assert all(message["content"] for message in messages)
    assert outputs() == {"memo.md": "# Memo"}


@pytest.mark.parametrize("order", [1, -1])
def test_with_reassembly_both_halves_arrive_and_without_it_the_rest_alone(order: int) -> None:
    halves = [
        cut(write("memo.md", "# Memo\n\nOne is done.\n\nTwo is")),
        whole(write("memo.md", "Two is done.\n\nThree is done.")),
    ]
    conversation(CONTINUATION, *halves)
    assert outputs() == {"memo.md": "Two is done.\n\nThree is done."}
    both = ["deliverable_reassembly_gate", *CONTINUATION][::order]
    conversation(both, *halves)
    assert outputs() == {
        "memo.md": "# Memo\n\nOne is done.\n\nTwo is\n\nTwo is done.\n\nThree is done."
    }
