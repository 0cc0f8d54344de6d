"""The proposer's contract says what the scaffold does, in words of no benchmark."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from catalogue_sessions import DEV_TASKS

from harness_search.ledger.rows import DecisionKind
from harness_search.promotion.candidate import NOTHING_LEFT
from harness_search.promotion.claim import (
    FEWEST_TASKS,
    LONGEST_TEXT,
    OURS,
    CandidateClaim,
    Claim,
    is_reserved,
)
from harness_search.promotion.validation import MIXED
from harness_search.proposers.contract import contract
from harness_search.proposers.session import Session
from harness_search.proposers.view import prepare_view

ROOT = Path(__file__).parents[1]
SKILL = ROOT / "skills" / "SKILL.md"
TEXT = SKILL.read_text(encoding="utf-8")
LARGEST = 9_000  # bytes
LEGAL = re.compile(
    r"\b(legal|laws?|lawyer|attorney|matters?|clause|agreement|lease|courts?|statutes?|part(y|ies)|"
    r"contract|counsel|litigation|tenant|covenant|filings?|memo|client|firm|practice)\b",
    re.IGNORECASE,
)
LEFT_BY_THE_SESSION = {"pending_eval.json", NOTHING_LEFT, "harnesses/<name>.py"}
OF_A_ROLLOUT = {"rollout.json", "transcript.jsonl", "output/", "harness.log", "lines_run.json"}
BOXED_ONLY = {"/work", "dev/"}


def example() -> dict[str, Any]:
    (block,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


@pytest.mark.parametrize("name", ["SKILL.md", "benchmark.md"])
def test_a_new_workspace_gets_the_same_text(name: str) -> None:
    copy = ROOT / "harness_search" / "templates" / name
    assert copy.read_bytes() == (ROOT / "skills" / name).read_bytes()


def test_it_is_short_enough_to_be_read_whole() -> None:
    assert len(TEXT.encode()) <= LARGEST


def test_the_example_is_a_sound_claim() -> None:
    assert Claim.model_validate(example()).candidate.aim == "score"


def test_the_example_has_every_field_that_a_proposer_writes_and_no_other() -> None:
    (candidate,) = example()["candidates"]
    assert set(example()) == set(Claim.model_fields)
    assert set(candidate) == set(CandidateClaim.model_fields) - set(OURS)


def test_the_fields_that_are_not_the_proposers_are_named() -> None:
    assert "`observed`, `kind` and `added` are the scaffold's" in TEXT
    assert set(OURS) == {"observed", "kind", "added"}


def test_its_numbers_are_those_of_the_checks() -> None:
    assert FEWEST_TASKS == 5
    assert "five fix tasks and five other regression" in " ".join(TEXT.split())
    assert f"at most {LONGEST_TEXT:,} characters" in TEXT
    assert f"`{MIXED}`" in TEXT
    assert all(is_reserved(name) for name in ("baseline", "incumbent", "placebo_1", "iteration_1"))


def test_every_outcome_of_a_proposal_is_explained() -> None:
    asked = set(DecisionKind) - {DecisionKind.BASELINE, DecisionKind.PLACEBO}
    assert set(re.findall(r"^- \*\*(.+?)\*\*:", TEXT, re.MULTILINE)) >= {
        kind.value for kind in asked
    }


def test_every_path_it_names_is_in_a_view(tmp_path: Path) -> None:
    baseline = ROOT / "harnesses" / "baseline.py"
    session = Session(1, tmp_path / "view", tmp_path / "dev", "baseline", (), DEV_TASKS, seed=0)
    data = {"session": {}, "frontier": [], "results": {}, "candidates": {}}
    prepare_view(session, [baseline], SKILL, "# History digest\n", data=data)
    named = re.findall(r"`((?:/|\./)?[\w<>.-]+(?:/[\w<>.-]*)*)`", TEXT)
    paths = {name for name in named if "/" in name or Path(name).suffix in {".md", ".json", ".log"}}
    paths -= LEFT_BY_THE_SESSION | OF_A_ROLLOUT | BOXED_ONLY
    assert {"session.md", "digest.md", "harnesses/", "./mh-query"} <= paths
    for path in paths:
        found = path.replace("<parent>", "baseline")
        assert "<" in found or (session.view / found).exists(), path


def test_the_files_of_a_rollout_are_named_as_the_scaffold_files_them() -> None:
    files = ("rollouts/evidence.py", "rollouts/traces.py", "rollouts/view.py")
    sources = "".join((ROOT / "harness_search" / file).read_text() for file in files)
    for name in OF_A_ROLLOUT:
        assert f'"{name.rstrip("/")}"' in sources


def test_every_question_it_names_can_be_asked() -> None:
    program = ROOT / "harness_search" / "proposers" / "query" / "mh_query" / "command_line.py"
    (commands,) = re.findall(r"for command in \((.+?)\):", program.read_text())
    asked = set(re.findall(r"\./mh-query ([a-z]+)", TEXT))
    assert asked == {name.strip() for name in commands.split(",")}


def test_no_word_of_a_benchmark_is_in_it() -> None:
    assert not LEGAL.search(TEXT)


def test_the_benchmark_adds_a_short_section_of_its_own() -> None:
    whole = contract(SKILL)
    assert whole.startswith(TEXT)
    added = whole.removeprefix(TEXT)
    assert added.lstrip().startswith("## This benchmark")
    assert len(added.encode()) <= 1_500
    assert LEGAL.search(added)


def test_a_benchmark_without_a_section_gets_the_neutral_text_alone(tmp_path: Path) -> None:
    (tmp_path / "SKILL.md").write_text(TEXT)
    assert contract(tmp_path / "SKILL.md") == TEXT
    assert contract(tmp_path / "nowhere" / "SKILL.md") == ""


def test_it_names_no_task() -> None:
    tasks = ROOT / "tasks"
    slugs = {folder.name for area in tasks.iterdir() if area.is_dir() for folder in area.iterdir()}
    assert not [slug for slug in slugs if slug in contract(SKILL)]
