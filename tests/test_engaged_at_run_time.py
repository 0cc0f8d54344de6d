"""A candidate whose new code never ran in its rollouts is warned of."""

import json
from difflib import SequenceMatcher

import pytest
from conftest import Open
from hypothesis import given
from hypothesis import strategies as st
from scripted_proposer import Scripted, run
from test_audit_rules import gain

from harness_search.audit.engaged import MOST_COMPARISONS, Run, audit_ran, lines_added
from harness_search.audit.report import AuditReport, Finding, Severity
from harness_search.auditing import (
    LONGEST_WARNING,
    MOST_WARNINGS,
    add_to_report,
    keep_report,
    kept_warnings,
)
from harness_search.current import frontier_on_disk

PARENT = """\
LIMIT = 3

def solve(task, model):
    for number in range(LIMIT):
        model.ask(task, number)
    return None
"""


@pytest.mark.parametrize(
    ("source", "added"),
    [
        (PARENT, set[int]()),
        (PARENT.replace("LIMIT = 3", "LIMIT = 4\nPROMPT = 'Read twice.'"), set[int]()),
        (PARENT.replace("(LIMIT)", "(\n        LIMIT  # as often\n    )"), set[int]()),
        (PARENT.replace("    return", "    # No more.\n    return"), set[int]()),
        (PARENT.replace("    return", "    model.close()\n    return"), {6}),
        (PARENT.replace("(LIMIT)", "(LIMIT + 1)"), {4}),
        (f"{PARENT}\ndef check(task):\n    '''Why.'''\n    return task\n", {10}),
        (
            PARENT.replace("    return", "    if task.late:\n        check(task)\n    return")
            + "\ndef check(task):\n    return task\n",
            {11},
        ),
        (f"{PARENT}\nclass Check:\n    size = 1\n\n    def run(self):\n        return 1\n", {12}),
        (f"{PARENT.replace('(LIMIT)', '(LIMIT + 1)')}\ndef late():\n    pass\n", {9}),
        (
            PARENT.replace("def solve", "def steps").replace(
                "    return", "    wait()\n    return"
            ),
            {6},
        ),
        (PARENT.replace("    return", "    return\n    return"), {6}),
        ("def solve(:", set[int]()),
    ],
)
def test_only_new_statements_in_functions_are_added_lines(source: str, added: set[int]) -> None:
    assert lines_added(source, PARENT) == added


@given(st.text())
def test_no_source_breaks_the_comparison(text: str) -> None:
    lines_added(text, PARENT)
    lines_added(PARENT, text)


def function(*statements: str) -> str:
    body = "".join(f"    {text}\n" for text in statements)
    return f"def solve(task, model):\n{body}    return None\n"


def numbers(most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 3), max_size=most)


@given(numbers(12), numbers(12))
def test_what_was_not_added_stands_in_the_parent_in_the_same_order(
    parent: list[int], own: list[int]
) -> None:
    texts = [[f"step({number})" for number in found] for found in (parent, own)]
    added = lines_added(function(*texts[1]), function(*texts[0]))
    kept = [number for line, number in enumerate(own, start=2) if line not in added]
    rest = iter(parent)
    assert all(number in rest for number in kept)
    found = SequenceMatcher(None, parent, own, autojunk=False).get_matching_blocks()
    assert len(kept) >= sum(block.size for block in found)


@given(numbers(6), numbers(6), numbers(6))
def test_only_what_is_put_in_counts(before: list[int], new: list[int], after: list[int]) -> None:
    parent = [f"step({number})" for number in (*before, *after)]
    own = [*parent[: len(before)], *(f"new({number})" for number in new), *parent[len(before) :]]
    first = len(before) + 2
    assert lines_added(function(*own), function(*parent)) == {*range(first, first + len(new))}


def test_of_functions_too_long_to_compare_only_new_wording_counts() -> None:
    """To compare every statement with every other would hold the search up."""
    count = int(MOST_COMPARISONS**0.5) + 10
    parent = [text for n in range(count // 2) for text in ("x = 1", f"y = {n}")]
    own = [text for n in range(count // 2) for text in ("x = 1", f"y = {n}", "x = 1")]
    assert lines_added(function(*own), function(*parent)) == frozenset()
    changed = ["first()", *own, "last()"]
    assert lines_added(function(*changed), function(*parent)) == {2, len(changed) + 1}
    short = [texts[: count // 4] for texts in (own, parent)]
    assert lines_added(*(function(*texts) for texts in short))


def ran(*lines: int, task: str = "a") -> Run:
    return Run(task, frozenset(lines))


def test_code_that_ran_in_no_rollout_is_a_warning() -> None:
    report = audit_ran({7, 8}, [ran(1, 2), ran(), ran(9)])
    assert report.severity is Severity.WARN
    assert report.reason() == (
        "Audit, mechanism engaged: candidate, adds 2 lines, and in 3 rollouts none of that ran: "
        "noise, or a dead mechanism."
    )


def test_code_that_ran_is_a_note_with_what_never_did() -> None:
    report = audit_ran({7, 8, 9}, [ran(1, 7), ran(1), ran(7, 8)])
    assert [(item.severity, item.evidence) for item in report.findings] == [
        (Severity.PASS, "its new code ran in 2 of 3 rollouts; 1 of 3 lines never ran")
    ]
    (whole,) = audit_ran({7}, [ran(7)]).findings
    assert whole.evidence == "its new code ran in 1 of 1 rollout"


def test_without_new_lines_or_a_record_nothing_is_said() -> None:
    assert audit_ran(set(), [ran(1)]) == AuditReport()
    assert audit_ran({1}, []) == AuditReport()


def test_a_gain_only_where_the_new_code_never_ran_is_a_warning() -> None:
    runs = [ran(7, task="a"), ran(1, task="b"), ran(1, task="c")]
    report = audit_ran({7}, runs, gain(a=0.0, b=2.0, c=3.0, unrecorded=9.0))
    assert report.severity is Severity.WARN
    assert "ran in none of 2 tasks that gained" in report.reason()
    assert audit_ran({7}, runs, gain(a=2.0, b=2.0)).severity is Severity.PASS
    assert audit_ran({7}, runs, gain(a=0.0, b=0.0)).severity is Severity.PASS


def test_a_report_is_added_to_and_never_twice(open_tiny: Open) -> None:
    layout = open_tiny().layout
    first, second = audit_ran({7}, [ran(7)]), audit_ran({7}, [ran(8)])
    add_to_report(layout, 1, AuditReport())
    assert not layout.audit(1).exists()
    keep_report(layout, 1, first)
    for _ in range(2):
        add_to_report(layout, 1, second)
    kept = AuditReport.of_json(json.loads(layout.audit(1).read_text()))
    assert kept.findings == (*first.findings, *second.findings)
    layout.audit(1).write_text("people wrote here")
    add_to_report(layout, 1, second)
    assert AuditReport.of_json(json.loads(layout.audit(1).read_text())) == second


def finding(severity: Severity, where: str, evidence: str) -> Finding:
    return Finding("out of bounds", severity, where, evidence)


def test_warnings_that_were_kept_are_said_once_each_in_short(open_tiny: Open) -> None:
    layout = open_tiny().layout
    assert kept_warnings(layout, 1) == ()
    leaves = [finding(Severity.WARN, f"session, tool call {n} (Bash)", "leaves") for n in (3, 5, 9)]
    other = finding(Severity.WARN, "candidate", "adds\n" + "a_long_name, " * 99)
    note = finding(Severity.PASS, "candidate", "ran in 3 of 3 rollouts")
    keep_report(layout, 1, AuditReport((leaves[0], note, other, *leaves[1:])))
    first, second = kept_warnings(layout, 1)
    assert first == ("Audit, out of bounds: session, tool call 3 (Bash), leaves, and 2 more times.")
    assert second.startswith("Audit, out of bounds: candidate, adds a_long_name,")
    assert len(second) <= LONGEST_WARNING
    layout.audit(1).write_text("people wrote here")
    assert kept_warnings(layout, 1) == ()


def test_of_many_warnings_the_first_are_said_and_the_rest_counted(open_tiny: Open) -> None:
    layout = open_tiny().layout
    many = [finding(Severity.WARN, "candidate", f"no. {n}") for n in range(MOST_WARNINGS + 2)]
    keep_report(layout, 1, AuditReport(tuple(many)))
    said = kept_warnings(layout, 1)
    assert len(said) == MOST_WARNINGS + 1
    assert said[-1] == "2 more warnings stand in `audit.json`."


def dead_mechanism(source: str) -> str:
    call = (
        "    if not task.instructions:\n        mend(task)\n    converse(task, model, messages)\n"
    )
    edited = source.replace("    converse(task, model, messages)\n", call, 1)
    assert edited != source
    return f"{edited}\n\ndef mend(task: Task) -> None:\n    (task.output / 'mended').touch()\n"


def test_a_search_warns_of_a_mechanism_that_never_ran(open_measured: Open) -> None:
    workspace = open_measured(iterations=1, trials=1)
    run(workspace, Scripted(dead_mechanism))
    layout = workspace.layout
    said = "adds 1 line, and in 6 rollouts none of that ran"
    kept = AuditReport.of_json(json.loads(layout.audit(1).read_text()))
    assert [item.severity for item in kept.findings if said in item.evidence] == [Severity.WARN]
    assert any(said in remark for remark in json.loads(layout.decision(1).read_text())["remarks"])
    assert said in frontier_on_disk(workspace).rows[1].reason
