"""Mechanisms about file types, long conversations and the length of replies."""

import itertools
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from candidates import (
    CATALOGUE,
    Run,
    call,
    outputs,
    paragraphs,
    results,
    runner,
    stacked,
    write,
)

from harness_kit import read_document
from harness_search.ledger.rows import Outcome
from harness_search.proposers.catalogue.edits import NotApplicableError, Source
from harness_search.proposers.catalogue.evidence import RolloutEvidence, RolloutFile, ToolCall


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


# A file opens as its type.

AS_NAMED = ["opens_as_its_type"]


def test_markdown_under_a_word_name_becomes_a_word_file(run: Run) -> None:
    run(AS_NAMED, write("memo.docx", "# Memo\n\nOne.\x0b"), deliverables=("memo.docx",))
    assert paragraphs("output/memo.docx") == ["Memo", "One."]


def test_markdown_under_an_excel_name_becomes_a_workbook(run: Run) -> None:
    text = "## Fees\n\n| Item | Fee |\n|---|---|\n| a\x01 | 1 |"
    run(AS_NAMED, write("Fees.XLSX", text), deliverables=("Fees.XLSX",))
    rows = openpyxl.load_workbook("output/Fees.XLSX")["Fees"].values
    assert [*rows] == [("Item", "Fee"), ("a", 1)]


def test_files_that_open_and_files_of_other_names_stay_as_they_are(run: Run) -> None:
    first = write("memo.docx", "# Memo", "write_docx")
    run(["deliverable_landing_gate"], first, deliverables=("memo.docx",))
    before = Path("output/memo.docx").read_bytes()
    run(AS_NAMED, write("note.md", "# Note"), deliverables=("memo.docx", "note.md", "gone.docx"))
    assert Path("output/memo.docx").read_bytes() == before
    assert Path("output/note.md").read_text() == "# Note"
    assert not Path("output/gone.docx").exists()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00broken", b" \n"])
def test_what_is_no_text_stays_as_it_is(run: Run, content: bytes) -> None:
    Path("output/memo.docx").write_bytes(content)
    run(AS_NAMED, deliverables=("memo.docx",))
    assert Path("output/memo.docx").read_bytes() == content


def test_parts_of_markdown_under_a_word_name_are_joined_first(run: Run) -> None:
    for names in itertools.permutations(["deliverable_reassembly_gate", *AS_NAMED]):
        run(
            names, write("memo.docx", "# A\n\none"), write("memo.docx", "# B\n\ntwo"),
            deliverables=("memo.docx",),
        )  # fmt: skip
        assert paragraphs("output/memo.docx") == ["A", "one", "B", "two"]


# Landing of another kind.

OTHER_KIND = ["cross_type_landing"]


def test_alone_it_gives_a_file_that_does_not_open(run: Run) -> None:
    run(OTHER_KIND, write("memo.md", "# Memo"), deliverables=("memo.docx",))
    assert outputs() == {"memo.md": "# Memo", "memo.docx": "# Memo"}
    with pytest.raises(ValueError, match="does not open"):
        read_document(Path("output/memo.docx"))


def test_with_the_check_of_types_the_file_opens_in_any_order(run: Run) -> None:
    for names in itertools.permutations([*OTHER_KIND, *AS_NAMED, "deliverable_landing_gate"]):
        run(names, write("memo.md", "# Memo\n\nOne."), deliverables=("memo.docx",))
        assert paragraphs("output/memo.docx") == ["Memo", "One."]
        Path("output/memo.docx").unlink()


def test_a_file_of_its_own_kind_comes_first_in_any_order(run: Run) -> None:
    for names in itertools.permutations([*OTHER_KIND, "deliverable_landing_gate"]):
        other, own = write("memo.txt", "other"), write("drafts/memo-v2.md", "own")
        run(names, own, other, deliverables=("memo.md",))
        assert outputs()["memo.md"] == "own"


def test_files_in_their_place_and_documents_do_not_land_under_another_name(run: Run) -> None:
    Path("documents/memo.txt").write_text("an input")
    run(OTHER_KIND, write("note.md", "note"), deliverables=("note.md", "memo.docx"))
    assert outputs() == {"note.md": "note"}


# Context compaction.

COMPACTION = ["context_compaction"]
WINDOW = 12_000  # tokens
INSTRUCTIONS = """Write it.
1. Notice period: state how many days' notice the landlord gives.
2. Total loss: state the total of the "Loss claimed" column.
"""
FILLER = "\n".join(f"Nothing of interest stands in line {number}." for number in range(300))
LEASE = f"# Lease\n{FILLER}\n## Notices\nThe landlord gives 45 days' notice.\n{FILLER}"
SCHEDULE = f"{FILLER}\n| Item | Loss claimed |\n|---|---|\n| Pipes | 7 |\n| x | 9 |\n{FILLER}"


@pytest.fixture
def documents(run: Run) -> None:
    for name, text in (("lease", LEASE), ("schedule", SCHEDULE), ("rest", FILLER), ("end", FILLER)):
        Path(f"documents/{name}.txt").write_text(text)


def reads(*names: str) -> list[dict[str, Any]]:
    return [call("read", {"file_path": f"documents/{name}.txt"})[0] for name in names]


def sent(request: dict[str, Any]) -> list[str]:
    return [result["content"] for result in results([request])]


@pytest.mark.usefixtures("documents")
def test_old_results_keep_what_bears_on_the_assignment_and_new_ones_are_whole(run: Run) -> None:
    steps = [reads("lease"), reads("schedule"), reads("rest")]
    requests = run(COMPACTION, *steps, instructions=INSTRUCTIONS, context_tokens=WINDOW)
    lease, schedule, rest = sent(requests[-1])
    assert lease.splitlines() == [
        "[7 of 603 lines, which bear on the assignment]",
        "# Lease", *FILLER.splitlines()[:4], "## Notices", "The landlord gives 45 days' notice.",
    ]  # fmt: skip
    assert schedule.splitlines()[1:6] == FILLER.splitlines()[:5]
    assert schedule.splitlines()[6:] == [
        "| Item | Loss claimed |", "|---|---|", "| Pipes | 7 |", "| x | 9 |",
    ]  # fmt: skip
    assert rest == FILLER


@pytest.mark.usefixtures("documents")
def test_what_is_within_the_budget_is_sent_as_it_is(run: Run) -> None:
    requests = run(COMPACTION, reads("rest"), reads("end"), instructions=INSTRUCTIONS)
    assert sent(requests[-1]) == [FILLER, FILLER]
    known = run(
        COMPACTION, reads("lease"), reads("rest"), instructions=INSTRUCTIONS, context_tokens=200_000
    )
    assert sent(known[-1]) == [LEASE, FILLER]


@pytest.mark.usefixtures("documents")
def test_a_small_window_has_a_small_budget(run: Run) -> None:
    requests = run(
        COMPACTION, reads("rest"), reads("end"), instructions=INSTRUCTIONS, context_tokens=8_000
    )
    old, new = sent(requests[-1])
    assert old.startswith("[5 of 300 lines")
    assert new == FILLER


@pytest.mark.usefixtures("documents")
def test_results_of_the_last_turn_are_whole_unless_they_fill_the_window(run: Run) -> None:
    step = reads("lease", "schedule", "rest")
    requests = run(COMPACTION, step, instructions=INSTRUCTIONS)
    assert sent(requests[-1]) == [LEASE, SCHEDULE, FILLER]
    requests = run(COMPACTION, step, instructions=INSTRUCTIONS, context_tokens=WINDOW)
    lease, *_ = sent(requests[-1])
    assert "45 days' notice" in lease
    assert len(lease) < 1_000


@pytest.mark.usefixtures("documents")
def test_what_was_sent_changes_once_and_seldom(run: Run) -> None:
    steps = [reads(name) for name in ("rest", "lease", "end", "schedule", "rest", "end", "lease")]
    requests = run(COMPACTION, *steps, instructions=INSTRUCTIONS, context_tokens=WINDOW)
    turns = [sent(request) for request in requests]
    for position in range(len(steps)):
        forms = [turn[position] for turn in turns if len(turn) > position]
        assert len(set(forms)) == len([*itertools.groupby(forms)]) <= 2
    changed = [old != new[: len(old)] for old, new in itertools.pairwise(turns)]
    assert 0 < sum(changed) < len(changed) - 2


@pytest.mark.usefixtures("documents")
def test_failures_and_short_results_are_kept_and_nothing_else_of_a_request_changes(
    run: Run,
) -> None:
    listing = call("glob", {"pattern": "documents/*"})
    steps = [listing, reads("gone"), reads("lease"), reads("schedule"), reads("rest")]
    requests = run(COMPACTION, *steps, instructions=INSTRUCTIONS)
    plain = run([], *steps, instructions=INSTRUCTIONS)
    assert sent(requests[-1])[:2] == sent(plain[-1])[:2]
    for request, other in zip(requests, plain, strict=True):
        assert len(request["messages"]) == len(other["messages"])
        assert request["messages"][::2][0] == other["messages"][::2][0]
        assert request["system"] == other["system"]


def test_without_numbered_points_the_lines_of_the_assignment_count(run: Run) -> None:
    Path("documents/lease.txt").write_text(LEASE)
    steps = [reads("lease"), reads("lease")]
    text = "Find out how many days' notice the landlord gives."
    first, _ = sent(run(COMPACTION, *steps, instructions=text)[-1])
    assert "The landlord gives 45 days' notice." in first


# The length of replies.


@pytest.mark.parametrize(("name", "most"), [("larger_replies", 32_000), ("short_replies", 1_000)])
def test_a_reply_may_have_so_many_tokens(run: Run, name: str, most: int) -> None:
    assert run([name])[0]["max_tokens"] == most


@pytest.mark.parametrize("names", [*itertools.permutations(["larger_replies", "short_replies"])])
def test_the_two_lengths_exclude_each_other(names: tuple[str, str]) -> None:
    with pytest.raises(NotApplicableError, match="8_000"):
        CATALOGUE[names[1]].add_to(Source(stacked(names[:1])))


# Symptoms.


def evidence(*calls: ToolCall, output: tuple[str, ...] = (), **changes: Any) -> RolloutEvidence:
    file = RolloutFile(
        task="a", trial=1, outcome=Outcome.SCORED, passed=0, total=10,
        deliverables=("memo.docx",), output=output,
    )  # fmt: skip
    return RolloutEvidence(file, calls, **changes)


def wrote(path: str, tool: str) -> ToolCall:
    return ToolCall(tool, {"file_path": path, "content": "x"}, "wrote it", failed=False)


def test_text_in_a_word_file_is_a_symptom_until_the_right_tool_writes_it() -> None:
    symptom = CATALOGUE["opens_as_its_type"].symptom
    plain, right = wrote("output/memo.docx", "write"), wrote("memo.docx", "write_docx")
    assert symptom(evidence(plain, output=("memo.docx",))) == 1.0
    assert symptom(evidence(plain, right, output=("memo.docx",))) == 0.0
    assert symptom(evidence(output=("memo.docx",))) == 0.0


@pytest.mark.parametrize(
    ("output", "expected"), [(("memo.md",), 1.0), (("drafts/memo.docx", "memo.md"), 0.0), ((), 0.0)]
)
def test_only_files_of_other_kinds_are_the_symptom_of_a_wrong_type(
    output: tuple[str, ...], expected: float
) -> None:
    assert CATALOGUE["cross_type_landing"].symptom(evidence(output=output)) == expected


def test_long_results_cut_replies_and_long_words_are_symptoms() -> None:
    result = ToolCall("read", {}, "x" * 48_000, failed=False)
    found = evidence(
        result, output=("memo.docx",), said=("y" * 8_000,), stops=frozenset({"max_tokens"})
    )
    none = evidence(output=("memo.docx",), said=("y" * 4_000,), stops=frozenset({"end_turn"}))
    for name, expected in (
        ("context_compaction", 0.06), ("larger_replies", 0.5), ("short_replies", 0.125),
    ):  # fmt: skip
        assert CATALOGUE[name].symptom(found) == expected
        assert CATALOGUE[name].symptom(none) == 0.0
