"""Which trials are for what. Replicates are disjoint: none serves two purposes.

Within the search's ledger, trials 1, 2, ... of a harness are its own; those of the A/A run are the
baseline's first ones. A same-day control of iteration i has the incumbent's trials 1000 i + 1, ...
Confirmation, comparisons at a person's wish, replays and the test split have ledgers of their own.
"""

from collections.abc import Iterable
from dataclasses import replace

from harness_search.ledger.rows import RolloutRow

CONTROL_STEP = 1_000
NOISE_IS_KNOWN = "A/A run"
"""In a search's identity once its A/A run is done."""


def control_trial(iteration: int, number: int) -> int:
    """The trial of the incumbent that is number 1, 2, ... of the control of an iteration."""
    return iteration * CONTROL_STEP + number


def search_rows(rows: Iterable[RolloutRow]) -> list[RolloutRow]:
    """The rows of a harness's own trials."""
    return [row for row in rows if row.key.trial < CONTROL_STEP]


def control_rows(rows: Iterable[RolloutRow], iteration: int) -> list[RolloutRow]:
    """The rows of the incumbent's control trials in an iteration."""
    return [row for row in rows if row.key.trial // CONTROL_STEP == iteration]


def control_as_trials(rows: Iterable[RolloutRow]) -> list[RolloutRow]:
    """The same rows numbered 1, 2, ... as a harness's own trials are."""
    numbered = [(row, row.key.trial % CONTROL_STEP) for row in rows]
    return [replace(row, key=replace(row.key, trial=trial)) for row, trial in numbered]
