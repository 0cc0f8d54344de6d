"""A candidate against its parent on a few tasks, by rollouts that no decision will use.

The study's way to test a claim: does the mechanism mend the tasks that it names, and does it leave
the others alone? The rows have a ledger, noise and evidence of their own, so that nobody gets more
trials for a decision by asking for a comparison.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness_search.endpoints import api_key
from harness_search.errors import InputError
from harness_search.experiments.claims import AB_MARK, slice_part, slices_sentence
from harness_search.experiments.known_noise import known_variance
from harness_search.experiments.subject import Subject, hold_to_search, note_in_claim
from harness_search.ledger.gains import Gain, gain
from harness_search.ledger.rows import Purpose, RolloutRow, Split
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Score, Weights, score
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter, Tally
from harness_search.rollouts.bench import locked, open_bench
from harness_search.rollouts.jobs import Harness, Job, freeze
from harness_search.rollouts.scheduler import interleaved, missing, most_lost, run_missing
from harness_search.search import hold_to_identity
from harness_search.service.launch import at_work
from harness_search.waking import through_limits
from harness_search.workspace import Workspace

FIX, REGRESSION = "fix", "regression"
POOLED = Weights(all_pass=0.0, cost=0.0)
"""Weights under which the blended score is the pooled pass rate."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Both harnesses on the tasks of one kind; a score is None without a finished rollout."""

    name: str
    tasks: tuple[str, ...]
    before: Score | None
    after: Score | None
    pooled: Gain | None
    """Difference in points of the pooled pass rate."""
    blended: Gain | None

    @property
    def complete(self) -> bool:
        sides = (self.before, self.after)
        return all(side is not None and side.complete for side in sides)


@dataclass(frozen=True, slots=True)
class SliceComparison:
    """What the comparison of a candidate with its parent showed."""

    candidate: str
    parent: str
    trials: int
    slices: tuple[Slice, ...]
    simulated: bool
    sandboxes: Mapping[str, int]
    noted: bool = False
    """Whether this is now in the candidate's claim."""

    @property
    def complete(self) -> bool:
        return all(item.complete for item in self.slices)

    @property
    def sentence(self) -> str:
        """What the claim is told; empty while rollouts are missing."""
        if not self.complete:
            return ""
        parts = [
            slice_part(item.name, item.before, item.after, item.pooled)
            for item in self.slices
            if item.before and item.after and item.pooled
        ]
        return slices_sentence(self.parent, self.trials, parts)

    def to_json(self) -> dict[str, Any]:
        """The document of `ab --json`; rates and differences in points."""
        return {
            "candidate": self.candidate,
            "parent": self.parent,
            "simulated": self.simulated,
            "trials": self.trials,
            "complete": self.complete,
            "slices": [_slice_to_json(item) for item in self.slices],
            "sandboxes": dict(self.sandboxes),
            "observed": self.sentence or None,
            "noted_in_claim": self.noted,
        }


def _slice_to_json(item: Slice) -> dict[str, Any]:
    return {
        "slice": item.name,
        "tasks": list(item.tasks),
        "pooled_before": round(item.before.pooled, 4) if item.before else None,
        "pooled_after": round(item.after.pooled, 4) if item.after else None,
        "pooled": _gain_to_json(item.pooled),
        "blended": _gain_to_json(item.blended),
        "complete": item.complete,
    }


def _gain_to_json(item: Gain | None) -> dict[str, Any] | None:
    if item is None:
        return None
    interval = item.interval(item.trial_error)
    ends = [round(end, 4) for end in interval] if interval else None
    return {"points": round(item.points, 4), "interval_same_tasks": ends}


def chosen_slices(
    workspace: Workspace, subject: Subject, fix: Sequence[str], regression: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The tasks of each slice: those given, else those of the claim, in the order of the split.

    Raises InputError for a task that is not of the dev split, and when there is none at all.
    """
    claim = subject.claim.candidate if subject.claim else None
    wanted = {
        FIX: tuple(fix) or (claim.fix_tasks if claim else ()),
        REGRESSION: tuple(regression) or (claim.regression_tasks if claim else ()),
    }
    known = [task.id for task in workspace.tasks(Split.DEV)]
    for name, option in ((FIX, "--fix"), (REGRESSION, "--regress")):
        for task in wanted[name]:
            if task not in known:
                raise InputError("command line", option, repr(task), "the id of a dev task")
    slices = {
        name: tuple(task for task in known if task in tasks) for name, tasks in wanted.items()
    }
    if not any(slices.values()):
        expected = "tasks of the dev split, or a candidate whose claim names some"
        raise InputError("command line", "--fix, --regress", "no task", expected)
    return {name: tasks for name, tasks in slices.items() if tasks}


async def compare_slices(
    workspace: Workspace,
    subject: Subject,
    slices: Mapping[str, tuple[str, ...]],
    reporter: Reporter,
) -> SliceComparison:
    """Run what is missing of both harnesses on the tasks, and note the result in the claim.

    Raises SearchStoppedError when the run stops; what was finished is kept.
    """
    layout = workspace.layout
    key = api_key(workspace.settings.profile)
    with locked(layout):
        hold_to_search(workspace)
        with closing(Ledger(layout.ledger_of(Purpose.AB))) as ledger:
            hold_to_identity(ledger, workspace.rows_identity(Split.DEV))
            await _run(workspace, ledger, subject, slices, key, reporter)
            rows = ledger.rows()
        found = derive(workspace, subject, slices, rows)
        if not found.complete:
            return found
        return replace(found, noted=note_in_claim(layout, subject, AB_MARK, found.sentence))


async def _run(
    workspace: Workspace,
    ledger: Ledger,
    subject: Subject,
    slices: Mapping[str, tuple[str, ...]],
    key: str,
    reporter: Reporter,
) -> None:
    """Run what is missing; nothing is started when nothing is."""
    arms = (subject.candidate, subject.parent)
    tasks = {task for chosen in slices.values() for task in chosen}
    digests = {arm.digest for arm in arms}
    rows = [row for row in ledger.rows() if row.key.harness in digests]
    attempts = workspace.settings.limits.attempts + most_lost(rows)
    left = missing(_jobs(workspace, arms, tasks), rows, attempts)
    if not left:
        return
    async with (
        at_work("ab", workspace, reporter) as conduct,
        open_bench(workspace, ledger, Purpose.AB, key, conduct) as bench,
    ):
        frozen = [freeze(arm, bench.runtime) for arm in arms]
        jobs = _jobs(workspace, frozen, tasks)
        # A score of both arms together would say nothing.
        tally = Tally("ab", len(jobs), secret=True, done=len(jobs) - len(left))
        with reporter.watch(tally) as watch:
            concurrency = workspace.settings.search.concurrency
            run = partial(run_missing, bench, jobs, concurrency, attempts, watch)
            await through_limits(run, conduct, reporter)


def _jobs(workspace: Workspace, arms: Sequence[Harness], tasks: Iterable[str]) -> list[Job]:
    chosen, trials = set(tasks), workspace.settings.search.trials
    dev = [task for task in workspace.tasks(Split.DEV) if task.id in chosen]
    return interleaved(workspace, arms, dev, range(1, trials + 1))


def derive(
    workspace: Workspace,
    subject: Subject,
    slices: Mapping[str, tuple[str, ...]],
    rows: Sequence[RolloutRow],
) -> SliceComparison:
    """The comparison from raw rows, under the current weights."""
    after, before = (
        [row for row in rows if row.key.harness == arm.digest]
        for arm in (subject.candidate, subject.parent)
    )
    settings = workspace.settings
    return SliceComparison(
        candidate=subject.candidate.name,
        parent=subject.parent.name,
        trials=settings.search.trials,
        slices=tuple(
            _slice(workspace, name, tasks, before, after) for name, tasks in slices.items()
        ),
        simulated=settings.profile.simulated,
        sandboxes=sandboxes((*before, *after)),
    )


def _slice(
    workspace: Workspace,
    name: str,
    tasks: tuple[str, ...],
    before: Sequence[RolloutRow],
    after: Sequence[RolloutRow],
) -> Slice:
    """Both harnesses on a slice as if it were the whole split."""
    known, settings = workspace.criteria(Split.DEV), workspace.settings
    criteria = {task: known[task] for task in tasks}
    trials, weights = settings.search.trials, settings.weights

    def gained(under: Weights) -> Gain | None:
        known = known_variance(workspace, trials, under, criteria)
        return gain(after, before, criteria, trials, under, variance=known)

    return Slice(
        name=name,
        tasks=tasks,
        before=score(before, criteria, trials, weights),
        after=score(after, criteria, trials, weights),
        pooled=gained(POOLED),
        blended=gained(weights),
    )
