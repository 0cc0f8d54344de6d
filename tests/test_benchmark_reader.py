"""Reading task folders in LAB's format."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness_search.benchmark.tasks import Task, discover
from harness_search.errors import InputError

CRITERION = {"id": "C-001", "title": "Names Halden", "match_criteria": "PASS if it names Halden."}
CONTENT: dict[str, Any] = {"title": "T", "instructions": "Write", "criteria": [CRITERION]}


def write_task(root: Path, task_id: str = "tax/one", **changes: Any) -> Path:
    """One task folder with a document; a change to None leaves the field out."""
    folder = root / task_id
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "letter.txt").write_text("Dear all", encoding="utf-8")
    content = {key: value for key, value in {**CONTENT, **changes}.items() if value is not None}
    (folder / "task.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def read_one(root: Path, **changes: Any) -> Task:
    write_task(root, **changes)
    return discover(root)["tax/one"]


@pytest.mark.parametrize("given", [{"memo": "memo.docx", "b": "b.md"}, ["memo.docx", "b.md"]])
def test_deliverables_may_be_a_dict_of_canonical_names_or_a_list(
    tmp_path: Path, given: object
) -> None:
    assert read_one(tmp_path, deliverables=given).content.deliverables == ("memo.docx", "b.md")


def test_optional_fields_may_be_absent(tmp_path: Path) -> None:
    task = read_one(tmp_path)
    assert (task.content.deliverables, task.content.tags, task.content.work_type) == ((), (), None)
    assert (task.criteria[0].deliverables, task.criteria[0].check) == ((), None)


def test_tasks_are_found_at_any_depth_and_named_by_their_path(tmp_path: Path) -> None:
    for task_id in ("tax/one", "tax/two/scenario-01", "real-estate/a/b/c"):
        write_task(tmp_path, task_id)
    found = discover(tmp_path)
    assert list(found) == ["real-estate/a/b/c", "tax/one", "tax/two/scenario-01"]
    assert found["real-estate/a/b/c"].practice_area == "real-estate"


def test_the_documents_folder_may_lie_outside_the_task_and_be_shared(tmp_path: Path) -> None:
    shared = tmp_path / "dms" / "deep folder"
    shared.mkdir(parents=True)
    (shared / "a letter.txt").write_text("x", encoding="utf-8")
    write_task(tmp_path / "tasks", docs_dir="../../../dms")
    task = discover(tmp_path / "tasks")["tax/one"]
    assert task.documents() == [shared.resolve() / "a letter.txt"]


def test_documents_are_sorted_by_relative_path_whatever_their_depth(tmp_path: Path) -> None:
    folder = write_task(tmp_path) / "documents"
    (folder / "a").mkdir()
    for name in ("z.txt", "a/b.txt", "A.txt"):
        (folder / name).write_text("x", encoding="utf-8")
    names = [
        path.relative_to(folder).as_posix() for path in discover(tmp_path)["tax/one"].documents()
    ]
    assert names == sorted(["z.txt", "a/b.txt", "A.txt", "letter.txt"])


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    criterion = {**CRITERION, "sources": ["letter.txt"], "evaluation_options": {"x": True}}
    task = read_one(tmp_path, jurisdiction="IE", metadata={"a": 1}, criteria=[criterion])
    assert task.content.model_extra == {"jurisdiction": "IE", "metadata": {"a": 1}}
    assert task.criteria[0].model_extra == {
        "sources": ["letter.txt"], "evaluation_options": {"x": True}
    }  # fmt: skip


def test_the_digest_covers_task_json_and_the_names_and_bytes_of_documents(tmp_path: Path) -> None:
    folder = write_task(tmp_path)
    task = discover(tmp_path)["tax/one"]
    seen = [task.digest()]
    letter = folder / "documents" / "letter.txt"
    letter.write_text("Dear none", encoding="utf-8")
    seen.append(task.digest())
    letter.rename(letter.with_name("other.txt"))
    seen.append(task.digest())
    (folder / "task.json").write_text(json.dumps({**CONTENT, "title": "U"}), encoding="utf-8")
    seen.append(task.digest())
    assert len(set(seen)) == 4
    assert task.digest() == seen[-1]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": None}, "title"), ({"title": ""}, "title"), ({"title": 3}, "title"),
        ({"instructions": None}, "instructions"), ({"criteria": None}, "criteria"),
        ({"criteria": []}, "criteria"), ({"criteria": "C-001"}, "criteria"),
        ({"criteria": [{**CRITERION, "match_criteria": ""}]}, "criteria.0.match_criteria"),
        ({"criteria": [{"id": "C-001"}]}, "criteria.0.title"),
        ({"criteria": [CRITERION, CRITERION]}, "criteria.1.id"),
        ({"criteria": [{**CRITERION, "weight": 2}]}, "criteria.0.weight"),
        ({"criteria": [{**CRITERION, "deliverables": ["../x.md"]}]}, "criteria.0.deliverables"),
        ({"criteria": [{**CRITERION, "check": "fact"}]}, "criteria.0.check"),
        ({"deliverables": ["out/memo.docx"]}, "deliverables"),
        ({"deliverables": [".."]}, "deliverables"), ({"deliverables": [""]}, "deliverables"),
        ({"deliverables": ["/etc/passwd"]}, "deliverables"),
        ({"deliverables": ["a.md", "a.md"]}, "deliverables"),
        ({"deliverables": {"memo": 3}}, "deliverables.0"), ({"tags": "x"}, "tags"),
        ({"docs_dir": "nowhere"}, "docs_dir"), ({"docs_dir": "task.json"}, "docs_dir"),
        ({"docs_dir": "/etc"}, "docs_dir"),
    ],
)  # fmt: skip
def test_malformed_input_names_file_and_field(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    folder = write_task(tmp_path, **changes)
    with pytest.raises(InputError) as caught:
        discover(tmp_path)
    assert (caught.value.file, caught.value.field) == (str(folder / "task.json"), field)


@pytest.mark.parametrize("docs_dir", [".", "..", "../..", "documents/.."])
def test_a_documents_folder_that_would_show_the_rubric_is_refused(
    tmp_path: Path, docs_dir: str
) -> None:
    write_task(tmp_path, docs_dir=docs_dir)
    with pytest.raises(InputError) as caught:
        discover(tmp_path)
    assert caught.value.field == "docs_dir"


@pytest.mark.parametrize("data", [b"{", b"[]", b"3", b"\xff", b"\xef\xbb\xbf{}"])
def test_a_task_file_that_is_no_json_object_is_named(tmp_path: Path, data: bytes) -> None:
    folder = write_task(tmp_path)
    (folder / "task.json").write_bytes(data)
    with pytest.raises(InputError, match="JSON object") as caught:
        discover(tmp_path)
    assert caught.value.file == str(folder / "task.json")


def test_a_task_at_the_top_of_the_benchmark_is_refused(tmp_path: Path) -> None:
    write_task(tmp_path, ".")
    with pytest.raises(InputError, match="<area>"):
        discover(tmp_path)


def test_a_missing_or_empty_folder_of_tasks_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError) as caught:
            discover(folder)
        assert caught.value.file == str(folder)


def test_a_folder_named_task_json_is_no_task(tmp_path: Path) -> None:
    write_task(tmp_path)
    (tmp_path / "tax" / "two" / "task.json").mkdir(parents=True)
    assert list(discover(tmp_path)) == ["tax/one"]
