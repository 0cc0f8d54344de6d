"""Trials that all agree: a report takes their noise for small, and never for none."""

from contextlib import closing

import pytest
from conftest import rollout_row
from rows_on_disk import write
from seven_iterations import NAMES, Open, iteration, report_of
from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.ledger.gains import Variance
from harness_search.ledger.rows import IterationRow, Purpose
from harness_search.ledger.store import Ledger
from harness_search.plots.values import Measured
from harness_search.reports.document.report import Report
from harness_search.reports.markdown import markdown
from harness_search.reports.pooled import pooled
from harness_search.workspace import Workspace

TRIALS = 3


def leave(workspace: Workspace, *, noisy: bool) -> None:
    """Three iterations: the first and the third agree with themselves in every trial; the second,
    which was promoted, does so unless it is `noisy`."""
    file, tasks = workspace.layout.ledger, [task.id for task in workspace.splits.dev]
    with closing(Ledger(file)) as ledger:
        for number in range(3):
            ledger.put_iteration(iteration(number))
    for name, passed in zip(NAMES[:3], (1, 3, 2), strict=True):
        for trial in range(1, TRIALS + 1):
            less = int(noisy and name == NAMES[1] and trial == TRIALS)
            write(file, f"digest-{name}", tasks, passed - less, trial)


def width(found: Measured | None) -> float:
    assert found is not None
    assert found.interval is not None
    return found.interval[1] - found.interval[0]


def scores(report: Report) -> list[Measured | None]:
    """Of the two harnesses whose trials agree, wherever the report has them."""
    orphan, progress = report.progress.iterations[1], report.progress
    before = report.tasks.distribution.before.mean
    found = [progress.baseline_blended, progress.baseline_pooled, before]
    assert report.headline.search is not None
    return [
        *found,
        *(orphan.blended, orphan.pooled, report.headline.search.before),
        *(pair.before for pair in report.areas.pairs),
        *(standing.pooled for standing in report.pareto.standings if standing.name != NAMES[1]),
    ]


def test_trials_that_agree_have_the_noise_of_the_promoted_lineage(open_tiny: Open) -> None:
    workspace = open_tiny(trials=TRIALS)
    leave(workspace, noisy=True)
    report = report_of(workspace)
    for found in scores(report):
        assert width(found) > 1
    progress = report.progress
    assert width(progress.baseline_pooled) < width(progress.iterations[0].pooled), "less than its"
    assert report.headline.search is not None
    own, drawn = report.headline.search.before, progress.baseline_pooled
    assert own is not None
    assert drawn is not None
    assert own.interval == pytest.approx(drawn.interval)
    assert "25.0 to 25.0" not in markdown(report)


def test_where_all_of_a_search_agrees_nothing_is_known_of_noise(open_tiny: Open) -> None:
    workspace = open_tiny(trials=TRIALS)
    leave(workspace, noisy=False)
    for found in scores(report_of(workspace)):
        assert found is not None
        assert found.interval is None


def test_a_confirmation_whose_trials_agree_has_an_interval_too(open_tiny: Open) -> None:
    workspace = open_tiny(trials=TRIALS)
    leave(workspace, noisy=True)
    file, tasks = workspace.layout.ledger_of(Purpose.CONFIRMATION), workspace.splits.dev
    with closing(Ledger(file)) as ledger:
        ledger.put_iteration(iteration(0))
        plan = IterationRow(
            2, f"digest-{NAMES[1]}", NAMES[1], "", "baseline", "", '{"trials": 3}', None, ""
        )
        ledger.put_iteration(plan)
    ids = [task.id for task in tasks]
    for trial in (2001, 2002, 2003):
        write(file, f"digest-{NAMES[0]}", ids, 1, trial)
        write(file, f"digest-{NAMES[1]}", ids, 3, trial)
    found = report_of(workspace).headline.confirmation
    assert width(found.before) > 1
    assert width(found.after) > 1


def test_status_says_the_choice_of_tasks_where_trials_agree(open_tiny: Open) -> None:
    workspace = open_tiny(trials=TRIALS)
    leave(workspace, noisy=False)
    command = ["status", "-w", str(workspace.layout.root)]
    said = CliRunner().invoke(new_application(), command).stdout
    assert "trial noise)" not in said
    assert "pooled 75.0" in said


@pytest.mark.parametrize(
    ("lineage", "error"), [(None, 0.0), (Variance(0.0, 9), None), (Variance(16.0, 4), 2 / 6**0.5)]
)
def test_rounding_is_no_noise(lineage: Variance | None, error: float | None) -> None:
    """Three times a third of a hundred is not quite a hundred. Two tasks, three trials each, and
    six degrees of the prior in eight: the error is that of the mean of six rollouts, less a bit."""
    criteria = {"a/t": 13, "b/t": 13}
    rows = [rollout_row("h", task, trial, 4, total=13) for task in criteria for trial in (1, 2, 3)]
    found = pooled(rows, criteria, TRIALS, lineage)
    assert found is not None
    expected = None if error is None else pytest.approx(error * (6 / 8) ** 0.5, abs=1e-6)
    assert found.trial_error == expected
