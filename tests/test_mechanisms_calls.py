"""Mechanisms that mend the model's calls, added to the real baseline and run on real files."""

import json
from pathlib import Path
from typing import Any

import pytest
from candidates import CATALOGUE, Run, call, load, outputs, results, runner, says, write
from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.transcript import Exchange
from harness_search.ledger.rows import Outcome
from harness_search.proposers.catalogue.evidence import (
    RolloutEvidence,
    RolloutFile,
    ToolCall,
    rollout_evidence,
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


# Textual calls.

RESCUE = ["textual_call_rescue"]
ARGUMENTS = {"file_path": "memo.md", "content": 'He said "no".\n\n```\ncode\n```\n</tool_call>'}
TEXT = json.dumps(ARGUMENTS)
XML = "".join(f'<parameter name="{key}">{value}</parameter>\n' for key, value in ARGUMENTS.items())
XML_OTHER = "".join(
    f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in ARGUMENTS.items()
)
SHAPES = [
    f'<tool_call>\n{{"name": "write", "arguments": {TEXT}}}\n</tool_call>',
    f'```json\n{{"tool": "write", "input": {TEXT}}}\n```',
    f"<function=write>{TEXT}</function>",
    f'<tool_use>{{"name": "write", "input": {TEXT}}}</tool_use>',
    f'<function_call>{{"name": "write", "arguments": {json.dumps(TEXT)}}}</function_call>',
    f'```\n{{"name": "write", "parameters": {TEXT}}}\n```',
    f'<function=write>\n{{"arguments": {TEXT}}}\n</function>',
    f"<function=write>{TEXT[:-1]}</function>",
    f'<tool_call>\n{{"name": "write", "arguments": {TEXT}\n</tool_call>',
    f'<tool_call>\n{{"name": "write", "arguments": {TEXT}}}',
    "<function=write>" + TEXT.replace("\\n", "\n") + "</function>",
    f'<tool_call>{{"type": "function", "function": {{"name": "write", "arguments": {TEXT}}}}}',
    '```json\n{"type": "function", "function": {"name": "write", "arguments": '
    f"{json.dumps(TEXT)}}}}}\n```",
    f'<function_call>{{"function": "write", "arguments": {TEXT}}}</function_call>',
    f'```json\n{{"tool_name": "write", "args": {TEXT}}}\n```',
    f'```json\n{{"action": "write", "tool_input": {json.dumps(TEXT)}}}\n```',
    f'```json\n{{"action": "write", "action_input": {TEXT}}}\n```',
    f'```\n{{"parameters": {TEXT}, "thought": "The memo.", "name": "write"}}\n```',
    f'```json\n[\n  {{"name": "write", "arguments": {TEXT}}}\n]\n```',
    f'<tool_calls>[{{"name": "write", "arguments": {TEXT}}}]</tool_calls>',
    f'[TOOL_CALLS] [{{"name": "write", "arguments": {TEXT}}}]',
    f'[TOOL_CALLS][{{"name": "write", "arguments": {TEXT}}}',
    f'\n{{"name": "write", "arguments": {TEXT}}}\n',
    f'\n[{{"tool": "write", "input": {TEXT}}}]',
    f'<invoke name="write">{XML}</invoke>',
    f'<function_calls>\n<invoke name="write">\n{XML}</invoke>\n</function_calls>',
    f"<tool_call>\n<function=write>\n{XML_OTHER}</function>\n</tool_call>",
    f'```xml\n<invoke name="write">{XML}</invoke>\n```',
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_that_was_only_written_out_is_made(run: Run, shape: str) -> None:
    run(RESCUE, says(f"Now the memo.\n{shape}"))
    assert outputs() == {"memo.md": ARGUMENTS["content"]}


def test_the_text_around_a_call_is_kept_and_the_model_sees_its_result(run: Run) -> None:
    requests = run(RESCUE, says(f"Before.\n{SHAPES[0]}\nAfter."), says(SHAPES[2]))
    assert len(requests) == 3
    first, result = requests[-1]["messages"][1:3]
    assert first["content"][0] == {"type": "text", "text": "Before.\n\nAfter."}
    assert first["content"][1]["input"] == ARGUMENTS
    assert result["content"][0]["content"] == "wrote output/memo.md"
    second = requests[-1]["messages"][3]["content"]
    assert [block["type"] for block in second] == ["tool_use"], "no block is left without text"
    assert second[0]["id"] != first["content"][1]["id"]


def test_several_calls_in_one_text_are_all_made_in_order(run: Run) -> None:
    other = SHAPES[1].replace("memo.md", "note.md")
    run(RESCUE, says(f"{SHAPES[0]}\n{other}"))
    assert [*outputs()] == ["memo.md", "note.md"]


@pytest.mark.parametrize("tags", ["<tool_calls>{}</tool_calls>", "```\n{}\n```", "\n\n{}"])
def test_all_calls_of_a_list_are_made(run: Run, tags: str) -> None:
    listed = [
        {"name": "write", "arguments": {**ARGUMENTS, "file_path": name}}
        for name in ("memo.md", "note.md")
    ]
    run(RESCUE, says("Now both." + tags.format(json.dumps(listed))))
    assert [*outputs()] == ["memo.md", "note.md"]


def test_several_tagged_calls_leave_no_tags_in_the_text() -> None:
    other = XML.replace("memo.md", "note.md")
    calls = f'<invoke name="write">{XML}</invoke>\n<invoke name="write">{other}</invoke>'
    text = f"Before.\n<function_calls>\n{calls}\n</function_calls>\nAfter."
    rest, found = RESCUED["parted"](text, TOOLS)
    assert rest.split() == ["Before.", "After."]
    assert [call["input"]["file_path"] for call in found] == ["memo.md", "note.md"]
    assert {call["input"]["content"] for call in found} == {ARGUMENTS["content"]}


@pytest.mark.parametrize("tag", ["<function=write-all>{}</function>", "[TOOL_CALLS] {}"])
def test_a_tool_with_a_hyphen_in_its_name_is_known_by_it(tag: str) -> None:
    value = TEXT if "=" in tag else json.dumps({"name": "write-all", "arguments": ARGUMENTS})
    text = tag.format(value)
    assert RESCUED["parted"](text, {"write-all"})[1][0]["input"] == ARGUMENTS
    assert RESCUED["parted"](text, TOOLS) == (text, [])


def test_a_call_in_the_text_of_a_reply_with_a_real_call_is_not_made(run: Run) -> None:
    requests = run(RESCUE, [*says(SHAPES[0]), *call("glob", {"pattern": "*"})])
    assert outputs() == {}
    assert requests[-1]["messages"][1]["content"][0]["text"] == SHAPES[0]


NO_CALLS = [
    "I am done.",
    "```python\nprint(1)\n```",
    '```json\n{"file_path": "memo.md"}\n```',
    SHAPES[0].replace('"write"', '"send_mail"'),
    '<tool_call>{"name": ["write"], "arguments": {}}</tool_call>',
    '<tool_call>{"name": "write", "arguments": [1]}</tool_call>',
    "<tool_call>[]</tool_call> <function=write>write(memo)</function>",
    TEXT,
    f'Such a call looks like this:\n\n{{"name": "save", "arguments": {TEXT}}}',
    f'```json\n{{"type": "function", "function": {{"name": "save", "arguments": {TEXT}}}}}\n```',
    '```json\n{"name": "write", "version": "1.0", "licence": "none"}\n```',
    '```json\n{"party": "A", "parameters": {"name": "write"}}\n```',
    '```json\n[{"name": "A", "action": "write"}, {"name": "B", "args": {}}]\n```',
    f'```json\n[{{"name": "write", "arguments": {TEXT}}}, {{"name": "B"}}]\n```',
    f'Before.\n\n{{"name": "write", "arguments": {TEXT}}}\n\nThat is what I would call.',
    f'<invoke name="save">{XML}</invoke>',
    '<invoke name="write">the memo</invoke>',
    "[TOOL_CALLS] []",
    "A list.\n\n[1] The lease.\n[2] The letter.",
    "```json\n" + "[" * 5_000,
]


@pytest.mark.parametrize("text", NO_CALLS)
def test_text_that_calls_no_tool_ends_the_conversation_as_ever(run: Run, text: str) -> None:
    requests = run(RESCUE, says(text), write("memo.md", "never"))
    assert len(requests) == 1
    assert outputs() == {}


@given(st.text(alphabet='<>`{}[]"=:/,\n ajsontl_c', max_size=60), st.sampled_from(SHAPES))
def test_rescue_loses_no_text_that_is_no_call(text: str, shape: str) -> None:
    assert RESCUED["parted"](text, TOOLS) == (text, [])
    for content in (text + shape, shape + text, shape[: len(text)]):
        RESCUED["parted"](content, TOOLS)


@pytest.fixture(scope="module", autouse=True)
def rescue_functions(tmp_path_factory: pytest.TempPathFactory) -> None:
    RESCUED.update(vars(load(RESCUE, tmp_path_factory.mktemp("candidate"))))


RESCUED: dict[str, Any] = {}
TOOLS = {"write", "glob"}


@pytest.mark.parametrize(
    "names", [[*RESCUE, "toolcall_json_repair"], ["toolcall_json_repair", *RESCUE]]
)
def test_rescued_arguments_that_are_text_are_repaired_too(run: Run, names: list[str]) -> None:
    run(names, says(SHAPES[7]), call("write", TEXT.replace("memo", "note")[:-1]))
    assert [*outputs()] == ["memo.md", "note.md"]


# Repetition.

REPETITION = ["repetition_breaker"]
LOOK = {"pattern": "*.md"}


def looks(count: int) -> list[list[dict[str, Any]]]:
    return [call("glob", LOOK) for _ in range(count)]


def test_from_the_third_identical_call_on_the_result_says_so(run: Run) -> None:
    told = [result["content"] for result in results(run(REPETITION, *looks(5)))]
    assert told[:2] == ["no files", "no files"]
    assert all("Take another step" in text for text in told[2:])
    assert len(set(told[2:])) == 3, "each says how often the call was made"


def test_identical_calls_of_one_turn_count(run: Run) -> None:
    requests = run(REPETITION, [block for blocks in looks(3) for block in blocks])
    assert "3 times" in results(requests)[2]["content"]


def test_a_result_that_changed_is_shown(run: Run) -> None:
    steps = [*looks(2), write("../new.md", "1"), *looks(1)]
    assert results(run(REPETITION, *steps))[-1]["content"] == "new.md"


def test_other_arguments_and_other_tools_do_not_count(run: Run) -> None:
    others = [call("glob", {"pattern": f"*.{number}"}) for number in range(3)]
    assert not any("step" in item["content"] for item in results(run(REPETITION, *others)))


def test_after_a_further_message_reading_again_is_no_repetition(run: Run) -> None:
    requests = run([*REPETITION, "second_look"], *looks(2), says("Done."), *looks(3))
    told = [result["content"] for result in results(requests)]
    assert told[:4] == ["no files"] * 4
    assert "3 times" in told[4]


# Symptoms.


def evidence(**changes: Any) -> RolloutEvidence:
    file = RolloutFile(
        task="a", trial=1, outcome=Outcome.SCORED, passed=2, total=10, deliverables=("memo.md",)
    )
    return RolloutEvidence(
        file.model_copy(update=changes.pop("file", {})), **{"calls": (), **changes}
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_in_closing_texts_are_the_symptom_of_missing_files(shape: str) -> None:
    symptom = CATALOGUE["textual_call_rescue"].symptom
    assert symptom(evidence(closings=(shape,), tools=TOOLS)) == 1.0
    assert symptom(evidence(closings=(shape,), tools={"glob"})) == 0.0
    delivered = evidence(closings=(shape,), tools=TOOLS, file={"output": ("memo.md",)})
    assert symptom(delivered) == 0.0


@pytest.mark.parametrize("text", NO_CALLS)
def test_text_that_calls_no_tool_is_no_symptom(text: str) -> None:
    found = evidence(closings=(text,), tools=TOOLS)
    assert CATALOGUE["textual_call_rescue"].symptom(found) == 0.0


def test_three_calls_alike_are_the_symptom_of_missing_files() -> None:
    symptom = CATALOGUE["repetition_breaker"].symptom
    look = ToolCall("glob", LOOK, "no files", failed=False)
    assert symptom(evidence(calls=(look,) * 3)) == 1.0
    assert symptom(evidence(calls=(look,) * 2)) == 0.0


def test_the_evidence_of_a_transcript_has_words_and_stop_reasons() -> None:
    use = {"type": "tool_use", "id": "1", "name": "glob", "input": LOOK}
    told = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}]}
    start = {"role": "user", "content": [{"type": "text", "text": "Write it."}]}
    first = [*says("Looking."), use]
    later = [start, {"role": "assistant", "content": first}, {"role": "user", "content": [told]}]
    exchanges = [
        exchange([start], 200, {"content": first, "stop_reason": "tool_use"}),
        exchange(later, 529, {"error": {"type": "overloaded_error"}}),
        exchange(later, 200, {"content": says("Done."), "stop_reason": "max_tokens"}),
    ]
    found = rollout_evidence(evidence().file, exchanges)
    assert found.assignment == "Write it."
    assert (found.said, found.closings) == (("Looking.", "Done."), ("Done.",))
    assert found.stops == {"tool_use", "max_tokens"}
    assert found.tools == {"glob"}
    assert [item.name for item in found.calls] == ["glob"]
    assert rollout_evidence(evidence().file, []) == evidence()


def exchange(messages: list[dict[str, Any]], status: int, reply: dict[str, Any]) -> Exchange:
    request = {"messages": messages, "tools": [{"name": "glob"}]}
    return Exchange(1, "", request, status, reply, 0.0, replayed=False)
