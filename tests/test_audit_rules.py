"""Amounts, dates and names are read in every spelling; the evaluator is held still; dead code is
found out."""

from datetime import date
from pathlib import Path

import pytest
from audited import BASE, with_code
from candidates import CATALOGUE, stacked
from hypothesis import given
from hypothesis import strategies as st

from harness_search.audit.bounds import tries_in
from harness_search.audit.constants import amounts_in, dates_in, telling_amount
from harness_search.audit.engaged import NewCode, audit_engaged, audit_forecast, new_code
from harness_search.audit.evaluator import audit_evaluator, changed, evaluator_digests
from harness_search.audit.names import names_in
from harness_search.audit.report import AuditReport, Finding, Severity, lines_of, merged
from harness_search.audit.vocabulary import vocabulary
from harness_search.audit.words import rare_shingles, words
from harness_search.ledger.gains import Gain, TaskDifference
from harness_search.workspace import open_workspace

# Amounts and dates.


@given(st.integers(min_value=1_001, max_value=10**15))
def test_an_amount_reads_the_same_however_it_is_grouped(number: int) -> None:
    expected = {telling_amount(str(number))} - {""}
    for written in (f"{number}", f"{number:,}", f"{number:_}", f"EUR {number:,}.", f"({number:,})"):
        assert {amount for _, amount in amounts_in(written)} == expected


@pytest.mark.parametrize(
    "round_number", ["0", "999", "4096", "60000", "150000", "1000000", "2025", "0.25"]
)
def test_round_and_technical_numbers_tell_nothing(round_number: str) -> None:
    assert telling_amount(round_number) == ""


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2999, 12, 31)))
def test_a_date_reads_the_same_in_every_spelling(day: date) -> None:
    spelled = (
        day.isoformat(),
        f"{day.day} {day:%B} {day.year}",
        f"the {day.day}th {day:%b}. {day.year}",
        f"{day:%B} {day.day}, {day.year}",
        f"{day:%d.%m.%Y}",
        f"{day:%m/%d/%Y}",
    )
    for text in spelled:
        assert day.isoformat() in {found for _, found in dates_in(text.casefold())}, text


@given(st.text())
def test_no_text_breaks_the_readers(text: str) -> None:
    list(amounts_in(text))
    list(dates_in(text.casefold()))
    list(names_in(text, {"harbour"}))
    list(tries_in(text))


@pytest.mark.parametrize("unit", ["a/", "../", "cd a", "git ", "find ", "1,", "Ab "])
def test_hostile_text_is_answered_at_all(unit: str) -> None:
    # What backtracks would not return; the suite's own limit is what notices.
    text = unit * 50_000
    assert [list(reader(text)) for reader in (amounts_in, dates_in, tries_in)]
    assert isinstance(list(names_in(text, {"ab"})), list)


# Words and names.


def test_a_run_counts_where_it_has_enough_different_rare_words() -> None:
    row = words("the Blue heron and the blue heron sleep")
    rare = {"heron", "sleep"}.__contains__
    assert sorted(rare_shingles(row, 3, 1, rare).values()) == [0, 1, 2, 5]
    assert sorted(rare_shingles(row, 3, 2, rare).values()) == [5]
    assert rare_shingles(row, 9, 1, rare) == {}


@given(st.lists(st.sampled_from("abcde"), max_size=30), st.integers(1, 6))
def test_every_run_with_a_rare_word_is_found(row: list[str], length: int) -> None:
    runs = {tuple(row[n : n + length]) for n in range(len(row) - length + 1)}
    expected = {hash(run) for run in runs if "a" in run}
    assert rare_shingles(row, length, 1, "a".__eq__).keys() == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for Brakewell Harbour Ltd", ["brakewell"]),
        ("for Brakewell and for Harbour", ["brakewell", "harbour"]),
        ("Harbour no doubts. Harbour none", []),
        ("Brakewell Harbour begins", ["brakewell"]),
        ("a harbour", []),
    ],
)
def test_adjacent_words_are_one_name_and_first_words_none(text: str, found: list[str]) -> None:
    assert [name for _, name in names_in(text, {"brakewell", "harbour"})] == found


def test_with_few_tasks_nothing_is_rare() -> None:
    assert vocabulary([["one two"], ["two three"]]).rare == frozenset()
    assert vocabulary([["one two"], ["two Three"], ["Two four"]]).rare == {"one", "three", "four"}
    assert vocabulary([["one two"], ["two Three"], ["Two four"]]).proper == {"three"}


# The evaluator.


def test_whatever_scores_and_decides_is_held_still(workspace_folder: Path) -> None:
    before = evaluator_digests(open_workspace(workspace_folder, {}, to_run=False))
    assert before.keys() >= {"meta_harness.py", "harness_search/judging/checks.py", "judge", "gate"}
    assert evaluator_digests(open_workspace(workspace_folder, {}, to_run=False)) == before
    workspace = open_workspace(workspace_folder, {}, to_run=False)
    rubrics = [workspace.splits.dev[0].folder, workspace.splits.test[1].folder]
    for file in (*(folder / "task.json" for folder in rubrics), workspace.layout.test_split):
        file.write_text(file.read_text() + "\n")
    settings = workspace.layout.settings
    settings.write_text(settings.read_text().replace("min_delta = 1.0", "min_delta = 0.1"))
    after = evaluator_digests(open_workspace(workspace_folder, {}, to_run=False))
    names = (f"task {workspace.splits.dev[0].id}", "gate", "test split", "test task 2")
    assert set(changed(before, after)) == set(names)
    report = audit_evaluator(before, after)
    assert {item.where for item in report.findings} == set(names)
    assert report.severity is Severity.REJECT
    assert workspace.splits.test[1].id not in str(report.to_json())


def test_files_that_come_and_go_are_changes() -> None:
    assert changed({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == ("a", "c")
    assert audit_evaluator({"a": "1"}, {"a": "1"}) == AuditReport()


# Mechanism engaged.


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_mechanism_of_the_catalogue_is_reached(name: str) -> None:
    assert audit_engaged(stacked([name]), BASE).severity is Severity.PASS


MECHANISM = """
LIMIT = 3

def check(task: Task) -> int:
    return helper(LIMIT)

def helper(number: int) -> int:
    return number
"""


def test_code_that_nothing_calls_is_a_warning() -> None:
    assert new_code(with_code(MECHANISM), BASE) == NewCode((), ("LIMIT", "check", "helper"))
    report = audit_engaged(with_code(MECHANISM), BASE)
    assert report.severity is Severity.WARN
    assert "LIMIT, check, helper" in report.reason()


@pytest.mark.parametrize(
    ("code", "call"),
    [
        (MECHANISM, "check(task)"),
        (MECHANISM, "for _ in map(check, [task]): pass"),
        (f"{MECHANISM}\nHOOKS = [check]", "HOOKS[0](task)"),
        (f"{MECHANISM}\nHOOKS = {{}}\nHOOKS['x'] = check", "HOOKS['x'](task)"),
        (f"{MECHANISM}\n@check\ndef other() -> None: ...", "other()"),
        (f"{MECHANISM}\nclass Loop:\n    def run(self): return check(self)", "Loop().run()"),
    ],
)
def test_code_is_reached_through_tables_classes_and_decorators(code: str, call: str) -> None:
    assert audit_engaged(with_code(code, call), BASE) == AuditReport()


def test_a_call_that_never_happens_reaches_nothing() -> None:
    assert audit_engaged(with_code(MECHANISM, "if False: check(task)"), BASE).findings


def test_an_unused_helper_beside_a_live_mechanism_is_a_note() -> None:
    report = audit_engaged(with_code(f"{MECHANISM}\ndef spare(): ...", "check(task)"), BASE)
    assert [(item.severity, item.evidence) for item in report.findings] == [
        (Severity.PASS, "adds what solve never reaches: spare")
    ]


@given(st.text())
def test_no_source_breaks_the_call_graph(text: str) -> None:
    audit_engaged(text, BASE)


# Claimed fix tasks.


def gain(**points: float) -> Gain:
    tasks = [TaskDifference(name, value, 0.1, 0, 0, 3, 3) for name, value in points.items()]
    return Gain(sum(points.values()), 0.1, 0.1, tuple(tasks))


def test_a_gain_elsewhere_and_on_no_named_task_is_a_warning() -> None:
    report = audit_forecast(["a", "b", "unmeasured"], gain(a=0.0, b=0.1, c=2.0, d=1.0))
    assert report.severity is Severity.WARN
    assert report.reason().endswith("none of 2 fix tasks gained, and 2 other tasks did.")


@pytest.mark.parametrize(
    ("named", "measured"),
    [
        (["a"], gain(a=1.0, b=2.0)),
        (["a"], gain(a=0.0, b=0.1)),
        ([], gain(a=0.0, b=2.0)),
        (["z"], gain(a=0.0, b=2.0)),
        (["a"], None),
    ],
)
def test_a_forecast_that_nothing_speaks_against_is_left_alone(
    named: list[str], measured: Gain | None
) -> None:
    assert audit_forecast(named, measured) == AuditReport()


# Reports.


def test_the_worst_finding_is_the_reason() -> None:
    findings = [Finding("r", severity, severity.value, "is so") for severity in Severity]
    report = merged([AuditReport((finding,)) for finding in findings])
    assert report.reason() == "Audit, r: reject, is so (2 more findings)."
    assert [item.severity for item in report.findings] == [*Severity]


def test_lines_are_said_shortly() -> None:
    assert lines_of([3, 3]) == "line 3"
    assert lines_of([9, 3]) == "lines 3 and 9"
    assert lines_of([9, 3, 5]) == "lines 3 to 9 (3 places)"
