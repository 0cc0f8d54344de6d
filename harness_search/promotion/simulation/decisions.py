"""The staged gate's decisions for many candidates at once, on simulated trials.

The same stages as `promotion/gate.py`, which a test holds them to. No model drifts here, so that a
control only where drift is seen (`auto`) is never run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness_search.promotion.gate import ROUNDING
from harness_search.promotion.rules import GateRules
from harness_search.promotion.simulation.assumptions import RECALL
from harness_search.promotion.simulation.claims import affected_tasks, declared_tasks
from harness_search.promotion.simulation.trials import (
    Differences,
    Floats,
    Integers,
    KnownVariance,
    Trials,
    Truths,
    differences,
)
from harness_search.promotion.stages import Stage, StageKind

Draw = Callable[[int, Integers], Floats]
"""Shares of trial 1, 2, ... of one arm, in the given rows, on every task."""


@dataclass(frozen=True, slots=True)
class Question:
    """Many candidates, each against its incumbent."""

    candidate: Draw
    incumbent: Draw
    """New trials of the incumbent, of whichever number."""
    stored: Trials
    """The incumbent's trials so far."""
    fix_tasks: Truths
    """Which tasks the claim says are fixed."""
    slice_open: Truths
    """By row, whether the fix slice may end the candidate."""
    known: KnownVariance | None = None
    inflation: Floats | None = None
    """Points by row, by which selection is estimated to have raised the incumbent's score."""
    control: Draw | None = None
    """Trials of the incumbent beside the candidate, where they must not be those that top it up."""


@dataclass(slots=True)
class Answers:
    """What came of each candidate."""

    promoted: Truths
    candidate: Trials
    incumbent: Trials
    """The stored trials, with those that were added."""
    candidate_rollouts: Integers
    incumbent_rollouts: Integers
    points: Floats
    """The last difference looked at."""
    error: Floats
    stage: list[str] = field(default_factory=list)
    """By row, the last stage looked at."""

    @property
    def rollouts(self) -> Integers:
        return self.candidate_rollouts + self.incumbent_rollouts


def decide(rules: GateRules, question: Question) -> Answers:
    """Run every candidate through the stages of the rules until it is promoted or rejected."""
    return _Comparisons(rules, question).run()


class _Comparisons:
    """The state of the comparisons while they go on; `self._open` are the rows not yet decided."""

    def __init__(self, rules: GateRules, question: Question) -> None:
        rows, tasks = question.stored.mean.shape
        self._rules, self._question, self._tasks = rules, question, tasks
        self._stored = question.stored.take(np.arange(rows))
        self._control = rules.control == "same_day"
        self._reference = self._stored
        self._candidate = Trials.none(rows, tasks)
        self._open = np.arange(rows)
        self._promoted = np.zeros(rows, dtype=np.bool_)
        self._spent = np.zeros((2, rows), dtype=np.int64)
        self._seen = np.full((2, rows), np.nan)
        self._stage = np.full(rows, "", dtype="U16")
        self._drawn: dict[int, tuple[Floats, Truths]] = {}

    def run(self) -> Answers:
        rules = self._rules
        self._top_up(rules.incumbent_trials)
        if rules.slice_trials > 0:
            self._fix_slice(min(rules.slice_trials, rules.trials))
        for trial in range(1, rules.trials):
            self._pass_of(trial)
            if rules.futility_chance > 0:
                seen = self._look(StageKind.PASS, trial)
                self._close(~seen.may_reach(rules.min_delta, rules.futility_chance))
        self._full_trials()
        for trial in range(rules.trials + 1, rules.most_trials + 1):
            self._extra_trial(trial)
        points, error = self._seen
        own, beside = self._spent
        stages = [str(stage) for stage in self._stage]
        return Answers(
            self._promoted, self._candidate, self._stored, own, beside, points, error, stages
        )

    def _fix_slice(self, trials: int) -> None:
        named = self._question.fix_tasks
        count = named.sum(axis=1)
        open_ = self._question.slice_open & (count > 0) & (2 * count <= self._tasks)
        if self._question.known is None:
            open_ &= self._stored.degrees().sum(axis=1) > 0
        at = np.flatnonzero(open_)
        for trial in range(1, trials + 1):
            self._candidate_trial(trial, at, named[at])
        seen = self._look(StageKind.SLICE, trials, at)
        hopeless = ~seen.may_reach(self._rules.min_delta / 2, self._rules.slice_chance)
        self._open = np.setdiff1d(self._open, at[hopeless], assume_unique=True)

    def _pass_of(self, trial: int) -> None:
        at = self._open
        self._candidate_trial(trial, at, self._candidate.count[at] < trial)

    def _full_trials(self) -> None:
        trials = self._rules.trials
        self._pass_of(trials)
        if self._control:
            self._reference = Trials.none(*self._stored.mean.shape)
        self._top_up(trials)
        self._last_word(self._look(StageKind.FULL, trials), trials)

    def _extra_trial(self, trial: int) -> None:
        self._pass_of(trial)
        self._top_up(trial)
        self._last_word(self._look(StageKind.EXTRA, trial), trial)

    def _last_word(self, seen: Differences, trial: int) -> None:
        """Promote, reject or leave open what is borderline; at the cap the plain rule decides."""
        rules = self._rules
        enough = seen.points >= rules.min_delta - ROUNDING
        plain = ~seen.has_error | (trial >= rules.most_trials)
        promoted = enough & (plain | seen.may_reach(0.0, rules.sure_chance))
        self._promoted[self._open[promoted]] = True
        borderline = ~plain & (enough | seen.nearly(rules.min_delta - ROUNDING, rules.band))
        self._close(promoted | ~borderline)

    def _close(self, ended: Truths) -> None:
        self._open = self._open[~ended]

    def _look(self, kind: StageKind, trials: int, at: Integers | None = None) -> Differences:
        at = self._open if at is None else at
        known = self._question.known
        found = differences(
            self._candidate.take(at),
            self._reference.take(at),
            known.take(at) if known is not None else None,
        )
        inflation = self._question.inflation
        selected = self._reference is self._stored  # nobody has selected a control
        if self._rules.reference == "shrunken" and inflation is not None and selected:
            found = found.raised(inflation[at])
        self._seen[0, at], self._seen[1, at] = found.points, found.error
        self._stage[at] = Stage(kind, trials, (), ()).name
        return found

    def _candidate_trial(self, trial: int, at: Integers, wanted: Truths) -> None:
        self._spent[0, at] += self._candidate.add(at, self._shares(trial, at), wanted)

    def _shares(self, trial: int, at: Integers) -> Floats:
        """A trial is one and the same, whether the fix slice or a full pass asks for it."""
        empty = (np.zeros(self._stored.mean.shape), np.zeros(len(self._promoted), np.bool_))
        shares, drawn = self._drawn.setdefault(trial, empty)
        if (fresh := at[~drawn[at]]).size:
            shares[fresh] = self._question.candidate(trial, fresh)
            drawn[fresh] = True
        return shares[at]

    def _top_up(self, trials: int) -> None:
        """The incumbent's trials up to this one, where it has fewer."""
        is_stored = self._reference is self._stored
        beside = self._question.control or self._question.incumbent
        draw = self._question.incumbent if is_stored else beside
        for trial in range(1, trials + 1):
            wanted = self._reference.count[self._open] < trial
            lacking = wanted.any(axis=1)
            if (at := self._open[lacking]).size:
                shares = draw(trial, at)
                self._spent[1, at] += self._reference.add(at, shares, wanted[lacking])


def one_decision(
    rules: GateRules,
    task_sd: Sequence[float],
    gain: float,
    incumbent_trials: int,
    rng: np.random.Generator,
    n: int = 10_000,
    recall: float = RECALL,
) -> tuple[float, float]:
    """Share of `n` candidates that are promoted, and the mean number of rollouts that takes.

    Every candidate has this true gain (blended points), spread evenly over two to seven tasks, and
    meets an incumbent with so many new trials of every task. `task_sd` are the standard deviations
    of one rollout's share of the blended score by dev task, in points. Rollouts are those of both
    arms, without the trials that the incumbent has already.
    """
    spread = np.asarray(task_sd, dtype=np.float64)
    tasks = len(spread)
    everyone = np.arange(n)

    def noise(at: Integers) -> Floats:
        return rng.normal(0.0, 1.0, (len(at), tasks)) * spread

    affected = affected_tasks(np.ones((n, tasks)), rng)
    shift = gain * tasks * affected / affected.sum(axis=1, keepdims=True)
    stored = Trials.none(n, tasks)
    for _ in range(incumbent_trials):
        stored.add(everyone, noise(everyone), np.ones((n, tasks), np.bool_))
    question = Question(
        candidate=lambda _, at: noise(at) + shift[at],
        incumbent=lambda _, at: noise(at),
        stored=stored,
        fix_tasks=declared_tasks(affected, recall, rng),
        slice_open=rng.random(n) >= rules.bypass_share,
        known=KnownVariance(np.full(n, tasks * (spread**2).mean()), np.full(n, float(tasks))),
    )
    answers = decide(rules, question)
    return float(answers.promoted.mean()), float(answers.rollouts.mean())
