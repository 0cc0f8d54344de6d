"""How far a judge agrees with a reference: pure functions of pairs of verdicts.

Verdicts on one task hang together: they share a rubric, and often a deliverable. So every standard
error is clustered by task: a statistic is linearised into one influence for each verdict, and

    error^2 = G / (G - 1) x sum over the G tasks of (sum of the task's influences)^2

(Binder 1983; Liang and Zeger 1986). Intervals take Student's t with G - 1 degrees of freedom, as
few clusters tell little of their own spread (Cameron and Miller 2015). See docs/judge.md.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness_search.ledger.gains import Z_95
from harness_search.ledger.intervals import wilson
from harness_search.ledger.scores import mean

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Pair:
    """What two judges say of one criterion of one rollout."""

    task: str
    harness: str
    rollout: str
    """Tells the rollouts of one harness on one task apart."""
    length: int
    """Characters of its deliverables."""
    reference: bool
    """Whether the reference passes it."""
    judged: bool

    @property
    def area(self) -> str:
        """The practice area: first part of the task's id."""
        return self.task.split("/", 1)[0]

    @property
    def deliverable(self) -> tuple[str, str, str]:
        return self.harness, self.task, self.rollout


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; the ends are None where a single task tells no spread."""

    value: float
    error: float | None
    """Standard error, clustered by task."""
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of units with its 95 % interval, from 0 to 1."""

    count: int
    units: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.count / self.units


@dataclass(frozen=True, slots=True)
class Confusion:
    """Verdicts by what both judges say."""

    both_pass: int
    false_pass: int
    """The judge passes what the reference fails."""
    false_fail: int
    both_fail: int

    @property
    def total(self) -> int:
        return self.both_pass + self.false_pass + self.false_fail + self.both_fail

    @property
    def agreement(self) -> float:
        return (self.both_pass + self.both_fail) / self.total

    @property
    def reference_rate(self) -> float:
        return (self.both_pass + self.false_fail) / self.total

    @property
    def judged_rate(self) -> float:
        return (self.both_pass + self.false_pass) / self.total

    @property
    def by_chance(self) -> float:
        """The agreement of two judges with these pass rates that know nothing of each other."""
        one, other = self.reference_rate, self.judged_rate
        return one * other + (1 - one) * (1 - other)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa (1960); None where both judges say nothing but one and the same."""
        chance = self.by_chance
        return None if chance >= 1 else (self.agreement - chance) / (1 - chance)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge against the reference on some of the verdicts."""

    name: str
    confusion: Confusion
    tasks: int
    rollouts: int
    agreement: Rate
    kappa: Estimate | None
    """None where both judges say nothing but one and the same."""
    false_pass: Rate | None
    """Of what the reference fails; None where it fails nothing."""
    false_fail: Rate | None
    """Of what the reference passes; None where it passes nothing."""
    bias: Estimate
    """Pass rate of the judge minus that of the reference, in points."""

    @property
    def youden(self) -> float | None:
        """Youden's J = sensitivity + specificity - 1: how much of a true difference between
        harnesses this judge shows."""
        if self.false_pass is None or self.false_fail is None:
            return None
        return 1 - self.false_pass.share - self.false_fail.share


Influence = tuple[str, float]
"""A task, and what one verdict of it moves the statistic by."""


def agreement_of(name: str, pairs: Sequence[Pair]) -> Agreement:
    """Everything about some pairs of verdicts; raises ValueError for none."""
    if not pairs:
        raise ValueError("no verdict to compare")
    table = confusion_of(pairs)
    agreed = rate((pair, pair.judged == pair.reference) for pair in pairs)
    assert agreed is not None  # there is a pair
    return Agreement(
        name,
        table,
        len({pair.task for pair in pairs}),
        len({pair.deliverable for pair in pairs}),
        agreed,
        _kappa(pairs, table, agreed),
        rate((pair, pair.judged) for pair in pairs if not pair.reference),
        rate((pair, not pair.judged) for pair in pairs if pair.reference),
        bias_of(pairs),
    )


def confusion_of(pairs: Iterable[Pair]) -> Confusion:
    counts: dict[tuple[bool, bool], int] = defaultdict(int)
    for pair in pairs:
        counts[pair.judged, pair.reference] += 1
    cells = ((True, True), (True, False), (False, True), (False, False))
    return Confusion(*(counts[cell] for cell in cells))


def rate(flags: Iterable[tuple[Pair, bool]]) -> Rate | None:
    """How many of some verdicts are so, as a share of them; None for no verdict.

    The interval is Wilson's at the effective sample size: the number of verdicts over the design
    effect of their clusters, as Franco et al. (2019) advise for survey data. Where all or none are
    so, nothing tells how verdicts hang together, and each deliverable counts as one unit.
    """
    found = list(flags)
    if not found:
        return None
    count, units = sum(flag for _, flag in found), len(found)
    share = count / units
    error = clustered_error((pair.task, (flag - share) / units) for pair, flag in found)
    if not 0 < count < units or error is None:
        effective = len({pair.deliverable for pair, _ in found})
    else:
        effect = max(1.0, error**2 * units / (share * (1 - share)))
        effective = max(1, int(units / effect))
    return Rate(count, units, *wilson(share, effective))


def repeated(count: int, units: int) -> Rate | None:
    """A share of verdicts that were asked for anew, each by itself; None for none."""
    return Rate(count, units, *wilson(count / units, units)) if units else None


def bias_of(pairs: Sequence[Pair]) -> Estimate:
    """Pass rate of the judge minus that of the reference, in points."""
    return estimate(mean([_error_of(pair) for pair in pairs]), bias_influences(pairs))


def bias_influences(pairs: Sequence[Pair]) -> list[Influence]:
    centre = mean([_error_of(pair) for pair in pairs])
    return [(pair.task, (_error_of(pair) - centre) / len(pairs)) for pair in pairs]


def _error_of(pair: Pair) -> float:
    return 100.0 * (pair.judged - pair.reference)


def estimate(value: float, influences: Iterable[Influence], least_error: float = 0.0) -> Estimate:
    """A statistic with its interval; its standard error is taken as no less than `least_error`."""
    found = list(influences)
    error = clustered_error(found)
    if error is None:
        return Estimate(value, None, None, None)
    error = max(error, least_error)
    half = student(len({task for task, _ in found}) - 1) * error
    return Estimate(value, error, value - half, value + half)


def clustered_error(influences: Iterable[Influence]) -> float | None:
    """The standard error that the head of this module states; None with a single task."""
    sums: dict[str, list[float]] = defaultdict(list)
    for task, influence in influences:
        sums[task].append(influence)
    count = len(sums)
    if count < 2:
        return None
    squares = math.fsum(math.fsum(values) ** 2 for values in sums.values())
    return math.sqrt(count / (count - 1) * squares)


def student(degrees: int, z: float = Z_95) -> float:
    """Student's quantile where the normal one is `z`: Cornish and Fisher's expansion, Abramowitz
    and Stegun 26.7.5; within 1 % from two degrees of freedom on, 11 % too small for one.

    Raises ValueError for less than one.
    """
    if degrees < 1:
        raise ValueError(f"{degrees} degrees of freedom; expected at least 1")
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / degrees**power for power, term in enumerate(terms, start=1))


def _kappa(pairs: Sequence[Pair], table: Confusion, agreed: Rate) -> Estimate | None:
    """Kappa with its interval.

    The lower end is never above what the lower end of the agreement leaves of it: without any
    disagreement the standard error is zero, whatever the size of the sample.
    """
    if table.kappa is None:
        return None
    found = estimate(table.kappa, kappa_influences(pairs, table))
    if found.low is None or found.high is None:
        return found
    chance = table.by_chance
    low = min(found.low, (agreed.low - chance) / (1 - chance))
    return Estimate(found.value, found.error, max(-1.0, low), min(1.0, found.high))


def kappa_influences(pairs: Sequence[Pair], table: Confusion) -> list[Influence]:
    """Kappa linearised. With each verdict a cluster of its own the standard error is that of
    Fleiss, Cohen and Everitt (1969); Yang and Zhou (2014) cluster it."""
    agreed, chance, count = table.agreement, table.by_chance, table.total
    reference, judged = table.reference_rate, table.judged_rate
    found: list[Influence] = []
    for pair in pairs:
        own = (pair.judged == pair.reference) - agreed
        by_chance = (2 * judged - 1) * (pair.reference - reference)
        by_chance += (2 * reference - 1) * (pair.judged - judged)
        moved = own / (1 - chance) - (1 - agreed) / (1 - chance) ** 2 * by_chance
        found.append((pair.task, moved / count))
    return found


def by_area(pairs: Iterable[Pair]) -> tuple[Agreement, ...]:
    """By practice area, in the order of their names."""
    grouped = grouped_by(pairs, lambda pair: pair.area)
    return tuple(agreement_of(area, grouped[area]) for area in sorted(grouped))


def by_length(pairs: Sequence[Pair]) -> tuple[Agreement, ...]:
    """By thirds of the deliverables, the shortest first; a third that is empty is left out."""
    lengths = {pair.deliverable: pair.length for pair in pairs}
    cuts = thirds(lengths.values())
    grouped = grouped_by(pairs, lambda pair: third_of(pair.length, cuts))
    names = (
        f"up to {cuts[0]:,} characters",
        f"up to {cuts[1]:,} characters",
        f"above {cuts[1]:,} characters",
    )
    return tuple(agreement_of(names[third], grouped[third]) for third in sorted(grouped))


def thirds(lengths: Iterable[int]) -> tuple[int, int]:
    """The longest of the shortest third, and of the middle one; zeros for none."""
    found = sorted(lengths)
    if not found:
        return 0, 0
    one, two = (max(0, math.ceil(len(found) * part / 3) - 1) for part in (1, 2))
    return found[one], found[two]


def third_of(length: int, cuts: tuple[int, int]) -> int:
    """0, 1 or 2; equal lengths are in the same third."""
    return sum(length > cut for cut in cuts)


def grouped_by(pairs: Iterable[Pair], key: Callable[[Pair], Key]) -> dict[Key, list[Pair]]:
    found: dict[Key, list[Pair]] = defaultdict(list)
    for pair in pairs:
        found[key(pair)].append(pair)
    return dict(found)


@dataclass(frozen=True, slots=True)
class AllPass:
    """Deliverables that pass every criterion, by both judges."""

    reference: int
    judged: int
    agreement: Rate


def all_pass(pairs: Iterable[Pair], criteria: Mapping[str, int]) -> AllPass | None:
    """Of the rollouts on which both judges decided every criterion (`criteria` of each task); None
    without one."""
    whole = [
        found
        for found in grouped_by(pairs, lambda pair: pair.deliverable).values()
        if len(found) == criteria[found[0].task]
    ]
    ends = [
        (found[0], all(pair.judged for pair in found), all(pair.reference for pair in found))
        for found in whole
    ]
    agreed = rate((pair, judged == reference) for pair, judged, reference in ends)
    if agreed is None:
        return None
    passed_by_judge = sum(judged for _, judged, _ in ends)
    return AllPass(sum(reference for *_, reference in ends), passed_by_judge, agreed)
