"""Frontier and digest are derived: change the weights, and the same rows tell another story."""

import json

import pytest
from conftest import rollout_row
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.ledger.digest import LARGEST_DIGEST, history_digest
from harness_search.ledger.figures import Shape
from harness_search.ledger.frontier import Frontier, frontier
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome
from harness_search.ledger.scores import Weights

CRITERIA = {"a/t": 10}


def iteration(number: int, decision: DecisionKind, claim: str = "") -> IterationRow:
    return IterationRow(
        number=number,
        harness=f"digest-{number}",
        name=f"candidate_{number}" if number else "baseline",
        parent="baseline" if number else "",
        incumbent="baseline" if number else "",
        mechanism=f"mechanism_{number}" if number else "",
        claim=claim,
        decision=decision,
        reason="because",
    )


def rows_for(number: int, passed: int, tokens: int = 0) -> list:  # type: ignore[type-arg]
    return [rollout_row(f"digest-{number}", trial=1, passed=passed, total=10, tokens=tokens)]


def derive(weights: Weights = Weights()) -> Frontier:  # noqa: B008
    iterations = [
        iteration(0, DecisionKind.BASELINE),
        iteration(1, DecisionKind.PROMOTED),
        iteration(2, DecisionKind.ORPHAN),
    ]
    rows = [*rows_for(0, 5), *rows_for(1, 7, tokens=10_000_000), *rows_for(2, 4)]
    return frontier(iterations, rows, Shape(CRITERIA, 1, weights), simulated=True)


def test_the_incumbent_is_the_last_promoted_one() -> None:
    assert derive().incumbent == "candidate_1"


def test_scores_and_deltas_follow_the_current_weights() -> None:
    cheap, dear = derive(Weights(cost=0.0)), derive(Weights(cost=3.0))
    assert cheap.rows[1].delta == pytest.approx(20)
    assert dear.rows[1].delta == pytest.approx(-10)


def test_the_json_document_has_the_promised_shape() -> None:
    document = derive().to_json()
    assert list(document) == [
        *("iteration", "incumbent", "simulated", "sandboxes", "gate", "ceiling", "rows"),
    ]
    assert list(document["rows"][1]) == [
        *("iteration", "harness", "parent", "mechanism", "decision", "pooled", "all_pass"),
        *("tokens_m", "blended", "delta", "interval", "chance", "shrunken", "rollouts"),
        *("tasks", "whole", "compared", "coverage", "sandboxes"),
    ]
    assert document["rows"][0]["iteration"] == 0
    assert document["rows"][0]["delta"] is None
    assert document["rows"][1]["decision"] == "promoted"
    json.dumps(document)


def test_an_incomplete_candidate_has_a_score_with_its_coverage_but_no_delta() -> None:
    lost = rollout_row("digest-1", trial=2, outcome=Outcome.INFRA_FAILED, total=10)
    rows = [
        *rows_for(0, 5),
        rollout_row("digest-0", trial=2, passed=5, total=10),
        *rows_for(1, 9),
        lost,
    ]
    iterations = [iteration(0, DecisionKind.BASELINE), iteration(1, DecisionKind.INCONCLUSIVE)]
    found = frontier(iterations, rows, Shape(CRITERIA, 2, Weights()), simulated=False)
    assert found.rows[1].score is not None
    assert found.rows[1].to_json()["coverage"] == 0.5
    assert found.rows[1].delta is None
    assert found.incumbent == "baseline"


def test_a_score_of_some_tasks_says_that_it_is() -> None:
    criteria = {**CRITERIA, "a/other": 10}
    rows = [*rows_for(0, 5), rollout_row("digest-0", "a/other", passed=5, total=10)]
    iterations = [iteration(0, DecisionKind.BASELINE), iteration(1, DecisionKind.ORPHAN)]
    shape = Shape(criteria, 1, Weights())
    found = frontier(iterations, [*rows, *rows_for(1, 9)], shape, simulated=False)
    shown = [row.to_json() for row in found.rows]
    assert [(row["tasks"], row["whole"], row["compared"]) for row in shown] == [
        (2, True, 0),
        (1, False, 1),
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 400), st.text(max_size=600), st.integers(4_000, LARGEST_DIGEST))
def test_the_digest_stays_within_its_bound_at_any_history(
    count: int, hypothesis: str, largest: int
) -> None:
    kinds = [DecisionKind.PROMOTED, DecisionKind.ORPHAN, DecisionKind.REJECTED]
    claim = json.dumps({"candidates": [{"hypothesis": hypothesis, "observed": hypothesis}]})
    iterations = [iteration(0, DecisionKind.BASELINE)] + [
        iteration(number, kinds[number % 3], claim) for number in range(1, count + 1)
    ]
    rows = [row for number in range(count + 1) for row in rows_for(number, number % 10)]
    found = frontier(iterations, rows, Shape(CRITERIA, 1, Weights()), simulated=True)
    text = history_digest(found, iterations, largest)
    assert len(text.encode()) <= largest


def test_the_digest_names_lineage_near_misses_and_claims() -> None:
    found = derive()
    near = frontier(
        [iteration(0, DecisionKind.BASELINE), iteration(1, DecisionKind.ORPHAN)],
        [*rows_for(0, 5), *rows_for(1, 6)],
        Shape(CRITERIA, 1, Weights(cost=0.0)),
        simulated=True,
    )
    claims = [iteration(number, DecisionKind.ORPHAN) for number in range(3)]
    assert "candidate_1 (from baseline)" in history_digest(found, claims)
    text = history_digest(near, claims)
    assert "candidate_1 (mechanism_1) on baseline: +10.00 blended" in text
    assert "simulated" in text
