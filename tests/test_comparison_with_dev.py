"""Dev gain against test gain: what the words say, and where the dev gain comes from."""

import re
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import rollout_row
from hypothesis import given
from hypothesis import strategies as st
from rows_on_disk import write

from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import IterationRow, Purpose, Split
from harness_search.ledger.store import Ledger
from harness_search.reports.comparison import compare
from harness_search.reports.transfer import SELECTED, DevGain, Transfer, dev_gain, judgement
from harness_search.rollouts.jobs import Harness
from harness_search.workspace import Workspace

POINTS = st.floats(-60, 60)
ERRORS = st.floats(0.1, 20)


def between(dev: Gain, test: Gain, *, confirmed: bool = True) -> Transfer:
    return Transfer(DevGain(dev, confirmed), test)


def test_the_studys_gains_in_words() -> None:
    found = between(Gain(20.2, 1.0, 3.4), Gain(16.7, None, 3.388))
    assert found.words() == (
        "Dev gain +20.2, test gain +16.7: 3.5 apart, where the standard error is 4.8 "
        "(0.7 of them): no sign of overfitting to dev, and too little precision to rule it out "
        "(a gap of 12.9 would fit as well)."
    )


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (9.0, "part of the dev gain does not carry over"),
        (6.0, "a hint of overfitting"),
        (2.0, "too little precision to rule it out"),
        (-2.0, "too little precision to rule it out"),
        (-6.0, "the larger one, by what chance alone can explain"),
        (-9.0, "the larger one, by more than chance explains"),
    ],
)
def test_the_words_follow_the_gap_in_standard_errors(gap: float, words: str) -> None:
    assert words in judgement(gap, 4.0)


@given(POINTS, ERRORS)
def test_a_larger_test_gain_is_never_a_sign_of_overfitting(gap: float, error: float) -> None:
    accused = "hint" in judgement(gap, error) or "does not carry over" in judgement(gap, error)
    assert accused == (gap / error >= 1)


@given(POINTS, POINTS, ERRORS, ERRORS)
def test_the_error_of_the_gap_has_those_of_both_splits(
    dev: float, test: float, one: float, other: float
) -> None:
    found = between(Gain(dev, None, one), Gain(test, None, other))
    assert found.error == pytest.approx((one**2 + other**2) ** 0.5)


@given(POINTS, POINTS)
def test_the_gap_is_what_a_reader_gets_by_subtracting(dev: float, test: float) -> None:
    said = between(Gain(dev, None, None), Gain(test, None, None)).words()
    one, other, apart = re.findall(r"[-+]?\d+\.\d", said)
    assert Decimal(apart) == abs(Decimal(one) - Decimal(other))


@pytest.mark.parametrize("error", [None, 0.0])
def test_nothing_is_concluded_without_a_standard_error(error: float | None) -> None:
    found = between(Gain(3.0, None, error), Gain(1.0, None, error))
    assert found.words().endswith("2.0 apart; how much of that is chance, these tasks cannot tell.")


def test_the_searchs_own_gain_is_said_to_be_raised_by_selection() -> None:
    gains = Gain(20.0, 1.0, 3.0), Gain(16.0, None, 3.0)
    assert between(*gains, confirmed=False).words().endswith(SELECTED)
    assert SELECTED not in between(*gains).words()


# Where the dev gain comes from.


def harness(name: str) -> Harness:
    return Harness(name, Path(name), name)


@pytest.fixture
def searched(open_tiny: Callable[..., Workspace]) -> Workspace:
    """A search whose candidate gains 50 points of the pooled rate, and no all-pass."""
    workspace = open_tiny(trials=1)
    tasks = [task.id for task in workspace.splits.dev]
    write(workspace.layout.ledger, "b", tasks, 1)
    write(workspace.layout.ledger, "c", tasks, 3)
    return workspace


def test_without_a_confirmation_the_dev_gain_is_the_searchs_own(searched: Workspace) -> None:
    found = dev_gain(searched, harness("b"), harness("c"))
    assert found is not None
    assert (found.gain.points, found.confirmed) == (50.0, False)


def test_a_harness_that_is_not_fully_measured_on_dev_has_no_dev_gain(searched: Workspace) -> None:
    write(searched.layout.ledger, "d", [searched.splits.dev[0].id], 4)
    assert dev_gain(searched, harness("b"), harness("d")) is None
    assert dev_gain(searched, harness("b"), harness("unknown")) is None


def test_a_complete_confirmation_of_the_same_harness_comes_first(searched: Workspace) -> None:
    file = searched.layout.ledger_of(Purpose.CONFIRMATION)
    tasks = [task.id for task in searched.splits.dev]
    with closing(Ledger(file)) as ledger:
        ledger.put_iteration(IterationRow(0, "b", "baseline", "", "", "", "", None, ""))
        plan = IterationRow(4, "c", "c", "", "baseline", "", '{"trials": 1}', None, "")
        ledger.put_iteration(plan)
    write(file, "b", tasks, 1, trial=4001)
    write(file, "c", tasks[1:], 2, trial=4001)
    incomplete = dev_gain(searched, harness("b"), harness("c"))
    assert incomplete is not None
    assert not incomplete.confirmed
    write(file, "c", tasks[:1], 2, trial=4001)
    found = dev_gain(searched, harness("b"), harness("c"))
    assert found is not None
    assert (found.gain.points, found.confirmed) == (25.0, True)


def test_a_comparison_on_test_looks_at_dev_and_one_on_dev_does_not(searched: Workspace) -> None:
    sides = [harness("b"), harness("c")]
    rows = {
        split: [
            rollout_row(side.digest, task.id, 1, passed, total=4)
            for side, passed in zip(sides, (1, 2), strict=True)
            for task in searched.tasks(split)
        ]
        for split in Split
    }
    on_test = compare(searched, Split.TEST, sides, rows[Split.TEST], opening=1).to_json()
    assert on_test["dev"]["gain"] == 50.0
    assert on_test["dev"]["gap"] == 25.0
    assert on_test["dev"]["confirmed"] is False
    on_dev = compare(searched, Split.DEV, sides, rows[Split.DEV], opening=0).to_json()
    assert on_dev["dev"] is None
