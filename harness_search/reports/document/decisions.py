"""Every candidate with what was decided of it, and what that took."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from harness_search.errors import InputError
from harness_search.ledger.bills import bills_of, by_iteration
from harness_search.ledger.frontier import FrontierRow
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.pairing import History, claimed
from harness_search.plots.values import Measured
from harness_search.promotion.claim import CandidateClaim
from harness_search.reports.document.material import Material
from harness_search.reports.document.measures import of_gain

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One candidate as the table of decisions shows it.

    Differences, chances and gains are what the rows say under the current weights; what the gate
    looked at is as it was noted on that day.
    """

    iteration: int
    name: str
    decision: DecisionKind | None
    """None while the iteration is open."""
    parent: str
    incumbent: str
    mechanism: str
    claim: str
    """What the proposer expected of it; empty without a claim."""
    stage: str
    """The last stage that the gate looked at; empty where it has not decided, and where that is not
    known any more."""
    difference: Measured | None
    """Blended points above the incumbent of its time, by trial noise; None where the two were never
    compared."""
    tasks: int
    """That the difference is of; a task that one of them has not begun counts as no difference."""
    chance: float | None
    """Probability of any true gain, 0 to 1; None where noise is not known."""
    shrunken: float | None
    """The gain to expect, in points."""
    rollouts: int
    """Finished ones of the candidate."""
    incumbent_rollouts: int
    """Finished ones of the incumbent that this comparison asked for."""
    usd: float
    """Paid for the candidate's own trials and for the incumbent's control beside them, lost and
    interrupted attempts included."""
    reason: str
    """Why it was decided so; empty while the iteration is open."""
    notes: tuple[str, ...] = ()
    """What was special about the comparison, and what was remarked of the candidate."""


def decisions_of(material: Material) -> tuple[DecisionRow, ...]:
    """One row for each iteration after the baseline's, the open one too."""
    history = material.history
    taken = by_iteration(bills_of(material.ledger), history.iterations)
    return tuple(
        _row(material, row, shown, sum(bill.paid.usd for bill in taken[row.number]))
        for row, shown in zip(history.iterations, material.frontier.rows, strict=True)
        if row.number
    )


def _row(material: Material, row: IterationRow, shown: FrontierRow, usd: float) -> DecisionRow:
    kept = material.decisions.get(row.number, _NOTHING)
    claim, gain = claim_of(row), shown.gain
    rollouts = kept.get("rollouts") or {
        "candidate": shown.rollouts,
        "incumbent": _control(material.history, row),
    }
    return DecisionRow(
        iteration=row.number,
        name=row.name,
        decision=row.decision,
        parent=row.parent,
        incumbent=row.incumbent,
        mechanism=row.mechanism,
        claim=_one_line(claim.hypothesis) if claim else "",
        stage=kept.get("stage", ""),
        difference=of_gain(gain),
        tasks=shown.compared,
        chance=gain.chance if gain else None,
        shrunken=gain.shrunken if gain else None,
        rollouts=rollouts["candidate"],
        incumbent_rollouts=rollouts["incumbent"],
        usd=usd,
        reason=_one_line(row.reason),
        notes=tuple(map(_one_line, (*kept.get("notes", ()), *kept.get("remarks", ())))),
    )


def claim_of(row: IterationRow) -> CandidateClaim | None:
    """The claim of an iteration; None where there is none that can be read."""
    try:
        return claimed(row)
    except InputError:
        return None


def _control(history: History, row: IterationRow) -> int:
    return history.derived.figures(history.incumbent_digest(row), row.number).finished


def _one_line(text: str) -> str:
    return " ".join(text.split())
