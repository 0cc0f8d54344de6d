"""When a search ends, as a table; and what is left to gain."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from conftest import rollout_row
from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.budget import Amount
from harness_search.ledger.ceiling import ceiling
from harness_search.ledger.rows import DecisionKind, IterationRow, Role, Usage
from harness_search.ledger.store import Ledger
from harness_search.pairing import History
from harness_search.promotion.stopping import Standing, stop_reason
from harness_search.search import Search
from harness_search.search import standing as standing_of
from harness_search.settings import BudgetSettings, SearchSettings
from harness_search.workspace import Workspace

ORPHAN, PROMOTED = DecisionKind.ORPHAN, DecisionKind.PROMOTED


def standing(*decisions: DecisionKind, **changes: object) -> Standing:
    rows = [
        IterationRow(number, "digest", f"name_{number}", "", "", "", "", decision, "")
        for number, decision in enumerate((DecisionKind.BASELINE, *decisions))
    ]
    plain = Standing(rows, 70.0, Amount(5.0, 1_000), Amount(2.0, 400))
    return replace(plain, **changes)  # type: ignore[arg-type]


def reason(found: Standing, budget: BudgetSettings | None = None, **search: object) -> str:
    settings = SearchSettings.model_validate({"iterations": 9, **search})
    return stop_reason(found, settings, budget or BudgetSettings())


def test_it_goes_on_while_nothing_stops_it() -> None:
    assert reason(standing(ORPHAN, ORPHAN)) == ""
    assert reason(Standing([], None, Amount(), None), iterations=0) == ""


def test_it_ends_at_its_last_iteration() -> None:
    assert reason(standing(ORPHAN), iterations=1) == "iteration 1 of 1 is decided"
    assert reason(standing(ORPHAN, PROMOTED), iterations=1) == "iteration 2 of 1 is decided"


@pytest.mark.parametrize(("target", "ends"), [(70.0, True), (70.1, False), (None, False)])
def test_it_ends_at_the_target_score(target: float | None, ends: bool) -> None:
    assert bool(reason(standing(PROMOTED), target_score=target)) is ends
    assert reason(standing(PROMOTED, blended=None), target_score=target) == ""


@pytest.mark.parametrize(
    ("decisions", "ends"),
    [
        ((ORPHAN, ORPHAN), True),
        ((PROMOTED, ORPHAN), False),
        ((PROMOTED, ORPHAN, ORPHAN), True),
        ((ORPHAN, ORPHAN, PROMOTED), False),
        ((ORPHAN, DecisionKind.PLACEBO), False),
        ((ORPHAN, DecisionKind.INCONCLUSIVE), False),
        ((ORPHAN, DecisionKind.NO_CLAIM, DecisionKind.PLACEBO, ORPHAN), True),
    ],
)
def test_it_ends_on_a_plateau_of_measured_candidates(
    decisions: tuple[DecisionKind, ...], ends: bool
) -> None:
    assert ("no promotion in the last 2" in reason(standing(*decisions), plateau=2)) is ends
    assert reason(standing(*decisions), plateau=0) == ""


def test_it_ends_before_an_iteration_that_the_budget_cannot_pay() -> None:
    found = reason(standing(ORPHAN), BudgetSettings(usd=6.5))
    assert found == (
        "the budget: 1.50 USD are left, where 2.00 USD are to be expected of an iteration and the "
        "confirmation"
    )
    assert "399 tokens are left" in reason(standing(ORPHAN), BudgetSettings(tokens=1_399))
    assert reason(standing(ORPHAN), BudgetSettings(usd=7.0, tokens=1_400)) == ""
    assert reason(standing(ORPHAN, expected=None), BudgetSettings(usd=5.1)) == ""


def test_the_confirmation_is_expected_to_cost_what_the_judge_takes_too(
    open_tiny: Callable[..., Workspace],
) -> None:
    """Six rollouts at 1 USD with 0.40 USD for the judge: an iteration, and 12 more to confirm."""
    workspace = open_tiny(trials=1, confirmation_trials=1)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.put_iteration(IterationRow(0, "h", "baseline", "", "", "", "", ORPHAN, ""))
        for task in workspace.splits.dev:
            row = rollout_row("h", task.id)
            rollout, _ = ledger.begin(row.key, 1, 1)
            ledger.finish(rollout, replace(row, paid=Usage(100), paid_usd=1.0), [])
            ledger.record_spending(Role.JUDGE, task.id, Usage(10), 0.4)
        search = cast("Search", SimpleNamespace(workspace=workspace, ledger=ledger))
        expected = standing_of(search, History.of(workspace, ledger)).expected
    assert expected is not None
    assert expected.usd == pytest.approx(6 * 1.4 + 12 * 1.4)
    assert expected.tokens == 18 * 110


# The ceiling.


def test_only_what_fails_in_every_trial_is_left() -> None:
    first, second = rollout_row(trial=1).key, rollout_row(trial=2).key
    other = rollout_row(task="b/u").key
    verdicts = {
        first: {"C-1": "pass", "C-2": "fail", "C-3": "fail"},
        second: {"C-1": "fail", "C-2": "undecided", "C-3": "pass"},
        other: {"C-1": "fail", "C-2": "fail"},
    }
    found = ceiling(verdicts, {"a/t": 3, "b/u": 2, "c/v": 5})
    assert found is not None
    assert found.failing == {"b/u": ("C-1", "C-2"), "a/t": ("C-2",)}
    assert found.pooled == pytest.approx(70.0)
    assert "3 of 10 criteria fail" in found.sentence()
    assert "b/u (2), a/t (1)" in found.sentence()
    assert ceiling({}, {"a/t": 3}) is None


@given(
    st.lists(
        st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from(["pass", "fail"])), min_size=1
    )
)
def test_a_further_trial_never_adds_to_it(trials: list[dict[str, str]]) -> None:
    whole = [{name: verdicts.get(name, "fail") for name in "ABCDE"} for verdicts in trials]
    keyed = {rollout_row(trial=number).key: found for number, found in enumerate(whole)}
    found = ceiling(keyed, {"a/t": 5})
    fewer = ceiling(dict(list(keyed.items())[:1]), {"a/t": 5})
    assert found is not None
    assert fewer is not None
    assert found.count <= fewer.count
    assert 0 <= found.pooled <= 100
