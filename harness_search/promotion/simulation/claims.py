"""Which tasks a simulated candidate changes, and which ones its claim names."""

import numpy as np

from harness_search.promotion.claim import FEWEST_TASKS
from harness_search.promotion.simulation.trials import Floats, Integers, Truths

FEWEST_AFFECTED, MOST_AFFECTED = 2, 7


def affected_tasks(
    weight: Floats,
    rng: np.random.Generator,
    reach: Floats | None = None,
    change: Floats | None = None,
) -> Truths:
    """Two to seven tasks of each row, drawn without replacement in proportion to the weights.

    Where what these can change at most, by `reach`, falls short of `change`, more of them are
    drawn, up to seven.
    """
    # The largest of log(weight) + Gumbel noise are such a draw.
    keys = np.log(np.maximum(weight, 1e-12)) + rng.gumbel(size=weight.shape)
    wanted = rng.integers(FEWEST_AFFECTED, MOST_AFFECTED + 1, len(weight))
    if reach is not None and change is not None:
        in_order = np.take_along_axis(reach, np.argsort(-keys, axis=1), axis=1)
        short = np.cumsum(in_order, axis=1) < change[:, None]
        wanted = np.minimum(np.maximum(wanted, short.sum(axis=1) + 1), MOST_AFFECTED)
    return _highest(keys, wanted)


def declared_tasks(affected: Truths, recall: float, rng: np.random.Generator) -> Truths:
    """Five tasks of each row: an affected one is known with chance `recall`, and named first; what
    is left of the five is named at random, and may be right by luck."""
    known = affected & (rng.random(affected.shape) < recall)
    keys = rng.random(affected.shape) + known
    rows, tasks = affected.shape
    return _highest(keys, np.full(rows, min(FEWEST_TASKS, tasks)))


def _highest(keys: Floats, wanted: Integers) -> Truths:
    """As many of each row's columns as wanted, those with the highest keys."""
    rank = np.argsort(np.argsort(-keys, axis=1), axis=1)
    chosen: Truths = rank < wanted[:, None]
    return chosen
