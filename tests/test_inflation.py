"""What selection adds to a stored score."""

import html
import json
import random
import statistics
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows_on_disk import write
from seven_iterations import NAMES, Open, iteration, report_of, strict
from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.ledger.gains import PRIOR_POINTS, Gain
from harness_search.ledger.store import Ledger
from harness_search.pages.report import report_page
from harness_search.pages.site import Site
from harness_search.plots.progress import progress
from harness_search.promotion.inflation import Promotion, inflation
from harness_search.reports.document.material import reading
from harness_search.reports.markdown import markdown
from harness_search.workspace import Workspace


def step(blended: float, points: float, error: float | None) -> Promotion:
    return Promotion(blended, Gain(points, error, None))


def test_the_baseline_is_not_inflated() -> None:
    found = inflation(70.0, [])
    assert (found.points, found.false_promotions) == (0.0, 0.0)


def test_each_step_is_shrunk_by_its_noise() -> None:
    """With an error of tau, half of each step above the score to expect is luck."""
    found = inflation(70.0, [step(72.0, 2.0, PRIOR_POINTS), step(74.0, 2.0, PRIOR_POINTS)])
    expected = 71.0 + (74.0 - 71.0) / 2
    assert found.points == pytest.approx(74.0 - expected)
    chance = Gain(2.0, PRIOR_POINTS, None).chance
    assert chance is not None
    assert found.false_promotions == pytest.approx(2 * (1 - chance))


@given(st.lists(st.floats(0.1, 10), max_size=20), st.floats(40, 80))
def test_without_noise_nothing_is_inflated(gains: list[float], baseline: float) -> None:
    scores = [baseline + sum(gains[: number + 1]) for number in range(len(gains))]
    steps = [step(score, gain, 0.0) for score, gain in zip(scores, gains, strict=True)]
    found = inflation(baseline, steps)
    assert found.points == pytest.approx(0, abs=1e-9)
    assert found.false_promotions == 0


@pytest.mark.parametrize("errors", [(None,), (1.0, None), (None, 1.0)])
def test_a_promotion_without_an_error_leaves_what_selection_did_unknown(
    errors: tuple[float | None, ...],
) -> None:
    steps = [step(72.0 + 2 * at, 2.0, error) for at, error in enumerate(errors)]
    found = inflation(70.0, steps)
    assert (found.points, found.false_promotions) == (None, None)


def test_decisions_take_a_step_without_an_error_for_no_luck() -> None:
    """They need a number, and keep the one that they always had."""
    assert inflation(70.0, [step(72.0, 2.0, None)]).known == 0
    before = inflation(70.0, [step(72.0, 2.0, PRIOR_POINTS), step(74.0, 2.0, None)])
    assert before.known == pytest.approx(0.0), "nothing says that the last step was luck"
    after = inflation(70.0, [step(72.0, 2.0, None), step(74.0, 2.0, PRIOR_POINTS)])
    assert after.known == pytest.approx(1.0)


@given(st.lists(st.floats(0, 5), max_size=8))
def test_where_every_error_is_known_decisions_use_what_people_see(errors: list[float]) -> None:
    steps = [step(72.0 + at, 2.0, error) for at, error in enumerate(errors)]
    found = inflation(70.0, steps)
    assert found.points == found.known


def test_the_estimate_undoes_most_of_what_selection_does() -> None:
    """A naive search over candidates that gain what the prior says, N(0, tau^2)."""
    generator = random.Random(4)
    left, raw = [], []
    for _ in range(300):
        truth, stored, steps = 70.0, 70.0, []
        for _ in range(20):
            new = truth + generator.gauss(0, PRIOR_POINTS)
            measured = new + generator.gauss(0, 1.0)
            if measured > stored + 1.0:
                steps.append(step(measured, measured - stored, 1.0))
                truth, stored = new, measured
        raw.append(stored - truth)
        left.append(stored - truth - inflation(70.0, steps).known)
    assert statistics.mean(raw) > 0.8
    assert abs(statistics.mean(left)) < 0.5 * statistics.mean(raw)


# As people see it: one trial of each task says nothing about trial noise.


@pytest.fixture
def promoted_by_one_trial(open_tiny: Open) -> Workspace:
    """A search with one promotion, and without any replicate."""
    workspace = open_tiny()
    tasks = [task.id for task in workspace.splits.dev]
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        for number in (0, 1):
            ledger.put_iteration(iteration(number))
    for name, passed in zip(NAMES[:2], (1, 3), strict=True):
        write(workspace.layout.ledger, f"digest-{name}", tasks, passed)
    return workspace


def printed(workspace: Workspace, *arguments: str) -> str:
    command = [*arguments, "-w", str(workspace.layout.root)]
    result = CliRunner().invoke(new_application(), command)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


UNKNOWN = "unknown, for want of repeated rollouts"


@pytest.mark.parametrize("command", ["frontier", "status"])
def test_without_replicates_commands_say_that_inflation_is_unknown(
    promoted_by_one_trial: Workspace, command: str
) -> None:
    said = printed(promoted_by_one_trial, command)
    assert f"how much selection has raised the incumbent's score is {UNKNOWN}" in said
    assert " 0.0 points" not in said
    gate = json.loads(printed(promoted_by_one_trial, command, "--json"))["gate"]
    assert (gate["promotions"], gate["inflation"]) == (1, None)


def test_without_replicates_a_report_says_that_inflation_is_unknown(
    promoted_by_one_trial: Workspace,
) -> None:
    report = report_of(promoted_by_one_trial)
    for shown in (markdown(report), report_page(Site(), report)):
        text = html.unescape(shown)
        assert f"choosing by it has raised it by an amount that is {UNKNOWN}." in text
        assert " 0.0 points" not in text
    assert f"Points that selection has added: {UNKNOWN}." in markdown(report)
    assert f"<dt>Selection added</dt><dd>{UNKNOWN}</dd>" in report_page(Site(), report)
    document = strict(report)
    assert document["gate"]["inflation"] is None
    assert document["progress"]["iterations"][0]["inflation"] is None


def test_a_plot_shades_no_inflation_that_is_unknown_and_says_so(
    promoted_by_one_trial: Workspace,
) -> None:
    shown = report_of(promoted_by_one_trial).progress
    said = progress(shown).svg("p")
    assert "expected inflation" not in said
    assert "Not shaded, for want of repeated rollouts: the inflation of 1 incumbent." in said
    known = replace(shown, iterations=[replace(shown.iterations[0], inflation=0.4)])
    said = progress(known).svg("p")
    assert "expected inflation" in said
    assert "Not shaded" not in said


def test_the_gate_and_the_stop_rules_go_on_with_what_is_known(
    promoted_by_one_trial: Workspace,
) -> None:
    with reading(promoted_by_one_trial) as material:
        history = material.history
        assert history.inflation().points is None
        assert history.pairing(iteration(2)).inflation == 0
