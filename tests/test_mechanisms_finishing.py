"""Mechanisms that look at what is there before the conversation ends."""

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest
from candidates import (
    CATALOGUE,
    DONE,
    Run,
    asked,
    call,
    load,
    outputs,
    paragraphs,
    runner,
    write,
)

from harness_search.ledger.rows import Outcome
from harness_search.proposers.catalogue.evidence import RolloutEvidence, RolloutFile, ToolCall

OPENING = (
    "Ines Jarrold acts for Evervale Desalination GmbH in Project Plover. Prepare `memo.md`. "
    "Only the papers of the matter count."
)
INSTRUCTIONS = f"""{OPENING}

Address each point under its own heading:
1. Date of the breach: state the date.
2. Forum: state who decides: a court, or arbitrators.
3. Total: compute it.
"""
COMPLETE = "# Date of the breach\na\n## 2. Forum:\nb\n**Total** (c)\n"
ANOTHER = "Written for Halbury Bottling in Project Merlin.\n\n" + COMPLETE


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(tmp_path, monkeypatch)


def done() -> list[dict[str, Any]]:
    return copy.deepcopy(DONE)


# Finish verification.

VERIFICATION = ["finish_verification"]


def test_a_missing_and_an_empty_file_are_named_and_can_be_brought(run: Run) -> None:
    steps = [write("note.md", ""), done(), write("memo.md", "a"), write("note.md", "b"), done()]
    requests = run(VERIFICATION, *steps, deliverables=("memo.md", "note.md"))
    (request,) = asked(requests)
    assert "Missing or empty in `output/`: `memo.md`, `note.md`." in request
    assert outputs() == {"memo.md": "a", "note.md": "b"}


def test_points_without_a_heading_are_named_and_others_are_not(run: Run) -> None:
    first = write("memo.md", "# Date of the breach\nThe forum is Bern. In total: 5.")
    requests = run(
        VERIFICATION, first, done(), write("memo.md", COMPLETE), instructions=INSTRUCTIONS
    )
    (request,) = asked(requests)
    assert request.splitlines()[1:4] == [
        "No deliverable has a heading for these points:", "- Forum", "- Total",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        COMPLETE,
        "| Point | Answer |\n|---|---|\n| Date of the Breach | a |\n| Forum | b |\n| Total | c |",
        "1. DATE OF THE BREACH: a\n2) Forum - b\nPoint 3: Total: c",
    ],
)
def test_nothing_is_asked_when_all_is_there(run: Run, text: str) -> None:
    requests = run(VERIFICATION, write("memo.md", text), instructions=INSTRUCTIONS)
    assert asked(requests) == []
    assert len(requests) == 2


@pytest.mark.parametrize(("name", "tool"), [("a.docx", "write_docx"), ("a.xlsx", "write_xlsx")])
def test_headings_are_found_in_word_and_excel_files(run: Run, name: str, tool: str) -> None:
    text = (
        COMPLETE if tool == "write_docx" else "## Date of the breach\n| Forum | b |\n| Total | c |"
    )
    requests = run(
        VERIFICATION, write(name, text, tool), instructions=INSTRUCTIONS, deliverables=(name,)
    )
    assert asked(requests) == []


def test_headings_in_a_file_that_does_not_open_are_found(run: Run) -> None:
    requests = run(
        [*VERIFICATION, "opens_as_its_type"],
        write("memo.docx", COMPLETE),
        instructions=INSTRUCTIONS,
        deliverables=("memo.docx",),
    )
    assert asked(requests) == []
    assert "Date of the breach" in paragraphs("output/memo.docx")


def test_it_asks_at_most_twice_even_with_a_second_look_between(run: Run) -> None:
    requests = run([*VERIFICATION, "second_look"], deliverables=("memo.md",))
    assert len(asked(requests)) == 3
    assert sum("not finished" in text for text in asked(requests)) == 2


def test_a_file_is_put_together_before_it_is_looked_at(run: Run) -> None:
    parts = ["# Date of the breach\na", "# Forum\nb", "# Total\nc"]
    for names in itertools.permutations(["deliverable_reassembly_gate", *VERIFICATION]):
        requests = run(
            names, *(write("memo.md", part) for part in parts), instructions=INSTRUCTIONS
        )
        assert asked(requests) == []


def test_an_empty_reply_is_not_sent_back(run: Run) -> None:
    requests = run(VERIFICATION, write("note.md", "a"), [], deliverables=("memo.md",))
    assert all(message["content"] for message in requests[-1]["messages"])
    assert len(asked(requests)) == 2


def test_instructions_without_headings_ask_for_none(run: Run) -> None:
    long = "In one sentence of some length that goes on and on and on, do say: yes"
    text = f"Write `memo.md`.\n1. Say who\n2. {long}"
    assert asked(run(VERIFICATION, write("memo.md", "x"), instructions=text)) == []


# Document coverage.

COVERAGE = ["document_coverage"]


@pytest.fixture
def documents(run: Run) -> list[str]:
    names = ["lease.md", "old-lease.md", "mails/answer.md"]
    for name in names:
        file = Path("documents") / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("text")
    return names


def read(*names: str) -> list[dict[str, Any]]:
    return [call("read", {"file_path": f"documents/{name}"})[0] for name in names]


@pytest.mark.usefixtures("documents")
def test_documents_that_were_never_opened_are_named_once(run: Run) -> None:
    listing = call("bash", {"command": "find documents -type f"})
    named = write("memo.md", "As documents/lease.md says.")
    requests = run(COVERAGE, listing, read("old-lease.md", "gone.md"), named, done(), done())
    (request,) = asked(requests)
    assert request.splitlines()[1:3] == ["- documents/lease.md", "- documents/mails/answer.md"]
    assert "complete corrected version" in request


def test_nothing_is_asked_when_all_were_opened_in_whatever_way(
    run: Run, documents: list[str]
) -> None:
    shell = call("bash", {"command": "cd documents; cat lease.md 'mails/answer.md'"})
    assert asked(run(COVERAGE, read(documents[1]), shell)) == []


# Matter fidelity.

FIDELITY = ["matter_fidelity"]


def test_a_draft_about_another_matter_is_asked_for_again_once(run: Run) -> None:
    requests = run(FIDELITY, write("memo.md", ANOTHER), done(), done(), instructions=INSTRUCTIONS)
    (request,) = asked(requests)
    for name in ("Ines Jarrold", "Evervale Desalination GmbH", "Project Plover"):
        assert name in request


@pytest.mark.parametrize("text", ["For Evervale  desalination GmbH (project Plover).", ""])
def test_a_draft_with_most_names_or_none_at_all_is_left_alone(run: Run, text: str) -> None:
    assert asked(run(FIDELITY, write("memo.md", text), instructions=INSTRUCTIONS)) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (OPENING, ["Ines Jarrold", "Evervale Desalination GmbH", "Project Plover"]),
        ("For Halbury plc ask for Old Mill, Ada of Bern.", ["Halbury", "Old Mill", "Ada of Bern"]),
        ("Prepare `Closing Memo.docx`.\n\n1. Name: say who Umar Vander is.", []),
    ],
)  # fmt: skip
def test_names_are_found_before_the_points(tmp_path: Path, text: str, names: list[str]) -> None:
    found = vars(load(FIDELITY, tmp_path))["opening_names"](text)
    assert found == names


# Together.

CHECKS = [*COVERAGE, *FIDELITY, *VERIFICATION]


@pytest.mark.usefixtures("documents")
def test_each_check_asks_in_turn_and_the_order_of_stacking_does_not_matter(run: Run) -> None:
    for names in itertools.permutations(CHECKS):
        Path("output/memo.md").unlink(missing_ok=True)
        requests = run(
            names,
            write("memo.md", "Another matter"),
            done(),
            read("lease.md", "old-lease.md", "mails/answer.md"),
            done(),
            write("memo.md", OPENING),
            done(),
            write("memo.md", f"{OPENING}\n{COMPLETE}"),
            instructions=INSTRUCTIONS,
        )
        openings = [text.split(maxsplit=3)[:3] for text in asked(requests)]
        assert openings == [
            ["You", "have", "not"], ["The", "deliverables", "look"], ["The", "assignment", "is"],
        ]  # fmt: skip
        assert outputs() == {"memo.md": f"{OPENING}\n{COMPLETE}"}


# Symptoms.


def evidence(text: str, **changes: Any) -> RolloutEvidence:
    listing = ToolCall("glob", {}, "documents/a.md\ndocuments/b.md", failed=False)
    opened = ToolCall("read", {"file_path": "documents/a.md"}, "x", failed=False)
    wrote = ToolCall("write", {"file_path": "memo.md", "content": text}, "", failed=False)
    file = RolloutFile(
        task="a", trial=1, outcome=Outcome.SCORED, passed=4, total=10,
        deliverables=("memo.md",), output=("memo.md",),
    ).model_copy(update=changes)  # fmt: skip
    return RolloutEvidence(file, (listing, opened, wrote), assignment=INSTRUCTIONS)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("finish_verification", f"{OPENING}\n{COMPLETE}", 0.0),
        ("finish_verification", "# Date of the breach\n# Forum", 0.5 * (10 / 3) / 6),
        ("document_coverage", COMPLETE, 0.25),
        ("matter_fidelity", ANOTHER, 0.5),
        ("matter_fidelity", OPENING, 0.0),
    ],
)
def test_what_was_written_and_read_shows_the_symptom(name: str, text: str, expected: float) -> None:
    assert CATALOGUE[name].symptom(evidence(text)) == pytest.approx(expected)
    assert CATALOGUE[name].symptom(evidence(text, passed=10)) == 0.0


def test_a_file_that_was_never_written_is_a_stronger_symptom_than_one_that_lies_elsewhere() -> None:
    symptom = CATALOGUE["finish_verification"].symptom
    never = evidence("x", output=(), deliverables=("a.md", "memo.md"), passed=0)
    elsewhere = evidence("x", output=("drafts/memo.md",), passed=0)
    assert symptom(never) > symptom(elsewhere) > 0
