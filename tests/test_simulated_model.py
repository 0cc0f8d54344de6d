"""The simulated model works from its request and a noise key, and from nothing else."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_matter import (
    ASSIGNMENT,
    FACTS,
    Worker,
    assignment_prone_to,
    calls_of,
    delivered,
    facts_in,
    harness,
    solve,
    work,
)

from harness_kit import Task
from harness_search.benchmark.tasks import discover
from harness_search.judging.documents import TextStore
from harness_search.rollouts.view import make_view
from harness_search.simulated.chance import Chance, uniform
from harness_search.simulated.failures import prone_to
from harness_search.simulated.personas import PERSONAS, Failure
from harness_search.simulated.server import reply_to
from harness_search.simulated.wire import Step, ToolUse, as_text, cut_to, malformed_json


def tool(name: str, *arguments: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in arguments}}
    return {"name": name, "description": name, "input_schema": schema}


def test_it_lists_reads_writes_what_it_found_and_finishes(tmp_path: Path) -> None:
    model = work(tmp_path / "work", assignment_prone_to())
    names = [call["name"] for call in calls_of(model)]
    assert names == ["glob", *["read"] * 5, "write_docx"]
    text = delivered(tmp_path / "work")
    assert "# Rent" in text
    assert facts_in(text) >= len(FACTS) - 2
    assert "77,000" not in text


def test_it_says_so_when_it_can_see_no_documents() -> None:
    request = {"messages": [{"role": "user", "content": ASSIGNMENT}], "tools": [tool("write", "a")]}
    reply = reply_to(request, "n")
    assert reply["stop_reason"] == "end_turn"
    assert "cannot see any documents" in reply["content"][0]["text"]


def test_the_same_request_and_noise_give_the_same_reply() -> None:
    request = {"messages": [{"role": "user", "content": ASSIGNMENT}], "tools": [tool("glob", "p")]}
    assert reply_to(request, "a") == reply_to(json.loads(json.dumps(request)), "a")


def seen_by_the_model(
    folder: Path, tasks: Path, task_id: str, persona: str, mechanisms: list[str]
) -> list[dict[str, Any]]:
    """Every request of a rollout on a task that is read from a folder of tasks."""
    task = discover(tasks)[task_id]
    make_view(folder, task, TextStore(folder.parent / "texts"))
    told = Task(
        task.content.instructions,
        Path("documents"),
        Path(),
        Path("output"),
        task.content.deliverables,
    )
    model = Worker(persona, "one noise key")
    return solve(folder, harness(*mechanisms), told, model).requests


@pytest.mark.parametrize(
    ("persona", "mechanisms"),
    [
        ("simulated-1", []),
        ("simulated-1-mini", ["finish_verification", "document_coverage", "context_compaction"]),
        ("simulated-birch-1", ["outline_playbook", "second_look"]),
    ],
)
def test_renamed_folders_hidden_rubrics_and_a_moved_clock_change_nothing(
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    persona: str,
    mechanisms: list[str],
) -> None:
    original = min(discover(repository / "tasks"))
    moved = tmp_path / "tasks" / "area-51" / "another-name"
    shutil.copytree(repository / "tasks" / original, moved)
    content = json.loads((moved / "task.json").read_text(encoding="utf-8"))
    hidden = {"id": "C-1", "title": "hidden", "match_criteria": "PASS if hidden. FAIL if not."}
    content |= {"criteria": [hidden], "metadata": {}, "title": "hidden"}
    (moved / "task.json").write_text(json.dumps(content), encoding="utf-8")

    how = (persona, mechanisms)
    before = seen_by_the_model(tmp_path / "one", repository / "tasks", original, *how)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    after = seen_by_the_model(tmp_path / "two", tmp_path / "tasks", "area-51/another-name", *how)
    assert len(before) > 3
    assert before == after


def test_another_noise_key_changes_little_and_another_persona_more(tmp_path: Path) -> None:
    assignment = assignment_prone_to()
    texts = []
    for number, persona in enumerate(["simulated-1", "simulated-1", "simulated-birch-1"]):
        folder = tmp_path / str(number)
        work(folder, assignment, persona=persona, noise=f"rollout {number}")
        texts.append(delivered(folder))
    assert texts[0] == texts[1] != texts[2]


# Failures, and how they spread over tasks.

TASKS = [ASSIGNMENT.format(number=number) for number in range(2_000)]


@pytest.mark.parametrize("persona", PERSONAS)
def test_failures_befall_the_shares_of_tasks_that_the_persona_says(persona: str) -> None:
    model = PERSONAS[persona]
    met = [prone_to(text, model) for text in TASKS]
    for failure, rate in {**model.delivery, **model.process}.items():
        share = sum(failure in found for found in met) / len(TASKS)
        assert abs(share - rate) < 0.03


@pytest.mark.parametrize("persona", PERSONAS)
def test_a_task_meets_at_most_one_failure_of_each_group(persona: str) -> None:
    model = PERSONAS[persona]
    for text in TASKS[:300]:
        met = prone_to(text, model)
        assert len(met & model.delivery.keys()) <= 1
        assert len(met & model.process.keys()) <= 1


def test_a_loop_ends_by_itself_and_leaves_nothing(tmp_path: Path) -> None:
    model = work(tmp_path / "work", assignment_prone_to(Failure.REPETITION_LOOP))
    last = calls_of(model)[-1]
    repeated = [call for call in calls_of(model) if call["input"] == last["input"]]
    assert 3 <= len(repeated) <= 12
    assert not delivered(tmp_path / "work")


def test_it_gives_a_failing_write_up_after_two_tries(tmp_path: Path) -> None:
    model = work(tmp_path / "work", assignment_prone_to(Failure.MALFORMED_CALL))
    assert len([call for call in calls_of(model) if isinstance(call["input"], str)]) == 2


# The wire.


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_a_malformed_call_is_text_that_no_parser_takes(arguments: dict[str, str]) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(malformed_json(arguments))


@pytest.mark.parametrize("shape", range(3))
def test_a_call_as_text_holds_its_name_and_arguments(shape: int) -> None:
    text = as_text(ToolUse("write", {"file_path": "a.md", "content": 'a "b"\nc'}), shape)
    assert "write" in text
    assert json.dumps('a "b"\nc') in text


@given(st.integers(1, 400), st.text(max_size=900), st.text(max_size=900))
def test_a_reply_is_cut_to_its_room(max_tokens: int, text: str, content: str) -> None:
    whole = Step(text, (ToolUse("write", {"file_path": "a", "content": content}),))
    cut = cut_to(whole, max_tokens)
    assert whole.text.startswith(cut.text)
    assert len(cut.text) <= max_tokens * 4
    if not cut.cut:
        assert cut == whole
    for call in cut.calls:
        assert isinstance(call.input, dict)
        assert content.startswith(call.input["content"])


def test_a_cut_reply_stops_for_its_length() -> None:
    step = Step("x" * 30, (ToolUse("write", {"file_path": "a", "content": "y" * 400}),))
    assert cut_to(step, 5).stop_reason == "max_tokens"
    assert cut_to(step, 5).calls == ()
    assert len(cut_to(step, 60).calls) == 1
    assert cut_to(step, 6000).stop_reason == "tool_use"


# Chance.


@given(st.text(), st.text())
def test_chance_is_a_number_between_zero_and_one(one: str, two: str) -> None:
    assert 0 <= uniform(one, two) < 1


@pytest.mark.parametrize("probability", [0.02, 0.3, 0.985])
def test_an_event_happens_as_often_as_it_should(probability: float) -> None:
    chances = [Chance("one", "task", f"noise {number}") for number in range(4_000)]
    share = sum(chance.occurs("event", probability) for chance in chances) / len(chances)
    assert abs(share - probability) < 0.03


def test_events_of_one_rollout_come_together() -> None:
    chances = [Chance("one", "task", f"noise {number}") for number in range(4_000)]
    both = sum(chance.occurs("a", 0.3) and chance.occurs("b", 0.3) for chance in chances)
    assert both / len(chances) > 0.11  # 0.09 if they were independent


def test_tendencies_are_mostly_always_or_never() -> None:
    values = [
        Chance("one", f"task {number}", "n").tendency("slip", prone=0.2, mixed=0.03)
        for number in range(2000)
    ]
    often = sum(value > 0.9 for value in values) / len(values)
    between = sum(0.1 < value < 0.9 for value in values) / len(values)
    assert 0.15 < often < 0.25
    assert between < 0.06


def test_tokens_before_the_last_reply_are_read_from_the_cache() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    tools = [tool("glob", "pattern")]
    opening = {"role": "user", "content": [{"type": "text", "text": "x" * 400, **mark}]}
    first = reply_to({"messages": [opening], "system": "s" * 40, "tools": tools}, "n")
    plain = {"role": "user", "content": [{"type": "text", "text": "x" * 400}]}
    results = [
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": "y" * 4000,
            "is_error": False,
            **mark,
        }
    ]
    messages = [
        plain,
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": results},
    ]
    second = reply_to({"messages": messages, "system": "s" * 40, "tools": tools}, "n")
    assert first["usage"]["cache_read_input_tokens"] == 0
    assert second["usage"]["cache_read_input_tokens"] >= 100
    assert second["usage"]["cache_creation_input_tokens"] >= 1000
    bare = reply_to({"messages": [plain], "system": "s", "tools": []}, "n")
    assert bare["usage"]["cache_creation_input_tokens"] == 0
    assert bare["usage"]["input_tokens"] >= 100
