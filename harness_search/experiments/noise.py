"""The A/A run: the baseline twice, before anything is compared with it.

Its rollouts are the baseline's own trials of the search, so that none of them is paid twice.
"""

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from harness_search.endpoints import api_key
from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments.rejudging import flips_on_disk, judge_again, judged_again_at
from harness_search.judging.model.opening import judge_alone
from harness_search.ledger.bills import Entry, entries, part_bills
from harness_search.ledger.replicates import NOISE_IS_KNOWN
from harness_search.ledger.rows import Purpose, Role, RolloutRow, Split
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import rows_by_task
from harness_search.ledger.store import Ledger, has_begun, read_identity
from harness_search.promotion.noise import ARMS, Cost, NoiseReport, analyse, with_chances
from harness_search.promotion.rules import GateRules
from harness_search.reports.progress import Reporter, Tally
from harness_search.rollouts.bench import locked, open_bench
from harness_search.rollouts.jobs import Harness, Job, freeze
from harness_search.rollouts.lost import left_by_judge
from harness_search.rollouts.scheduler import interleaved, missing, most_lost, run_missing
from harness_search.search import check_sources, hold_to_identity, record_baseline
from harness_search.service.conduct import Conduct
from harness_search.service.launch import at_work
from harness_search.waking import through_limits
from harness_search.workspace import UNKNOWN, Workspace

COMPARISONS = 4_000
"""Simulated for each chance: its standard error is then 0.7 points of a hundred at most."""
SEED = 0


async def run_noise(
    workspace: Workspace, reporter: Reporter, *, with_preset: bool = False
) -> NoiseReport:
    """Run, or go on with, the A/A run on the search's ledger, and say what it shows.

    It begins the search where that has not been, `with_preset` under the preset of now. Raises
    SearchStoppedError when rollouts stay lost, and InputError for a workspace that holds another
    search.
    """
    layout = workspace.layout
    key = api_key(workspace.settings.profile)
    with locked(layout), closing(Ledger(layout.ledger)) as ledger:
        hold_to_identity(ledger, workspace.baseline_identity())
        if with_preset:
            hold_to_identity(ledger, {"preset": workspace.settings.promotion.preset})
        check_sources(layout, ledger.iterations())
        if not ledger.iterations():
            record_baseline(workspace, ledger)
        async with at_work("noise", workspace, reporter) as conduct:
            await _measure(workspace, ledger, key, reporter, conduct)
        rows = _own_rows(workspace, ledger)
    return with_gate(workspace, _report(workspace, rows))


async def _measure(
    workspace: Workspace, ledger: Ledger, key: str, reporter: Reporter, conduct: Conduct
) -> None:
    """Run the trials, and ask the judge about them again."""
    await _run_trials(workspace, ledger, key, reporter, conduct)
    rows = _own_rows(workspace, ledger)
    if not _is_complete(workspace, rows):
        lacked = left_by_judge(rows)
        lost = f"left undecided by the judge, {lacked}" if lacked else "lost to the provider"
        raise SearchStoppedError(
            f"the A/A run has {_progress(workspace, rows)}: the others were {lost}. "
            "Nothing was derived; run the same command again when it answers."
        )
    if NOISE_IS_KNOWN not in ledger.identity():
        ledger.set_identity({NOISE_IS_KNOWN: f"{ARMS} x {workspace.settings.search.trials} trials"})
    digest = workspace.baseline.digest
    if flips_on_disk(workspace.layout, digest, workspace.judge_version) is None:
        async with judge_alone(workspace, ledger) as judge:
            first = ledger.first_verdicts(digest)
            again = partial(judge_again, workspace, judge, digest, rows, first, conduct)
            await through_limits(again, conduct, reporter)


def noise_of(workspace: Workspace) -> NoiseReport | None:
    """What the A/A run says under the current weights, from disk alone; None before it is
    complete. What the gate does in this noise is left out, as it has to be simulated."""
    rows = _rows_on_disk(workspace)
    return _report(workspace, rows) if _is_done(workspace, rows) else None


def require_noise(workspace: Workspace, *, waived: bool = False, fresh: bool = False) -> None:
    """Raise InputError for a real model's search whose noise has not been measured.

    A search that is to start afresh has none: what there is belongs to the one set aside.
    """
    if waived or workspace.settings.profile.simulated:
        return
    if fresh:
        found = "none for a search that starts afresh"
        expected = "`meta-harness noise --fresh` and then `run`, or --waive-noise"
        raise InputError("search", "the A/A run", found, expected)
    rows = _rows_on_disk(workspace)
    if not _is_done(workspace, rows):
        raise InputError(
            "search",
            "the A/A run",
            _progress(workspace, rows) if rows else "none",
            "`meta-harness noise` first, or --waive-noise",
        )


def with_gate(workspace: Workspace, report: NoiseReport) -> NoiseReport:
    """The report with how often the configured gate errs, by simulation in this very noise.

    The incumbent has as many trials as a candidate that was promoted at full trials. A gate of
    one's own is not simulated.
    """
    if workspace.settings.promotion.gate:
        return report
    import numpy as np

    from harness_search.promotion.simulation.decisions import one_decision

    spread = [task.shrunken for task in report.tasks]

    def chance(rules: GateRules, gain: float) -> float:
        generator = np.random.default_rng(SEED)
        promoted, _ = one_decision(rules, spread, gain, rules.trials, generator, COMPARISONS)
        return promoted

    return with_chances(report, workspace.settings.rules, chance)


def aa_jobs(workspace: Workspace, baseline: Harness) -> list[Job]:
    """Every rollout of the A/A run: pass by pass over all tasks, so that the arms alternate."""
    trials = range(1, _most(workspace) + 1)
    return interleaved(workspace, [baseline], workspace.tasks(Split.DEV), trials)


async def _run_trials(
    workspace: Workspace, ledger: Ledger, key: str, reporter: Reporter, conduct: Conduct
) -> None:
    """Run what is missing; nothing is started when nothing is."""
    settings, baseline = workspace.settings, workspace.baseline
    rows = ledger.rows(baseline.digest)
    attempts = settings.limits.attempts + most_lost(rows)
    left = missing(aa_jobs(workspace, baseline), rows, attempts)
    if not left:
        return
    async with open_bench(workspace, ledger, Purpose.SEARCH, key, conduct) as bench:
        jobs = aa_jobs(workspace, freeze(baseline, bench.runtime))
        tally = Tally("baseline, A/A", len(jobs), done=len(jobs) - len(left))
        with reporter.watch(tally) as watch:
            concurrency = settings.search.concurrency
            run = partial(run_missing, bench, jobs, concurrency, attempts, watch)
            await through_limits(run, conduct, reporter)


def _most(workspace: Workspace) -> int:
    return ARMS * workspace.settings.search.trials


def _own_rows(workspace: Workspace, ledger: Ledger) -> list[RolloutRow]:
    """The rows of the A/A run, lost attempts among them."""
    rows = ledger.rows(workspace.baseline.digest)
    return [row for row in rows if row.key.trial <= _most(workspace)]


def _rows_on_disk(workspace: Workspace) -> list[RolloutRow]:
    if not has_begun(workspace.layout.ledger):
        return []
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return _own_rows(workspace, ledger)


def _counts(workspace: Workspace, rows: Sequence[RolloutRow]) -> tuple[int, int]:
    """Finished and planned rollouts."""
    criteria = workspace.criteria(Split.DEV)
    finished = rows_by_task(rows, criteria, _most(workspace)).values()
    return sum(map(len, finished)), _most(workspace) * len(criteria)


def _is_complete(workspace: Workspace, rows: Sequence[RolloutRow]) -> bool:
    finished, planned = _counts(workspace, rows)
    return finished == planned


def _is_done(workspace: Workspace, rows: Sequence[RolloutRow]) -> bool:
    """The same trials that comparisons asked for, one by one, are no A/A run."""
    return _is_complete(workspace, rows) and NOISE_IS_KNOWN in read_identity(
        workspace.layout.ledger
    )


def _progress(workspace: Workspace, rows: Sequence[RolloutRow]) -> str:
    finished, planned = _counts(workspace, rows)
    return f"{finished} of {planned} rollouts"


def _report(workspace: Workspace, rows: Sequence[RolloutRow]) -> NoiseReport:
    settings, layout = workspace.settings, workspace.layout
    found = analyse(rows, workspace.criteria(Split.DEV), settings.search.trials, settings.weights)
    priced = read_identity(layout.ledger).get("price", UNKNOWN) != UNKNOWN
    judge = _judge_usd(workspace, rows)
    return replace(
        found,
        flips=flips_on_disk(layout, workspace.baseline.digest, workspace.judge_version),
        cost=Cost(
            rollouts=sum(row.outcome.finished for row in rows),
            tokens=sum(row.paid.total for row in rows),
            usd=sum(row.paid_usd for row in rows) + judge if priced else None,
            judge_usd=judge,
        ),
        simulated=settings.profile.simulated,
        sandboxes=sandboxes(rows),
    )


def _judge_usd(workspace: Workspace, rows: Sequence[RolloutRow]) -> float:
    """What the judge took: all that was booked, before the run ended, while the last rollout to
    begin was one of the run's. The ledger's books name no rollout."""
    layout = workspace.layout
    end, booked = judged_again_at(layout), entries(layout.ledger)
    judged = [item for item in booked if item.role is Role.JUDGE and (not end or item.at <= end)]
    if not judged:
        return 0.0
    own = (workspace.baseline.digest, 0)
    begun = [
        (item.began_at, (item.harness, item.part) == own) for item in part_bills(layout.ledger)
    ]
    begun = sorted([*begun, *((row.started_at, True) for row in rows)])

    def is_of_the_run(item: Entry) -> bool:
        place = bisect_right(begun, (item.at, True))
        return place > 0 and begun[place - 1][1]

    return sum(item.usd for item in judged if is_of_the_run(item))
