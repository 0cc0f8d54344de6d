"""The deterministic judge, from files in an output folder to verdicts."""

import json
from pathlib import Path
from typing import Any

import pytest
from docx import Document

from harness_search.benchmark.tasks import Task, read_task
from harness_search.errors import InputError
from harness_search.judging.deterministic import judge, require_checks
from harness_search.judging.documents import TextStore
from harness_search.judging.verdicts import Verdict
from harness_search.rollouts.collect import collect_output

FACT = {"kind": "fact", "forms": ["Halden Components"]}
FEE = {"kind": "number", "value": 1250, "near": ["fee"]}


def make_task(
    root: Path, *criteria: dict[str, Any], deliverables: tuple[str, ...] = ("memo.docx",)
) -> Task:
    folder = root / "tasks" / "tax" / "one"
    (folder / "documents").mkdir(parents=True)
    numbered = [
        {"id": f"C-{number:03d}", "title": "t", "match_criteria": "PASS if so", **criterion}
        for number, criterion in enumerate(criteria, start=1)
    ]
    content = {
        "title": "T", "instructions": "Do", "criteria": numbered, "deliverables": [*deliverables]
    }  # fmt: skip
    (folder / "task.json").write_text(json.dumps(content), encoding="utf-8")
    return read_task(folder / "task.json", root / "tasks")


def write_docx(path: Path, *paragraphs: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(str(path))
    return path


def grade(task: Task, root: Path) -> list[Verdict]:
    (root / "output").mkdir(exist_ok=True)
    return [*judge(task, root / "output", TextStore(root / "text"))]


def only(verdicts: list[Verdict]) -> Verdict:
    assert len(verdicts) == 1
    return verdicts[0]


def test_a_deliverable_with_the_fact_passes_with_a_reason(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT}, {"check": FEE})
    write_docx(tmp_path / "output" / "memo.docx", "Halden Components owes a fee of 1,250.")
    assert grade(task, tmp_path) == [
        Verdict("C-001", "pass", 'found "Halden Components"'),
        Verdict("C-002", "pass", 'found "1,250" near "fee"'),
    ]


def test_a_deliverable_without_the_fact_fails_with_a_reason(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT})
    write_docx(tmp_path / "output" / "memo.docx", "Nothing of note.")
    verdict = only(grade(task, tmp_path))
    assert verdict == Verdict("C-001", "fail", 'found none of "Halden Components"')


@pytest.mark.parametrize(
    "place", ["drafts/memo.docx", "memo_final.docx", "Memo.docx", "memo.md", "memo.docx.docx"]
)
def test_only_the_exact_name_at_the_top_level_counts(tmp_path: Path, place: str) -> None:
    task = make_task(tmp_path, {"check": FACT, "deliverables": ["memo.docx"]}, {"check": FACT})
    write_docx(tmp_path / "output" / place, "Halden Components")
    for verdict in grade(task, tmp_path):
        assert verdict.verdict == "fail"
        assert verdict.reason.startswith("memo.docx is missing")


def test_without_an_output_folder_every_criterion_fails(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT})
    assert judge(task, tmp_path / "none", TextStore(tmp_path / "text"))[0].verdict == "fail"


def test_markdown_under_a_docx_name_fails_as_unreadable(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT})
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "memo.docx").write_text("Halden Components", encoding="utf-8")
    verdict = only(grade(task, tmp_path))
    assert verdict.verdict == "fail"
    assert "cannot be read: it does not open as .docx" in verdict.reason


@pytest.mark.parametrize(
    "check", [{"kind": "not", "of": FACT}, {"kind": "any", "of": [{"kind": "not", "of": FEE}]}]
)
def test_an_empty_document_passes_nothing_not_even_a_negative_check(
    tmp_path: Path, check: dict[str, Any]
) -> None:
    task = make_task(tmp_path, {"check": check})
    write_docx(tmp_path / "output" / "memo.docx")
    assert only(grade(task, tmp_path)) == Verdict("C-001", "fail", "memo.docx holds no text")


def test_links_are_never_followed(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT})
    secret = write_docx(tmp_path / "elsewhere" / "memo.docx", "Halden Components")
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "memo.docx").symlink_to(secret)
    assert "something else than a regular file" in only(grade(task, tmp_path)).reason


def test_an_output_folder_that_is_a_link_is_empty(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT})
    write_docx(tmp_path / "elsewhere" / "memo.docx", "Halden Components")
    (tmp_path / "output").symlink_to(tmp_path / "elsewhere")
    assert only(grade(task, tmp_path)).verdict == "fail"


def test_a_folder_under_the_name_of_a_deliverable_is_no_deliverable(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT})
    (tmp_path / "output" / "memo.docx").mkdir(parents=True)
    assert "something else than a regular file" in only(grade(task, tmp_path)).reason


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (
            {"memo.docx": "a symbolic link"},
            "memo.docx is missing: the output has a symbolic link there, which is not taken",
        ),
        (
            {"memo.docx": "a file with 2 links", "other.docx": "a named pipe"},
            "memo.docx is missing: the output has a file with 2 links there, which is not taken",
        ),
        (
            {".": "a symbolic link"},
            "memo.docx is missing: in place of the output folder is a symbolic link",
        ),
        (
            {"other.docx": "a named pipe"},
            "memo.docx is missing: the top level of the output has no file there",
        ),
    ],
)
def test_a_deliverable_that_was_refused_is_missing_for_that_reason(
    tmp_path: Path, refused: dict[str, str], said: str
) -> None:
    task = make_task(tmp_path, {"check": FACT})
    (tmp_path / "output").mkdir()
    verdicts = judge(task, tmp_path / "output", TextStore(tmp_path / "text"), refused)
    assert verdicts == (Verdict("C-001", "fail", said),)


def test_a_refusal_changes_no_verdict_on_what_is_there(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT})
    write_docx(tmp_path / "output" / "memo.docx", "Halden Components")
    refused = {"memo.docx": "a symbolic link", ".": "nothing"}
    verdicts = judge(task, tmp_path / "output", TextStore(tmp_path / "text"), refused)
    assert only([*verdicts]).verdict == "pass"


def test_a_deliverable_that_is_a_link_is_missing_for_that_reason_from_folder_to_verdict(
    tmp_path: Path,
) -> None:
    task = make_task(tmp_path, {"check": FACT})
    secret = write_docx(tmp_path / "elsewhere" / "memo.docx", "Halden Components")
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "memo.docx").symlink_to(secret)
    collected = collect_output(tmp_path / "output", tmp_path / "taken", 1_000_000)
    store = TextStore(tmp_path / "text")
    verdict = only([*judge(task, tmp_path / "taken", store, dict(collected.refused))])
    said = "memo.docx is missing: the output has a symbolic link there, which is not taken"
    assert verdict == Verdict("C-001", "fail", said)


def test_a_criterion_sees_only_the_deliverables_that_it_names(tmp_path: Path) -> None:
    task = make_task(
        tmp_path,
        {"check": FACT, "deliverables": ["note.md"]},
        {"check": FACT, "deliverables": ["memo.docx"]},
        {"check": FACT},
        deliverables=("memo.docx", "note.md"),
    )
    write_docx(tmp_path / "output" / "memo.docx", "Halden Components")
    (tmp_path / "output" / "note.md").write_text("Other things", encoding="utf-8")
    assert [verdict.verdict for verdict in grade(task, tmp_path)] == ["fail", "pass", "pass"]


def test_a_missing_deliverable_fails_the_criteria_that_name_it_and_no_others(
    tmp_path: Path,
) -> None:
    task = make_task(
        tmp_path,
        {"check": FACT, "deliverables": ["memo.docx", "note.md"]},
        {"check": FACT},
        deliverables=("memo.docx", "note.md"),
    )
    write_docx(tmp_path / "output" / "memo.docx", "Halden Components")
    named, unnamed = grade(task, tmp_path)
    assert (named.verdict, unnamed.verdict) == ("fail", "pass")
    assert named.reason.startswith("note.md is missing")


def test_a_task_without_requested_names_is_graded_on_all_it_got(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT}, deliverables=())
    assert only(grade(task, tmp_path)).reason == "the output folder holds no deliverable"
    (tmp_path / "output" / "any.txt").write_text("Halden Components", encoding="utf-8")
    assert only(grade(task, tmp_path)).verdict == "pass"


def test_a_criterion_without_a_check_is_refused_with_its_field(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": FACT}, {})
    for refuse in (lambda: require_checks(task), lambda: grade(task, tmp_path)):
        with pytest.raises(InputError) as caught:
            refuse()
        assert caught.value.field == "criteria.1.check"
        assert caught.value.file.endswith("task.json")


def test_a_malformed_check_is_refused_with_its_field(tmp_path: Path) -> None:
    task = make_task(tmp_path, {"check": {"kind": "fact", "forms": []}})
    with pytest.raises(InputError) as caught:
        require_checks(task)
    assert caught.value.field == "criteria.0.check.fact.forms"
