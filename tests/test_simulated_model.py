"""The simulated model works from its request and a noise key, and from nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.simulated.chance import Chance, uniform
from harness_search.simulated.extraction import answer, library_of, number_of, points_of
from harness_search.simulated.server import reply_to
from harness_search.simulated.slips import malformed_json

ASSIGNMENT = """\
Please abstract the lease of the Larch matter. Deliver `abstract.docx`. Variant {variant}.

Address each of the following points under its own heading:
1. Rent: state the annual rent.
2. Notice: state the notice by which a party may terminate the lease.
3. Commencement: state when the term of the lease commences.
"""
PAPERS = {
    "documents/draft.txt": "DRAFT - superseded\nThe annual rent is 77,000 USD.",
    "documents/lease.txt": "Lease in the Larch matter\nThe annual rent is 120,000 USD.\n"
    "Either party may terminate the lease by notice of 6 months.\n"
    "The term of the lease commences on 3 March 2026.",
}


def tool(name: str, *arguments: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in arguments}}
    return {"name": name, "description": name, "input_schema": schema}


TOOLS = [
    tool("glob", "pattern"),
    tool("read", "file_path"),
    tool("write", "file_path", "content"),
    tool("write_docx", "file_path", "content"),
]


def run_tool(name: str, arguments: Any) -> tuple[str, bool]:
    if not isinstance(arguments, dict):
        return "not an object", True
    if name == "glob":
        return "\n".join(PAPERS), False
    if name == "read":
        return PAPERS[arguments["file_path"]], False
    return "wrote it", False


def converse(assignment: str, noise: str = "", tools: list[Any] | None = None) -> list[Any]:
    """Let the model work until it calls no tool; returns every tool call it made."""
    messages: list[Any] = [{"role": "user", "content": assignment}]
    calls: list[Any] = []
    for _ in range(30):
        request = {"model": "m", "system": "s", "tools": tools or TOOLS, "messages": messages}
        reply = reply_to(request, noise or f"rollout of {assignment}")
        messages.append({"role": "assistant", "content": reply["content"]})
        made = [block for block in reply["content"] if block["type"] == "tool_use"]
        if not made:
            assert reply["stop_reason"] == "end_turn"
            return calls
        calls += made
        results = []
        for call in made:
            text, failed = run_tool(call["name"], call["input"])
            results.append(
                {
                    "type": "tool_result",
                    "tool_use_id": call["id"],
                    "content": text,
                    "is_error": failed,
                }
            )
        messages.append({"role": "user", "content": results})
    raise AssertionError("the model never finished")


def writes(calls: list[Any]) -> list[Any]:
    return [call for call in calls if call["name"].startswith("write")]


def variants(holds: Callable[[list[Any]], bool]) -> list[str]:
    """Assignments, out of sixty that differ in a word only, on which something holds."""
    texts = [ASSIGNMENT.format(variant=number) for number in range(60)]
    return [text for text in texts if holds(writes(converse(text)))]


def is_plain(calls: list[Any]) -> bool:
    return (
        len(calls) == 1
        and isinstance(calls[0]["input"], dict)
        and calls[0]["input"]["file_path"] == "abstract.docx"
    )


def test_it_lists_reads_writes_what_it_found_and_finishes() -> None:
    calls = converse(variants(is_plain)[0])
    assert [call["name"] for call in calls] == ["glob", "read", "read", "write_docx"]
    content = calls[-1]["input"]["content"]
    assert "## Rent" in content
    assert "77,000" not in content


def test_it_does_without_a_listing_tool() -> None:
    calls = converse(ASSIGNMENT, tools=TOOLS[1:])
    assert calls == []


def test_the_same_request_and_noise_give_the_same_reply() -> None:
    request = {"messages": [{"role": "user", "content": ASSIGNMENT}], "tools": TOOLS}
    assert reply_to(request, "a") == reply_to(json.loads(json.dumps(request)), "a")


SLIPS: dict[str, Callable[[list[Any]], bool]] = {
    "wrong file name": lambda calls: any(
        isinstance(call["input"], dict)
        and call["input"]["file_path"].rsplit("/")[-1] != "abstract.docx"
        for call in calls
    ),
    "subfolder": lambda calls: any(
        isinstance(call["input"], dict) and "/" in call["input"]["file_path"] for call in calls
    ),
    "clobbered chunks": lambda calls: (
        len({str(call["input"]) for call in calls}) > 1
        and len({call["input"]["file_path"] for call in calls if isinstance(call["input"], dict)})
        == 1
    ),
    "malformed tool call": lambda calls: any(isinstance(call["input"], str) for call in calls),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_every_slip_occurs_on_some_tasks_and_not_on_most(slip: str) -> None:
    found = variants(SLIPS[slip])
    assert 2 <= len(found) <= 30


def test_most_tasks_are_free_of_slips_in_most_of_their_points() -> None:
    assert len(variants(is_plain)) >= 15


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_belongs_to_the_task_and_comes_back_in_most_rollouts(slip: str) -> None:
    text = variants(SLIPS[slip])[0]
    again = [SLIPS[slip](writes(converse(text, noise=f"rollout {number}"))) for number in range(20)]
    assert sum(again) >= 5


def test_a_malformed_call_is_text_that_no_parser_takes() -> None:
    text = malformed_json({"file_path": "a.docx", "content": 'line\n"quoted"\nline'})
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_it_gives_a_failing_write_up_after_two_tries() -> None:
    text = variants(SLIPS["malformed tool call"])[0]
    tries = [call for call in writes(converse(text)) if isinstance(call["input"], str)]
    assert len(tries) <= 2 * 3


def test_facts_come_from_what_was_read_alone() -> None:
    (rent, *_) = points_of(ASSIGNMENT)
    assert answer(rent, library_of({}, ASSIGNMENT)) == []
    assert any("120,000" in line for line in answer(rent, library_of(PAPERS, ASSIGNMENT)))


def test_a_total_is_summed_from_the_table_that_was_read() -> None:
    (point,) = points_of('1. Total fees: state the total of the "Annual fee" column.')
    table = "| Contract | Annual fee |\n| A | 1,000 |\n| B | 2,500.50 USD |\n| C | none |"
    assert "3,500.50" in answer(point, library_of({"register.xlsx": table}, "x"))[0]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1,000", 1000), ("$ 12.50", 12.5), ("-3", -3), ("none", None), ("12 of 15 pages", None)],
)
def test_a_cell_is_a_number_when_it_holds_little_else(cell: str, value: float | None) -> None:
    assert number_of(cell) == value


@given(st.text(), st.text())
def test_chance_is_a_number_between_zero_and_one(one: str, two: str) -> None:
    assert 0 <= uniform(one, two) < 1


def test_tendencies_are_mostly_always_or_never() -> None:
    values = [
        Chance(f"task {number}", "n").tendency("slip", prone=0.2, mixed=0.03)
        for number in range(2000)
    ]
    often = sum(value > 0.9 for value in values) / len(values)
    between = sum(0.1 < value < 0.9 for value in values) / len(values)
    assert 0.15 < often < 0.25
    assert between < 0.06


def test_tokens_before_the_last_reply_are_read_from_the_cache() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    opening = {"role": "user", "content": [{"type": "text", "text": "x" * 400, **mark}]}
    first = reply_to({"messages": [opening], "system": "s" * 40, "tools": TOOLS}, "n")
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
    second = reply_to({"messages": messages, "system": "s" * 40, "tools": TOOLS}, "n")
    assert first["usage"]["cache_read_input_tokens"] == 0
    assert second["usage"]["cache_read_input_tokens"] >= 100
    assert second["usage"]["cache_creation_input_tokens"] >= 1000
    bare = reply_to({"messages": [plain], "system": "s", "tools": []}, "n")
    assert bare["usage"]["cache_creation_input_tokens"] == 0
    assert bare["usage"]["input_tokens"] >= 100
