"""What a search will still cost, from what its finished rollouts and iterations did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness_search.gateway.budget import NOTHING, Amount
from harness_search.ledger.rows import IterationRow
from harness_search.ledger.spending import Spent, total


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


@dataclass(frozen=True, slots=True)
class Bill:
    """What the rollouts of a search have paid, and for what."""

    decided: Amount
    """By the decided iterations that were measured."""
    measured: int
    """How many of them there are."""
    open: Amount | None
    """By the open iteration; None when none is open."""
    finished: int
    """Finished rollouts of all these."""
    finished_open: int
    """Those of the open iteration."""


def forecast(progress: Progress, paid: Mapping[str, Spent], others: Spent) -> Forecast | None:
    """Estimate from what each harness's rollouts paid and what all other roles did.

    Iterations that were never measured cost next to nothing and are left out of the mean. None
    before the first rollout of the search is finished.
    """
    measured = {row.harness: row for row in progress.iterations if row.harness in paid}
    decided = [paid[name] for name, row in measured.items() if row.decision is not None]
    last = progress.iterations[-1] if progress.iterations else None
    is_open = last is not None and last.decision is None
    bill = Bill(
        amount_of(total(decided)),
        len(decided),
        amount_of(paid.get(last.harness, Spent())) if last and is_open else None,
        sum(progress.finished.get(harness, 0) for harness in measured),
        progress.finished.get(last.harness, 0) if last and is_open else 0,
    )
    return expected(progress, bill, others)


def expected(progress: Progress, bill: Bill, others: Spent) -> Forecast | None:
    """The same from sums; `finished` of the progress is not looked at."""
    if not bill.finished or not progress.iterations:
        return None
    paid = bill.decided + (bill.open or NOTHING)
    rollout = _mean(paid, bill.finished)
    share = _mean(amount_of(others), len(progress.iterations))
    one = _mean(bill.decided, bill.measured) if bill.measured else _times(rollout, progress)
    iteration = share + one
    to_begin = max(0, progress.target - progress.iterations[-1].number)
    left = Amount(iteration.usd * to_begin, iteration.tokens * to_begin)
    if bill.open is None:
        return Forecast(iteration, None, left, to_begin)
    rest = _times(rollout, progress, done=bill.finished_open)
    return Forecast(iteration, bill.open + rest, left + rest, to_begin + 1)


def amount_of(spent: Spent) -> Amount:
    """Money, and tokens of every kind together."""
    return Amount(spent.usd, spent.usage.total)


def _mean(amount: Amount, count: int) -> Amount:
    return Amount(amount.usd / count, round(amount.tokens / count))


def _times(rollout: Amount, progress: Progress, done: int = 0) -> Amount:
    count = max(0, progress.planned - done)
    return Amount(rollout.usd * count, rollout.tokens * count)
