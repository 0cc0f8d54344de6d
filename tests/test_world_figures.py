"""The calibration's figures: intervals that mean what they say, and a role for every mechanism."""

import importlib
import math
import random
import statistics
from types import ModuleType

import pytest
from conftest import rollout_row

from harness_search.ledger.scores import Weights


def imported(name: str, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> ModuleType:
    monkeypatch.syspath_prepend(str(pytestconfig.rootpath / "benchmarks"))
    return importlib.import_module(name)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> ModuleType:
    return imported("world_figures", monkeypatch, pytestconfig)


@pytest.fixture
def harnesses(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> ModuleType:
    return imported("world_harnesses", monkeypatch, pytestconfig)


def test_the_interval_of_a_spread_holds_the_true_one_nineteen_times_in_twenty(
    figures: ModuleType,
) -> None:
    draw = random.Random(0)
    samples = [[draw.gauss(0, 2) for _ in range(12)] for _ in range(2_000)]
    spreads = [figures.spread(sample) for sample in samples]
    covered = statistics.fmean(spread.low <= 2 <= spread.high for spread in spreads)
    assert covered == pytest.approx(0.95, abs=0.015)


def test_a_single_value_has_no_spread(figures: ModuleType) -> None:
    with pytest.raises(ValueError, match="two values"):
        figures.spread([1.0])


def test_a_share_that_never_happened_may_still_happen(figures: ModuleType) -> None:
    never, often = figures.rate(0, 72), figures.rate(36, 72)
    assert (never.value, never.low) == (0, 0)
    assert 3 < never.high < 7
    assert often.value == pytest.approx(50)
    assert often.low == pytest.approx(100 - often.high)


def test_the_mean_of_effects_is_surer_than_each(figures: ModuleType) -> None:
    mean = figures.mean_effect([figures.Estimate(1.0, 0.0, 2.0), figures.Estimate(3.0, 2.0, 4.0)])
    assert mean.value == 2.0
    assert mean.half == pytest.approx(1 / math.sqrt(2))


def test_an_effect_takes_all_trials_of_both_sides(figures: ModuleType) -> None:
    criteria = {"a/t": 10, "b/t": 10}

    def rows(passed: int, trials: int) -> list[object]:
        return [
            rollout_row(task=task, trial=trial, passed=passed + trial % 2, total=10)
            for task in criteria
            for trial in range(1, trials + 1)
        ]

    sample = figures.Sample(criteria, Weights(), {"one": rows(5, 8), "other": rows(3, 2)})
    effect = sample.effect("one", "other")
    assert effect.value == pytest.approx(20.0)
    assert effect.low < 20.0 < effect.high
    assert len(sample.passes("one")) == 8
    assert {one.pooled for one in sample.passes("one")} == {50.0, 60.0}
    assert sample.score("one").complete


def test_failures_are_counted_by_task_and_by_rollout(figures: ModuleType) -> None:
    often = [(rollout_row(task="a/t", trial=n, passed=0), frozenset({"loop"})) for n in range(3)]
    once = [(rollout_row(task="b/t", trial=0, passed=0), frozenset({"loop"}))]
    never = [(rollout_row(task="b/t", trial=n, passed=2), frozenset[str]()) for n in range(1, 3)]
    found = figures.meetings([*often, *once, *never])
    assert (found["loop"].tasks, found["loop"].rollouts, found["loop"].all_rollouts) == (1, 4, 6)
    assert (found["loop"].pass_rate, found["none"].pass_rate) == (0.0, 100.0)


def test_every_mechanism_has_one_role_and_the_main_harnesses_can_be_made(
    harnesses: ModuleType,
) -> None:
    shelf = harnesses.open_shelf()
    assert set(shelf.roles) == set(shelf.mechanisms)
    assert sum(map(len, harnesses.ROLES.values())) == len(shelf.roles)
    sources = harnesses.main_harnesses(shelf)
    assert len(set(sources.values())) == len(sources) == 4
    for name, source in sources.items():
        compile(source, name, "exec")


def test_a_role_without_its_mechanism_is_named(harnesses: ModuleType) -> None:
    shelf = harnesses.open_shelf()
    with pytest.raises(ValueError, match="turn_counter"):
        _ = harnesses.Shelf(
            shelf.baseline,
            {name: one for name, one in shelf.mechanisms.items() if name != "turn_counter"},
        ).roles
