"""After the last iteration: baseline and final harness once more, by rollouts that chose nothing.

The rows have a ledger of their own, which no gate and no proposer reads. What a confirmation will
measure is written down before it begins, so that looking at it half-way cannot end it early.
"""

import json
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from harness_search.current import current_frontier
from harness_search.endpoints import api_key
from harness_search.experiments.confirmed import (
    Confirmation,
    confirmation_of,
    rows_of,
    trials_of,
)
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Purpose,
    Split,
)
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter, Tally
from harness_search.rollouts.bench import open_bench
from harness_search.rollouts.jobs import Harness, Job, freeze
from harness_search.rollouts.scheduler import interleaved, missing, most_lost, run_missing
from harness_search.search import hold_to_identity, mirror
from harness_search.service.conduct import Conduct
from harness_search.service.events import PhaseBegan
from harness_search.waking import through_limits
from harness_search.workspace import Workspace


async def confirm_incumbent(
    workspace: Workspace, ledger: Ledger, reporter: Reporter, conduct: Conduct
) -> None:
    """Run what the confirmation of a search's final harness lacks; `ledger` is the search's."""
    current = current_frontier(workspace, ledger)
    if workspace.settings.confirmation_trials and current.incumbent not in {"", "baseline"}:
        reporter.tell(PhaseBegan("confirm", mirror(workspace, ledger, "confirm")))
        harness = workspace.harness(current.incumbent)
        # By the iteration that promoted it: a search that goes on without a promotion has it.
        run = partial(confirm, workspace, harness, current.promoted_in, reporter, conduct)
        note = partial(mirror, workspace, ledger, "waiting")
        await through_limits(run, conduct, reporter, note)
        reporter.tell(PhaseBegan("finished", mirror(workspace, ledger, "finished")))


async def confirm(
    workspace: Workspace, harness: Harness, iteration: int, reporter: Reporter, conduct: Conduct
) -> Confirmation | None:
    """Run what the confirmation of a harness after an iteration still lacks.

    The caller holds the workspace's lock and has no bench open. A confirmation that was begun
    keeps its number of trials. Returns what is there afterwards, complete or not; None for the
    baseline itself, and when confirmations are switched off. Raises SearchStoppedError when the
    run stops, and InputError for a harness file that has changed.
    """
    trials = workspace.settings.confirmation_trials
    baseline, layout = workspace.baseline, workspace.layout
    if not trials or harness.digest == baseline.digest:
        return None
    with closing(Ledger(layout.ledger_of(Purpose.CONFIRMATION))) as ledger:
        hold_to_identity(ledger, workspace.rows_identity(Split.DEV))
        plan = _planned(ledger, baseline, harness, iteration, trials)
        await _run(workspace, ledger, (baseline, harness), plan, reporter, conduct)
    return confirmation_of(workspace)


def _planned(
    ledger: Ledger, baseline: Harness, harness: Harness, iteration: int, trials: int
) -> IterationRow:
    """What is to be measured, on record before it begins; the baseline is number 0."""
    known = {row.number: row for row in ledger.iterations()}
    if 0 not in known:
        first = IterationRow(
            0, baseline.digest, baseline.name, "", "", "", "", DecisionKind.BASELINE, ""
        )
        ledger.put_iteration(first)
    plan = known.get(iteration)
    if plan is None or plan.harness != harness.digest:
        terms = json.dumps({"trials": trials})
        plan = IterationRow(
            iteration, harness.digest, harness.name, "", baseline.name, "", terms, None, ""
        )
        ledger.put_iteration(plan)
    return plan


async def _run(
    workspace: Workspace,
    ledger: Ledger,
    sides: Sequence[Harness],
    plan: IterationRow,
    reporter: Reporter,
    conduct: Conduct,
) -> None:
    """Run what is missing; nothing is started when nothing is."""
    settings = workspace.settings
    rows = rows_of(plan, ledger.rows())
    attempts = settings.limits.attempts + most_lost(rows)
    left = missing(_jobs(workspace, sides, plan), rows, attempts)
    if not left:
        return
    key = api_key(settings.profile)
    async with open_bench(workspace, ledger, Purpose.CONFIRMATION, key, conduct) as bench:
        frozen = [freeze(side, bench.runtime) for side in sides]
        jobs = _jobs(workspace, frozen, plan)
        # A score before the end would tempt to stop there.
        tally = Tally("confirmation", len(jobs), secret=True, done=len(jobs) - len(left))
        with reporter.watch(tally) as watch:
            await run_missing(bench, jobs, settings.search.concurrency, attempts, watch)


def _jobs(workspace: Workspace, sides: Sequence[Harness], plan: IterationRow) -> list[Job]:
    first = plan.number * CONTROL_STEP + 1
    trials = range(first, first + trials_of(plan))
    return interleaved(workspace, sides, workspace.tasks(Split.DEV), trials)
