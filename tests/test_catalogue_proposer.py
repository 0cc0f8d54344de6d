"""The catalogue proposer writes one mechanism, a sound claim and its reasons, from dev evidence."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest
from catalogue_sessions import (
    BASELINE,
    DEV_TASKS,
    NAMES,
    ORIGIN,
    add_rollout,
    first_session,
    past,
    propose,
)

from harness_search.errors import InputError
from harness_search.proposers.catalogue import default_catalogue
from harness_search.proposers.catalogue.edits import Source
from harness_search.proposers.catalogue.evidence import EvidenceReader
from harness_search.proposers.session import Session

ROOT = Path(__file__).parents[1]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return first_session(tmp_path)


# What it writes.


def test_the_candidate_is_the_incumbent_with_one_mechanism_and_a_sound_claim(
    session: Session,
) -> None:
    claim = propose(session)
    mechanism = next(item for item in default_catalogue() if item.name == claim.mechanism)
    assert claim.name == claim.mechanism
    assert (claim.parent, claim.observed) == ("baseline", "")
    assert claim.hypothesis == mechanism.hypothesis
    assert claim.changes == f"Copied baseline; {mechanism.changes}"
    files = {path.name for path in session.view.rglob("*") if path.is_file()}
    assert files == {f"{claim.name}.py", "baseline.py", "pending_eval.json", "proposer.log"}
    new = (session.view / "harnesses" / f"{claim.name}.py").read_text()
    old = (session.view / "harnesses" / "baseline.py").read_text()
    assert old == BASELINE.read_text()
    assert new == mechanism.add_to(Source(old)).text


def test_the_claim_file_has_the_fields_of_the_contract_and_no_others(session: Session) -> None:
    propose(session)
    claim = json.loads(session.claim_file.read_text())
    assert list(claim) == ["iteration", "candidates"]
    assert list(claim["candidates"][0]) == [
        "name", "hypothesis", "changes", "fix_tasks", "regression_tasks", "observed",
        "mechanism", "parent",
    ]  # fmt: skip


def test_fix_tasks_show_the_symptom_and_regression_tasks_show_it_least(session: Session) -> None:
    for number, task in enumerate(DEV_TASKS):
        if number < 3:
            add_rollout(session, task, passed=9, output=["drafts/memo.md"])
        else:
            add_rollout(session, task, passed=12 - number)
    claim = propose(session, [item for item in default_catalogue() if "landing" in item.name])
    assert claim.fix_tasks == (*DEV_TASKS[:3], DEV_TASKS[11], DEV_TASKS[10])
    assert claim.regression_tasks == DEV_TASKS[3:8]


@pytest.mark.parametrize(("count", "named", "common"), [(3, 3, 3), (8, 5, 2), (10, 5, 0)])
def test_a_small_dev_split_names_what_it_has(
    session: Session, count: int, named: int, common: int
) -> None:
    claim = propose(replace(session, dev_tasks=DEV_TASKS[:count]))
    assert len(set(claim.fix_tasks)) == len(set(claim.regression_tasks)) == named
    assert len(set(claim.fix_tasks) & set(claim.regression_tasks)) == common


def test_the_log_names_every_file_read_the_ranking_and_the_choice(session: Session) -> None:
    for task in DEV_TASKS[:2]:
        add_rollout(session, task, passed=0, output=["drafts/memo.md"])
    history = (ORIGIN, past(1, "second_look"))
    claim = propose(replace(session, iteration=2, history=history))
    log = session.log_file.read_text()
    read = {line.strip() for line in log.splitlines() if line.startswith("  evidence/")}
    expected = {
        f"evidence/baseline/{task}/trial-1/{name}"
        for task in DEV_TASKS[:2]
        for name in ("rollout.json", "transcript.jsonl")
    }
    assert read == expected
    assert "  view/harnesses/baseline.py\n" in log
    assert "  second_look: compared with baseline in iteration 1\n" in log
    assert f"Choice: {claim.name}, because" in log
    stakes = [line for line in log.splitlines() if " x " in line and " = " in line]
    assert len(stakes) == len(NAMES) - 1
    assert "  deliverable_landing_gate: 100.00 x " in log


def test_only_dev_evidence_of_the_incumbent_is_read(session: Session) -> None:
    add_rollout(session, DEV_TASKS[0], harness="orphan")
    add_rollout(session, "held-out/task")
    add_rollout(session, DEV_TASKS[0])
    reader = EvidenceReader(session.evidence)
    reader.rollouts("baseline", session.dev_tasks)
    assert {path.parent for path in reader.read} == {
        session.evidence / "baseline" / DEV_TASKS[0] / "trial-1"
    }


def test_a_lost_attempt_is_no_evidence_and_the_finished_one_is(session: Session) -> None:
    add_rollout(session, DEV_TASKS[0], outcome="infra_failed", passed=0)
    add_rollout(session, DEV_TASKS[0], attempt=2, passed=7)
    add_rollout(session, DEV_TASKS[0], trial=2, outcome="harness_failed", passed=0, output=[])
    add_rollout(session, DEV_TASKS[0], trial=3, outcome="infra_failed", passed=0)
    rollouts = EvidenceReader(session.evidence).rollouts("baseline", DEV_TASKS)[DEV_TASKS[0]]
    assert [(item.file.trial, item.file.attempt, item.lost) for item in rollouts] == [
        (1, 2, 3),
        (2, 1, 10),
    ]


def test_malformed_evidence_is_named_with_file_and_field(session: Session) -> None:
    folder = add_rollout(session, DEV_TASKS[0])
    (folder / "rollout.json").write_text('{"task": "a", "trial": 0}')
    with pytest.raises(InputError, match=r"rollout.json: trial: found 0"):
        propose(session)


# Independence.


CATALOGUE = ROOT / "harness_search" / "proposers" / "catalogue"
SIMULATED = ROOT / "harness_search" / "simulated"


@pytest.mark.parametrize(
    ("folder", "others"),
    [(CATALOGUE, ("promotion", "simulated")), (SIMULATED, ("promotion", "proposers"))],
    ids=["the catalogue", "the simulated model"],
)
def test_catalogue_and_simulated_model_know_neither_each_other_nor_the_gate(
    folder: Path, others: tuple[str, ...]
) -> None:
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [item.name for item in getattr(node, "names", []) if hasattr(item, "name")]
            parts = {part for name in names for part in name.split(".")}
            assert not parts & set(others), file


def test_the_simulated_model_has_never_heard_of_a_mechanism() -> None:
    for file in SIMULATED.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not [name for name in NAMES if name in text], file


def test_the_catalogue_does_not_say_which_mechanisms_are_good() -> None:
    for file in CATALOGUE.glob("*.py"):
        words = file.read_text().casefold()
        assert not any(word in words for word in ("helpful", "harmful", "harmless", "placebo"))
