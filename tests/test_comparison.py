"""Two harnesses on the held-out split: what is said of them, and what is not."""

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import tenacity
from conftest import rollout_row
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rows_on_disk import write
from scripted_proposer import SILENT, delivers_nothing

import meta_harness
from harness_search.commands.views import show_comparison
from harness_search.errors import SearchStoppedError
from harness_search.files import digest_bytes
from harness_search.gateway import account
from harness_search.ledger.areas import by_area
from harness_search.ledger.gains import Z_95
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, RolloutRow, Split
from harness_search.ledger.scores import Weights, score
from harness_search.ledger.store import Ledger
from harness_search.reports.comparison import Comparison, compare
from harness_search.reports.tables import print_comparison
from harness_search.rollouts.jobs import Harness
from harness_search.simulated import server
from harness_search.simulated.faults import Status
from harness_search.workspace import Workspace

HARNESSES = [Harness(name, Path(name), name) for name in ("baseline", "better")]
AREA_NAMES = st.sampled_from(["tax", "insurance", "banking"])


def measured(harness: str, tasks: Mapping[str, tuple[int, ...]]) -> list[RolloutRow]:
    """Rows of a harness; for each task what its trials pass, of four criteria."""
    return [
        rollout_row(harness, task, trial, passed, total=4)
        for task, trials in tasks.items()
        for trial, passed in enumerate(trials, start=1)
    ]


def on_test(workspace: Workspace, before: Sequence[int], after: Sequence[int]) -> Comparison:
    """Both harnesses on every test task, each passing the same in every task."""
    tasks = [task.id for task in workspace.splits.test]
    rows = [
        *measured("baseline", dict.fromkeys(tasks, tuple(before))),
        *measured("better", dict.fromkeys(tasks, tuple(after))),
    ]
    return compare(workspace, Split.TEST, HARNESSES, rows, opening=1)


def printed(found: Comparison, width: int = 100) -> str:
    text = io.StringIO()
    print_comparison(Console(file=text, width=width, markup=False), found)
    return text.getvalue()


# By practice area.


@st.composite
def two_measurements(draw: st.DrawFn) -> tuple[dict[str, int], list[list[RolloutRow]]]:
    """Tasks of several areas with their criteria, and complete rows of two harnesses."""
    areas = draw(st.lists(AREA_NAMES, min_size=1, max_size=8))
    criteria = {f"{area}/{n}": draw(st.integers(1, 60)) for n, area in enumerate(areas)}
    arms = [
        [
            rollout_row(name, task, trial, draw(st.integers(0, total)), total)
            for task, total in criteria.items()
            for trial in (1, 2)
        ]
        for name in ("baseline", "better")
    ]
    return criteria, arms


@given(two_measurements())
def test_the_areas_together_are_the_whole(
    case: tuple[dict[str, int], list[list[RolloutRow]]],
) -> None:
    criteria, (before, after) = case
    areas = by_area(before, after, criteria, 2, Weights())
    whole = [score(rows, criteria, 2, Weights()) for rows in (before, after)]
    assert sum(area.tasks for area in areas) == len(criteria)
    assert sum(area.criteria for area in areas) == sum(criteria.values())
    for number, (rows, total) in enumerate(zip((before, after), whole, strict=True)):
        assert total is not None
        own = [(area, area.sides[number]) for area in areas]
        for area, side in own:
            passed = sum(row.passed for row in rows if row.key.task.startswith(f"{area.name}/"))
            assert side.pooled == pytest.approx(100 * passed / (2 * area.criteria))
        pooled = sum(area.criteria * side.pooled for area, side in own)
        passes = sum(area.tasks * side.all_pass for area, side in own)
        assert pooled / sum(criteria.values()) == pytest.approx(total.pooled)
        assert passes / len(criteria) == pytest.approx(total.all_pass)
    differences = [area.difference for area in areas]
    assert differences == sorted(differences, reverse=True)


def test_a_table_of_24_areas_can_be_read(open_tiny: Callable[..., Workspace]) -> None:
    found = on_test(open_tiny(trials=1), [1], [4])
    long = "arbitration-international-dispute-resolution"
    many = tuple(replace(found.areas[0], name=f"{n:02d}-{long}"[:44]) for n in range(24))
    lines = printed(replace(found, areas=many)).splitlines()
    rows = [line.split() for line in lines if "-arbitration" in line]
    assert rows == [
        [area.name, "1", "25.0", "->", "100.0", "+75.0", "0", "->", "1", "of", "1"] for area in many
    ]
    narrow = printed(replace(found, areas=many[:1]), width=80)
    assert "25.0 -> 100.0" in narrow
    assert "…" not in narrow


# Intervals.


def test_one_trial_says_nothing_of_its_own_noise(open_tiny: Callable[..., Workspace]) -> None:
    found = on_test(open_tiny(trials=1), [1], [2])
    assert found.to_json()["pooled"] == {
        "points": 25.0,
        "interval_same_tasks": None,
        "interval_other_tasks": [25.0, 25.0],
    }
    assert "pooled points: +25.0 (95 % interval unknown on these tasks" in printed(found)


def test_one_trial_is_held_against_the_noise_that_the_search_knows(
    open_tiny: Callable[..., Workspace],
) -> None:
    """Two trials of the baseline on dev differ by a criterion of four, 25 points of the pooled
    rate: the variance of one rollout is 312.5, and two test tasks have sqrt(2 x 312.5 x 2) / 2."""
    workspace = open_tiny(trials=1)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        row = IterationRow(0, "baseline", "baseline", "", "", "", "", DecisionKind.BASELINE, "")
        ledger.put_iteration(row)
    for trial, passed in ((1, 3), (2, 4)):
        dev = [task.id for task in workspace.splits.dev]
        write(workspace.layout.ledger, "baseline", dev, passed, trial)
    found = on_test(workspace, [1], [2]).to_json()
    pooled, blended = (
        gain["interval_same_tasks"][1] - 25.0 for gain in (found["pooled"], found["gain"])
    )
    assert pooled == pytest.approx(Z_95 * 17.678, abs=0.01)
    # Under the study's weights an all-pass is 50 points more: 75 points between the two trials.
    assert blended == pytest.approx(3 * pooled, abs=0.01)


def test_trials_of_one_task_do_not_count_as_tasks(open_tiny: Callable[..., Workspace]) -> None:
    once, thrice = (on_test(open_tiny(trials=n), [1] * n, [4] * n) for n in (1, 3))
    intervals = [
        [row["all_pass_interval"] for row in found.to_json()["rows"]] for found in (once, thrice)
    ]
    assert intervals[0] == intervals[1] == [[0.0, 65.762], [34.238, 100.0]]
    said = "All-pass: baseline 0 of 6 rollouts, 0.0 to 65.8 %; better 6 of 6 rollouts, 34.2 to"
    assert said in printed(thrice)


def test_the_documents_older_keys_are_still_there(open_tiny: Callable[..., Workspace]) -> None:
    document = on_test(open_tiny(trials=1), [1], [2]).to_json()
    older = {"split", "simulated", "trials", "opening", "sandboxes", "rows", "gain"}
    assert older < document.keys()
    assert document["gain"].keys() == {"blended", "interval_same_tasks", "interval_other_tasks"}
    assert [area["tasks"] for area in document["areas"]] == [1, 1]
    assert document["dev"] is None


def test_a_single_harness_has_no_difference(open_tiny: Callable[..., Workspace]) -> None:
    workspace = open_tiny(trials=1)
    tasks = [task.id for task in workspace.splits.dev]
    rows = measured("baseline", dict.fromkeys(tasks, (4,)))
    found = compare(workspace, Split.DEV, HARNESSES[:1], rows, opening=0)
    assert (found.gain, found.pooled, found.areas, found.transfer) == (None, None, (), None)
    said = printed(found)
    assert "baseline 6 of 6 rollouts, 61.0 to 100.0 %" in said
    assert "Difference" not in said


# Nothing before everything is there.


def test_no_figure_of_the_test_split_is_shown_before_all_of_it_is_measured(
    open_tiny: Callable[..., Workspace], capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = open_tiny(trials=1)
    whole = on_test(workspace, [1], [2])
    tasks = [task.id for task in workspace.splits.test]
    rows = measured("baseline", dict.fromkeys(tasks, (1,)))
    lost = [replace(row, outcome=Outcome.INFRA_FAILED) for row in rows[:1]]
    part = compare(workspace, Split.TEST, HARNESSES[:1], [*lost, *rows[1:]], opening=1)
    for json_wanted in (True, False):
        with pytest.raises(SearchStoppedError, match="baseline 50%"):
            show_comparison(part, json_wanted=json_wanted)
    assert capsys.readouterr().out == ""
    show_comparison(whole, json_wanted=True)
    assert '"pooled": 25.0' in capsys.readouterr().out


def test_rollouts_lost_on_test_are_run_again_and_every_opening_is_counted(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace = open_tiny(trials=1)
    source = delivers_nothing(workspace.baseline.file.read_text())
    (tmp_path / "empty.py").write_text(source)
    empty = Harness("empty", tmp_path / "empty.py", digest_bytes([source.encode()]))

    def opened() -> Comparison:
        work = meta_harness.measure(workspace, Split.TEST, [workspace.baseline, empty], SILENT)
        return asyncio.run(work)

    with monkeypatch.context() as patch:
        patch.setattr(server.SimulatedModel, "fault_of", lambda self, received: Status(500))
        patch.setattr(account, "wait_random_exponential", lambda **_: tenacity.wait_none())
        patch.setattr(account, "_Patience", lambda _: tenacity.stop_after_attempt(2))
        down = opened()
    assert (down.complete, down.areas, down.opening) == (False, (), 1)
    found = opened()
    assert (found.complete, found.opening) == (True, 2)
    assert [area.after.pooled for area in found.areas] == [0.0, 0.0]
    assert "opening 2" in printed(found)
    assert "no dev gain to compare with" in printed(found)
