"""`mh-query` answers inside a session's view, from what its feedback policy shows and no more."""

import ast
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import TASKS, Recording, answer, ask, small

from harness_search.ledger.rows import DecisionKind, Outcome
from harness_search.ledger.scores import Weights
from harness_search.proposers.feedback import FeedbackPolicy
from harness_search.proposers.query.program import SOURCES
from harness_search.proposers.session import Session

COMMANDS = (
    ("frontier",),
    ("top",),
    ("diff", "baseline", "lander"),
    ("criteria", TASKS[0]),
    ("grep", "reason"),
    ("replay", "lander"),
)


@pytest.fixture
def search(tmp_path: Path) -> Recording:
    return small(tmp_path)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """One that no test changes."""
    return small(tmp_path_factory.mktemp("asked")).show()


@pytest.mark.parametrize("policy", FeedbackPolicy)
def test_every_command_answers_in_words_and_in_json(
    search: Recording, policy: FeedbackPolicy
) -> None:
    session = search.show(policy)
    for command in COMMANDS:
        done = ask(session, *command)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout.strip()
        assert answer(session, *command)["left_out"] == 0


def test_the_program_imports_the_standard_library_only() -> None:
    for file in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= sys.stdlib_module_names, file
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert str(node.module).partition(".")[0] in sys.stdlib_module_names, file


@pytest.mark.parametrize("evidence_at", ["dev", ""])
def test_the_view_and_the_evidence_are_all_it_needs(
    search: Recording, tmp_path: Path, evidence_at: str
) -> None:
    session = search.show(evidence_at=evidence_at)
    box = tmp_path / "box" / "work"
    shutil.copytree(session.view, box)
    shutil.copytree(session.evidence, box / "dev")
    shutil.rmtree(search.layout.runs)
    moved = replace(session, view=box)
    assert len(answer(moved, "criteria", TASKS[0])["trials"]) == 2
    assert answer(moved, "grep", "papers")["hits"]
    assert (
        f"Evidence folder: {evidence_at or session.evidence}\n" in (box / "session.md").read_text()
    )


def test_the_frontier_is_that_of_the_ledger_newest_first(search: Recording) -> None:
    found = answer(search.show(), "frontier")
    assert [row["harness"] for row in found["rows"]] == ["breaker", "lander", "baseline"]
    assert found["incumbent"] == "lander"
    assert found["rows"][1]["blended"] == round(search.frontier.rows[1].to_json()["blended"], 4)


def test_scores_follow_the_weights_of_the_session(search: Recording) -> None:
    before = answer(search.show(), "frontier")["rows"]
    search.weights = Weights(cost=5_000.0)
    after = answer(search.show(), "frontier")["rows"]
    assert before[0]["pooled"] == after[0]["pooled"]
    assert before[0]["blended"] - after[0]["blended"] == pytest.approx(5, abs=0.01)


def test_top_orders_tasks_by_what_the_incumbent_loses(session: Session) -> None:
    rows = answer(session, "top", "2")["rows"]
    assert [row["task"] for row in rows] == [TASKS[0], TASKS[1]]
    assert rows[0]["lost"] == pytest.approx(25.0)  # 3 of 12 criteria in each trial
    assert rows[0]["reasons"] == [{"reason": f"reason 0 of {TASKS[0]}", "count": 6}]


def test_diff_shows_code_and_results_side_by_side(session: Session) -> None:
    found = answer(session, "diff", "baseline", "lander")
    assert '+    return "lander"' in found["code"]
    assert {row["difference"] for row in found["tasks"]} == {25.0}
    assert found["tasks"][0]["trials"] == [2, 2]


def test_criteria_has_each_verdict_with_its_reason_by_trial(session: Session) -> None:
    found = answer(session, "criteria", TASKS[1], "baseline")
    verdicts = {item["criterion"]: item["verdicts"] for item in found["verdicts"]}
    assert [item["verdict"] for item in verdicts["C-1"]] == ["pass", "pass"]
    assert [item["verdict"] for item in verdicts["C-4"]] == ["fail", "fail"]
    assert verdicts["C-4"][0]["reason"] == f"reason 1 of {TASKS[1]}"
    assert verdicts["C-4"][1]["rollout"] == "trial-2"


def test_a_lost_attempt_is_no_evidence(search: Recording) -> None:
    search.add_rollout("lander", TASKS[0], 3, 0, outcome=Outcome.INFRA_FAILED)
    assert len(answer(search.show(), "criteria", TASKS[0])["trials"]) == 2


def test_grep_reads_transcripts_deliverables_and_logs(search: Recording) -> None:
    search.add_rollout("breaker", TASKS[2], 3, said="first line\nof the Zanzibar matter")
    hits = answer(search.show(), "grep", "of the Zanzibar")["hits"]
    assert {hit["file"].rpartition("trial-3/")[2] for hit in hits} == {
        "transcript.jsonl", "harness.log", "output/memo.docx", "rollout.json",
    }  # fmt: skip
    assert all("first line" not in hit["line"] for hit in hits)


def test_grep_keeps_to_the_harness_and_the_task_that_it_is_given(session: Session) -> None:
    found = answer(session, "grep", "papers", "--harness", "baseline", "--task", "task-1")["hits"]
    folders = {hit["file"].rpartition("/trial-")[0] for hit in found}
    assert folders == {f"baseline/{TASKS[1]}"}
    assert answer(session, "grep", "papers")["hits"][0]["file"].startswith("lander/")


def test_redacted_evidence_answers_without_a_word_of_the_task(search: Recording) -> None:
    search.add_rollout("lander", TASKS[0], 3, 0, "no mention of Zanzibar", said="Zanzibar")
    session = search.show(FeedbackPolicy.REDACTED)
    found = answer(session, "criteria", TASKS[0])
    assert {item["reason"] for item in found["verdicts"]} >= {"no mention of [word]"}
    assert "criterion" not in json.dumps(found)
    for command in COMMANDS:
        assert "Zanzibar" not in ask(session, *command).stdout
    assert answer(session, "grep", "Zanzibar")["hits"] == []


def test_what_is_recorded_of_a_candidate_is_told_and_no_replay_is_run(session: Session) -> None:
    assert "Replay of 3 of 6" in ask(session, "replay", "lander").stdout
    assert "No replay of it is recorded" in ask(session, "replay", "breaker").stdout


def test_no_answer_is_longer_than_20_kb_and_each_says_what_it_left_out(search: Recording) -> None:
    for number in range(3, 400):
        search.add_harness(f"candidate_{number}", DecisionKind.ORPHAN, {"observed": "é" * 9_000})
        search.layout.candidate(f"candidate_{number}").write_text("# é\n" * 9_000)
    for trial in range(3, 60):
        search.add_rollout("lander", TASKS[0], trial, 0, "ö" * 3_000, said="papers\n" * 900)
    session = search.show()
    commands = (*COMMANDS, ("diff", "lander", "candidate_9"), ("replay", "candidate_9"))
    for command in commands:
        assert len(ask(session, *command).stdout.encode()) <= 20_001, command
        answer(session, *command)
    assert answer(session, "frontier")["left_out"] > 0
    assert "more lines left out" in ask(session, "frontier").stdout
    assert answer(session, "grep", "papers")["stopped"]
    assert "stopped at 20 kB" in ask(session, "grep", "papers").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("nothing",), ("top", "0"), ("top", "many"), ("diff", "baseline"),
        ("diff", "baseline", "../../secrets"), ("criteria", "../../test"), ("criteria", "task-9"),
        ("criteria", TASKS[0], "nobody"), ("grep", "("), ("grep", "x", "--harness", ".building"),
        ("grep", "x", "--task", ".."), ("replay", "nobody"), ("frontier", "--jso"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_exit_code_2(
    session: Session, arguments: tuple[str, ...]
) -> None:
    done = ask(session, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mh-query: ")
    assert done.stderr.count("\n") == 1


def test_a_damaged_view_is_bad_input_too(search: Recording) -> None:
    session = search.show()
    (session.view / "query" / "results.json").write_text("{", encoding="utf-8")
    done = ask(session, "top")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "query/results.json" in done.stderr
