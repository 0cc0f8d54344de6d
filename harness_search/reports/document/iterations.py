"""The iterations of a search as plots have them: only those that are decided."""

from collections.abc import Mapping

from harness_search.ledger.frontier import FrontierRow
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.plots.gains import CandidateGain, Gains
from harness_search.plots.lineage import Candidate, Lineage
from harness_search.plots.pareto import Pareto, Standing
from harness_search.plots.progress import Iteration, Progress
from harness_search.reports.document.material import Material
from harness_search.reports.document.measures import Measures, measures_of, of_gain

RESTACKABLE = frozenset({DecisionKind.ORPHAN, DecisionKind.INCONCLUSIVE})


def progress_of(material: Material) -> Progress:
    """What every iteration scored, with the intervals of trial noise: all are measured on the same
    tasks, so that the choice of tasks moves them together."""
    found = _measured(material)
    baseline = found.get(0)
    return Progress(
        tuple(
            _iteration(material, row, row.decision, found.get(row.number))
            for row in material.history.iterations
            if row.number and row.decision is not None
        ),
        baseline.blended if baseline else None,
        baseline.pooled if baseline else None,
        material.simulated,
    )


def _iteration(
    material: Material, row: IterationRow, decision: DecisionKind, found: Measures | None
) -> Iteration:
    inflation: float | None = 0.0
    if decision is DecisionKind.PROMOTED:
        inflation = material.history.inflation(row.number + 1).points
    if found is None:
        return Iteration(row.number, decision, inflation=inflation)
    return Iteration(row.number, decision, found.blended, found.pooled, inflation)


def gains_of(material: Material) -> Gains:
    """What every candidate gained against the incumbent of its time, under the current weights."""
    candidates = (
        CandidateGain(row.iteration, row.harness, row.decision, of_gain(row.gain))
        for row in _candidates(material)
        if row.iteration and row.decision is not None
    )
    rules = material.workspace.settings.rules
    return Gains(tuple(candidates), rules.min_delta, material.simulated)


def pareto_of(material: Material) -> Pareto:
    """Every harness with a rollout of each dev task; in USD only where a rollout cost something."""
    found, incumbent = _measured(material), material.frontier.promoted_in
    costs = any(item.dollars for item in found.values())
    priced = material.status.money.priced and costs
    standings = (
        Standing(
            row.name,
            row.decision,
            own.pooled,
            own.tokens,
            own.dollars if priced else None,
            row.number == incumbent,
        )
        for row in material.history.iterations
        if row.decision is not None and (own := found.get(row.number)) is not None
    )
    return Pareto(tuple(standings), material.simulated)


def lineage_of(material: Material) -> Lineage:
    """Every candidate below what it was copied from. It restacks the latest earlier orphan, or
    inconclusive candidate, whose mechanism it bears: restacking keeps a mechanism's name."""
    by_name: dict[str, int] = {}
    orphans: dict[str, int] = {}
    found = []
    for row in _candidates(material):
        if row.decision is not None:
            found.append(_candidate(row, row.decision, by_name, orphans))
            if row.decision in RESTACKABLE:
                orphans[row.mechanism] = row.iteration
        by_name[row.harness] = row.iteration
    return Lineage(tuple(found), material.simulated)


def _candidate(
    row: FrontierRow,
    decision: DecisionKind,
    by_name: Mapping[str, int],
    orphans: Mapping[str, int],
) -> Candidate:
    earlier = orphans.get(row.mechanism) if row.mechanism else None
    return Candidate(
        row.iteration,
        row.harness,
        decision,
        by_name.get(row.parent),
        of_gain(row.gain),
        () if earlier is None else (earlier,),
    )


def _candidates(material: Material) -> list[FrontierRow]:
    """The iterations that a proposer delivered a harness in."""
    delivered = {row.number for row in material.history.iterations if row.harness}
    return [row for row in material.frontier.rows if row.iteration in delivered]


def _measured(material: Material) -> dict[int, Measures]:
    """By iteration, those that were measured on every task and are decided."""
    found = {
        row.number: measures_of(material, row)
        for row in material.history.iterations
        if row.decision is not None
    }
    return {number: item for number, item in found.items() if item is not None}
