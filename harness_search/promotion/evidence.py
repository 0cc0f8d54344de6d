"""What the gate knows of both arms, arranged by stage."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from harness_search.ledger.gains import Gain, Variance, difference, shares
from harness_search.ledger.replicates import CONTROL_STEP
from harness_search.ledger.rows import RolloutRow
from harness_search.promotion.decision import Decision, Pairing
from harness_search.promotion.rules import GateRules
from harness_search.promotion.stages import (
    Stage,
    most_incumbent_trials,
    most_trials,
    without,
)

Shares = Mapping[str, Mapping[int, float]]
"""Of the blended score, by task and trial."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The finished rollouts of a comparison, each with its share of the blended score."""

    candidate: Shares
    stored: Shares
    """The incumbent's own trials from before the candidate's first one."""
    added: Shares
    """Its own trials since. They count for the stages that ask for them, and never call back what
    an earlier stage has let through."""
    control: Shares
    """Its trials beside this candidate."""
    noise: Variance | None
    """Trial noise known from elsewhere."""
    inflation: float
    slice_tasks: tuple[str, ...]
    """Tasks of the fix slice; none when this candidate has no slice."""
    incumbent_rollouts: int
    """Finished ones that this comparison asked for."""

    @classmethod
    def of(cls, rules: GateRules, pairing: Pairing) -> "Evidence":
        """Arrange the raw rows; lost attempts and rollouts beyond the planned ones fall out."""
        first, most = pairing.iteration * CONTROL_STEP, most_incumbent_trials(rules)
        before, since = _parted(pairing)
        stored = _between(_shares(before, pairing), 0, most)
        later = _shares(since, pairing)
        return cls(
            candidate=_between(_shares(pairing.candidate, pairing), 0, most_trials(rules)),
            stored=stored,
            added=_between(later, 0, most),
            control=_between(_shares(pairing.incumbent, pairing), first, first + most),
            noise=pairing.reference_variance,
            inflation=pairing.inflation if rules.reference == "shrunken" else 0.0,
            slice_tasks=_slice_tasks(rules, pairing) if _is_noise_known(stored, pairing) else (),
            incumbent_rollouts=_asked_for(pairing),
        )

    @property
    def candidate_rollouts(self) -> int:
        """Finished ones, as far as they count."""
        return sum(len(found) for found in self.candidate.values())

    def gain(self, stage: Stage) -> Gain | None:
        """The comparison at a stage, by its own rollouts; None while it lacks one.

        A stored score that selection has inflated is lowered; a control was selected by nobody.
        """
        if self.coverage(stage) < 1:
            return None
        own = _values(_only(self.candidate, stage.candidate))
        found = difference(own, _values(self._beside(stage)), self.noise)
        if found is None or stage.control or not self.inflation:
            return found
        tasks = [replace(task, points=task.points + self.inflation) for task in found.tasks]
        points = found.points + self.inflation * len(tasks) / len(self.candidate)
        return replace(found, points=points, tasks=tuple(tasks))

    def coverage(self, stage: Stage) -> Fraction:
        """Finished / planned rollouts of the stage, of the arm that has fewer."""
        counts = self._counts(stage)
        return min(Fraction(done, planned) if planned else Fraction(1) for done, planned in counts)

    def undecided(self, stage: Stage) -> Decision:
        """The decision that asks for what the stage lacks."""
        arms = zip(("the candidate", "the incumbent"), self._counts(stage), strict=True)
        lacking = [
            f"{arm} has finished {done} of {planned} rollouts"
            for arm, (done, planned) in arms
            if done < planned
        ]
        return Decision(
            verdict="undecided",
            reason=f"Nothing is compared before every rollout is there ({stage.name}): "
            f"{' and '.join(lacking)}.",
            stage=stage.name,
            gain=None,
            coverage=self.coverage(stage),
            candidate_rollouts=self.candidate_rollouts,
            incumbent_rollouts=self.incumbent_rollouts,
            planned=stage.planned(_finished(self.candidate), _finished(self._beside(stage))),
        )

    def _beside(self, stage: Stage) -> Shares:
        if stage.control:
            return _only(self.control, stage.incumbent)
        added = _only(self.added, stage.incumbent)
        return {task: {**self.stored[task], **added[task]} for task in self.stored}

    def _counts(self, stage: Stage) -> tuple[tuple[int, int], tuple[int, int]]:
        sides = ((stage.candidate, self.candidate), (stage.incumbent, self._beside(stage)))
        left, right = (
            (len(planned) - len(without(planned, _finished(found))), len(planned))
            for planned, found in sides
        )
        return left, right


def _slice_tasks(rules: GateRules, pairing: Pairing) -> tuple[str, ...]:
    """The named tasks, in the order of the split; none where a slice would save too little."""
    named = tuple(task for task in pairing.criteria if task in pairing.fix_tasks)
    is_small = len(named) * 2 <= len(pairing.criteria)
    return named if rules.slice_trials > 0 and not pairing.bypass_reason and is_small else ()


def _is_noise_known(incumbent: Shares, pairing: Pairing) -> bool:
    """Whether anything but the candidate says how noisy a rollout is."""
    has_replicates = any(len(found) > 1 for found in incumbent.values())
    reference = pairing.reference_variance
    return has_replicates or (reference is not None and reference.degrees > 0)


def _asked_for(pairing: Pairing) -> int:
    """Rollouts of the incumbent since the candidate's first one; 0 where no time is known."""
    first = min((row.started_at for row in pairing.candidate if row.started_at), default="")
    if not first:
        return 0
    return sum(row.outcome.finished and row.started_at >= first for row in pairing.incumbent)


def _parted(pairing: Pairing) -> tuple[list[RolloutRow], list[RolloutRow]]:
    """The incumbent's rows from before the candidate's first one, and those since; where times are
    not known, all are from before."""
    started = [row.started_at for row in pairing.candidate if row.started_at]
    began = min(started, default="")
    before = [row for row in pairing.incumbent if not began or row.started_at < began]
    since = [row for row in pairing.incumbent if began and row.started_at >= began]
    return before, since


def _shares(rows: Iterable[RolloutRow], pairing: Pairing) -> Shares:
    return shares(rows, pairing.criteria, pairing.weights)


def _only(found: Shares, rollouts: Iterable[tuple[str, int]]) -> Shares:
    wanted = set(rollouts)
    return {
        task: {trial: share for trial, share in by_trial.items() if (task, trial) in wanted}
        for task, by_trial in found.items()
    }


def _between(found: Shares, after: int, last: int) -> dict[str, dict[int, float]]:
    return {
        task: {trial: share for trial, share in by_trial.items() if after < trial <= last}
        for task, by_trial in found.items()
    }


def _values(found: Shares) -> dict[str, list[float]]:
    return {task: list(by_trial.values()) for task, by_trial in found.items()}


def _finished(found: Shares) -> set[tuple[str, int]]:
    return {(task, trial) for task, by_trial in found.items() for trial in by_trial}
