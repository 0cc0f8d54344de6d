"""How often a gate errs: the study's own simulation, and ours of whole searches."""

from harness_search.promotion.simulation.study import TRIAL_STD, promotion_rate

__all__ = ["TRIAL_STD", "promotion_rate"]
