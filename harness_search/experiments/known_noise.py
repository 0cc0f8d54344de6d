"""The trial noise that a search knows: for comparisons of one trial, which have none to look at."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from harness_search.ledger.derived import Derived
from harness_search.ledger.gains import Variance
from harness_search.ledger.scores import Weights
from harness_search.ledger.store import Ledger, has_begun
from harness_search.pairing import History
from harness_search.promotion.noise import ARMS
from harness_search.workspace import Workspace


def known_variance(
    workspace: Workspace,
    trials: int,
    weights: Weights | None = None,
    criteria: Mapping[str, int] | None = None,
) -> Variance | None:
    """Noise of the search's A/A run and of all that was promoted, from disk, as the gate takes it.

    Under other `weights` than those of the settings if they are given, and of some dev tasks alone
    if their `criteria` are. None for more than one of the comparison's `trials`, whose own noise
    tells enough, and before the search begins.
    """
    if trials > 1 or not has_begun(workspace.layout.ledger):
        return None
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        history = History.of(workspace, ledger)
        usual, source = history.derived.shape, history.derived.source
        shape = replace(
            usual,
            weights=weights or usual.weights,
            criteria=criteria or usual.criteria,
            most_trials=max(usual.most, ARMS * usual.trials),  # a gate may look at fewer
        )
        if shape != usual:
            history = replace(history, derived=Derived(source, shape))
        return history.variance(len(history.iterations))
