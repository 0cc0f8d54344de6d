"""Money and tokens of one search, reserved before they are spent. No clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from harness_search.ledger.rows import Role

if TYPE_CHECKING:  # settings know prices, and prices know amounts
    from harness_search.settings import BudgetSettings

PARTS_OF_A_DOLLAR = 10**12
"""Money is summed in whole parts: sums of floats would depend on the order of the calls, and what
is given back would not quite equal what was taken."""
_ADVICE = "to go on, raise"


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in USD, and tokens of every kind together."""

    usd: float = 0.0
    tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.usd - other.usd, self.tokens - other.tokens)


NOTHING = Amount()
Scope = Literal["search", "candidate", "rollout", "session"]


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a call may not be made."""

    scope: Scope
    reason: str
    """One sentence with figures, and what to change."""
    passing: bool
    """Calls in flight may still give back enough: wait for one to end, and ask again."""


def is_shortage(reason: str) -> bool:
    """Whether what a run ended for is, in its own words, a shortage."""
    return f"({_ADVICE} `" in reason and "in [budget])" in reason


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """What one call holds until it is settled; each is another, whatever its figures."""

    amount: Amount
    role: Role
    candidate: str
    holder: str


class Budget:
    """The one owner of what a search may spend, over all its roles.

    Spent and reserved together never pass a limit when a reservation is made. A call that turns
    out dearer than its reservation is booked in full all the same.
    """

    def __init__(
        self,
        limits: "BudgetSettings | None" = None,
        spent: Amount = NOTHING,
        candidates: Mapping[str, int] | None = None,
    ) -> None:
        """`spent` and `candidates` (tokens by harness digest) are from before this launch; without
        `limits` everything is allowed."""
        self._of_holders = _limits_of_holders(limits)
        self._candidate_tokens = limits.candidate_tokens if limits else None
        self._search = _Account("search", _limits_of_search(limits))
        self._search.book(_parts(spent))
        self._candidates: dict[str, _Account] = {}
        for name, tokens in (candidates or {}).items():
            self._candidate(name).book(_Parts(0, tokens))
        self._holders: dict[str, _Account] = {}
        self._open: dict[Reservation, tuple[_Account, ...]] = {}
        self._by_role = dict.fromkeys(Role, NOTHING)

    @property
    def spent(self) -> Amount:
        """Of the whole search, what came before this launch included."""
        return Amount(self._search.spent.usd / PARTS_OF_A_DOLLAR, self._search.spent.tokens)

    @property
    def reserved(self) -> Amount:
        """Held by calls in flight."""
        return Amount(self._search.held.usd / PARTS_OF_A_DOLLAR, self._search.held.tokens)

    @property
    def by_role(self) -> Mapping[Role, Amount]:
        """Spent in this launch."""
        return dict(self._by_role)

    def reserve(
        self, amount: Amount, role: Role, *, candidate: str = "", holder: str = ""
    ) -> Reservation | Shortage:
        """Take the most that a call may cost out of every budget it counts in, or out of none.

        `holder` is the one rollout, or the one run of a session, that makes the call.
        Among several shortages the one that waiting cannot mend is returned.
        """
        parts = _parts(amount)
        accounts = self._accounts(role, candidate, holder)
        shortages = [found for account in accounts if (found := account.shortage(parts))]
        if shortages:
            return min(shortages, key=lambda shortage: shortage.passing)
        reservation = Reservation(amount, role, candidate, holder)
        for account in accounts:
            account.hold(parts)
        self._open[reservation] = accounts
        return reservation

    def settle(self, reservation: Reservation, actual: Amount) -> None:
        """Give a reservation back and book what was really spent; raises ValueError if it is none
        of this budget's, or was settled before."""
        held, spent = _parts(reservation.amount), _parts(actual)
        accounts = self._open.pop(reservation, None)
        if accounts is None:
            raise ValueError("this reservation is not open")
        for account in accounts:
            account.release(held)
            account.book(spent)
        self._by_role[reservation.role] += actual

    def book(self, amount: Amount, role: Role) -> None:
        """Book what was spent without a reservation, whatever is left."""
        self._search.book(_parts(amount))
        self._by_role[role] += amount

    def book_replayed(self, rollout: str, tokens: int) -> None:
        """Count replies taken from an earlier attempt towards a rollout's limit: they were paid
        for once, and a harness shall find the same limit in every attempt."""
        self._holder(Role.ROLLOUT, rollout).book(_parts(Amount(tokens=tokens)))

    def forget(self, holder: str) -> None:
        """Forget a holder's own limit. What it spent stays spent, and its calls in flight stay
        reserved until they are settled."""
        self._holders.pop(holder, None)

    def _accounts(self, role: Role, candidate: str, holder: str) -> "tuple[_Account, ...]":
        accounts = [self._search]
        if candidate:
            accounts.append(self._candidate(candidate))
        if holder and role in self._of_holders:
            accounts.append(self._holder(role, holder))
        return tuple(accounts)

    def _candidate(self, name: str) -> "_Account":
        if name not in self._candidates:
            limit = _Limit("tokens", "candidate_tokens", self._candidate_tokens)
            self._candidates[name] = _Account("candidate", (limit,))
        return self._candidates[name]

    def _holder(self, role: Role, name: str) -> "_Account":
        if name not in self._holders:
            scope, limit = self._of_holders[role]
            self._holders[name] = _Account(scope, (limit,))
        return self._holders[name]


class _Parts(NamedTuple):
    """An amount in whole numbers: parts of a dollar, and tokens."""

    usd: int
    tokens: int


_NONE = _Parts(0, 0)


def _parts(amount: Amount) -> _Parts:
    """Raises ValueError for a negative amount, which nothing costs."""
    if amount.usd < 0 or amount.tokens < 0:
        raise ValueError(f"a negative amount: {amount}")
    return _Parts(round(amount.usd * PARTS_OF_A_DOLLAR), amount.tokens)


@dataclass(frozen=True, slots=True)
class _Limit:
    unit: Literal["usd", "tokens"]
    setting: str
    """Its name in `[budget]`."""
    most: int | None
    """In parts of a dollar, or in tokens; None for no limit."""


@dataclass(slots=True)
class _Account:
    """What one scope may spend, has spent, and holds for calls in flight."""

    scope: Scope
    limits: tuple[_Limit, ...]
    spent: _Parts = _NONE
    held: _Parts = _NONE

    def shortage(self, wanted: _Parts) -> Shortage | None:
        """The shortage that waiting cannot mend, else one that it may, else None."""
        found = [self._shortage_of(limit, wanted) for limit in self.limits]
        return min(filter(None, found), key=lambda shortage: shortage.passing, default=None)

    def hold(self, parts: _Parts) -> None:
        self.held = _Parts(self.held.usd + parts.usd, self.held.tokens + parts.tokens)

    def release(self, parts: _Parts) -> None:
        self.held = _Parts(self.held.usd - parts.usd, self.held.tokens - parts.tokens)

    def book(self, parts: _Parts) -> None:
        self.spent = _Parts(self.spent.usd + parts.usd, self.spent.tokens + parts.tokens)

    def _shortage_of(self, limit: _Limit, wanted: _Parts) -> Shortage | None:
        index = 0 if limit.unit == "usd" else 1
        gone, held, may = self.spent[index], self.held[index], wanted[index]
        if limit.most is None or gone + held + may <= limit.most:
            return None
        figures = (limit.most, gone, held, may)
        cap, spent, reserved, need = (_shown(limit, parts) for parts in figures)
        reason = (
            f"the {self.scope}'s budget of {cap} cannot hold this call, which may need {need}: "
            f"{spent} spent, {reserved} reserved by calls in flight "
            f"({_ADVICE} `{limit.setting}` in [budget])"
        )
        return Shortage(self.scope, reason, passing=gone + may <= limit.most)


def _limits_of_search(limits: "BudgetSettings | None") -> tuple[_Limit, ...]:
    if limits is None:
        return ()
    usd = None if limits.usd is None else round(limits.usd * PARTS_OF_A_DOLLAR)
    return (_Limit("usd", "usd", usd), _Limit("tokens", "tokens", limits.tokens))


def _limits_of_holders(
    limits: "BudgetSettings | None",
) -> Mapping[Role, tuple[Scope, _Limit]]:
    """The limit of one holder of each role that has one: what one rollout may use says nothing of
    a session."""
    rollout, session = (limits.rollout_tokens, limits.session_tokens) if limits else (None, None)
    return {
        Role.ROLLOUT: ("rollout", _Limit("tokens", "rollout_tokens", rollout)),
        Role.PROPOSER: ("session", _Limit("tokens", "session_tokens", session)),
    }


def _shown(limit: _Limit, parts: int) -> str:
    if limit.unit == "tokens":
        return f"{parts:,} tokens"
    usd = parts / PARTS_OF_A_DOLLAR
    return f"{usd:,.2f} USD" if usd >= 0.01 or not parts else f"{usd:.2g} USD"
