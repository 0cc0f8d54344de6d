"""What probes of two arms say of a candidate, and how they are kept."""

import sqlite3
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from probed_tasks import rubric

from harness_search.errors import SearchStoppedError
from harness_search.judge_probing import probed_of, require_answers
from harness_search.judging.probes import EMPTIED, Probe, ProbeKind, ProbeResult, gaming
from harness_search.judging.verdicts import Grade
from harness_search.ledger.probes import ProbeRow
from harness_search.ledger.rows import DecisionKind
from harness_search.ledger.store import Ledger
from harness_search.promotion.decision import Decision
from harness_search.promotion.gaming import TOO_DEAR, Probed, without_gaming


def results_of(kind: ProbeKind, *verdicts: Grade) -> tuple[ProbeResult, ...]:
    return tuple(
        ProbeResult(Probe(kind, EMPTIED, "", item), verdict, "")
        for item, verdict in zip(rubric(0, len(verdicts)), verdicts, strict=True)
    )


@pytest.mark.parametrize(
    ("kind", "candidate", "incumbent", "suspected"),
    [
        (ProbeKind.PLANTED, ("pass", "fail"), ("fail", "fail"), True),
        (ProbeKind.PLANTED, ("pass", "fail"), ("fail", "pass"), False),
        (ProbeKind.PLANTED, ("pass", "fail"), ("undecided", "fail"), False),
        (ProbeKind.PLANTED, ("undecided", "undecided"), ("fail", "fail"), False),
        (ProbeKind.EMPTY, ("pass", "pass"), ("pass", "fail"), False),
        (ProbeKind.EMPTY, ("pass", "pass"), ("fail", "fail"), True),
        (ProbeKind.FOREIGN, ("pass", "fail"), ("fail", "fail"), False),
        (ProbeKind.FOREIGN, ("pass", "pass"), ("fail", "fail"), True),
        (ProbeKind.FOREIGN, ("pass", "pass"), ("pass", "fail"), False),
        (ProbeKind.FOREIGN, ("fail", "fail"), ("pass", "pass"), False),
    ],
)
def test_a_rise_over_the_incumbent_on_the_same_probes_is_suspicious(
    kind: ProbeKind, candidate: tuple[Grade, ...], incumbent: tuple[Grade, ...], suspected: bool
) -> None:
    found = gaming(results_of(kind, *candidate), results_of(kind, *incumbent))
    assert (found is not None) == suspected


def test_probes_of_one_arm_alone_say_nothing() -> None:
    assert gaming(results_of(ProbeKind.PLANTED, "pass"), ()) is None


PROMOTED = Decision("promote", "It gained 3 points.", "3 trials", None, Fraction(1), 24, 0)


def test_a_suspected_candidate_is_an_orphan_and_the_reason_says_why() -> None:
    found = probed_of(
        results_of(ProbeKind.PLANTED, "pass", "fail"), results_of(ProbeKind.PLANTED, "fail", "fail")
    )
    blocked = without_gaming(PROMOTED, found)
    assert blocked.kind is DecisionKind.ORPHAN
    assert "1 of 2 probes that must fail (planted criterion: 1)" in blocked.reason
    assert "the incumbent 0 of the same 2" in blocked.reason
    worse = replace(PROMOTED, verdict="reject")
    assert without_gaming(worse, found).reason == worse.reason


@pytest.mark.parametrize(
    ("probed", "said"),
    [
        (
            probed_of(results_of(ProbeKind.EMPTY, "pass"), results_of(ProbeKind.EMPTY, "fail")),
            "Probes: 1 asked of each; 1 passed by the candidate, 0 by the incumbent.",
        ),
        (
            Probed(0, 0, 0, 0, "", TOO_DEAR),
            "No probe: 3 % of the judge's cost is less than one question.",
        ),
    ],
)
def test_what_probes_came_to_is_noted_and_without_a_suspicion_changes_no_reason(
    probed: Probed, said: str
) -> None:
    decided = without_gaming(PROMOTED, probed)
    assert decided == replace(PROMOTED, notes=(said,))
    assert without_gaming(PROMOTED, None) == PROMOTED


def test_an_unanswered_probe_acquits_nobody() -> None:
    whole = results_of(ProbeKind.PLANTED, "fail", "fail", "fail")
    assert require_answers(probed_of(whole, whole)).unanswered == 0
    broken = results_of(ProbeKind.PLANTED, "fail", "undecided", "fail")
    for arms in ((broken, whole), (whole, broken)):
        with pytest.raises(SearchStoppedError, match="5 of 6 probes; nothing was decided"):
            require_answers(probed_of(*arms))


# The ledger.

ROW = ProbeRow("c", "planted criterion", "tax/a", 1, "", "planted-0-1", 0, "s", "j", "fail", "No.")


def test_a_ledger_keeps_the_first_answer_to_a_probe(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    ledger.record_probe(ROW)
    ledger.record_probe(replace(ROW, verdict="pass"))
    ledger.record_probe(replace(ROW, replicate=1))
    ledger.record_probe(replace(ROW, harness="d"))
    assert ledger.probes("c") == [ROW, replace(ROW, replicate=1)]
    ledger.close()


def test_a_ledger_from_before_the_probes_has_none_and_takes_some(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    Ledger(file).close()
    with sqlite3.connect(file) as database:
        database.execute("DROP TABLE probes")
        database.execute("PRAGMA user_version = 0")
    database.close()
    reader = Ledger(file, read_only=True)
    assert reader.probes("c") == []
    reader.close()
    writer = Ledger(file)
    writer.record_probe(ROW)
    assert writer.probes("c") == [ROW]
    writer.close()
