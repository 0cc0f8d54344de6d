"""Which mechanism to try next: pure functions of history and dev evidence."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness_search.files import digest_text
from harness_search.ledger.rows import DecisionKind
from harness_search.proposers.catalogue.evidence import RolloutEvidence
from harness_search.proposers.catalogue.mechanism import Mechanism
from harness_search.proposers.session import PastIteration

JITTER = 0.4
"""Standard deviation of the logarithm of the jitter: of two mechanisms one of which has twice
the points at stake, the other one goes first about one time in nine."""

NOISE = 1.5
"""Points by which two evaluations of equally good harnesses differ, one standard deviation.

Three trials with the study's 1 to 3 points of noise a pass give 0.8 to 2.4 points."""

NAMED_TASKS = 5
"""Fix and regression tasks that a claim names; the contract asks for at least so many."""

Rollouts = Mapping[str, Sequence[RolloutEvidence]]
"""Finished rollouts of the incumbent, by dev task."""


@dataclass(frozen=True, slots=True)
class Option:
    """A mechanism that may be tried now."""

    mechanism: Mechanism
    earlier: PastIteration | None
    """The latest of its earlier iterations."""
    reach: float = math.inf
    """Points that earlier comparisons leave possible; see `reach`."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """An option with the figures that gave it its place."""

    option: Option
    by_task: Mapping[str, float]
    """Points at stake by dev task; they sum up to the pooled points at stake."""
    stake: float
    """Pooled points at stake; of a restacked orphan at most what comparisons leave possible."""
    jitter: float

    @property
    def weight(self) -> float:
        return self.stake * self.jitter


def sort_out(
    catalogue: Sequence[Mechanism], history: Sequence[PastIteration], incumbent: str
) -> tuple[list[Option], list[tuple[Mechanism, str]]]:
    """The mechanisms that may be tried on this incumbent, and those left out with the reason."""
    inherited = lineage(history, incumbent)
    options: list[Option] = []
    left_out: list[tuple[Mechanism, str]] = []
    for mechanism in catalogue:
        past = [item for item in history if item.mechanism == mechanism.name]
        reason = _closed(past, incumbent)
        if mechanism.name in inherited:
            reason = "the incumbent has it"
        if reason:
            left_out.append((mechanism, reason))
        else:
            options.append(Option(mechanism, past[-1] if past else None, reach(past)))
    return options, left_out


def lineage(history: Sequence[PastIteration], name: str) -> set[str]:
    """The mechanisms that a harness has, found by following its parents."""
    by_name = {item.name: item for item in history}
    mechanisms: set[str] = set()
    while name in by_name:
        item = by_name.pop(name)
        mechanisms.add(item.mechanism)
        name = item.parent
    return mechanisms


def _closed(past: Sequence[PastIteration], incumbent: str) -> str:
    """Why a mechanism with this past is not tried now; empty when it may be."""
    for item in past:
        if item.decision is DecisionKind.REJECTED:
            return f"rejected by audit in iteration {item.iteration}"
        if item.incumbent == incumbent and item.decision is not DecisionKind.INCONCLUSIVE:
            return f"compared with {incumbent} in iteration {item.iteration}"
    if reach(past) <= 0:
        deltas = ", ".join(f"{item.delta:+.2f}" for item in past if item.delta is not None)
        return f"lost by more than noise ({deltas} points)"
    return ""


def reach(past: Sequence[PastIteration]) -> float:
    """Points that a mechanism may yet gain: one standard error above the mean of its comparisons.

    What was close to zero may have lost by noise only, or may need what a newer incumbent has; each
    further comparison leaves less room for that. Infinite before the first one.
    """
    deltas = [item.delta for item in past if item.delta is not None]
    if not deltas:
        return math.inf
    return sum(deltas) / len(deltas) + NOISE / math.sqrt(len(deltas))


def rank(options: Sequence[Option], rollouts: Rollouts, seed: int, iteration: int) -> list[Ranked]:
    """Best first; mechanisms without any symptom come last.

    An orphan without a symptom on the new incumbent is not restacked. No name has any influence.
    """
    ranked = [_figures(option, rollouts, seed, iteration) for option in options]
    shown = [item for item in ranked if item.stake > 0 or item.option.earlier is None]
    return sorted(
        shown,
        key=lambda item: (item.weight, item.jitter, item.option.mechanism.digest),
        reverse=True,
    )


def _figures(option: Option, rollouts: Rollouts, seed: int, iteration: int) -> Ranked:
    by_task = points_at_stake(option.mechanism, rollouts)
    stake = min(sum(by_task.values()), option.reach)  # what was measured beats what is estimated
    return Ranked(option, by_task, stake, jitter(option.mechanism, seed, iteration))


def points_at_stake(mechanism: Mechanism, rollouts: Rollouts) -> dict[str, float]:
    """Estimated points of the pooled pass rate that the mechanism addresses, by task."""
    criteria = sum(found[0].file.total for found in rollouts.values() if found)
    return {
        task: 100 * sum(mechanism.symptom(rollout) * rollout.lost for rollout in found)
        / (len(found) * criteria) if found else 0.0
        for task, found in rollouts.items()
    }  # fmt: skip


def jitter(mechanism: Mechanism, seed: int, iteration: int) -> float:
    """A factor around 1, so that searches with different seeds explore in different orders."""
    key = digest_text("jitter", str(seed), str(iteration), mechanism.digest)
    return math.exp(JITTER * random.Random(key).gauss(0, 1))


def name_tasks(by_task: Mapping[str, float], rollouts: Rollouts) -> tuple[list[str], list[str]]:
    """Fix tasks (strongest symptom, then weakest score) and regression tasks (the reverse).

    The two lists are disjoint as soon as there are enough dev tasks for that.
    """
    order = sorted(by_task, key=lambda task: (-by_task[task], _pass_rate(rollouts[task])))
    return order[:NAMED_TASKS], order[::-1][:NAMED_TASKS]


def _pass_rate(found: Sequence[RolloutEvidence]) -> float:
    total = sum(rollout.file.total for rollout in found)
    return sum(rollout.file.passed for rollout in found) / total if total else 0.5
