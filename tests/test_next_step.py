"""The next step is a table: what a scan found on the left, what to do on the right."""

import pytest

from harness_search.ledger.next_step import (
    Begin,
    Decide,
    Evaluate,
    Finished,
    Propose,
    Scan,
    Step,
    next_step,
)
from harness_search.ledger.rows import DecisionKind, IterationRow


def row(number: int, decision: DecisionKind | None) -> IterationRow:
    return IterationRow(number, "digest", f"name_{number}", "", "", "", "", decision, "")


BASELINE = row(0, DecisionKind.BASELINE)

TABLE: list[tuple[str, Scan, type[Step] | Step]] = [
    ("an empty ledger", Scan([], 0, 6), Begin()),
    ("an unmeasured baseline", Scan([row(0, None)], 36, 6), Evaluate(0)),
    ("a measured baseline", Scan([row(0, None)], 0, 6), Decide(0)),
    ("a decided baseline", Scan([BASELINE], 0, 6), Propose(1)),
    ("no iterations wanted", Scan([BASELINE], 0, 0), Finished),
    ("a candidate half measured", Scan([BASELINE, row(1, None)], 7, 6), Evaluate(1)),
    ("a candidate fully measured", Scan([BASELINE, row(1, None)], 0, 6), Decide(1)),
    ("an orphan", Scan([BASELINE, row(1, DecisionKind.ORPHAN)], 0, 6), Propose(2)),
    ("a rejected one", Scan([BASELINE, row(1, DecisionKind.REJECTED)], 0, 6), Propose(2)),
    ("an open last one", Scan([BASELINE, row(1, None)], 3, 1), Evaluate(1)),
    ("a decided last one", Scan([BASELINE, row(1, DecisionKind.PROMOTED)], 0, 1), Finished),
    ("a lowered target", Scan([BASELINE, row(1, DecisionKind.PROMOTED)], 0, 0), Finished),
]


@pytest.mark.parametrize(("found", "scan", "step"), TABLE, ids=[item[0] for item in TABLE])
def test_what_follows_from(found: str, scan: Scan, step: Step | type[Step]) -> None:
    chosen = next_step(scan)
    assert type(chosen) is step if isinstance(step, type) else chosen == step
