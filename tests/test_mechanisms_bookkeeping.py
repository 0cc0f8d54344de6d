"""Mechanisms that count and note what happens change nothing else, and carry no clock."""

import json
from pathlib import Path
from typing import Any

import pytest
from candidates import CATALOGUE, Run, call, outputs, results, runner, write


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


LOOK = {"pattern": "*.md"}


# Turn counter.


def test_the_result_of_a_writing_tool_says_in_which_turn_it_was_called(run: Run) -> None:
    two = [*write("b.md", "2"), *write("c.md", "3")]
    requests = run(["turn_counter"], call("glob", LOOK), write("a.md", "1"), two)
    told = [result["content"] for result in results(requests)]
    assert told[1:] == [
        "wrote output/a.md\n[turn 2 of 200]",
        "wrote output/b.md\n[turn 3 of 200]",
        "wrote output/c.md\n[turn 3 of 200]",
    ]


def test_who_looks_twice_at_the_same_thing_sees_the_same_thing(run: Run) -> None:
    requests = run(["turn_counter"], call("glob", LOOK), call("glob", LOOK))
    assert [result["content"] for result in results(requests)] == ["no files", "no files"]


def test_a_further_round_of_the_conversation_goes_on_counting(run: Run) -> None:
    done = [{"type": "text", "text": "Done."}]
    requests = run(["turn_counter", "second_look"], done, write("a.md", "1"))
    assert results(requests)[0]["content"].endswith("[turn 2 of 200]")


# Tool-call log.


def log() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(".tool_calls.jsonl").read_text().splitlines()]


def test_every_call_stands_in_the_log_with_how_it_ended(run: Run) -> None:
    run(["tool_call_log"], write("a.md", "x" * 300), call("write", {}), call("read", '{"fi'))
    assert log() == [
        {
            "tool": "write",
            "arguments": {"file_path": "a.md", "content": "x" * 80},
            "failed": False,
        },
        {"tool": "write", "arguments": {}, "failed": True},
        {"tool": "read", "arguments": {"text": '{"fi'}, "failed": True},
    ]


def test_the_log_changes_neither_what_the_model_sees_nor_what_is_delivered(run: Run) -> None:
    steps = (write("a.md", "1"), call("glob", {"pattern": "**/*"}), call("write", {}))
    plain, logged = run([], *steps), run(["tool_call_log"], *steps)
    assert [item["messages"] for item in logged] == [item["messages"] for item in plain]
    assert outputs() == {"a.md": "1"}


def test_the_log_is_never_taken_for_a_deliverable(run: Run) -> None:
    landing = [name for name in CATALOGUE if "land" in name]
    run(["tool_call_log", *landing], call("glob", LOOK), deliverables=("memo.md",))
    assert outputs() == {}
    assert log()


def test_a_log_that_cannot_be_written_ends_nothing(run: Run) -> None:
    Path(".tool_calls.jsonl").mkdir()
    run(["tool_call_log"], write("a.md", "1"))
    assert outputs() == {"a.md": "1"}
