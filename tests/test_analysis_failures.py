"""Baseline against final: every count can be traced, and nothing is dropped in silence."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import write_task
from hypothesis import given
from hypothesis import strategies as st
from transcripts import reply_of, user

from harness_kit.extraction import extract_text
from harness_search.analysis.actions import Action, ActionMix
from harness_search.analysis.activity import Activity
from harness_search.analysis.documents import DocumentCoverage
from harness_search.analysis.evidence import (
    DAMAGED_LINE,
    NO_OUTPUT,
    NO_TITLE,
    NO_TRANSCRIPT,
    UNDECIDED,
    Background,
    Facts,
    Record,
    read_facts,
)
from harness_search.analysis.failures import OTHER_TASKS, analyse_failures
from harness_search.analysis.outcomes import Ending
from harness_search.analysis.rules import HARNESS_FAILED, ErrorClass, ErrorRules, NamedClass
from harness_search.benchmark.tasks import read_task
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome

RULES = ErrorRules(
    (
        ErrorClass(name="Numbers", patterns=("number", "date"), unit="A sum is wrong."),
        ErrorClass(name="Form", patterns=("missing", "title")),
    ),
    NamedClass(name="Other"),
)
CRITERIA = 4


def facts(task: str = "tax/a", *, trial: int = 1, **failed: int) -> Facts:
    return Facts(
        task=task,
        trial=trial,
        ending=Ending.DELIVERED,
        fates=(),
        criteria=CRITERIA,
        failed=failed,
        activity=Activity(
            ActionMix(read=trial), 3, DocumentCoverage(2, frozenset({"a"}), frozenset()), 0
        ),
        words=100 * trial,
        skipped={},
    )


# One rollout.


@pytest.fixture
def task(tmp_path: Path) -> Background:
    folder = write_task(tmp_path / "tasks", 0)
    return Background.of(read_task(folder / "task.json", tmp_path / "tasks"), extract_text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "trial-1"
    (folder / "output").mkdir(parents=True)
    (folder / "output" / "abstract.md").write_text("# Rent\n\nIt is 100,000 USD.")
    call = {"type": "tool_use", "id": "t", "name": "read", "input": {"file_path": "lease.txt"}}
    answer = {"type": "tool_result", "tool_use_id": "t", "content": "text"}
    with closing(TranscriptWriter(folder / "transcript.jsonl")) as writer:
        writer.request(1, "a", {"messages": [user("Go.")]})
        writer.reply(1, 200, {"content": [call]})
        writer.request(2, "b", {"messages": [user("Go."), user([answer])]})
        writer.reply(2, 200, reply_of("Done."))
    return folder


@pytest.fixture
def record() -> Record:
    """What the ledger has of the rollout in the folder."""
    verdicts = (
        Verdict("C-001", "fail", "the number is wrong"),
        Verdict("C-002", "pass", "the date"),
        Verdict("C-003", "undecided", "no answer"),
        Verdict("C-099", "fail", "nothing of it"),
    )
    task = "real-estate/abstract-lease-number-0"
    return Record(task, 1, Outcome.SCORED, "", CRITERIA, verdicts)


def test_a_rollout_is_read_from_its_evidence(
    folder: Path, record: Record, task: Background
) -> None:
    found = read_facts(folder, record, task, RULES, extract_text)
    assert found.failed == {"Numbers": 1, "Other": 1}
    assert (found.ending, found.words, found.criteria) == (Ending.DELIVERED, 5, CRITERIA)
    assert found.activity is not None
    assert (found.activity.turns, found.activity.actions) == (2, ActionMix(read=1))
    assert found.activity.coverage.by_name == {"lease.txt"}
    assert found.activity.coverage.documents == 3
    assert found.skipped == {UNDECIDED: 1, NO_TITLE: 1}


def test_evidence_that_is_gone_or_damaged_is_named(
    folder: Path, record: Record, task: Background
) -> None:
    record = replace(record, verdicts=())
    transcript = folder / "transcript.jsonl"
    transcript.write_text(transcript.read_text() + "broken\n")
    assert read_facts(folder, record, task, RULES, extract_text).skipped[DAMAGED_LINE] == 1
    nothing = read_facts(folder / "gone", record, task, RULES, extract_text)
    assert (nothing.activity, nothing.words, nothing.ending) == (None, None, Ending.MISSING)
    assert {NO_TRANSCRIPT, NO_OUTPUT} <= nothing.skipped.keys()


def test_what_a_failed_harness_left_undone_is_no_judges_reason(
    folder: Path, task: Background
) -> None:
    verdicts = tuple(Verdict(f"C-{n}", "fail", "time limit of 9 s passed") for n in range(CRITERIA))
    record = Record("a", 1, Outcome.HARNESS_FAILED, "time limit of 9 s passed", CRITERIA, verdicts)
    found = read_facts(folder, record, task, RULES, extract_text)
    assert found.failed == {HARNESS_FAILED: CRITERIA}
    assert found.ending is Ending.TIMEOUT


def test_markdown_saved_as_word_is_not_its_type(
    folder: Path, record: Record, task: Background
) -> None:
    (folder / "output" / "memo.docx").write_text("# not Word")
    wanted = replace(task, requested=("memo.docx",))
    found = read_facts(folder, record, wanted, RULES, extract_text)
    assert (found.ending, found.words) == (Ending.NOT_ITS_TYPE, None)


# Two harnesses.


def test_differences_are_per_rollout_and_task_by_task() -> None:
    baseline = [facts("a", Numbers=4), facts("a", trial=2, Numbers=2), facts("b", Form=1)]
    final = [facts("a", Numbers=1), facts("b", Form=1)]
    found = analyse_failures(RULES, baseline, final)
    numbers, form = found.classes[:2]
    assert (numbers.baseline, numbers.final) == (6, 1)
    assert (numbers.baseline_share, numbers.final_share) == (6 / 7, 1 / 2)
    assert numbers.per_rollout is not None
    # three failures per rollout of task a and none of b: 1.5; then one and none: 0.5
    assert (numbers.per_rollout.baseline, numbers.per_rollout.difference) == (1.5, -1.0)
    assert numbers.per_rollout.interval == pytest.approx((-1 - 1.959964, -1 + 1.959964))
    assert form.per_rollout is not None
    assert form.per_rollout.difference == 0
    assert found.words is not None
    assert (found.words.baseline, found.words.final) == (125, 100)
    assert found.coverage is not None
    assert found.coverage.baseline == 0.5
    assert found.actions[Action.OTHER] is not None


def test_lost_rollouts_and_other_tasks_are_counted_and_never_compared() -> None:
    lost = replace(facts("a", trial=2), ending=Ending.PROVIDER, skipped={NO_TRANSCRIPT: 1})
    found = analyse_failures(
        RULES,
        [facts("a", Other=1), lost, facts("only here")],
        [facts("a")],
        skipped={"no rollout.json": 2},
    )
    assert (found.baseline.rollouts, found.baseline.lost, found.tasks) == (1, 1, 1)
    assert found.skipped == {NO_TRANSCRIPT: 1, "no rollout.json": 2, OTHER_TASKS: 1}
    provider = next(item for item in found.endings if item.ending is Ending.PROVIDER)
    assert (provider.baseline, provider.per_rollout) == (1, None)


def test_nothing_to_compare_is_said_and_no_error() -> None:
    found = analyse_failures(RULES, [facts("a")], [facts("b")])
    assert found.tasks == 0
    assert found.turns is None
    assert all(item.per_rollout is None for item in found.classes)
    assert json.loads(json.dumps(found.to_json()))["document_coverage"] is None


COUNTS = st.fixed_dictionaries(
    {}, optional={name: st.integers(1, 9) for name in ("Numbers", "Form", "Other", HARNESS_FAILED)}
)
SIDES = st.lists(st.tuples(st.sampled_from("abc"), COUNTS), max_size=8)


@given(SIDES, SIDES)
def test_the_classes_add_up_to_the_failed_criteria_and_the_json_says_the_same(
    baseline: list[tuple[str, dict[str, int]]], final: list[tuple[str, dict[str, int]]]
) -> None:
    sides = [[facts(task, **failed) for task, failed in side] for side in (baseline, final)]
    found = analyse_failures(RULES, *sides)
    assert sum(item.baseline for item in found.classes) == found.baseline.failed
    assert sum(item.final for item in found.classes) == found.final.failed
    assert sum(item.baseline for item in found.endings) == found.baseline.rollouts
    per_rollout = [item.per_rollout for item in found.classes if item.per_rollout]
    both = {task for task, _ in baseline} & {task for task, _ in final}
    means = [
        sum(sum(failed.values()) for task, failed in final if task == name)
        / sum(task == name for task, _ in final)
        for name in sorted(both)
    ]
    if both:
        total = sum(item.final for item in per_rollout)
        assert total == pytest.approx(sum(means) / len(means))
    said: dict[str, Any] = json.loads(json.dumps(found.to_json()))
    assert [item["name"] for item in said["classes"]] == [
        "Numbers",
        "Form",
        "Other",
        HARNESS_FAILED,
    ]
