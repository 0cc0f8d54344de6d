"""How far two judges agree, by pairs of verdicts."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs import pair

from harness_search.judging.agreement import (
    Confusion,
    Pair,
    agreement_of,
    all_pass,
    by_area,
    by_length,
    clustered_error,
    confusion_of,
    kappa_influences,
    rate,
    repeated,
    student,
    third_of,
    thirds,
)
from harness_search.judging.arms import arms_of
from harness_search.ledger.intervals import wilson


def of_table(both_pass: int, false_pass: int, false_fail: int, both_fail: int) -> list[Pair]:
    """Pairs of a table, each verdict on a task of its own."""
    cells = [(True, True)] * both_pass + [(False, True)] * false_pass
    cells += [(True, False)] * false_fail + [(False, False)] * both_fail
    return [pair(*cell, task=f"tax/{number}") for number, cell in enumerate(cells)]


pairs = st.lists(
    st.builds(
        Pair,
        task=st.sampled_from(["tax/a", "tax/b", "insurance/c", "litigation/d"]),
        harness=st.sampled_from(["one", "two", "three"]),
        rollout=st.sampled_from(["1", "2"]),
        length=st.integers(0, 9),
        reference=st.booleans(),
        judged=st.booleans(),
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        # Cohen's kappa by hand: 0.7 observed, 0.5 by chance; 0.6 and 0.54; 0.6 and 0.46.
        ((20, 5, 10, 15), 0.4),
        ((45, 15, 25, 15), 0.1304),
        ((25, 35, 5, 35), 0.2593),
        ((10, 0, 0, 10), 1.0),
        ((0, 10, 10, 0), -1.0),
        ((25, 25, 25, 25), 0.0),
    ],
)
def test_kappa_of_known_tables(table: tuple[int, int, int, int], kappa: float) -> None:
    assert Confusion(*table).kappa == pytest.approx(kappa, abs=5e-5)


def test_kappa_means_nothing_when_both_judges_pass_everything() -> None:
    assert Confusion(12, 0, 0, 0).kappa is None
    assert agreement_of("all", of_table(12, 0, 0, 0)).kappa is None


@given(*(st.integers(0, 200) for _ in range(4)))
def test_kappa_is_symmetric_and_bounded(a: int, b: int, c: int, d: int) -> None:
    if not a + b + c + d:
        return
    kappa, swapped = Confusion(a, b, c, d).kappa, Confusion(a, c, b, d).kappa
    assert kappa == swapped or kappa == pytest.approx(swapped)
    assert kappa is None or -1 - 1e-12 <= kappa <= 1


@given(st.integers(1, 50), st.integers(1, 50))
def test_perfect_agreement_is_one(passed: int, failed: int) -> None:
    found = agreement_of("all", of_table(passed, 0, 0, failed))
    assert found.agreement.share == 1
    assert found.kappa is not None
    assert found.kappa.value == pytest.approx(1)
    assert found.bias.value == 0


def error_of_fleiss_cohen_everitt(a: int, b: int, c: int, d: int) -> float:
    """Equation 13 of their paper of 1969, over the cells of the table."""
    n = a + b + c + d
    cells = {(1, 1): a / n, (1, 0): b / n, (0, 1): c / n, (0, 0): d / n}
    rows = {i: sum(cells[i, j] for j in (0, 1)) for i in (0, 1)}
    columns = {j: sum(cells[i, j] for i in (0, 1)) for j in (0, 1)}
    chance = sum(rows[i] * columns[i] for i in (0, 1))
    kappa = (cells[1, 1] + cells[0, 0] - chance) / (1 - chance)
    diagonal = sum(cells[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in (0, 1))
    others = sum(
        cells[i, j] * (columns[i] + rows[j]) ** 2 for i in (0, 1) for j in (0, 1) if i != j
    )
    variance = diagonal + (1 - kappa) ** 2 * others - (kappa - chance * (1 - kappa)) ** 2
    return math.sqrt(variance / n) / (1 - chance)


@pytest.mark.parametrize("table", [(20, 5, 10, 15), (45, 15, 25, 15), (118, 5, 2, 3)])
def test_without_clusters_the_error_of_kappa_is_that_of_the_literature(
    table: tuple[int, int, int, int],
) -> None:
    found = of_table(*table)
    count = len(found)
    error = clustered_error(kappa_influences(found, confusion_of(found)))
    expected = error_of_fleiss_cohen_everitt(*table) * math.sqrt(count / (count - 1))
    assert error == pytest.approx(expected)


def test_verdicts_that_hang_together_say_less() -> None:
    apart = of_table(200, 20, 20, 200)
    by_kind = sorted(apart, key=lambda item: (item.reference, item.judged))
    together = [
        pair(item.reference, item.judged, f"tax/{number // 22}")
        for number, item in enumerate(by_kind)
    ]
    one, other = (agreement_of("all", found) for found in (apart, together))
    assert one.confusion == other.confusion
    assert one.kappa is not None
    assert other.kappa is not None
    assert other.kappa.error > 3 * one.kappa.error
    assert other.agreement.high - other.agreement.low > 3 * (one.agreement.high - one.agreement.low)


def test_rates_are_of_what_the_reference_says() -> None:
    found = agreement_of("all", of_table(90, 5, 10, 15))
    assert found.false_pass is not None
    assert found.false_fail is not None
    assert (found.false_pass.count, found.false_pass.units) == (5, 20)
    assert (found.false_fail.count, found.false_fail.units) == (10, 100)
    assert found.youden == pytest.approx(1 - 0.25 - 0.1)
    assert found.bias.value == pytest.approx(100 * (95 - 100) / 120)


def test_a_rate_without_clusters_has_wilsons_interval() -> None:
    flags = [(item, item.judged) for item in of_table(30, 0, 0, 70)]
    found = rate(flags)
    assert found is not None
    low, high = wilson(0.3, 100)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
    assert rate([]) is None


def test_where_nothing_differs_each_deliverable_counts_once() -> None:
    same = [pair(True, True, rollout=str(number % 5)) for number in range(500)]
    found = rate((item, True) for item in same)
    assert found is not None
    assert (found.low, found.high) == wilson(1.0, 5)


@given(pairs)
@settings(deadline=None)
def test_intervals_hold_their_figure_and_errors_are_no_less_than_zero(found: list[Pair]) -> None:
    result = agreement_of("all", found)
    rates = [result.agreement, result.false_pass, result.false_fail]
    for item in rates:
        assert item is None or 0 <= item.low <= item.share <= item.high <= 1
    for estimate in (result.kappa, result.bias):
        if estimate is not None and estimate.error is not None:
            assert estimate.error >= 0
            assert estimate.low is not None
            assert estimate.high is not None
            assert estimate.low <= estimate.value + 1e-9
            assert estimate.value <= estimate.high + 1e-9
    assert (result.bias.error is None) == (result.tasks == 1)


@given(pairs, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_verdicts_means_nothing(found: list[Pair], chance: random.Random) -> None:
    shuffled = chance.sample(found, len(found))
    one, other = agreement_of("all", found), agreement_of("all", shuffled)
    assert one.confusion == other.confusion
    assert one.agreement == other.agreement
    if one.kappa is not None:
        assert other.kappa is not None
        assert one.kappa.value == other.kappa.value
        assert (one.kappa.error or 0) == pytest.approx(other.kappa.error or 0)
    assert [arm.found.name for arm in arms_of(found)] == [
        arm.found.name for arm in arms_of(shuffled)
    ]


@given(pairs)
@settings(deadline=None)
def test_areas_lengths_and_harnesses_share_out_all_verdicts(found: list[Pair]) -> None:
    groups = (by_area(found), by_length(found), tuple(arm.found for arm in arms_of(found)))
    for group in groups:
        assert sum(item.confusion.total for item in group) == len(found)


def test_areas_come_from_task_ids() -> None:
    found = by_area([pair(True, True, "tax/a"), pair(True, False, "insurance/b")])
    assert [(item.name, item.agreement.share) for item in found] == [("insurance", 0), ("tax", 1)]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_thirds_never_split_equals_and_the_first_holds_a_third(lengths: list[int]) -> None:
    cuts = thirds(lengths)
    assert cuts[0] <= cuts[1]
    assert sum(third_of(length, cuts) == 0 for length in lengths) * 3 >= len(lengths)
    assert sum(third_of(length, cuts) < 2 for length in lengths) * 3 >= 2 * len(lengths)


def test_distinct_lengths_make_even_thirds() -> None:
    cuts = thirds(range(9))
    assert [third_of(length, cuts) for length in range(9)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("degrees", "expected", "tolerance"),
    [(1, 12.706, 1.5), (2, 4.303, 0.05), (5, 2.571, 0.002), (23, 2.069, 0.001), (1e6, 1.96, 1e-3)],
)
def test_students_quantile_is_that_of_the_tables(
    degrees: int, expected: float, tolerance: float
) -> None:
    assert student(degrees) == pytest.approx(expected, abs=tolerance)


def test_no_degree_of_freedom_is_refused() -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        student(0)
    with pytest.raises(ValueError, match="no verdict"):
        agreement_of("none", [])


def test_flips_count_each_verdict_by_itself() -> None:
    found = repeated(3, 300)
    assert found is not None
    assert (found.low, found.high) == wilson(0.01, 300)
    assert repeated(0, 0) is None


def test_all_pass_needs_every_verdict_of_a_rollout() -> None:
    found = [
        *[pair(True, True, rollout="whole")] * 2,
        *[pair(True, passed, rollout="one false fail") for passed in (True, False)],
        pair(True, True, rollout="one undecided"),
    ]
    result = all_pass(found, {"tax/a": 2})
    assert result is not None
    assert (result.reference, result.judged) == (2, 1)
    assert (result.agreement.count, result.agreement.units) == (1, 2)
    assert all_pass(found[-1:], {"tax/a": 2}) is None
