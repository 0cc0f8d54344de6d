"""What a judge may be trusted with, by how it agrees with a reference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness_search.judging.agreement import Agreement, Rate
from harness_search.judging.arms import Arm, rank_correlation

PROMOTION_KAPPA = 0.8
"""Facts on the judge, section 5: the gate for adopting a cheap judge. The lower end of the interval
is held to it, so that a small sample cannot reach it by luck."""
STOPPING_KAPPA = 0.6
"""From there on agreement is called substantial (Landis and Koch 1977). Early stopping needs no
more: it can only lose a candidate, never promote one."""
YOUDEN_SPREAD = 0.03
"""Facts on the judge, section 5: |J_c - J_i| of two harnesses is below this. The largest of several
such differences may be above it by what looking for the largest adds (`Contrast.luck`)."""
RANK_CORRELATION = 0.9
"""Likewise, of the pass rates of past harnesses."""
FEWEST_RANKED = 5
"""Harnesses; the ranks of fewer say little."""
MOST_TIMES = 10
"""Times the rollouts of the sample: to be told to run more than that helps nobody."""
MOST_FLIPS = 0.05
"""Ours: 3 of 57 verdicts. The upper end of the interval is held to it."""


class Use(StrEnum):
    """What verdicts of a judge may decide."""

    PROMOTION = "fit for promotion decisions"
    STOPPING = "for early stopping only"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a judge may be used for, and why not for more."""

    use: Use
    reasons: tuple[str, ...]
    more_rollouts: int | None = None
    """So many more in the sample would narrow the interval enough, if kappa stayed what it is."""

    @property
    def sentence(self) -> str:
        """Verdict and reasons, for people."""
        return f"{self.use[0].upper()}{self.use[1:]}: {'; '.join(self.reasons)}."


def fitness_of(overall: Agreement, arms: Sequence[Arm], flips: Rate | None) -> Fitness:
    """Judge a judge. `flips`: its own verdicts that changed when it was asked again."""
    alarms = [_alarm(arm) for arm in arms if arm.against_others and arm.against_others.alarms]
    low, more = _kappa_low(overall), _more_rollouts(overall, PROMOTION_KAPPA)
    against = [
        *_kappa_against(overall, PROMOTION_KAPPA),
        *alarms,
        *_arms_against(arms),
        *_ranks_against(arms),
        *_flips_against(flips),
    ]
    if not against:
        return Fitness(Use.PROMOTION, (_for_promotion(overall),))
    if low is not None and low >= STOPPING_KAPPA and not alarms:
        return Fitness(Use.STOPPING, tuple(against), more)
    if not alarms:
        more = _more_rollouts(overall, STOPPING_KAPPA)
        return Fitness(Use.UNFIT, tuple(_kappa_against(overall, STOPPING_KAPPA)), more)
    return Fitness(Use.UNFIT, tuple(against), more)


def arm_ranks(arms: Sequence[Arm]) -> float | None:
    """Spearman's correlation of the harnesses' pass rates by both judges."""
    tables = [arm.found.confusion for arm in arms]
    return rank_correlation(
        [table.judged_rate for table in tables], [table.reference_rate for table in tables]
    )


def _for_promotion(overall: Agreement) -> str:
    return (
        f"{_kappa_text(overall)} is at least {PROMOTION_KAPPA} throughout, its errors are the same "
        "on all harnesses, and it repeats itself"
    )


def _kappa_low(overall: Agreement) -> float | None:
    return overall.kappa.low if overall.kappa is not None else None


def _kappa_text(overall: Agreement) -> str:
    found = overall.kappa
    if found is None:
        return "kappa is not defined (both judges say nothing but one and the same)"
    if found.low is None or found.high is None:
        return f"kappa {found.value:.2f} on a single task"
    return f"kappa {found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _kappa_against(overall: Agreement, needed: float) -> list[str]:
    low, said = _kappa_low(overall), _kappa_text(overall)
    if low is not None and low >= needed:
        return []
    if overall.kappa is None or overall.kappa.value < needed:
        return [f"{said}, needed is {needed}"]
    wanted = f"{said}, whose interval has to lie above {needed}"
    more = _more_rollouts(overall, needed)
    if more is not None:
        return [
            f"{wanted}: about {more:,} more rollouts are needed, of other tasks where there are any"
        ]
    if overall.kappa.low is None:
        return [f"{wanted}: more rollouts are needed"]
    return [f"{wanted}: kappa is too near {needed} to tell with the rollouts there are"]


def _more_rollouts(overall: Agreement, needed: float) -> int | None:
    """Intervals narrow with the root of the sample; None where that leads nowhere, or too far."""
    found = overall.kappa
    if found is None or found.low is None or found.low >= needed or found.value <= needed:
        return None
    factor = ((found.value - found.low) / (found.value - needed)) ** 2
    more = max(1, math.ceil(overall.rollouts * factor) - overall.rollouts)
    return more if more <= MOST_TIMES * overall.rollouts else None


def _alarm(arm: Arm) -> str:
    assert arm.against_others is not None  # asked for by the caller
    differing = " and ".join(arm.against_others.alarms)
    return f"it errs otherwise on {arm.found.name} than on the other harnesses ({differing})"


def _arms_against(arms: Sequence[Arm]) -> list[str]:
    """Differences between harnesses that are too large, or that nothing is known of."""
    contrasts = [(arm.found.name, arm.against_others) for arm in arms]
    known = [(name, item) for name, item in contrasts if item is not None and item.known]
    if not known:
        return ["whether it errs alike on all harnesses cannot be told from these rollouts"]
    spreads = [(name, item, item.youden) for name, item in known if item.youden is not None]
    name, item, youden = max(spreads, key=lambda spread: abs(spread[2]) - spread[1].luck)
    if abs(youden) < YOUDEN_SPREAD + item.luck:
        return []
    largest = (
        f", and {item.luck:.3f} for the luck of {item.comparisons}" if item.comparisons > 1 else ""
    )
    return [
        f"Youden's J is {abs(youden):.3f} {'above' if youden > 0 else 'below'} that on the other "
        f"harnesses on {name}, so that it shows their differences askew; less than "
        f"{YOUDEN_SPREAD}{largest} is allowed"
    ]


def _ranks_against(arms: Sequence[Arm]) -> list[str]:
    found = arm_ranks(arms)
    if len(arms) < FEWEST_RANKED or (found is not None and found >= RANK_CORRELATION):
        return []
    said = "unknown" if found is None else f"{found:.2f}"
    return [f"the rank correlation of the harnesses is {said}, needed is {RANK_CORRELATION}"]


def _flips_against(flips: Rate | None) -> list[str]:
    if flips is None:
        return ["whether it repeats itself was not asked"]
    if flips.high <= MOST_FLIPS:
        return []
    return [
        f"{flips.count} of {flips.units} verdicts flipped when asked again (up to "
        f"{flips.high:.1%}), at most {MOST_FLIPS:.0%} is allowed"
    ]
