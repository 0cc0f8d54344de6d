"""How often the promotion rule errs: the study's own simulation of noise and margin."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line must not pay for numpy
    import numpy as np

TRIAL_STD = 1.4
"""Standard deviation of one pass in points (source: 004_f152e661325a6a68.txt; passes 72.9, 76.2
and 74.9). It is the population figure of three passes; the sample figure is 1.66."""


def promotion_rate(
    true_gain: float,
    trials: int,
    min_delta: float,
    rng: "np.random.Generator",
    n: int = 200_000,
    trial_std: float = TRIAL_STD,
) -> float:
    """Share of `n` candidates of a true gain (points) whose mean over `trials` is promoted.

    The incumbent's score is taken as known exactly, as in the study; with noise on both sides
    more candidates without any gain are promoted than this says.
    """
    means = true_gain + rng.normal(0.0, trial_std, (n, trials)).mean(axis=1)
    return float((means >= min_delta).mean())
