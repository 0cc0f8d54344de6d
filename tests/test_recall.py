"""How far claims can be trusted, and when the fix slice may end a candidate."""

from dataclasses import replace

import pytest

from harness_search.ledger.gains import Gain, TaskDifference
from harness_search.promotion.recall import Forecast, affected_tasks, recall, slice_bypass
from harness_search.promotion.rules import PRESETS

RULES = PRESETS["standard"]
NEVER_DRAWN = replace(RULES, bypass_share=0.0)


def gain_of(**points: float) -> Gain:
    """Each task with a standard error of one point."""
    tasks = [TaskDifference(task, value, 1.0, value, 0.0, 3, 3) for task, value in points.items()]
    return Gain(sum(points.values()) / len(tasks), 0.5, None, tuple(tasks))


def test_what_a_worthless_candidate_seems_to_have_fixed_is_no_miss_of_its_claim() -> None:
    good = [Forecast(("a", "b"), gain_of(a=5, b=5, c=0, d=0))] * 3
    worthless = replace(gain_of(a=0, b=0, c=5, d=-5), points=0.0)
    assert recall([*good, Forecast(("a", "b"), worthless)]) == recall(good) == 1.0


def test_a_task_is_fixed_when_it_gained_more_than_noise_explains() -> None:
    assert affected_tasks(gain_of(a=2.51, b=2.5, c=-9.0)) == {"a"}
    unknown = TaskDifference("a", 50.0, None, 50.0, 0.0, 1, 1)
    assert affected_tasks(Gain(1.0, None, None, (unknown,))) == set()


def test_recall_is_pooled_over_the_candidates_that_fixed_anything() -> None:
    forecasts = [
        Forecast(("a", "b"), gain_of(a=5, b=5, c=0, d=0)),
        Forecast(("a", "b"), gain_of(a=5, b=0, c=5, d=5)),
        Forecast(("a", "b", "c"), gain_of(a=0, b=0, c=0, d=5)),
        Forecast(("a", "b"), gain_of(a=0, b=0, c=0, d=0)),
    ]
    assert recall(forecasts) == pytest.approx((2 + 1 + 0) / (2 + 2 + 1))


def test_a_claim_is_not_blamed_for_naming_fewer_tasks_than_it_fixed() -> None:
    narrow = Forecast(("a",), gain_of(a=5, b=5, c=5))
    assert recall([narrow] * 3) == 1


def test_nothing_is_said_of_recall_before_three_candidates_fixed_something() -> None:
    one, none = Forecast(("a",), gain_of(a=5)), Forecast(("a",), gain_of(a=0))
    assert recall([]) is None
    assert recall([one, one, none, none]) is None
    assert recall([one, one, one, none]) == 1
    assert recall([Forecast((), gain_of(a=5))] * 3) is None


@pytest.mark.parametrize(
    ("known", "at_cost", "beginning"),
    [
        (None, False, ""),
        (0.5, False, ""),
        (0.49, False, "Claims named 49% of what their mechanisms fixed, less than 50%"),
        (1.0, True, "The claim aims at cost alone"),
    ],
)
def test_the_slice_is_open_unless_claims_proved_unreliable_or_aim_at_cost(
    known: float | None, at_cost: bool, beginning: str
) -> None:
    reason = slice_bypass(NEVER_DRAWN, 0, 1, known, aims_at_cost=at_cost)
    assert reason.startswith(beginning)
    assert bool(reason) == bool(beginning)


def test_a_tenth_of_the_candidates_bypasses_the_slice_and_always_the_same() -> None:
    def drawn(seed: int) -> list[int]:
        found = [slice_bypass(RULES, seed, i, None, aims_at_cost=False) for i in range(1, 2_001)]
        assert set(found) == {
            "", "Drawn to bypass the fix slice, as 10% of the candidates are.",
        }  # fmt: skip
        return [number for number, reason in enumerate(found) if reason]

    first = drawn(0)
    assert 150 < len(first) < 250
    assert drawn(0) == first
    assert drawn(1) != first
