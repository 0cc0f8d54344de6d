"""Wilson's interval of a rate that was counted on few units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.intervals import wilson


@pytest.mark.parametrize(
    ("passed", "units", "expected"),
    [
        (0, 100, (0.0, 0.037)),
        (5, 100, (0.022, 0.112)),
        (0, 24, (0.0, 0.138)),
        (12, 24, (0.314, 0.686)),
        (1, 1, (0.207, 1.0)),
    ],
)
def test_known_intervals(passed: int, units: int, expected: tuple[float, float]) -> None:
    assert wilson(passed / units, units) == pytest.approx(expected, abs=5e-4)


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_an_interval_contains_its_share_and_stays_a_share(share: float, count: int) -> None:
    low, high = wilson(share, count)
    assert 0 <= low <= share <= high <= 1
    assert low < high


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_what_fails_is_the_mirror_of_what_passes(share: float, count: int) -> None:
    low, high = wilson(share, count)
    assert wilson(1 - share, count) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_more_units_say_more(share: float, count: int) -> None:
    few, many = (high - low for low, high in (wilson(share, count), wilson(share, 2 * count)))
    assert many < few


@pytest.mark.parametrize(("share", "count"), [(-0.1, 5), (1.1, 5), (float("nan"), 5), (0.5, 0)])
def test_nonsense_is_refused(share: float, count: int) -> None:
    with pytest.raises(ValueError, match="a share of"):
        wilson(share, count)
