"""The next step is a table: what a scan found on the left, what to do on the right."""

import pytest

from harness_search.ledger.next_step import (
    Begin,
    Decide,
    Evaluate,
    Finished,
    MakePlacebo,
    Propose,
    Scan,
    Step,
    next_step,
)
from harness_search.ledger.rows import DecisionKind, IterationRow


def row(number: int, decision: DecisionKind | None) -> IterationRow:
    return IterationRow(number, "digest", f"name_{number}", "", "", "", "", decision, "")


BASELINE = row(0, DecisionKind.BASELINE)

DONE = "iteration 1 of 1 is decided"
PLACEBO = row(1, DecisionKind.PLACEBO)

TABLE: list[tuple[str, Scan, Step]] = [
    ("an empty ledger", Scan([]), Begin()),
    ("an unmeasured baseline", Scan([row(0, None)], 36), Evaluate(0)),
    ("a measured baseline", Scan([row(0, None)]), Decide(0)),
    ("a decided baseline", Scan([BASELINE]), Propose(1)),
    ("no iterations wanted", Scan([BASELINE], stop=DONE), Finished(DONE)),
    ("a candidate whose stage lacks rollouts", Scan([BASELINE, row(1, None)], 7), Evaluate(1)),
    ("a candidate that the gate can decide", Scan([BASELINE, row(1, None)]), Decide(1)),
    ("an orphan", Scan([BASELINE, row(1, DecisionKind.ORPHAN)]), Propose(2)),
    ("a rejected one", Scan([BASELINE, row(1, DecisionKind.REJECTED)]), Propose(2)),
    ("a placebo", Scan([BASELINE, PLACEBO]), Propose(2)),
    ("a turn for a placebo", Scan([BASELINE], placebo=True), MakePlacebo(1)),
    ("an open last one", Scan([BASELINE, row(1, None)], 3, stop=DONE), Evaluate(1)),
    ("a decided last one", Scan([BASELINE, PLACEBO], stop=DONE, placebo=True), Finished(DONE)),
]


@pytest.mark.parametrize(("found", "scan", "step"), TABLE, ids=[item[0] for item in TABLE])
def test_what_follows_from(found: str, scan: Scan, step: Step) -> None:
    assert next_step(scan) == step
