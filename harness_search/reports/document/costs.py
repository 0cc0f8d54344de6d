"""What a search paid, by role and iteration, and what caches and replays saved."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness_search.errors import InputError
from harness_search.gateway.budget import Amount
from harness_search.gateway.prices import FREE, Price, known_price, read_prices
from harness_search.judging.choice import CHECKS, judge_name
from harness_search.ledger.bills import Entry, PartBill, bills_of, by_iteration, entries
from harness_search.ledger.rows import Role, Usage
from harness_search.ledger.spending import Spent
from harness_search.plots.spending import IterationCost, RoleCost, Spending
from harness_search.reports.document.material import Material
from harness_search.reports.money import NAMES, NAMES_APART, Money, shown_tokens, shown_usd
from harness_search.workspace import UNKNOWN

_SESSION = re.compile(r"session (\d+)\.\d+")
"""What a proposer session is booked under (`ledger/sessions.py`)."""


@dataclass(frozen=True, slots=True)
class RoleBill:
    """One role of the budget."""

    role: str
    usd: float | None
    """Paid; None for tokens that have no known price."""
    usage: Usage
    """Paid tokens by kind."""
    cached_usd: float | None
    """What the provider's prompt cache and its batches took off the full price of these tokens:
    below 0 where more was written into the cache than was read again. None without a price."""
    replayed_usd: float | None
    """Original price of replies that an earlier attempt had paid for already. None for the judge's
    kept verdicts, of which nobody counts how often they serve."""
    simulated: bool


@dataclass(frozen=True, slots=True)
class ApartBill:
    """Rollouts that have a ledger of their own, with what judged them."""

    name: str
    usd: float
    usage: Usage


@dataclass(frozen=True, slots=True)
class Costs:
    """The bill of a search."""

    spending: Spending
    """The search's own ledger. An iteration has the rollouts of its candidate and of its control;
    of judge and gateway, what was booked between its first rollout and that of the next one."""
    roles: tuple[RoleBill, ...]
    """Of every role that has paid a token."""
    apart: tuple[ApartBill, ...]
    usd: float
    """Everything together."""
    tokens: int
    rollouts: int
    """All finished ones of the search's own ledger, controls and extra trials too."""
    priced: bool
    """Whether anything says what the frozen model costs."""
    forecast: str
    """One sentence."""
    notes: tuple[str, ...]
    """What a reader should know of these figures, a sentence each."""


def costs_of(material: Material) -> Costs:
    """The bill so far, from the ledgers."""
    money, parts = material.status.money, bills_of(material.ledger)
    prices = _prices(material)
    spent = {role: item for role, item in money.by_role.items() if item.usage.total or item.usd}
    replayed = sum(part.saved_usd for part in parts)
    bills = tuple(
        _bill(role, item, prices[role], replayed, simulated=money.simulated.get(role, False))
        for role, item in spent.items()
    )
    booked = [entry for entry in entries(material.ledger.file) if entry.role in spent]
    taken = by_iteration(parts, material.history.iterations)
    return Costs(
        spending=Spending(
            tuple(RoleCost(bill.role, bill.usd or 0.0, _saved(bill)) for bill in bills),
            tuple(
                IterationCost(number, tuple(paid.get(role, 0.0) for role in spent))
                for number, paid in _by_role(taken, booked).items()
            ),
            material.simulated,
        ),
        roles=bills,
        apart=tuple(
            ApartBill(NAMES_APART[purpose], item.usd, item.usage)
            for purpose, item in money.apart.items()
            if item.usage.total
        ),
        usd=money.spent.usd,
        tokens=money.spent.tokens,
        rollouts=sum(material.history.derived.finished_of_all().values()),
        priced=money.priced,
        forecast=_forecast(money),
        notes=_notes(money, bills),
    )


def _prices(material: Material) -> dict[Role, Price | None]:
    """Of each role; None where it is not known, or where several models share the bill."""
    workspace = material.workspace
    settings = workspace.settings
    frozen = material.ledger.identity().get("price")
    try:
        table = read_prices(workspace.layout.prices)
    except InputError:  # spoilt since the search began: what needs it is not known
        table = {}

    def of_profile(name: str) -> Price | None:
        profile = settings.profiles.get(name)
        return known_price(profile, table) if profile else None

    rollout = of_profile(settings.search.profile)
    if frozen is not None:
        rollout = None if frozen == UNKNOWN else Price.model_validate_json(frozen)
    judge, second = judge_name(settings), settings.judge.second
    judged = FREE if judge == CHECKS else of_profile(judge)
    shared = bool(second) and of_profile(second) != judged
    is_free = settings.search.proposer == "catalogue"
    return {
        Role.ROLLOUT: rollout,
        Role.JUDGE: None if shared else judged,
        Role.PROPOSER: FREE if is_free else of_profile(settings.proposer.profile),
        Role.GATEWAY: None,
    }


def _bill(
    role: Role, spent: Spent, price: Price | None, replayed: float, *, simulated: bool
) -> RoleBill:
    others = None if role is Role.JUDGE and not simulated else 0.0
    return RoleBill(
        role=NAMES[role],
        usd=spent.usd if spent.usd or price is not None or simulated else None,
        usage=spent.usage,
        cached_usd=_cached(spent, price),
        replayed_usd=replayed if role is Role.ROLLOUT else others,
        simulated=simulated,
    )


def _cached(spent: Spent, price: Price | None) -> float | None:
    """Full price minus what was paid: tokens alone do not tell for how long a cache was asked to
    keep them, which has prices of its own."""
    usage = spent.usage
    if not usage.cache_read + usage.cache_write:
        return 0.0
    if price is None:
        return None
    read = usage.input + usage.cache_write + usage.cache_read
    return (read * price.input + usage.output * price.output) / 1e6 - spent.usd


def _saved(bill: RoleBill) -> float | None:
    known = [item for item in (bill.cached_usd, bill.replayed_usd) if item is not None]
    return sum(known) if bill.cached_usd is not None else None


def _by_role(
    taken: Mapping[int, Sequence[PartBill]], booked: Iterable[Entry]
) -> dict[int, dict[Role, float]]:
    """USD of each iteration by role."""
    paid = {
        number: {Role.ROLLOUT: sum(bill.paid.usd for bill in bills)}
        for number, bills in taken.items()
    }
    began = {
        number: min(bill.began_at for bill in bills) for number, bills in taken.items() if bills
    }
    for entry in booked:
        number = _iteration_of(entry, began)
        if number in paid:
            paid[number][entry.role] = paid[number].get(entry.role, 0.0) + entry.usd
    return paid


def _iteration_of(entry: Entry, began: Mapping[int, str]) -> int:
    """The one that an entry names, else the last that had begun; -1 before the first."""
    if named := _SESSION.fullmatch(entry.subject):
        return int(named[1])
    order = sorted((at, number) for number, at in began.items())
    place = bisect_right([at for at, _ in order], entry.at)
    return order[max(0, place - 1)][1] if order else -1


def _forecast(money: Money) -> str:
    found = money.forecast
    if found is None:
        return "Nothing is forecast before a rollout of the search is finished."
    said = f"One iteration is expected to take {_shown(money, found.iteration)}"
    if not found.iterations_left:
        return f"{said}; no iteration is left."
    left = f"the {found.iterations_left} left {_shown(money, found.left)}"
    return f"{said}, {left}{', which is over budget' if money.over_budget else ''}."


def _shown(money: Money, amount: Amount) -> str:
    usd = shown_usd(amount.usd) if money.priced else "an unknown sum"
    return f"{usd} and {shown_tokens(amount.tokens)}"


def _notes(money: Money, bills: Sequence[RoleBill]) -> tuple[str, ...]:
    if not bills:
        return ("Nothing has been spent yet.",)
    notes = []
    if any(bill.simulated and not bill.usd for bill in bills):
        notes.append("The simulated model costs nothing; its tokens are counted as a model's.")
    if not money.priced:
        notes.append("The price of the model is unknown: nothing says what it cost in USD.")
    if any(bill.replayed_usd is None for bill in bills):
        notes.append("What kept verdicts saved is not recorded.")
    return tuple(notes)
