"""What an A/A run says about noise, from rows whose noise is known."""

import random
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import pytest
from conftest import rollout_row
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.errors import InputError
from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.ledger.scores import Weights
from harness_search.promotion.components import component
from harness_search.promotion.noise import (
    Cost,
    Flips,
    NoiseReport,
    analyse,
    drift,
    suggest,
    with_chances,
)
from harness_search.promotion.rules import GateRules
from harness_search.reports.noise import print_noise
from harness_search.reports.tables import console_for_people

CRITERIA = 200
FREE = Weights(all_pass=0.5, cost=0.0)


def names(tasks: int) -> list[str]:
    return [f"a/t{number}" for number in range(tasks)]


def drawn_rows(
    tasks: int = 8,
    trials: int = 3,
    deviation: float = 2.0,
    shift: Callable[[int], float] = lambda trial: 0.0,
    seed: int = 0,
) -> list[RolloutRow]:
    """An A/A run on tasks with as many criteria each: a rollout's share is its pass rate. The noise
    is in points, and each pass is shifted by so many."""
    generator = random.Random(seed)
    rows = []
    for trial in range(1, 2 * trials + 1):
        for number, task in enumerate(names(tasks)):
            points = 40 + number + shift(trial) + generator.gauss(0, deviation)
            row = rollout_row(
                task=task, trial=trial, passed=round(CRITERIA * points / 100), total=CRITERIA
            )
            # Three passes a day.
            day = f"2026-03-{1 + (trial - 1) // 3:02d}T10:00:00.000+00:00"
            rows.append(replace(row, started_at=day))
    return rows


def analysed(rows: list[RolloutRow], trials: int = 3) -> NoiseReport:
    criteria = {row.key.task: row.total for row in rows}
    return analyse(rows, criteria, trials, FREE)


def test_floor_difference_and_parts_are_those_of_a_case_by_hand() -> None:
    rows = [
        rollout_row(task="a/t", trial=1, passed=50, total=100),
        rollout_row(task="a/t", trial=2, passed=52, total=100),
        rollout_row(task="b/t", trial=1, passed=60, total=100),
        rollout_row(task="b/t", trial=2, passed=60, total=100),
    ]
    found = analysed(rows, trials=1)
    # Squares 2 on 2 degrees: a rollout's variance is 1, and so is that of 2 rollouts - 2 rollouts.
    assert (found.variance.squares, found.variance.degrees) == pytest.approx((2, 2))
    assert found.floor == pytest.approx(1)
    assert found.difference == pytest.approx(-1)
    assert [(task.task, task.rate, task.part) for task in found.tasks] == [
        ("a/t", 51, pytest.approx(1)),
        ("b/t", 60, 0),
    ]
    assert found.tasks[0].error == pytest.approx(2**0.5)
    assert found.pooled.mean == pytest.approx(55.5)
    assert found.pooled.measured == pytest.approx(0.5**0.5)
    assert found.pooled.expected == pytest.approx(0.5**0.5)


def test_the_floor_is_the_spread_of_differences_between_two_arms() -> None:
    found = analysed(drawn_rows(tasks=24, deviation=4.0))
    assert found.floor == pytest.approx(4.0 * (2 / 3 / 24) ** 0.5, rel=0.15)
    assert abs(found.difference) < 4 * found.floor


def test_arm_a_has_the_odd_trials_and_arm_b_the_even_ones() -> None:
    found = analysed(drawn_rows(deviation=0.0, shift=lambda trial: trial**2 / 2))
    assert found.difference == pytest.approx((1 + 9 + 25 - 4 - 16 - 36) / 3 / 2)


def test_all_pass_noise_is_that_of_whole_rollouts() -> None:
    rows = drawn_rows()
    rows[0] = replace(rows[0], passed=CRITERIA)
    found = analysed(rows)
    assert found.all_pass.mean == pytest.approx(100 / len(rows))
    assert found.all_pass.measured > 0
    assert found.tasks[0].task == rows[0].key.task


def test_a_shift_of_a_day_by_three_points_is_found() -> None:
    found = analysed(drawn_rows(shift=lambda trial: 3.0 * (trial > 3)))
    assert found.days is not None
    assert found.days.found
    assert found.days.points == pytest.approx(3.0 / 2**0.5, abs=1.0)
    assert "days differ" in drift(found)
    assert found.to_json()["drift"] == drift(found)


def test_a_shift_of_one_pass_is_found_where_all_is_of_one_day() -> None:
    rows = drawn_rows(shift=lambda trial: 5.0 * (trial == 4))
    found = analysed([replace(row, started_at="2026-03-01T10:00:00+00:00") for row in rows])
    assert found.days is None
    assert found.passes is not None
    assert found.passes.found
    assert "passes differ" in drift(found)


def test_rows_that_do_not_know_their_day_say_nothing_about_days() -> None:
    rows = drawn_rows()
    assert analysed([*rows[:-1], replace(rows[-1], started_at="")]).days is None


def test_quiet_passes_are_no_drift() -> None:
    assert drift(analysed(drawn_rows())) == ""


def test_false_alarms_are_as_rare_as_they_claim() -> None:
    chances = []
    for seed in range(150):
        generator = random.Random(seed)
        # Tasks of very different noise, and not a normal one.
        tasks = {
            task: [(trial, generator.expovariate(1) * scale) for trial in range(4)]
            for scale, task in enumerate(names(6), start=1)
        }
        found = component(tasks, permutations=199, seed=seed)
        assert found is not None
        chances.append(found.chance)
    assert sum(chance <= 0.05 for chance in chances) <= 15
    assert 0.42 < sum(chances) / len(chances) < 0.58


def test_the_ratio_is_that_of_a_two_way_table() -> None:
    tasks = {"a/t": [(1, 1.0), (2, 3.0)], "b/t": [(1, 2.0), (2, 8.0)]}
    found = component(tasks, permutations=1)
    assert found is not None
    # Pass means 1.5 and 5.5, so 16 between them; 20 - 16 is left, on one degree each.
    assert found.degrees == (1, 1)
    assert found.ratio == pytest.approx(16 / 4)
    assert found.points == pytest.approx(((16 - 4) / 2) ** 0.5)


def test_groups_are_found_in_whatever_order_tasks_and_rollouts_come() -> None:
    generator = random.Random(1)
    tasks = {task: [(trial, generator.gauss(0, 1)) for trial in range(4)] for task in names(4)}
    turned = {task: tasks[task][::-1] for task in reversed(tasks)}
    assert component(turned, permutations=99) == component(tasks, permutations=99)


def test_rounding_is_no_noise() -> None:
    tasks = {
        task: [(trial, 0.1 * number) for trial in range(6)] for number, task in enumerate("ab")
    }
    tasks["c"] = [(trial, 0.1) for trial in range(6)]
    assert sum([0.1] * 6) / 6 != 0.1
    found = component(tasks)
    assert found is not None
    assert (found.ratio, found.chance, found.points) == (None, 1.0, 0.0)


@pytest.mark.parametrize("tasks", [{"a/t": [(1, 1.0), (2, 3.0)]}, {"a/t": [(1, 1.0), (1, 2.0)]}])
def test_too_few_rollouts_tell_nothing_about_groups(
    tasks: dict[str, list[tuple[int | str, float]]],
) -> None:
    assert component(tasks) is None


@pytest.mark.parametrize("passed", [0, 1, 67, CRITERIA])
def test_equal_rollouts_have_no_noise(passed: int) -> None:
    rows = [replace(row, passed=passed) for row in drawn_rows(tasks=7)]
    found = with_chances(analysed(rows), GateRules(), lambda rules, gain: float(gain > 0))
    assert found.floor == pytest.approx(0, abs=1e-9)
    assert found.difference == pytest.approx(0, abs=1e-9)
    assert found.passes is not None
    assert (found.passes.ratio, found.passes.chance, found.passes.points) == (None, 1.0, 0.0)
    assert (drift(found), found.warning) == ("", "")
    assert found.chances is not None
    assert found.chances.suggested == 0.1


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_rows_means_nothing(order: random.Random, seed: int) -> None:
    rows = drawn_rows(tasks=3, trials=2, seed=seed)
    criteria = dict.fromkeys(names(3), CRITERIA)
    expected = analyse(rows, criteria, 2, FREE)
    order.shuffle(rows)
    assert analyse(rows, criteria, 2, FREE) == expected


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=3, max_size=3))
def test_the_level_of_a_task_is_not_its_noise(levels: list[int]) -> None:
    rows = drawn_rows(tasks=3, trials=1)
    shift = dict(zip(names(3), levels, strict=True))
    moved = [replace(row, passed=row.passed + shift[row.key.task]) for row in rows]
    assert analysed(moved, 1).floor == pytest.approx(analysed(rows, 1).floor)


@pytest.mark.parametrize("missing", ["gone", "lost", "of another trial"])
def test_an_incomplete_run_is_refused(missing: str) -> None:
    *rows, last = drawn_rows()
    kept = {
        "gone": [],
        "lost": [replace(last, outcome=Outcome.INFRA_FAILED)],
        "of another trial": [replace(last, key=replace(last.key, trial=7))],
    }
    with pytest.raises(InputError, match=r"the A/A run: found 47 of 48 rollouts.*2 x 3 times"):
        analysed([*rows, *kept[missing]])


def test_no_run_at_all_is_named_so() -> None:
    with pytest.raises(InputError, match="the A/A run: found none"):
        analyse([], {"a/t": 2}, 3, FREE)


def test_a_suggestion_keeps_false_promotions_below_a_fifth() -> None:
    # One comparison of which the difference is normal, with the floor as its deviation.
    def chance(rules: GateRules, gain: float) -> float:
        return 1 - NormalDist(gain, 1.0).cdf(rules.min_delta)

    assert suggest(1.0, GateRules(), chance) == 0.9
    assert chance(GateRules(min_delta=0.9), 0) <= 0.2 < chance(GateRules(min_delta=0.8), 0)


@pytest.mark.parametrize(("floor", "least"), [(1.0, 0.8), (1.01, 0.9), (0.0, 0.1), (0.3, 0.3)])
def test_a_suggestion_is_never_within_the_noise(floor: float, least: float) -> None:
    assert suggest(floor, GateRules(), lambda rules, gain: 0.0) == least


def test_a_suggestion_that_no_margin_satisfies_ends_at_five_errors() -> None:
    assert suggest(1.0, GateRules(), lambda rules, gain: 1.0) == 5.0


@pytest.mark.parametrize(("errors", "warned"), [(0.79, True), (0.81, False)])
def test_a_margin_within_the_noise_is_warned_of(errors: float, warned: bool) -> None:
    found = analysed(drawn_rows())
    rules = GateRules(min_delta=errors * found.floor)
    found = with_chances(found, rules, lambda rules, gain: 0.5)
    assert bool(found.warning) is warned
    assert found.to_json()["warning"] == (found.warning or None)


def test_power_is_asked_for_one_two_and_three_points_under_the_same_rules() -> None:
    asked = []

    def chance(rules: GateRules, gain: float) -> float:
        asked.append((rules, gain))
        return gain / 10

    rules = GateRules(min_delta=1.5)
    found = with_chances(analysed(drawn_rows()), rules, chance)
    assert found.chances is not None
    assert found.chances.power == ((1.0, 0.1), (2.0, 0.2), (3.0, 0.3))
    assert [gain for own, gain in asked if own is rules] == [0.0, 1.0, 2.0, 3.0]


def test_the_report_names_what_it_knows_and_what_it_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [replace(row, started_at="", sandbox="bwrap") for row in drawn_rows()]
    found = replace(
        analysed(rows),
        flips=Flips(200, 1),
        cost=Cost(48, 1_234_567, None),
        simulated=True,
        sandboxes={"none": 2, "bwrap": 46},
    )
    print_noise(console_for_people(json_wanted=False), found)
    said = capsys.readouterr().out
    for words in (
        "Noise (simulated model): the baseline twice, 3 trials each",
        "standard error of 3 against 3 trials",
        "one day only: unknown",
        "1 of 200 verdicts flipped (at most 2.8%, 95 %)",
        "not simulated",
        "48 rollouts, 1,234,567 tokens, USD unknown",
        "UNSAFE: 2 of 48 rollouts",
        "they say nothing about a real model",
    ):
        assert words in said
    assert len([line for line in said.splitlines() if line.startswith("a/t")]) == 5


def test_the_report_shows_chances_warning_and_drift(capsys: pytest.CaptureFixture[str]) -> None:
    rows = drawn_rows(shift=lambda trial: 3.0 * (trial > 3))
    rules = GateRules(min_delta=0.2)
    found = with_chances(analysed(rows), rules, lambda rules, gain: 0.25 + gain / 10)
    print_noise(console_for_people(json_wanted=False), found)
    said = capsys.readouterr().out
    for words in (
        "false promotion   25% at min_delta 0.2",
        "power             +1 35%, +2 45%, +3 55%",
        "suggestion        min_delta",
        "warning           min_delta 0.2 is within the noise",
        "drift             In the A/A run days differ by",
    ):
        assert words in said
    assert "imulated" not in said


def test_a_few_verdicts_without_a_flip_prove_little() -> None:
    assert Flips(200, 0).most == pytest.approx(0.0188, abs=0.0005)
    assert Flips(20, 0).most > 0.15
    assert Flips(0, 0).most == 1.0
    assert Flips(200, 4).most > 4 / 200
