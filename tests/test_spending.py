"""What was spent, over every attempt and role; what is to come, by the mean of that."""

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import rollout_row

from harness_search.gateway.budget import Amount
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, Role, RolloutRow, Usage
from harness_search.ledger.spending import (
    Spent,
    spent_by_role,
    spent_on_disk,
    tokens_by_candidate,
    total,
)
from harness_search.ledger.store import Ledger
from harness_search.reports.forecast import Forecast, Progress, forecast


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(file: Path) -> Ledger:
    return Ledger(file)


def run(ledger: Ledger, row: RolloutRow, tokens: int, usd: float) -> None:
    rollout, _ = ledger.begin(row.key, 1, 1)
    ledger.finish(rollout, replace(row, paid=Usage(output=tokens), paid_usd=usd), [])


def test_lost_and_interrupted_attempts_were_paid_for_too(ledger: Ledger) -> None:
    row = rollout_row("h")
    interrupted, _ = ledger.begin(row.key, 1, 1)
    ledger.mark_interrupted(interrupted, Usage(input=5, cache_read=1), 0.5)
    run(ledger, rollout_row("h", outcome=Outcome.INFRA_FAILED, passed=0), 7, 0.25)
    run(ledger, rollout_row("h"), 11, 0.125)
    run(ledger, rollout_row("other"), 100, 1.0)
    ledger.begin(rollout_row("h", trial=2).key, 1, 1)  # running: nothing is known of it yet
    spent = spent_by_role(ledger)
    assert spent[Role.ROLLOUT] == Spent(Usage(input=5, output=118, cache_read=1), 1.875)
    assert tokens_by_candidate(ledger) == {"h": 24, "other": 100}


def test_replayed_replies_count_for_scores_and_not_for_the_bill(ledger: Ledger) -> None:
    rollout, _ = ledger.begin(rollout_row().key, 1, 1)
    row = replace(rollout_row(tokens=900), cost_usd=9.0, paid=Usage(input=100), paid_usd=1.0)
    ledger.finish(rollout, row, [])
    (found,) = ledger.rows()
    assert (found.usage.total, found.cost_usd) == (900, 9.0)
    assert spent_by_role(ledger)[Role.ROLLOUT] == Spent(Usage(input=100), 1.0)


def test_every_role_has_a_ledger_of_its_own(ledger: Ledger) -> None:
    run(ledger, rollout_row(), 1, 0.5)
    ledger.record_spending(Role.JUDGE, "rollout 1", Usage(1, 2, 3, 4), 0.25)
    ledger.record_spending(Role.JUDGE, "rollout 2", Usage(1, 2, 3, 4), 0.25)
    ledger.record_spending(Role.GATEWAY, "standing", Usage(output=1), 0.125)
    spent = spent_by_role(ledger)
    assert spent[Role.JUDGE] == Spent(Usage(2, 4, 6, 8), 0.5)
    assert spent[Role.GATEWAY] == Spent(Usage(output=1), 0.125)
    assert spent[Role.PROPOSER] == Spent()
    assert total(spent.values()) == Spent(Usage(2, 6, 6, 8), 1.125)


def test_a_ledger_is_read_on_disk_and_one_that_is_not_there_has_spent_nothing(file: Path) -> None:
    assert total(spent_on_disk(file).values()) == Spent()
    assert not file.exists()
    run(Ledger(file), rollout_row(), 3, 0.5)
    assert spent_on_disk(file)[Role.ROLLOUT] == Spent(Usage(output=3), 0.5)


# The forecast.


def iteration(number: int, *, harness: str = "", decided: bool = True) -> IterationRow:
    decision = DecisionKind.ORPHAN if decided else None
    return IterationRow(number, harness, f"n{number}", "", "", "", "", decision, "")


def spent(usd: float, tokens: int) -> Spent:
    return Spent(Usage(input=tokens), usd)


def test_nothing_is_foretold_before_the_first_rollout_is_finished() -> None:
    for iterations in ([], [iteration(0, harness="a", decided=False)]):
        assert forecast(Progress(iterations, 6, 10, {"a": 0}), {"a": spent(1, 5)}, Spent()) is None


def test_the_open_iteration_goes_on_as_its_rollouts_did() -> None:
    progress = Progress([iteration(0, harness="a", decided=False)], 2, 10, {"a": 4})
    assert forecast(progress, {"a": spent(2.0, 400)}, Spent()) == Forecast(
        iteration=Amount(5.0, 1_000),
        open=Amount(5.0, 1_000),
        left=Amount(13.0, 2_600),
        iterations_left=3,
    )


def test_the_mean_of_finished_iterations_leaves_out_those_that_were_never_measured() -> None:
    iterations = [
        iteration(0, harness="a"),
        iteration(1),  # no claim
        iteration(2, harness="b"),
        iteration(3, harness="c", decided=False),
    ]
    progress = Progress(iterations, 5, 10, {"a": 10, "b": 10, "c": 5})
    paid = {"a": spent(2, 200), "b": spent(4, 400), "c": spent(2, 150), "evaluated": spent(9, 9)}
    found = forecast(progress, paid, others=spent(4.0, 40))
    assert found is not None
    assert found.iteration == Amount(3.0 + 1.0, 300 + 10)
    rest = 5 * (8.0 / 25)
    assert found.open == Amount(2.0 + rest, 150 + 5 * 30)
    assert found.left.usd == pytest.approx(2 * 4.0 + rest)
    assert found.iterations_left == 3


def test_a_search_that_is_done_has_nothing_left_to_pay() -> None:
    found = forecast(
        Progress([iteration(0, harness="a")], 0, 10, {"a": 10}), {"a": spent(1, 9)}, Spent()
    )
    assert found == Forecast(Amount(1.0, 9), None, Amount(), 0)
