"""Whether a judge errs alike on every harness: a search finds what its judge is blind to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from harness_search.judging.agreement import (
    Agreement,
    Estimate,
    Influence,
    Pair,
    agreement_of,
    bias_influences,
    bias_of,
    estimate,
    grouped_by,
    student,
)
from harness_search.ledger.scores import mean

TOLERATED_ERRORS = 2.0
"""Standard errors that either error rate of two harnesses may differ by (facts on the judge,
section 5). Of more than two harnesses each is held against the others, and the bound grows: so many
comparisons share the one chance of a false alarm (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One harness minus the others, by the same judge."""

    bias: Estimate
    """In points. It also differs where only the pass rates do, so that it raises no alarm."""
    false_pass: Estimate | None
    """Difference of the rates, from -1 to 1; None where either has no such verdict."""
    false_fail: Estimate | None
    alarms: tuple[str, ...]
    """The rates, in words, that differ by more than noise."""
    comparisons: int = 1
    """Such differences that are looked at together; the largest of them is partly luck."""
    luck: float = 0.0
    """By so much more than a single one may the largest of them differ by noise, in Youden's J."""

    @property
    def youden(self) -> float | None:
        """Difference in Youden's J: which harness's gains the judge shows more of."""
        if self.false_pass is None or self.false_fail is None:
            return None
        return -self.false_pass.value - self.false_fail.value

    @property
    def known(self) -> bool:
        """Whether noise is known, so that silence means something."""
        rates = (self.false_pass, self.false_fail)
        return all(item is not None and item.error is not None for item in rates)


@dataclass(frozen=True, slots=True)
class Arm:
    """One harness."""

    found: Agreement
    against_others: Contrast | None
    """None where there is no other."""


def arms_of(pairs: Sequence[Pair]) -> tuple[Arm, ...]:
    """Every harness, the one with most verdicts first, held against all others."""
    grouped = grouped_by(pairs, lambda pair: pair.harness)
    names = sorted(grouped, key=lambda name: (-len(grouped[name]), name))
    comparisons = len(names) if len(names) > 2 else 1
    found: list[Arm] = []
    for name in names:
        others = [pair for pair in pairs if pair.harness != name]
        contrast = contrast_of(grouped[name], others, comparisons) if others else None
        found.append(Arm(agreement_of(name, grouped[name]), contrast))
    return tuple(found)


def contrast_of(own: Sequence[Pair], others: Sequence[Pair], comparisons: int = 1) -> Contrast:
    """One harness minus others. A task that both were run on is one cluster of the difference."""
    bias = _difference(bias_of(own).value, bias_of(others).value, own, others)
    false_pass = _rates(own, others, reference=False)
    false_fail = _rates(own, others, reference=True)
    alarms = [
        f"{name} rate {item.value:+.1%}"
        for name, item in (("false-pass", false_pass), ("false-fail", false_fail))
        if item is not None and _alarming(item, own, others, comparisons)
    ]
    luck = _luck(false_pass, false_fail, comparisons)
    return Contrast(bias, false_pass, false_fail, tuple(alarms), comparisons, luck)


def _difference(one: float, other: float, own: Sequence[Pair], others: Sequence[Pair]) -> Estimate:
    return estimate(one - other, [*bias_influences(own), *_negative(bias_influences(others))])


def _rates(own: Sequence[Pair], others: Sequence[Pair], *, reference: bool) -> Estimate | None:
    """Difference in how often the judge errs where the reference says so."""
    sides = [
        [
            (pair.task, float(pair.judged is not reference))
            for pair in pairs
            if pair.reference is reference
        ]
        for pairs in (own, others)
    ]
    if not all(sides):
        return None
    errors = [[wrong for _, wrong in side] for side in sides]
    one, other = (mean(side) for side in errors)
    influences = [
        *((task, (wrong - one) / len(sides[0])) for task, wrong in sides[0]),
        *((task, (other - wrong) / len(sides[1])) for task, wrong in sides[1]),
    ]
    return estimate(one - other, influences, pooled_error(*errors))


def pooled_error(one: Sequence[float], other: Sequence[float]) -> float:
    """Standard error of the difference between two shares that are one and the same in truth.

    An arm in which an error never happened to occur has no spread of its own, and by the clustered
    error would seem exactly free of it. The pooled share is Laplace's, (k + 1) / (n + 2), so that
    it is never 0 or 1.
    """
    share = (sum(one) + sum(other) + 1) / (len(one) + len(other) + 2)
    return math.sqrt(share * (1 - share) * (1 / len(one) + 1 / len(other)))


def _luck(false_pass: Estimate | None, false_fail: Estimate | None, comparisons: int) -> float:
    """What noise adds to the largest of several differences, in Youden's J.

    Normal quantiles, not Student's: this allows for looking for the largest, and for nothing else.
    """
    if false_pass is None or false_fail is None:
        return 0.0
    error = math.hypot(false_pass.error or 0.0, false_fail.error or 0.0)
    return (_quantile(comparisons) - TOLERATED_ERRORS) * error


def _negative(influences: Sequence[Influence]) -> list[Influence]:
    return [(task, -influence) for task, influence in influences]


def _alarming(
    item: Estimate, own: Sequence[Pair], others: Sequence[Pair], comparisons: int
) -> bool:
    if item.error is None:
        return False
    tasks = len({pair.task for pair in (*own, *others)})
    return abs(item.value) > tolerated(tasks, comparisons) * item.error


def tolerated(tasks: int, comparisons: int = 1) -> float:
    """The difference, in standard errors, beyond which there is an alarm."""
    return student(tasks - 1, _quantile(comparisons))


def _quantile(comparisons: int) -> float:
    """The normal one, such that the largest of so many is beyond it as rarely as a single one is
    beyond TOLERATED_ERRORS."""
    normal = NormalDist()
    chance = 2 * normal.cdf(-TOLERATED_ERRORS) / comparisons
    return -normal.inv_cdf(chance / 2)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's: Pearson's correlation of the ranks, equal values sharing theirs; None where all
    values of one side are equal, or there are fewer than two."""
    if len(one) != len(other) or len(one) < 2:
        return None
    left, right = _ranks(one), _ranks(other)
    centre = (len(one) + 1) / 2
    products = sum((a - centre) * (b - centre) for a, b in zip(left, right, strict=True))
    squares = [sum((rank - centre) ** 2 for rank in side) for side in (left, right)]
    return products / math.sqrt(squares[0] * squares[1]) if all(squares) else None


def _ranks(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    # The mean of the places, counted from 1, that a value and its equals take.
    return [ordered.index(value) + (1 + ordered.count(value)) / 2 for value in values]
