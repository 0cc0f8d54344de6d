"""What a report says of tasks, costs, noise, failures and criteria, from the disk of a search."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import Open, rollout_row
from hypothesis import given
from hypothesis import strategies as st
from sections import rollout_folders, section

from harness_search.analysis.evidence import NO_TRANSCRIPT
from harness_search.files import to_json
from harness_search.gateway.prices import Price
from harness_search.ledger.criteria import Habit
from harness_search.ledger.replicates import NOISE_IS_KNOWN, control_trial
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Outcome,
    Role,
    RolloutRow,
    Split,
    Usage,
)
from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionStart
from harness_search.ledger.store import Ledger
from harness_search.plots.distribution import distribution
from harness_search.plots.heat_map import heat_map
from harness_search.plots.mix import action_mix
from harness_search.plots.noise import noise
from harness_search.plots.pairs import paired_bars
from harness_search.plots.spending import spending
from harness_search.reports.document import criteria as criteria_section
from harness_search.reports.document.costs import costs_of
from harness_search.reports.document.criteria import criteria_of
from harness_search.reports.document.failures import failures_of
from harness_search.reports.document.groups import areas_of, work_types_of
from harness_search.reports.document.material import reading
from harness_search.reports.document.rates import NO_FINAL, Rates
from harness_search.reports.document.steadiness import steadiness_of
from harness_search.reports.document.tasks import tasks_of
from harness_search.reports.pooled import pooled
from harness_search.rollouts.evidence import TRANSCRIPT
from harness_search.workspace import Workspace, open_workspace

CRITERIA = 4
"""Of each task of the small workspace."""


def put_iterations(workspace: Workspace, *kinds: DecisionKind | None) -> None:
    """The baseline, whose digest is `h0`, and candidates `h1`, ... with what became of them."""
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.put_iteration(
            IterationRow(0, "h0", "baseline", "", "", "", "", DecisionKind.BASELINE, "the start")
        )
        for number, kind in enumerate(kinds, start=1):
            name = f"candidate_{number}"
            ledger.put_iteration(
                IterationRow(number, f"h{number}", name, "baseline", "baseline", "m", "", kind, "")
            )


def measure(ledger: Ledger, row: RolloutRow) -> None:
    """Record a rollout that passes its first criteria."""
    rollout, attempt = ledger.begin(row.key, 1, 1)
    verdicts = [
        (f"C-{number + 1:03d}", "pass" if number < row.passed else "fail", "as it says")
        for number in range(row.total)
    ]
    ended = row.outcome is Outcome.SCORED
    ledger.finish(rollout, replace(row, attempt=attempt), verdicts if ended else [])


def pass_of(workspace: Workspace, harness: str, trial: int, *passed: int) -> list[RolloutRow]:
    """One rollout of each task, with so many passed criteria."""
    tasks = [task.id for task in workspace.tasks(Split.DEV)]
    return [
        rollout_row(harness, task, trial, passed[place % len(passed)], CRITERIA)
        for place, task in enumerate(tasks)
    ]


def record(workspace: Workspace, *rows: RolloutRow) -> None:
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        for row in rows:
            measure(ledger, row)


# Nothing there, or half of it.


def test_a_search_that_has_not_begun_has_sections_without_anything_in_them(
    open_tiny: Open,
) -> None:
    workspace = open_tiny()
    table = section(tasks_of, workspace)
    assert [row.baseline for row in table.rows] == [None] * 6
    assert table.heat_map.tasks == ()
    assert section(areas_of, workspace).pairs == ()
    assert section(costs_of, workspace).notes == ("Nothing has been spent yet.",)
    steadiness = section(steadiness_of, workspace)
    assert (steadiness.noise.passes, steadiness.coverage, steadiness.floor) == ((), (), None)
    assert section(failures_of, workspace).sentence == "No evidence of rollouts can be read yet."
    criteria = section(criteria_of, workspace)
    assert (criteria.sentence, sum(criteria.counts.values())) == ("Nothing has been judged yet.", 0)
    assert not (workspace.layout.runs / "ledger.sqlite3").exists()


def test_every_picture_can_be_made_of_a_search_without_a_promotion(open_orphaned: Open) -> None:
    with reading(open_orphaned()) as material:
        table, failures = tasks_of(material), failures_of(material)
        pictures = [
            heat_map(table.heat_map),
            distribution(table.distribution),
            paired_bars(areas_of(material)),
            paired_bars(work_types_of(material)),
            spending(costs_of(material).spending),
            noise(steadiness_of(material).noise),
            action_mix(failures.mixes),
            paired_bars(failures.classes),
        ]
    assert all(picture.simulated for picture in pictures)
    assert all(picture.description for picture in pictures)


def test_where_nothing_is_promoted_the_baseline_stands_alone(open_orphaned: Open) -> None:
    workspace = open_orphaned()
    table = section(tasks_of, workspace)
    assert table.final == NO_FINAL
    assert all(row.baseline is not None and row.final is None for row in table.rows)
    assert all(row.difference is None for row in table.rows)
    assert all(pair.before and pair.after is None for pair in section(areas_of, workspace).pairs)
    failures = section(failures_of, workspace)
    assert failures.sentence == "Nothing is promoted yet: only the baseline is shown."
    assert [mix.name for mix in failures.mixes.mixes] == ["baseline"]
    assert all(pair.after is None for pair in failures.classes.pairs)
    (rollout_folders(workspace.layout, "baseline")[0] / TRANSCRIPT).unlink()
    assert section(failures_of, workspace).skipped == {NO_TRANSCRIPT: 1}


# Tasks and groups.


def test_tasks_go_from_the_baseline_to_the_last_promoted_harness(open_tiny: Open) -> None:
    workspace = open_tiny(trials=2)
    kinds = (DecisionKind.PROMOTED, DecisionKind.ORPHAN, DecisionKind.PROMOTED, None)
    put_iterations(workspace, *kinds)
    record(workspace, *pass_of(workspace, "h0", 1, 1, 2), *pass_of(workspace, "h0", 2, 1))
    for name, passed in (("h1", 2), ("h2", 4), ("h3", 3), ("h4", 4)):
        record(workspace, *pass_of(workspace, name, 1, passed))
    table = section(tasks_of, workspace)
    assert table.heat_map.harnesses == ("candidate_1", "candidate_3")
    assert {task.rates for task in table.heat_map.tasks} == {(50.0, 75.0)}
    assert {row.final for row in table.rows} == {75.0}
    assert {row.baseline for row in table.rows} == {25.0, 37.5}
    for row in table.rows:
        assert row.difference.value == row.final - row.baseline
        assert row.difference.low < row.difference.value < row.difference.high
        assert row.area == row.task.partition("/")[0]
        assert row.work_type == "unspecified"
    assert table.distribution.before.mean.value == pytest.approx(31.25)
    assert len(table.distribution.after.rates) == 6


def test_an_area_of_one_task_has_the_noise_of_all_tasks(open_tiny: Open) -> None:
    workspace = open_tiny(trials=2)
    put_iterations(workspace, DecisionKind.PROMOTED)
    # The first task passes as much in both trials, the others do not.
    record(workspace, *pass_of(workspace, "h0", 1, 2), *pass_of(workspace, "h0", 2, 2, 3, 1, 3))
    record(workspace, *pass_of(workspace, "h1", 1, 3))
    first = workspace.tasks(Split.DEV)[0]
    pairs = {pair.name: pair for pair in section(areas_of, workspace).pairs}
    steady = pairs[first.practice_area]
    assert steady.before.low < steady.before.value < steady.before.high
    assert steady.after.interval is None  # of single trials nothing is known
    assert sum(pair.size for pair in pairs.values()) == 6
    (whole,) = section(work_types_of, workspace).pairs
    assert (whole.name, whole.size, whole.after.value) == ("unspecified", 6, 75.0)


def test_work_types_are_as_tasks_name_them(open_tiny: Open) -> None:
    workspace = open_tiny()
    for place, task in enumerate(workspace.tasks(Split.DEV)):
        file = task.folder / "task.json"
        content = json.loads(file.read_text())
        file.write_text(json.dumps({**content, "work_type": "review" if place else " "}))
    workspace = open_workspace(workspace.layout.root, {}, to_run=False)
    put_iterations(workspace)
    record(workspace, *pass_of(workspace, "h0", 1, 1))
    found = {pair.name: pair.size for pair in section(work_types_of, workspace).pairs}
    assert found == {"review": 5, "unspecified": 1}


counts = st.lists(st.integers(0, CRITERIA), max_size=4)


@given(st.lists(st.tuples(st.integers(1, 9), counts), min_size=1, max_size=6))
def test_rates_of_a_whole_split_are_the_pooled_rate(drawn: list[tuple[int, list[int]]]) -> None:
    criteria = {f"a/{place}": weight for place, (weight, _) in enumerate(drawn)}
    rows = [
        rollout_row("h", f"a/{place}", trial, passed, CRITERIA)
        for place, (_, own) in enumerate(drawn)
        for trial, passed in enumerate(own, start=1)
    ]
    by_task = {
        f"a/{place}": [100 * passed / CRITERIA for passed in own]
        for place, (_, own) in enumerate(drawn)
    }
    found, expected = Rates("h", by_task).mean(criteria), pooled(rows, criteria, 4)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert found.value == pytest.approx(expected.points)
    interval = expected.interval(expected.trial_error)
    assert found.interval == (None if interval is None else pytest.approx(interval, abs=1e-9))


# Costs.

PRICE = Price(input=2.0, output=10.0, cache_write=2.5, cache_read=0.2)


def paid(row: RolloutRow, usage: Usage, usd: float, cost: float) -> RolloutRow:
    return replace(row, usage=usage, paid=usage, paid_usd=usd, cost_usd=cost)


def test_caches_save_the_difference_of_prices_and_replays_their_original_price(
    open_tiny: Open,
) -> None:
    workspace = open_tiny()
    put_iterations(workspace)
    usage = Usage(input=1_000_000, output=100_000, cache_write=200_000, cache_read=4_000_000)
    usd = 2.0 + 1.0 + 0.5 + 0.8
    row = paid(pass_of(workspace, "h0", 1, 1)[0], usage, usd, usd + 0.25)
    record(workspace, row)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.set_identity({"price": PRICE.model_dump_json()})
    costs = section(costs_of, workspace)
    (bill,) = costs.roles
    # 4 M tokens at 1.80 USD less each, but 0.2 M that were 0.50 USD dearer to write.
    assert bill.cached_usd == pytest.approx(4 * 1.8 - 0.2 * 0.5)
    assert (bill.role, bill.usage, bill.replayed_usd) == ("rollouts", usage, pytest.approx(0.25))
    assert costs.spending.roles[0].saved == pytest.approx(7.1 + 0.25)
    assert costs.usd == pytest.approx(usd)
    assert costs.forecast.startswith("One iteration is expected to take 4.30 USD and 5.30 M tokens")


def test_without_a_price_nothing_is_said_in_money(open_tiny: Open) -> None:
    workspace = open_tiny()
    put_iterations(workspace)
    row = paid(pass_of(workspace, "h0", 1, 1)[0], Usage(input=9, cache_read=9), 0.0, 0.0)
    record(workspace, row)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.set_identity({"price": "unknown"})
    costs = section(costs_of, workspace)
    assert not costs.priced
    assert costs.roles[0].cached_usd is None
    assert costs.spending.roles[0].saved is None
    assert any("price of the model is unknown" in note for note in costs.notes)


def test_each_iteration_has_its_candidate_its_control_its_session_and_its_judge(
    open_tiny: Open,
) -> None:
    workspace = open_tiny()
    put_iterations(workspace, DecisionKind.PROMOTED, None)
    (row, *_), token = pass_of(workspace, "h0", 1, 1), Usage(output=1)
    start = SessionStart(1, "an id", "claude", "a model")
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        measure(ledger, paid(row, token, 1.0, 1.0))
        ledger.record_spending(Role.JUDGE, "000001-claude-aa", token, 0.125)
        session = ledger.begin_session(start)
        ended = SessionResult(SessionOutcome.PROPOSED, "", token, 0.5)
        ledger.end_session(session.id, ended)
        control = replace(row.key, trial=control_trial(1, 1))
        measure(ledger, paid(replace(row, key=control), token, 2.0, 2.0))
        measure(ledger, paid(replace(row, key=replace(row.key, harness="h1")), token, 4.0, 4.0))
        ledger.record_spending(Role.JUDGE, "000002-claude-aa", token, 0.25)
        measure(ledger, paid(replace(row, key=replace(row.key, harness="h2")), token, 8.0, 8.0))
        measure(ledger, paid(replace(row, key=replace(row.key, harness="other")), token, 9.0, 9.0))
    began, booked = ("0", "2", "3", "5", "6"), ("1", "1", "4")
    with closing(sqlite3.connect(workspace.layout.ledger)) as database:
        for number, at in enumerate(began, start=1):
            database.execute("UPDATE rollouts SET started_at = ? WHERE id = ?", (at, number))
        for number, at in enumerate(booked, start=1):
            database.execute("UPDATE spending SET at = ? WHERE id = ?", (at, number))
        database.commit()
    found = section(costs_of, workspace).spending
    assert [role.role for role in found.roles] == ["rollouts", "judge", "proposer"]
    assert {one.number: tuple(one.dollars) for one in found.iterations} == {
        0: (1.0, 0.125, 0.0),
        1: (6.0, 0.25, 0.5),
        2: (8.0, 0.0, 0.0),
    }


# Noise and coverage.


def test_noise_without_an_aa_run_is_that_of_the_baselines_own_trials(open_tiny: Open) -> None:
    workspace = open_tiny(trials=2)
    put_iterations(workspace, None)
    lost = rollout_row("h1", workspace.tasks(Split.DEV)[0].id, outcome=Outcome.INFRA_FAILED)
    record(workspace, *pass_of(workspace, "h0", 1, 1, 2), *pass_of(workspace, "h0", 2, 1)[:5])
    record(workspace, lost, replace(lost, outcome=Outcome.SCORED, total=CRITERIA))
    found = section(steadiness_of, workspace)
    assert [one.finished for one in found.noise.passes] == [6, 5]
    assert found.noise.mean.value == found.noise.passes[0].blended  # of the complete one
    assert found.noise.half == pytest.approx(found.noise.mean.high - found.noise.mean.value)
    coverage = {one.harness: (one.finished, one.planned, one.lost) for one in found.coverage}
    assert coverage == {"baseline": (11, 12, 0), "candidate_1": (1, 12, 1)}
    assert found.sentences[0].startswith("No complete A/A run:")


def test_an_aa_run_says_its_floor_and_what_the_judge_said_when_asked_again(
    open_tiny: Open,
) -> None:
    workspace = open_tiny(trials=1)
    put_iterations(workspace)
    record(workspace, *pass_of(workspace, "h0", 1, 1, 2), *pass_of(workspace, "h0", 2, 2, 2, 1))
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.set_identity({NOISE_IS_KNOWN: "2 x 1 trials"})
    verdicts = [{"first": "pass", "again": "pass"}, {"first": "fail", "again": "pass"}]
    document = {"harness": "h0", "judge": workspace.judge_version, "verdicts": verdicts}
    workspace.layout.judged_again.write_text(to_json(document))
    found = section(steadiness_of, workspace)
    assert [one.name for one in found.noise.passes] == ["arm A, pass 1", "arm B, pass 1"]
    assert found.floor > 0
    assert found.flips.flipped == 1
    assert any("1 of 2 verdicts otherwise" in said for said in found.sentences)
    for spoilt in ("[]", "{", '{"harness": "h0"}'):
        workspace.layout.judged_again.write_text(spoilt)
        assert section(steadiness_of, workspace).flips is None


# Criteria.


def test_rows_of_criteria_are_capped_and_say_how_many_more(
    open_tiny: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny()
    put_iterations(workspace)
    # Of four criteria the first always passes, the last two never; the second flips.
    for trial, passed in enumerate((1, 2, 1, 2), start=1):
        record(workspace, *pass_of(workspace, "h0", trial, passed))
    monkeypatch.setattr(criteria_section, "MOST_SHOWN", 5)
    found = section(criteria_of, workspace)
    assert (len(found.coin_flips), found.more_coin_flips) == (5, 1)
    assert (len(found.always_fail), found.more_always_fail) == (5, 7)
    assert (found.counts[Habit.COIN_FLIP], found.counts[Habit.ALWAYS_FAIL]) == (6, 12)
    assert found.coin_flips[0].title.startswith("Secret criterion title")
    assert (found.coin_flips[0].passed, found.coin_flips[0].rollouts) == (2, 4)
