"""What a search will still cost, from what its finished rollouts and iterations did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness_search.gateway.budget import Amount
from harness_search.ledger.rows import IterationRow
from harness_search.ledger.spending import Spent


@dataclass(frozen=True, slots=True)
class Forecast:
    """Estimates by the mean of what is finished; no promise."""

    iteration: Amount
    """One iteration, with its share of judge and proposer."""
    open: Amount | None
    """The open iteration's rollouts: paid so far and still to come; None when none is open."""
    left: Amount
    """All that is still to come up to the last iteration."""
    iterations_left: int
    """The open one included."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search has come."""

    iterations: Sequence[IterationRow]
    target: int
    """Last iteration to run."""
    planned: int
    """Rollouts of one iteration."""
    finished: Mapping[str, int]
    """Finished rollouts by harness digest."""


def forecast(progress: Progress, paid: Mapping[str, Spent], others: Spent) -> Forecast | None:
    """Estimate from what each harness's rollouts paid and what all other roles did.

    Iterations that were never measured cost next to nothing and are left out of the mean. None
    before the first rollout of the search is finished.
    """
    measured = {row.harness: row for row in progress.iterations if row.harness in paid}
    rollouts = sum(progress.finished.get(harness, 0) for harness in measured)
    if not rollouts:
        return None
    rollout = _mean([amount_of(paid[harness]) for harness in measured], rollouts)
    decided = [amount_of(paid[name]) for name, row in measured.items() if row.decision is not None]
    share = _mean([amount_of(others)], len(progress.iterations))
    iteration = share + (_mean(decided, len(decided)) if decided else _times(rollout, progress))
    last = progress.iterations[-1]
    to_begin = max(0, progress.target - last.number)
    left = Amount(iteration.usd * to_begin, iteration.tokens * to_begin)
    if last.decision is not None:
        return Forecast(iteration, None, left, to_begin)
    rest = _times(rollout, progress, done=progress.finished.get(last.harness, 0))
    so_far = amount_of(paid.get(last.harness, Spent()))
    return Forecast(iteration, so_far + rest, left + rest, to_begin + 1)


def amount_of(spent: Spent) -> Amount:
    """Money, and tokens of every kind together."""
    return Amount(spent.usd, spent.usage.total)


def _mean(amounts: Sequence[Amount], count: int) -> Amount:
    usd, tokens = sum(item.usd for item in amounts), sum(item.tokens for item in amounts)
    return Amount(usd / count, round(tokens / count))


def _times(rollout: Amount, progress: Progress, done: int = 0) -> Amount:
    count = max(0, progress.planned - done)
    return Amount(rollout.usd * count, rollout.tokens * count)
