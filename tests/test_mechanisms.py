"""Each mechanism, added to the real baseline and run on real files, does what it promises."""

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from candidates import DONE, Run, call, outputs, paragraphs, results, runner, stacked, write
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


# Deliverable landing.

LANDING = ["deliverable_landing_gate"]


@pytest.mark.parametrize(
    "path", ["drafts/memo.md", "memo_final.md", "Memo.md", "./final/v2/the memo.md"]
)
def test_a_deliverable_under_another_name_or_in_a_subfolder_lands(run: Run, path: str) -> None:
    run(LANDING, write(path, "the memo"), deliverables=("memo.md",))
    assert outputs()["memo.md"] == "the memo"


def test_a_deliverable_left_in_the_scratch_folder_lands(run: Run) -> None:
    Path("memo.md").write_text("the memo")
    run(LANDING, deliverables=("memo.md",))
    assert outputs() == {"memo.md": "the memo"}


def test_a_deliverable_in_its_place_is_never_replaced(run: Run) -> None:
    first = write("memo.md", "the memo")
    run(LANDING, first, write("drafts/memo.md", "newer"), deliverables=("memo.md",))
    assert outputs()["memo.md"] == "the memo"


def test_an_empty_file_counts_as_missing(run: Run) -> None:
    first = write("memo.md", "")
    run(LANDING, first, write("drafts/memo.md", "the memo"), deliverables=("memo.md",))
    assert outputs()["memo.md"] == "the memo"


def test_neither_documents_nor_other_deliverables_nor_other_kinds_land(run: Run) -> None:
    Path("documents/memo.md").write_text("an input")
    delivered, note = write("letter.md", "the letter"), write("memo.txt", "a note")
    run(LANDING, delivered, note, deliverables=("memo.md", "letter.md"))
    assert outputs() == {"letter.md": "the letter", "memo.txt": "a note"}


def test_words_in_common_come_before_age_and_age_before_nothing(run: Run) -> None:
    run(LANDING, deliverables=())  # makes nothing
    for age, name in enumerate(["closing-memo-v2", "closing-memo-v1", "notes"]):
        file = Path("output/drafts") / f"{name}.md"
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
        os.utime(file, ns=(age * 10**9, age * 10**9))
    run(LANDING, deliverables=("closing-memo.md",))
    assert outputs()["closing-memo.md"] == "closing-memo-v1"


def test_each_file_lands_under_one_name_only(run: Run) -> None:
    memo, letter = write("d/memo-a.md", "memo"), write("d/letter-b.md", "letter")
    run(LANDING, memo, letter, deliverables=("letter.md", "memo.md", "annex.md"))
    landed = outputs()
    assert (landed["memo.md"], landed["letter.md"]) == ("memo", "letter")
    assert "annex.md" not in landed


def test_without_a_list_the_names_in_backticks_are_the_deliverables(run: Run) -> None:
    Path("documents/lease.md").write_text("an input")
    text = "Read `lease.md`, then deliver `output/closing memo.md` as told in `section 2`."
    run(LANDING, write("drafts/memo.md", "the memo"), instructions=text)
    assert outputs() == {"closing memo.md": "the memo", "drafts/memo.md": "the memo"}


def test_a_folder_under_the_requested_name_does_not_break_the_rollout(run: Run) -> None:
    run(LANDING, write("memo.md/memo.md", "the memo"), deliverables=("memo.md",))
    assert outputs() == {"memo.md/memo.md": "the memo"}


# Deliverable reassembly.

REASSEMBLY = ["deliverable_reassembly_gate"]


def test_parts_written_to_one_path_become_one_word_document(run: Run) -> None:
    parts = ["# Memo\n\nOne.", "## Second\n\nTwo.", "## Third\n\nThree."]
    run(REASSEMBLY, *(write("memo.docx", part, "write_docx") for part in parts))
    text = paragraphs("output/memo.docx")
    assert text == ["Memo", "One.", "Second", "Two.", "Third", "Three."]


def test_parts_of_a_workbook_keep_all_sheets(run: Run) -> None:
    parts = ["## Fees\n\n| Item | Fee |\n|---|---|\n| a | 1 |", "## Dates\n\n| b | 2 |"]
    run(REASSEMBLY, *(write("list.xlsx", part, "write_xlsx") for part in parts))
    assert openpyxl.load_workbook("output/list.xlsx").sheetnames == ["Fees", "Dates"]


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (["# Memo\nold", "# Memo\nnew"], "# Memo\nnew"),
        (["# Memo\none", "## Two\ntwo", "#  memo\nall of it"], "#  memo\nall of it"),
        (["a\nb\nc", "Revised\na\nb\nc\nd"], "Revised\na\nb\nc\nd"),
        (["# A\none", "# B\ntwo", "# B\nbetter"], "# A\none\n\n# B\nbetter"),
        (["# A\none", "# B\ntwo", "# A\n1", "# C\n2"], "# A\n1\n\n# C\n2"),
    ],
    ids=["same heading", "after parts", "most lines again", "last part again", "all again"],
)
def test_a_revision_is_not_a_part(run: Run, contents: list[str], expected: str) -> None:
    run(REASSEMBLY, *(write("memo.md", content) for content in contents))
    assert outputs() == {"memo.md": expected}


def test_one_file_named_in_two_ways_is_one_file(run: Run) -> None:
    run(REASSEMBLY, write("memo.md", "# A"), write("output/memo.md", "# B"))
    assert outputs() == {"memo.md": "# A\n\n# B"}


def test_a_failed_write_is_not_a_part(run: Run) -> None:
    broken = call("write", {"content": "# B"})
    run(REASSEMBLY, write("memo.md", "# A"), broken, write("memo.md", "# C"))
    assert outputs() == {"memo.md": "# A\n\n# C"}


def test_an_edit_between_parts_is_kept(run: Run) -> None:
    arguments = {"file_path": "memo.md", "old_string": "one", "new_string": "1"}
    edited = call("edit", arguments)
    run(REASSEMBLY, write("memo.md", "# A\none"), edited, write("memo.md", "# B\ntwo"))
    assert outputs() == {"memo.md": "# A\n1\n\n# B\ntwo"}


def test_a_file_that_the_model_moved_away_is_not_brought_back(run: Run) -> None:
    moved = call("bash", {"command": "mv output/memo.md output/final.md"})
    run(REASSEMBLY, write("memo.md", "# A"), write("memo.md", "# B"), moved)
    assert outputs() == {"final.md": "# B"}


# Tool-call repair.

REPAIR = ["toolcall_json_repair"]
OBJECT = {"file_path": "memo.md", "content": 'He said "no",\nthen {left}.\n'}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text,
        lambda text: text.replace("\\n", "\n"),
        lambda text: text.removesuffix("}"),
        lambda text: text.removesuffix('"}'),
        lambda text: text + "}",
        lambda text: text + "\n</tool_call>",
        lambda text: f"```json\n{text}\n```",
        lambda text: f"```json\n{text[:-1]}\n```",
        lambda text: f"Here are the arguments: {text}",
        lambda text: text[:-1] + ",}",
        lambda text: text[:-1] + " ,\n } ",
        lambda text: text.replace("\\n", "\n").removesuffix("}") + ",",
    ],
)
def test_every_usual_slip_is_mended(run: Run, spoil: Callable[[str], str]) -> None:
    run(REPAIR, call("write", spoil(json.dumps(OBJECT))))
    assert outputs()["memo.md"].rstrip() == OBJECT["content"].rstrip()


def test_a_string_without_its_closing_quote_is_closed(run: Run) -> None:
    run(REPAIR, call("write", '{"file_path": "memo.md", "content": "all {of} it}'))
    assert outputs() == {"memo.md": "all {of} it"}


def test_a_string_cut_off_behind_a_backslash_is_closed(run: Run) -> None:
    run(REPAIR, call("write", '{"file_path": "memo.md", "content": "all of it\\'))
    assert outputs() == {"memo.md": "all of it"}


def test_the_message_sent_back_holds_the_mended_arguments(run: Run) -> None:
    requests = run(REPAIR, call("write", json.dumps(OBJECT)[:-1]))
    assert requests[-1]["messages"][1]["content"][0]["input"] == OBJECT
    assert results(requests)[0]["is_error"] is False


@pytest.mark.parametrize("text", ["", "no object", "{", '{"file_path"', "{]}", '{"a": 1 "b": 2}'])
def test_arguments_beyond_repair_are_told_to_the_model(run: Run, text: str) -> None:
    result = results(run(REPAIR, call("write", text)))[0]
    assert result["is_error"] is True
    assert outputs() == {}


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=5), st.data())
def test_repair_never_changes_valid_arguments_and_never_fails(value: Any, data: Any) -> None:
    mended = REPAIRED["parsed_arguments"]
    text = json.dumps({"content": value, "file_path": "memo.md"})
    assert mended(text) == json.loads(text)
    mended(text[: data.draw(st.integers(0, len(text)))])
    mended(data.draw(st.text(alphabet='{}[]",:\\ \n`a1')))


def repair_functions() -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(compile(stacked(REPAIR), "candidate", "exec"), namespace)
    return namespace


REPAIRED = repair_functions()


# Output listing, short tool results, second look.


def test_a_writing_tool_names_what_is_in_the_output_folder(run: Run) -> None:
    requests = run(["output_listing"], write("b.md", "1"), write("a.md", "2"))
    assert results(requests)[-1]["content"] == "wrote output/a.md\nnow in output: a.md, b.md"


def test_other_tools_and_failed_writes_name_nothing(run: Run) -> None:
    requests = run(["output_listing"], call("glob", {"pattern": "*.md"}), call("write", {}))
    assert not any("now in" in result["content"] for result in results(requests))


def test_a_long_tool_result_is_cut_with_a_note(run: Run) -> None:
    prepared = Path(".document_text/documents/lease.txt.txt")
    prepared.parent.mkdir(parents=True)
    prepared.write_text("x" * 2_600)
    Path("documents/lease.txt").write_text("x" * 2_600)
    requests = run(["short_tool_results"], call("read", {"file_path": "documents/lease.txt"}))
    text = results(requests)[0]["content"]
    assert text == "x" * 1_000 + "\n[1600 more characters left out]"


def test_a_second_look_is_one_more_round_of_the_same_conversation(run: Run) -> None:
    first, second = write("memo.md", "# Memo\nold"), write("memo.md", "# Memo\nnew")
    requests = run(["second_look"], first, copy.deepcopy(DONE), second)
    assert len(requests) == 4
    asked = requests[2]["messages"][-1]
    assert asked["role"] == "user"
    assert "take a second look" in asked["content"][0]["text"]
    assert outputs() == {"memo.md": "# Memo\nnew"}
