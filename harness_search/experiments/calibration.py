"""Two judges on the same stored deliverables: whether the one may stand for the other."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments.sample import Stored, StoredRollouts, draw, stored_rollouts
from harness_search.judging.agreement import (
    Agreement,
    AllPass,
    Pair,
    Rate,
    agreement_of,
    all_pass,
    by_area,
    by_length,
    repeated,
)
from harness_search.judging.arms import Arm, arms_of
from harness_search.judging.estimates import NOTHING, Estimate
from harness_search.judging.fitness import Fitness, fitness_of
from harness_search.judging.graders import Grader
from harness_search.judging.judge import Grading, Judge
from harness_search.judging.levels import Labelled, Level, Unlabelled, level
from harness_search.service.conduct import Conduct
from harness_search.workspace import Workspace

AT_ONCE = 256
"""Deliverables in grading; each judge holds back its own calls."""

Verdicts = Mapping[str, str]
"""By criterion."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a calibration will judge."""

    judge: Grader
    reference: Grader
    stored: StoredRollouts
    sample: tuple[Stored, ...]
    again: int
    """So many of the first of the sample are judged twice."""
    seed: int
    simulated: bool

    @property
    def missing(self) -> list[Stored]:
        """What the judge did not grade when it was run."""
        return [item for item in self.sample if not _has_verdicts(item, self.judge)]

    @property
    def gradings(self) -> int:
        """By both judges, the second time included."""
        return len(self.missing) + len(self.sample) + 2 * self.again

    @property
    def estimate(self) -> Estimate:
        """What it will cost, roughly: kept verdicts cost nothing."""
        missing, again = self.missing, self.sample[: self.again]
        parts = (
            (self.judge, 0, missing), (self.judge, 1, again),
            (self.reference, 0, self.sample), (self.reference, 1, again),
        )  # fmt: skip
        total = NOTHING
        for grader, replicate, items in parts:
            estimator = grader.estimator(replicate)
            total = sum((estimator(item.subject) for item in items), start=total)
        return total


def plan_calibration(
    workspace: Workspace, judge: Grader, reference: Grader, sample: int, again: float, seed: int
) -> Plan:
    """Draw a sample of stored rollouts; a share `again` of it is to be judged twice.

    Raises InputError for a sample of nothing, a share out of range, a judge held against itself, or
    no stored rollout.
    """
    if sample < 1:
        raise InputError("command line", "--sample", sample, "at least 1")
    if not 0 <= again <= 1:
        raise InputError("command line", "--repeat", again, "a share from 0 to 1")
    if judge.version == reference.version or judge.name == reference.name:
        # Its kept verdicts would agree with themselves, and look like proof.
        found = f"{reference.name!r}, the judge of the search itself"
        raise InputError("command line", "--reference", found, "another judge")
    stored = stored_rollouts(workspace)
    if not stored.rollouts:
        why = "; ".join(f"{count}: {reason}" for reason, count in stored.left_out.items())
        found = "no stored rollout that can be judged" + (f" ({why})" if why else "")
        expected = "a search with scored rollouts (meta-harness run, or noise)"
        raise InputError(workspace.layout.ledger, "", found, expected)
    drawn = tuple(draw(stored.rollouts, sample, seed))
    count = max(1, round(again * len(drawn))) if again else 0
    simulated = workspace.settings.profile.simulated or judge.simulated or reference.simulated
    return Plan(judge, reference, stored, drawn, count, seed, simulated)


@dataclass(frozen=True, slots=True)
class JudgeFigures:
    """What is said of one of the two judges alone."""

    name: str
    version: str
    verdicts: int
    """Of the sample, judged once; undecided ones included."""
    reused: int
    """Of them, stored with the rollouts: they were not asked for."""
    asked: int
    """Answers that this calibration got from it, second times and further readings included. What
    was kept from before is not among them, nor what failed unread."""
    undecided: int
    flagged: int
    """Fails because the judge could not judge, or gave no usable answer; of those not reused."""
    flips: Rate | None
    """Verdicts that changed when asked again; None when none was."""
    usd: float | None
    """What this calibration paid; None when that is not known. Verdicts that were kept from before
    cost nothing."""

    @property
    def usd_per_thousand(self) -> float | None:
        """USD for 1,000 answers got now; None when not known, or nothing was asked."""
        return None if self.usd is None or not self.asked else 1000 * self.usd / self.asked


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a judge compares with the reference."""

    at: str
    """When, in UTC (ISO 8601)."""
    seed: int
    simulated: bool
    judge: JudgeFigures
    reference: JudgeFigures
    stored: int
    """Rollouts that could be judged."""
    sampled: int
    again: int
    """Of them, judged twice."""
    left_out: Mapping[str, int]
    overall: Agreement
    areas: tuple[Agreement, ...]
    lengths: tuple[Agreement, ...]
    arms: tuple[Arm, ...]
    all_pass: AllPass | None
    levels: tuple[Level, ...]
    fitness: Fitness


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one judge said of the sample."""

    figures: JudgeFigures
    verdicts: Mapping[str, Verdicts]
    """By rollout; undecided ones are not among them."""


def _nothing() -> None:
    pass


async def calibrate(
    plan: Plan, advance: Callable[[], None] = _nothing, conduct: Conduct | None = None
) -> Calibration:
    """Have both judges grade the sample, one after the other, so that each one's cost is known.

    `advance` is called for each rollout that a judge has done. Raises SearchStoppedError when no
    verdict was decided by both, what a judge raises, and SearchInterruptedError once a launch that
    is to end has heard what was being graded, which the judge keeps.
    """
    conduct = conduct or Conduct()
    known = {item.name: item.verdicts for item in plan.sample if _has_verdicts(item, plan.judge)}
    judged = await _judge(plan, plan.judge, known, advance, conduct)
    reference = await _judge(plan, plan.reference, {}, advance, conduct)
    pairs = pairs_of(plan.sample, judged.verdicts, reference.verdicts)
    if not pairs:
        raise SearchStoppedError(
            "no verdict was decided by both judges; run the same command again when they answer"
        )
    overall, arms = agreement_of("all", pairs), arms_of(pairs)
    return Calibration(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=plan.seed,
        simulated=plan.simulated,
        judge=judged.figures,
        reference=reference.figures,
        stored=len(plan.stored.rollouts),
        sampled=len(plan.sample),
        again=plan.again,
        left_out=plan.stored.left_out,
        overall=overall,
        areas=by_area(pairs),
        lengths=by_length(pairs),
        arms=arms,
        all_pass=all_pass(pairs, {item.task.id: len(item.task.criteria) for item in plan.sample}),
        levels=tuple(_levels(plan, pairs)),
        fitness=fitness_of(overall, arms, judged.figures.flips),
    )


async def _judge(
    plan: Plan,
    grader: Grader,
    known: Mapping[str, Verdicts],
    advance: Callable[[], None],
    conduct: Conduct,
) -> _Judged:
    """One judge on what is not `known` of the sample, and once more on its first part."""
    before, kept = grader.spent(), _answers_of(grader)
    missing = [item for item in plan.sample if item.name not in known]
    async with grader.opened() as judge:
        first = await _graded(judge, missing, 0, advance, conduct)
        again = await _graded(judge, plan.sample[: plan.again], 1, advance, conduct)
    after, bought = grader.spent(), _answers_of(grader) - kept
    verdicts = {**known, **{name: _by_criterion(found) for name, found in first.items()}}
    repeats = {name: _by_criterion(found) for name, found in again.items()}
    said = Counter(verdict for found in verdicts.values() for verdict in found.values())
    figures = JudgeFigures(
        grader.name,
        grader.version,
        verdicts=said.total(),
        reused=sum(len(found) for found in known.values()),
        asked=bought if grader.answered else _given((*first.values(), *again.values())),
        undecided=said["undecided"],
        flagged=sum(len(found.flagged) for found in first.values()),
        flips=_flips(verdicts, repeats),
        usd=None if before is None or after is None else after - before,
    )
    return _Judged(figures, {name: _decided(found) for name, found in verdicts.items()})


def _answers_of(grader: Grader) -> int:
    return grader.answered() if grader.answered else 0


def _given(gradings: Iterable[Grading]) -> int:
    return sum(len(found.verdicts) for found in gradings)


async def _graded(
    judge: Judge,
    rollouts: Sequence[Stored],
    replicate: int,
    advance: Callable[[], None],
    conduct: Conduct,
) -> dict[str, Grading]:
    """Grade some rollouts, a few at once; the first error ends it."""
    waiting, found = deque(rollouts), dict[str, Grading]()

    async def work() -> None:
        while await conduct.may_begin() and waiting:
            item = waiting.popleft()
            found[item.name] = await judge.grade(item.subject, replicate)
            advance()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(waiting))):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    conduct.require_going_on()
    return found


def _has_verdicts(item: Stored, grader: Grader) -> bool:
    """Whether this very judge has graded the rollout when it was run."""
    return bool(item.verdicts) and item.row.judge_version == grader.version


def _by_criterion(grading: Grading) -> dict[str, str]:
    return {item.criterion_id: item.verdict for item in grading.verdicts}


def _decided(verdicts: Verdicts) -> dict[str, str]:
    return {name: verdict for name, verdict in verdicts.items() if verdict != "undecided"}


def _flips(first: Mapping[str, Verdicts], again: Mapping[str, Verdicts]) -> Rate | None:
    """Verdicts that were decided both times, and how many of them changed."""
    both: list[tuple[str, str]] = []
    for name, verdicts in again.items():
        before, after = _decided(first[name]), _decided(verdicts)
        both += [(before[criterion], after[criterion]) for criterion in before.keys() & after]
    return repeated(sum(one != other for one, other in both), len(both))


def pairs_of(
    sample: Iterable[Stored], judged: Mapping[str, Verdicts], reference: Mapping[str, Verdicts]
) -> list[Pair]:
    """The verdicts that both judges decided."""
    return [
        Pair(
            item.task.id,
            item.harness,
            item.name,
            item.length,
            reference[item.name][criterion] == "pass",
            verdict == "pass",
        )
        for item in sample
        for criterion, verdict in judged[item.name].items()
        if criterion in reference[item.name]
    ]


def _levels(plan: Plan, pairs: Iterable[Pair]) -> Iterable[Level]:
    """The pass rate of each harness by the reference, over all its scored rollouts."""
    sampled = {item.name for item in plan.sample}
    labelled: dict[str, list[Labelled]] = {}
    for pair in pairs:
        labelled.setdefault(pair.harness, []).append(
            Labelled(pair.task, pair.reference, pair.judged)
        )
    for harness, own in labelled.items():
        rest = [
            Unlabelled(item.task.id, verdict == "pass")
            for item in plan.stored.rollouts
            if item.harness == harness and item.name not in sampled
            if _has_verdicts(item, plan.judge)
            for verdict in _decided(item.verdicts).values()
        ]
        yield level(harness, own, rest)
