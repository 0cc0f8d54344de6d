"""What the confirmations of a search have found, from disk alone."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction

from harness_search.experiments.known_noise import known_variance
from harness_search.ledger.gains import Gain, Variance, gain
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import IterationRow, Purpose, RolloutRow, Split
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Score, score
from harness_search.ledger.store import Ledger, has_begun
from harness_search.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two harnesses of a confirmation."""

    name: str
    digest: str
    score: Score | None
    """None without a finished rollout; not to be shown before the confirmation is complete."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One confirmation, as far as it has come."""

    iteration: int
    """The last one of the search when it was planned."""
    baseline: Side
    harness: Side
    trials: int
    tasks: int
    finished: int
    """Rollouts of both harnesses."""
    gain: Gain | None
    """Blended points above the baseline; None before every rollout is finished."""
    simulated: bool
    sandboxes: Mapping[str, int]

    @property
    def planned(self) -> int:
        """Rollouts of both harnesses."""
        return 2 * self.trials * self.tasks

    @property
    def coverage(self) -> Fraction:
        return Fraction(self.finished, self.planned)


def confirmation_of(workspace: Workspace) -> Confirmation | None:
    """The latest confirmation of a search, from disk alone; None before the first."""
    return next(reversed(confirmations_of(workspace)), None)


def confirmations_of(workspace: Workspace) -> tuple[Confirmation, ...]:
    """Every confirmation of a search, from disk alone, under the current weights."""
    file = workspace.layout.ledger_of(Purpose.CONFIRMATION)
    if not has_begun(file):
        return ()
    with closing(Ledger(file, read_only=True)) as ledger:
        plans, rows = ledger.iterations(), ledger.rows()
    fewest = min(map(trials_of, plans[1:]), default=0)
    known = known_variance(workspace, fewest) if fewest else None
    return tuple(_derived(workspace, plans[0], plan, rows, known) for plan in plans[1:])


def trials_of(plan: IterationRow) -> int:
    """Rollouts of every task for each of the two harnesses."""
    return int(json.loads(plan.claim)["trials"])


def rows_of(plan: IterationRow, rows: Sequence[RolloutRow]) -> list[RolloutRow]:
    """Those of one confirmation."""
    return [row for row in rows if row.key.trial // CONTROL_STEP == plan.number]


def _derived(
    workspace: Workspace,
    baseline: IterationRow,
    plan: IterationRow,
    rows: Sequence[RolloutRow],
    known: Variance | None,
) -> Confirmation:
    settings, own = workspace.settings, _counted_from_one(rows_of(plan, rows))
    shape = (workspace.criteria(Split.DEV), trials_of(plan), settings.weights)
    arms = [[row for row in own if row.key.harness == side.harness] for side in (baseline, plan)]
    finished = sum(row.outcome.finished for arm in arms for row in arm)
    complete = finished == 2 * len(shape[0]) * shape[1]
    return Confirmation(
        iteration=plan.number,
        baseline=Side(baseline.name, baseline.harness, score(arms[0], *shape)),
        harness=Side(plan.name, plan.harness, score(arms[1], *shape)),
        trials=shape[1],
        tasks=len(shape[0]),
        finished=finished,
        gain=gain(arms[1], arms[0], *shape, variance=known) if complete else None,
        simulated=settings.profile.simulated,
        sandboxes=sandboxes(row for arm in arms for row in arm),
    )


def _counted_from_one(rows: Sequence[RolloutRow]) -> list[RolloutRow]:
    """The same rows with the trials of one confirmation numbered 1, 2, ..."""
    return [replace(row, key=replace(row.key, trial=row.key.trial % CONTROL_STEP)) for row in rows]
