"""How far claims can be trusted to name the tasks that a mechanism fixes, and so the fix slice."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from harness_search.ledger.gains import Gain
from harness_search.promotion.rules import GateRules

AFFECTED_ERRORS = 2.5
"""A task counts as fixed when it gained more than so many of its standard errors. About one
unaffected task in 160 does so by chance, which makes recall read a little too low."""
SURE_GAIN = 0.8
"""Chance of any gain from which a candidate fixed something at all: what a worthless one seems to
have fixed is noise, which no claim could name."""
FEWEST_CANDIDATES = 3
"""With fewer that fixed anything, nothing is said about recall."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one candidate's claim named, and what its full evaluation showed."""

    fix_tasks: Sequence[str]
    gain: Gain


@dataclass(frozen=True, slots=True)
class Named:
    """What one claim could have named, and did."""

    hits: int = 0
    chances: int = 0
    fixed: bool = False
    """Whether the candidate fixed any task at all."""


def named(forecast: Forecast) -> Named:
    """Hold a claim against what its candidate fixed."""
    affected = affected_tasks(forecast.gain) if _has_gained(forecast.gain) else set[str]()
    said = set(forecast.fix_tasks)
    return Named(len(said & affected), min(len(said), len(affected)), bool(affected))


def recall(forecasts: Sequence[Forecast]) -> float | None:
    """Share of what claims could have named, and did; None while too little is known.

    Only candidates evaluated on every task can be counted. One that ended at its fix slice may have
    fixed what its claim did not name, and nobody saw it: that makes recall read too high. Those
    that are drawn to bypass the slice are the honest part of it.
    """
    return recall_of([named(forecast) for forecast in forecasts])


def recall_of(found: Sequence[Named]) -> float | None:
    """The same of claims that have been held against their candidates already."""
    hits, chances = sum(item.hits for item in found), sum(item.chances for item in found)
    if sum(item.fixed for item in found) < FEWEST_CANDIDATES or not chances:
        return None
    return hits / chances


def _has_gained(gain: Gain) -> bool:
    return gain.chance is not None and gain.chance >= SURE_GAIN


def affected_tasks(gain: Gain) -> set[str]:
    """Tasks that gained more than noise explains."""
    return {
        item.task
        for item in gain.tasks
        if item.error is not None and item.points > AFFECTED_ERRORS * item.error
    }


def slice_bypass(
    rules: GateRules, seed: int, iteration: int, known: float | None, *, aims_at_cost: bool
) -> str:
    """Why a candidate's fix slice does not end it; empty when the slice is open.

    `known` is the recall of the claims so far. The draw is the same however often it is made.
    """
    if aims_at_cost:
        return "The claim aims at cost alone, which shows on no fix task."
    if known is not None and known < rules.fewest_recall:
        return (
            f"Claims named {known:.0%} of what their mechanisms fixed, less than "
            f"{rules.fewest_recall:.0%}: the fix slice is switched off."
        )
    if random.Random(f"fix slice {seed} {iteration}").random() < rules.bypass_share:
        return f"Drawn to bypass the fix slice, as {rules.bypass_share:.0%} of the candidates are."
    return ""
