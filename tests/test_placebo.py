"""A placebo behaves as its parent does, meets every stage, and never becomes the incumbent."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_proposer import Scripted, decisions, delivers_nothing, run

from harness_search.current import frontier_on_disk
from harness_search.errors import InputError
from harness_search.ledger.rows import DecisionKind, is_placebo
from harness_search.promotion.claim import check_claim
from harness_search.promotion.placebo import placebo_claim, placebo_source
from harness_search.settings import SearchSettings
from harness_search.workspace import Workspace

TASKS = [f"area/task-{number}" for number in range(12)]


@given(st.text(alphabet="ab \n", max_size=20), st.integers(1, 99))
def test_other_bytes_and_the_same_program(text: str, iteration: int) -> None:
    parent = f"x = 1\n{text.replace('a', '# a').replace('b', '# b')}".encode()
    source = placebo_source(parent, iteration)
    assert source != parent
    assert compile(source, "f", "exec").co_code == compile(parent, "f", "exec").co_code


def test_its_claim_names_tasks_by_the_seed_alone() -> None:
    claim = placebo_claim(8, "baseline", TASKS, seed=0)
    assert claim == placebo_claim(8, "baseline", TASKS, seed=0)
    assert claim != placebo_claim(8, "baseline", TASKS, seed=1)
    assert len(set(claim.candidate.fix_tasks)) == 5
    assert set(claim.candidate.fix_tasks) <= set(TASKS)
    assert is_placebo(claim.candidate.name)


def test_no_proposer_may_use_the_name(tmp_path: Any) -> None:
    claim = placebo_claim(1, "baseline", TASKS, seed=0)
    with pytest.raises(InputError, match="name that the scaffold does not use"):
        check_claim(tmp_path / "pending_eval.json", claim, 1, set(TASKS))


@pytest.mark.parametrize(
    ("settings", "placebos"),
    [
        ({"iterations": 6}, []),
        ({"iterations": 16}, [8]),
        ({"iterations": 17}, [8, 16]),
        ({"iterations": 6, "placebo_every": 3}, [3, 6]),
        ({"iterations": 24, "placebo_every": 0}, []),
    ],
)
def test_every_eighth_iteration_of_a_large_search(
    settings: dict[str, Any], placebos: list[int]
) -> None:
    search = SearchSettings.model_validate(settings)
    found = [number for number in range(search.iterations + 1) if search.is_placebo(number)]
    assert found == placebos


def test_a_placebo_is_measured_and_recorded_without_a_session(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(iterations=2, trials=1, placebo_every=2)
    proposer = Scripted(delivers_nothing)
    run(workspace, proposer)
    assert decisions(workspace) == [
        DecisionKind.BASELINE,
        DecisionKind.ORPHAN,
        DecisionKind.PLACEBO,
    ]
    assert len(proposer.sessions) == 1
    found = frontier_on_disk(workspace)
    assert found.incumbent == "baseline"
    assert found.rows[2].rollouts == len(workspace.splits.dev)
    assert found.gate is not None
    assert found.gate.placebos == 1
    decision = json.loads(workspace.layout.decision(2).read_text())
    passed = decision["verdict"] == "promote"
    assert found.gate.placebos_passed == passed


def test_a_placebo_that_passes_is_counted_and_not_promoted(
    open_tiny: Callable[..., Workspace],
) -> None:
    """With no margin, a placebo that ties with its parent passes."""
    workspace = open_tiny(iterations=1, trials=1, placebo_every=1)
    settings = workspace.layout.settings
    settings.write_text(settings.read_text().replace("min_delta = 1.0", "min_delta = 0.0"))
    workspace = open_tiny(iterations=1, trials=1, placebo_every=1)
    run(workspace, Scripted())
    found = frontier_on_disk(workspace)
    assert found.rows[1].decision is DecisionKind.PLACEBO
    assert found.incumbent == "baseline"
    assert found.gate is not None
    document = json.loads(workspace.layout.decision(1).read_text())
    assert found.gate.placebos_passed == (document["gain"]["difference"] >= 0)
    assert found.gate.promotions == 0


def test_proposers_are_told_nothing_of_placebos(open_tiny: Callable[..., Workspace]) -> None:
    workspace = open_tiny(iterations=2, trials=1, placebo_every=1)
    run(workspace, Scripted())
    workspace = open_tiny(iterations=3, trials=1, placebo_every=0)
    proposer = Scripted(delivers_nothing)
    run(workspace, proposer)
    (session,) = proposer.sessions
    assert [item.name for item in session.history] == ["baseline"]
    (given,) = proposer.given
    assert "placebo" not in given["digest.md"]
    sources = {name for name in given if name.startswith("harnesses/")}
    assert sources == {"harnesses/baseline.py"}
