"""The report as data: what it says of a search in each of its states, from disk alone."""

import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import is_untouched, rollout_row
from hypothesis import example, given
from hypothesis import strategies as st
from launched import leave
from rows_on_disk import write
from seven_iterations import HOSTILE, NAMES, Open, iteration, report_of, strict

from harness_search.audit.report import AuditReport, Finding, Severity
from harness_search.auditing import keep_report
from harness_search.ledger.criteria import Habit
from harness_search.ledger.rows import DecisionKind, Outcome, Usage
from harness_search.ledger.store import Ledger
from harness_search.pages.report import report_page
from harness_search.pages.site import Site
from harness_search.pairing import History
from harness_search.reports.candidate import subject_in, subject_of
from harness_search.reports.document.headline import headline_of
from harness_search.reports.document.iterations import lineage_of
from harness_search.reports.document.material import reading
from harness_search.reports.document.report import as_json, make_report
from harness_search.workspace import Workspace, open_workspace

# In each state of a search.


def test_the_report_of_an_unbegun_workspace_says_so_and_leaves_it_as_it_was(
    workspace_folder: Path,
) -> None:
    report = report_of(open_workspace(workspace_folder, {}, to_run=False))
    assert report.state == "The search has not started."
    assert report.headline.confirmation.sentence == "Nothing has been measured yet."
    assert (report.decisions, report.audits, report.gate) == ((), (), None)
    assert report.advice == ("Begin with `meta-harness start`.",)
    assert is_untouched(workspace_folder / "runs")
    assert strict(report)["workspace"] == "workspace"


def test_of_a_baseline_alone_there_is_a_score_and_no_gain(open_measured: Open) -> None:
    report = report_of(open_measured(trials=1))
    assert report.headline.confirmation.sentence == (
        "Nothing has been promoted, so there is no gain to confirm."
    )
    assert report.headline.search is None
    assert report.progress.baseline_blended is not None
    assert [one.name for one in report.lineage.candidates] == ["baseline"]
    assert [one.name for one in report.pareto.standings] == ["baseline"]
    assert strict(report)["decisions"] == []


def test_a_baseline_that_is_being_measured_has_no_score_yet(open_tiny: Open) -> None:
    workspace = open_tiny(trials=2)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.put_iteration(replace(iteration(0), decision=None))
    write(workspace.layout.ledger, "digest-baseline", [workspace.splits.dev[0].id], 1)
    leave(workspace.layout.root, exit_code=143, iteration=0)
    report = report_of(workspace)
    assert report.headline.confirmation.sentence == "The baseline is not measured in full yet."
    assert report.state == ("Stopped: iteration 0 of 6; baseline has 1 of 12 rollouts.")
    assert (report.progress.baseline_blended, report.lineage.candidates) == (None, ())
    strict(report)


def test_a_decision_says_what_the_gate_said_and_what_it_took(open_orphaned: Open) -> None:
    workspace = open_orphaned(trials=1)
    kept = json.loads(workspace.layout.decision(1).read_text("utf-8"))
    report = report_of(workspace)
    (row,) = report.decisions
    assert (row.decision, row.stage, row.reason) == (
        DecisionKind.ORPHAN,
        kept["stage"],
        kept["reason"],
    )
    assert row.difference is not None
    assert row.difference.value == pytest.approx(kept["gain"]["difference"], abs=1e-3)
    assert row.rollouts == kept["rollouts"]["candidate"]
    assert row.tasks == len(kept["tasks"])
    assert [one.decision for one in report.gains.candidates] == [DecisionKind.ORPHAN]
    assert strict(report)["decisions"][0]["decision"] == "orphan"


def test_all_of_a_report_is_of_one_moment(searched: Workspace) -> None:
    before = report_of(searched)
    tasks = [task.id for task in searched.splits.dev]
    with reading(searched) as material:
        write(searched.layout.ledger, "digest-reads_all", tasks, 1, trial=3)
        during = make_report(material)
    assert replace(during, made_at=before.made_at) == before
    assert report_of(searched).tasks != before.tasks


def test_an_open_iteration_has_a_row_and_is_drawn_nowhere(searched: Workspace) -> None:
    report = report_of(searched)
    last = report.decisions[-1]
    assert (last.name, last.decision, last.reason, last.difference) == (NAMES[6], None, "", None)
    assert [one.number for one in report.progress.iterations] == [1, 2, 3, 4, 5]
    assert 6 not in [one.iteration for one in report.lineage.candidates]
    strict(report)


def test_what_was_not_run_on_every_task_has_no_score_to_compare(searched: Workspace) -> None:
    report = report_of(searched)
    scored = {one.number for one in report.progress.iterations if one.blended is not None}
    assert scored == {1, 2, 3}
    assert [one.name for one in report.pareto.standings if one.incumbent] == ["reads_all"]
    assert {one.name for one in report.pareto.standings} == set(NAMES[:4])


def test_all_scores_carry_intervals_and_promotions_their_inflation(searched: Workspace) -> None:
    report = report_of(searched)
    whole = [one for one in report.progress.iterations if one.blended]
    for one in whole:
        assert one.blended is not None
        assert one.pooled is not None
        assert one.blended.interval is not None
        assert one.pooled.interval is not None
        assert one.inflation is not None
        assert (one.inflation > 0) == (one.decision is DecisionKind.PROMOTED)


def test_a_promoted_harness_does_not_pay_for_what_later_controls_asked_of_it(
    searched: Workspace,
) -> None:
    before = {row.name: row.usd for row in report_of(searched).decisions}
    row = rollout_row("digest-reads_all", searched.splits.dev[0].id, 4001)
    with closing(Ledger(searched.layout.ledger)) as ledger:
        for paid in (0.25, 0.5):
            key = replace(row.key, trial=4001 if paid == 0.25 else 1003)
            rollout, _ = ledger.begin(key, 1, 1)
            ledger.finish(rollout, replace(row, key=key, paid_usd=paid), [])
    after = {row.name: row.usd for row in report_of(searched).decisions}
    assert after["reads_all"] == before["reads_all"]
    assert after["lost_one"] == before["lost_one"] + 0.25


def test_a_candidate_costs_the_same_wherever_it_is_shown(searched: Workspace) -> None:
    task, token = searched.splits.dev[0].id, Usage(input=1)
    with closing(Ledger(searched.layout.ledger)) as ledger:
        before = subject_in(
            searched, ledger, History.of(searched, ledger), ledger.iterations()[3]
        ).spent
        lent, own, control = (
            rollout_row(harness, task, trial).key
            for harness, trial in (
                ("digest-reads_all", 4001),
                ("digest-reads_all", 3),
                ("digest-checks_names", 3001),
            )
        )
        paid = ((lent, 16.0), (own, 1.0), (control, 2.0), (control, 4.0), (control, 8.0))
        for key, usd in paid:
            row = replace(rollout_row(), key=key, paid_usd=usd, paid=token, cost_usd=usd)
            rollout, _ = ledger.begin(key, 1, 1)
            lost = replace(row, outcome=Outcome.INFRA_FAILED) if usd == 4 else row
            ledger.finish(rollout, lost, [])
    with closing(sqlite3.connect(searched.layout.ledger)) as database, database:
        database.execute(
            "UPDATE rollouts SET status = 'interrupted', outcome = NULL WHERE paid_usd = 8"
        )
    report, shown = report_of(searched), subject_of(searched, "reads_all").spent
    decided = {row.name: row.usd for row in report.decisions}["reads_all"]
    charted = {one.number: sum(one.dollars) for one in report.costs.spending.iterations}[3]
    assert decided == charted == shown.usd == before.usd + 15
    assert shown.usage.total == before.usage.total + 4
    assert report.costs.usd == sum(sum(one.dollars) for one in report.costs.spending.iterations)


def test_the_rollouts_of_a_search_are_those_that_ran(searched: Workspace) -> None:
    write(searched.layout.ledger, "digest-reads_all", [searched.splits.dev[0].id], 1, trial=4001)
    write(searched.layout.ledger, "digest-reads_all", [searched.splits.dev[0].id], 1, trial=9)
    report = report_of(searched)
    assert report.costs.rollouts == sum(report.sandboxes.values())
    assert f"{report.costs.rollouts} rollouts of the search" in report_page(Site(), report)


def test_a_restack_points_at_the_orphan_whose_mechanism_it_bears(searched: Workspace) -> None:
    with closing(Ledger(searched.layout.ledger)) as ledger:
        ledger.put_iteration(replace(iteration(6), decision=DecisionKind.ORPHAN))
    with reading(searched) as material:
        found = {one.iteration: one for one in lineage_of(material).candidates}
    assert found[6].restacks == (2,)
    assert (found[6].parent, found[2].restacks, found[3].parent) == (3, (), 1)


# What was kept beside the iterations.


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"iteration": 1}',
        lambda kept: {**kept, "iteration": 2},
        lambda kept: {**kept, "gain": {**kept["gain"], "difference": math.nan}},
        lambda kept: {**kept, "tasks": [["a", math.inf]]},
        lambda kept: {**kept, "tasks": [kept["tasks"][0][:-1]]},
        lambda kept: {**kept, "tasks": [[*kept["tasks"][0][:-1], "3"]]},
        lambda kept: {**kept, "tasks": [{"task": "a"}]},
        lambda kept: {**kept, "rollouts": {"candidate": -1, "incumbent": 0}},
    ],
)
def test_a_damaged_decision_is_named_and_the_ledger_speaks_for_it(
    orphaned_workspace: Path, open_orphaned: Open, content: bytes | Callable[[Any], Any]
) -> None:
    workspace = open_orphaned(trials=1)
    file = workspace.layout.decision(1)
    kept = json.loads(file.read_text("utf-8"))
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content(kept)).encode())
    with reading(workspace) as material:
        assert material.damaged == ("runs/iterations/001/decision.json",)
        assert material.decisions == {}
        assert "runs/iterations/001/decision.json" in headline_of(material).caveats[-1]
    report = report_of(workspace)
    (row,) = report.decisions
    assert (row.stage, row.reason, row.notes) == ("", kept["reason"], ())
    assert row.rollouts == kept["rollouts"]["candidate"]
    strict(report)


def test_an_audit_of_another_iteration_is_named_as_damaged(searched: Workspace) -> None:
    for number, named in ((2, 2), (3, 2)):
        keep_report(searched.layout, number, AuditReport())
        file = searched.layout.audit(number)
        file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "iteration": named}))
    with reading(searched) as material:
        assert list(material.audits) == [2]
        assert material.damaged == ("runs/iterations/003/audit.json",)


def test_every_warning_and_every_rejection_of_every_audit_is_a_sentence(
    searched: Workspace,
) -> None:
    warned = [Finding("hints", Severity.WARN, f"claim, line {n}", HOSTILE) for n in range(12)]
    voided = Finding("canary", Severity.REJECT, "session", "holds the canary of a task")
    keep_report(searched.layout, 2, AuditReport((*warned[:7], voided)))
    keep_report(searched.layout, 3, AuditReport(tuple(warned)))
    keep_report(
        searched.layout, 6, AuditReport((Finding("bounds", Severity.PASS, "session", "ok"),))
    )
    searched.layout.audit(5).parent.mkdir(parents=True, exist_ok=True)
    searched.layout.audit(5).write_text("{}")
    report = report_of(searched)
    found = {row.iteration: row for row in report.audits}
    verdicts = {number: row.verdict for number, row in found.items()}
    assert verdicts == {
        1: "none kept", 2: "reject", 3: "warn", 4: "none kept", 5: "damaged", 6: "pass",
    }  # fmt: skip
    assert found[2].rejections == ("Canary: session, holds the canary of a task.",)
    assert (len(found[2].warnings), len(found[3].warnings)) == (7, 12)
    assert found[5].rejections == ("Because of it.",)
    assert not any("\n" in said for row in report.audits for said in row.warnings)
    strict(report)


def test_a_claim_is_one_line_of_text_and_one_that_cannot_be_read_is_none(
    searched: Workspace,
) -> None:
    with closing(Ledger(searched.layout.ledger)) as ledger:
        ledger.put_iteration(replace(iteration(5), claim='{"candidates": 3}'))
    rows = report_of(searched).decisions
    assert rows[0].claim == "Because of <script>alert(1)</script> ## Fake"
    assert rows[4].claim == ""


# As JSON.


def numbers(found: Any) -> Iterator[float]:
    if isinstance(found, float):
        yield found
    if isinstance(found, Mapping | list):
        for item in found.values() if isinstance(found, Mapping) else found:
            yield from numbers(item)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(Habit),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(Habit), inner),
    max_leaves=10,
)


@given(VALUES)
@example({Habit.MIXED: [math.nan, -math.inf]})
def test_whatever_a_report_holds_is_valid_json(value: Any) -> None:
    found = json.loads(json.dumps(as_json(value), allow_nan=False))
    assert all(math.isfinite(number) for number in numbers(found))


def test_what_is_no_value_of_a_report_is_refused() -> None:
    with pytest.raises(TypeError, match="found object, expected a value of a report"):
        as_json(object())


def test_the_document_has_the_promised_keys_and_rounded_numbers(searched: Workspace) -> None:
    document = strict(report_of(searched))
    assert list(document) == [
        *("workspace", "made_at", "simulated", "state", "profile", "judge", "weights"),
        *("sandboxes", "headline", "advice", "progress", "gains", "pareto", "lineage", "gate"),
        *("decisions", "audits", "tasks", "areas", "work_types", "costs", "steadiness"),
        *("failures", "criteria"),
    ]
    assert list(document["headline"]["search"]["gain"]) == ["value", "low", "high"]
    assert document["profile"] == "simulated (simulated-1)"
    assert document["weights"] == {"all_pass": 0.5, "cost": searched.settings.weights.cost}
    assert all(number == round(number, 6) for number in numbers(document))
