"""What a rollout of a search has cost so far, its judge included."""

from contextlib import closing

from harness_search.gateway.prices import known_price, read_prices
from harness_search.judging.choice import CHECKS, judge_name, judge_profile
from harness_search.ledger.rows import Role
from harness_search.ledger.spending import spent_by_role
from harness_search.ledger.store import Ledger, has_begun
from harness_search.workspace import UNKNOWN, Workspace


def usd_per_rollout(workspace: Workspace) -> float | None:
    """USD that rollouts and judging have paid on the search's ledger, for each finished rollout.

    The A/A run is on it, as are attempts that were lost, and whatever else its judges were asked.
    None before a rollout is finished, or where a price is not known.
    """
    file = workspace.layout.ledger
    if not has_begun(file) or not _judge_has_price(workspace):
        return None
    with closing(Ledger(file, read_only=True)) as ledger:
        finished = len({row.key for row in ledger.rows() if row.outcome.finished})
        if not finished or ledger.identity().get("price", UNKNOWN) == UNKNOWN:
            return None
        spent = spent_by_role(ledger)
    return (spent[Role.ROLLOUT].usd + spent[Role.JUDGE].usd) / finished


def _judge_has_price(workspace: Workspace) -> bool:
    settings = workspace.settings
    if (name := judge_name(settings)) == CHECKS:
        return True
    table = read_prices(workspace.layout.prices)
    judges = filter(None, (name, settings.judge.second))
    return all(known_price(judge_profile(settings, judge), table) for judge in judges)
