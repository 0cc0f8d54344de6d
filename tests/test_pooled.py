"""The uncertainty of one harness's pooled rate, and the sums that SQLite makes of its rows."""

import math
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conftest import rollout_row
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness_search.gateway.budget import Amount
from harness_search.ledger.gains import Z_95
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, RolloutRow, Usage
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Weights, score
from harness_search.ledger.spending import Spent
from harness_search.ledger.store import Ledger
from harness_search.ledger.totals import Adding
from harness_search.reports.forecast import Bill, Progress, expected, forecast
from harness_search.reports.pooled import pooled

CRITERIA = {"a/t": 4, "b/t": 8, "c/t": 2}


def rows_of(passed: dict[str, Sequence[int]]) -> list[RolloutRow]:
    return [
        rollout_row("h", task, trial, count, total=CRITERIA[task])
        for task, counts in passed.items()
        for trial, count in enumerate(counts, start=1)
    ]


PASSED = {task: st.lists(st.integers(0, count), max_size=4) for task, count in CRITERIA.items()}


@given(st.fixed_dictionaries(PASSED))
def test_the_rate_is_the_score_s_and_lies_in_its_intervals(passed: dict[str, list[int]]) -> None:
    rows = rows_of(dict(passed))
    found, known = pooled(rows, CRITERIA, 3), score(rows, CRITERIA, 3, Weights())
    assert (found is None) == (known is None)
    if found is None or known is None:
        return
    assert found.points == pytest.approx(known.pooled)
    assert (found.trial_error is None) == all(len(counts) < 2 for counts in passed.values())
    assert (found.task_error is None) == (found.tasks < 2)
    for error in (found.trial_error, found.task_error):
        if (interval := found.interval(error)) is not None:
            assert 0 <= interval[0] <= found.points + 1e-9
            assert found.points - 1e-9 <= interval[1] <= 100


def test_both_intervals_by_hand() -> None:
    # Rates 50 and 100 of a, 25 and 25 of b, with 4 and 8 of 12 criteria.
    found = pooled(rows_of({"a/t": [2, 4], "b/t": [2, 2]}), CRITERIA, 3)
    assert found is not None
    assert found.points == pytest.approx(75 / 3 + 25 * 2 / 3)
    shared = 1250 / 2  # a sum of squares of 1250 with two degrees of freedom
    of_a, of_b = ((squares + 6 * shared) / 7 for squares in (1250, 0))
    trial_error = math.sqrt(of_a / 9 / 2 + of_b * 4 / 9 / 2)
    assert found.trial_error == pytest.approx(trial_error)
    away = 75 - found.points, 25 - found.points
    task_error = math.sqrt(2 * ((away[0] / 3) ** 2 + (away[1] * 2 / 3) ** 2))
    assert found.task_error == pytest.approx(task_error)
    ends = found.points - Z_95 * trial_error, found.points + Z_95 * trial_error
    assert found.interval(trial_error) == pytest.approx(ends)


Attempt = tuple[str, str, int, str, str, int]
ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from(["base", "next", "stranger"]),
        st.sampled_from(list(CRITERIA)),
        st.integers(1, 4),
        st.sampled_from(["bwrap", "landlock", "none"]),
        st.sampled_from(["lost", "finished", "running"]),
        st.integers(0, 9),
    ),
    max_size=25,
)
TRIED_AGAIN: list[Attempt] = [
    ("base", "a/t", 1, "none", "lost", 3),
    ("base", "a/t", 1, "bwrap", "finished", 2),
    ("base", "b/t", 1, "bwrap", "lost", 1),
    ("next", "a/t", 1, "landlock", "finished", 5),
    ("stranger", "a/t", 1, "none", "lost", 4),
]


@settings(max_examples=12, deadline=None)
@given(ATTEMPTS, st.booleans())
@example(TRIED_AGAIN, False)
@example(TRIED_AGAIN, True)
def test_sums_made_by_the_ledger_are_those_of_its_rows(
    attempts: list[Attempt], one_sandbox: bool
) -> None:
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory()))
        ledger = opened.enter_context(closing(Ledger(folder / "ledger.sqlite3")))
        write(ledger, attempts, "bwrap" if one_sandbox else "")
        rows, paid = ledger.rows(), ledger.paid_by_harness()
        adding = opened.enter_context(closing(Adding(ledger.file)))
        everything, strange = adding.totals(3), adding.totals(3, "stranger")
        searched, under_way = everything - strange, adding.totals(3, "next")
        assert everything.paid_usd == sum(usd for _, usd in paid.values())
        assert everything.paid.total == sum(usage.total for usage, _ in paid.values())
        assert adding.measured() == set(paid)
        own = [row for row in rows if row.key.harness != "stranger"]
        assert adding.sandboxes(searched) == sandboxes(own)
        counted = {
            name: sum(row.outcome.finished and row.key.trial <= 3 for row in ledger.rows(name))
            for name in ("base", "next")
        }
        assert (searched.planned, under_way.planned) == (sum(counted.values()), counted["next"])
        decided = searched - under_way
        bill = Bill(
            Amount(decided.paid_usd, decided.paid.total),
            len({"base"} & adding.measured()),
            Amount(under_way.paid_usd, under_way.paid.total),
            searched.planned,
            under_way.planned,
        )
        progress = Progress(ledger.iterations(), 6, 9, counted)
        known = {name: Spent(*item) for name, item in paid.items()}
        assert expected(progress, bill, Spent()) == forecast(progress, known, Spent())


def write(ledger: Ledger, attempts: list[Attempt], only_sandbox: str) -> None:
    """A search with an open candidate, and rollouts of a harness that is not of the search."""
    decided = DecisionKind.BASELINE
    ledger.put_iteration(IterationRow(0, "base", "baseline", "", "", "", "", decided, ""))
    ledger.put_iteration(IterationRow(1, "next", "next", "baseline", "baseline", "", "", None, ""))
    finished: set[tuple[str, str, int]] = set()
    for harness, task, trial, sandbox, how, tokens in attempts:
        row = rollout_row(harness, task, trial, 1, total=CRITERIA[task])
        if (harness, task, trial) in finished:
            continue
        number, attempt = ledger.begin(row.key, 1, 1)
        if how == "running":
            continue
        ended = replace(
            row,
            outcome=Outcome.INFRA_FAILED if how == "lost" else Outcome.SCORED,
            attempt=attempt,
            sandbox=only_sandbox or sandbox,
            paid=Usage(input=tokens),
            paid_usd=tokens / 8,
        )
        ledger.finish(number, ended, [])
        if how == "finished":
            finished.add((harness, task, trial))
