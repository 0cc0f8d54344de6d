"""The claim that comes with a candidate is believed in nothing and refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness_search.errors import InputError
from harness_search.promotion.claim import OURS, Claim, check_claim, read_claim, read_proposal
from harness_search.proposers.catalogue.ranking import name_tasks

DEV_TASKS = {f"area/task-{number}" for number in range(12)}
TASKS = sorted(DEV_TASKS)


def claim_with(**changes: Any) -> dict[str, Any]:
    candidate = {
        "name": "deliverable_landing_gate",
        "hypothesis": "Missing files lie elsewhere.",
        "changes": "Copied baseline; added ONE mechanism.",
        "fix_tasks": TASKS[:5],
        "regression_tasks": TASKS[5:10],
        "observed": "",
    }
    return {"iteration": 3, "candidates": [candidate | changes]}


def written(folder: Path, content: object) -> Path:
    file = folder / "pending_eval.json"
    file.write_text(json.dumps(content))
    return file


def refusal(folder: Path, content: object, iteration: int = 3) -> InputError:
    file = written(folder, content)
    with pytest.raises(InputError) as refused:
        check_claim(file, read_claim(file), iteration, DEV_TASKS)
    assert refused.value.file == str(file)
    return refused.value


def test_the_studys_schema_is_a_sound_claim(tmp_path: Path) -> None:
    file = written(tmp_path, claim_with())
    claim = read_claim(file)
    check_claim(file, claim, 3, DEV_TASKS)
    assert claim.candidate.fix_tasks == tuple(TASKS[:5])
    assert (claim.candidate.mechanism, claim.candidate.parent) == ("", "")


def test_a_claim_survives_being_stored(tmp_path: Path) -> None:
    claim = read_claim(written(tmp_path, claim_with(note="kept", mechanism="landing")))
    assert Claim.model_validate_json(claim.to_json()) == claim
    assert json.loads(claim.to_json())["candidates"][0]["note"] == "kept"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ([], ""),
        ({"candidates": []}, "iteration"),
        (claim_with() | {"iteration": 0}, "iteration"),
        ({"iteration": 3, "candidates": []}, "candidates"),
        ({"iteration": 3, "candidates": claim_with()["candidates"] * 2}, "candidates"),
        (claim_with(hypothesis=""), "candidates.0.hypothesis"),
        (claim_with(changes=None), "candidates.0.changes"),
        (claim_with(fix_tasks="area/task-1"), "candidates.0.fix_tasks"),
    ],
)
def test_a_malformed_claim_is_refused_by_field(tmp_path: Path, content: object, field: str) -> None:
    assert refusal(tmp_path, content).field == field


@pytest.mark.parametrize(
    "name", ["../baseline", "a/b", "Landing", "x", "1st", "landing\n", "a" * 62]
)
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, claim_with(name=name)).field == "candidates.0.name"


def test_a_claim_about_another_iteration_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, claim_with(), iteration=4)
    assert (error.field, error.found, error.expected) == ("iteration", 3, "4")


@pytest.mark.parametrize("field", ["fix_tasks", "regression_tasks"])
def test_a_task_outside_the_dev_split_is_refused(tmp_path: Path, field: str) -> None:
    error = refusal(tmp_path, claim_with(**{field: [*TASKS[:5], "area/held-out"]}))
    assert (error.field, error.found) == (f"candidates.0.{field}", "'area/held-out'")


@pytest.mark.parametrize("field", ["fix_tasks", "regression_tasks"])
def test_fewer_than_five_different_tasks_are_no_evidence(tmp_path: Path, field: str) -> None:
    error = refusal(tmp_path, claim_with(**{field: [*TASKS[:4], TASKS[0]]}))
    assert error.field == f"candidates.0.{field}"
    assert "4 tasks" in str(error)


def test_a_replay_stands_in_for_tasks(tmp_path: Path) -> None:
    file = written(tmp_path, claim_with(fix_tasks=[], regression_tasks=[], replay="landing"))
    check_claim(file, read_claim(file), 3, DEV_TASKS)


def test_a_small_dev_split_needs_no_more_tasks_than_it_has(tmp_path: Path) -> None:
    file = written(tmp_path, claim_with(fix_tasks=TASKS[:2], regression_tasks=TASKS[:2]))
    check_claim(file, read_claim(file), 3, set(TASKS[:2]))


def test_a_task_is_a_fix_task_or_a_regression_task_and_not_both(tmp_path: Path) -> None:
    error = refusal(tmp_path, claim_with(regression_tasks=TASKS[4:9]))
    assert error.field == "candidates.0.regression_tasks"
    assert TASKS[4] in str(error)


def test_too_few_dev_tasks_for_two_lists_may_be_in_both(tmp_path: Path) -> None:
    file = written(tmp_path, claim_with(regression_tasks=TASKS[4:9]))
    check_claim(file, read_claim(file), 3, set(TASKS[:9]))


@pytest.mark.parametrize("count", range(1, 15))
def test_what_the_catalogue_names_is_a_sound_claim_at_any_number_of_tasks(
    tmp_path: Path, count: int
) -> None:
    tasks = [f"area/task-{number:02d}" for number in range(count)]
    fix, regression = name_tasks(dict.fromkeys(tasks, 0.0), {task: [] for task in tasks})
    file = written(tmp_path, claim_with(fix_tasks=fix, regression_tasks=regression))
    check_claim(file, read_claim(file), 3, set(tasks))


@pytest.mark.parametrize("field", OURS)
@pytest.mark.parametrize("content", ["It gained 40 points.", "mixed", None, 7, ["x"] * 99])
def test_what_a_proposer_says_in_our_name_is_dropped(
    tmp_path: Path, field: str, content: object
) -> None:
    claim = read_proposal(written(tmp_path, claim_with(**{field: content})))
    assert getattr(claim.candidate, field) == ""


def test_what_the_scaffold_said_in_it_is_kept(tmp_path: Path) -> None:
    claim = read_claim(written(tmp_path, claim_with(observed="pooled 50.0 -> 60.0.")))
    assert claim.candidate.observed == "pooled 50.0 -> 60.0."


@pytest.mark.parametrize("field", ["hypothesis", "changes", "parent", "replay"])
def test_a_text_of_any_length_is_refused(tmp_path: Path, field: str) -> None:
    assert refusal(tmp_path, claim_with(**{field: "x" * 4_001})).field == f"candidates.0.{field}"


def test_a_claim_of_any_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    assert refusal(tmp_path, claim_with(note="x" * 64_000)).field == "size"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"not json"])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "pending_eval.json"
    file.write_bytes(content)
    with pytest.raises(InputError, match="invalid JSON"):
        read_claim(file)


def test_a_missing_claim_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no regular file"):
        read_claim(tmp_path / "pending_eval.json")


@pytest.mark.parametrize("make", ["link", "folder", "nesting", "half a character"])
def test_a_claim_that_is_no_plain_file_is_refused_in_one_sentence(
    tmp_path: Path, make: str
) -> None:
    file = tmp_path / "pending_eval.json"
    if make == "link":
        (tmp_path / "other.json").write_text("{}")
        file.symlink_to(tmp_path / "other.json")
    elif make == "folder":
        file.mkdir()
    else:
        file.write_text("[" * 60_000)
    if make == "half a character":
        names = '"name": "abc", "hypothesis": "x", "changes": "y", "note": "\\ud800"'
        file.write_text('{"iteration": 1, "candidates": [{' + names + "}]}")
    with pytest.raises(InputError, match=r"pending_eval\.json"):
        read_claim(file)
