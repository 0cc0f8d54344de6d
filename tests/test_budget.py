"""The budget: reserved before it is spent, never passed by a reservation, nothing lost."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.budget import NOTHING, Amount, Budget, Reservation, Shortage
from harness_search.ledger.rows import Role
from harness_search.settings import BudgetSettings


def reserved(found: Reservation | Shortage) -> Reservation:
    assert isinstance(found, Reservation)
    return found


def refused(found: Reservation | Shortage) -> Shortage:
    assert isinstance(found, Shortage)
    return found


# Properties: the budget against books that are counted anew from every call.

cents = st.integers(0, 400).map(lambda number: number / 100)
amounts = st.builds(Amount, usd=cents, tokens=st.integers(0, 4_000))
calls = st.tuples(
    amounts,
    amounts,  # what it turns out to cost
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["", "1", "2"]),
    st.booleans(),  # whether the oldest call in flight ends before this one
)
caps = st.builds(
    BudgetSettings,
    usd=st.none() | st.integers(1, 2_000).map(lambda number: number / 100),
    tokens=st.none() | st.integers(1, 20_000),
    candidate_tokens=st.none() | st.integers(1, 15_000),
    rollout_tokens=st.none() | st.integers(1, 8_000),
)


class Books:
    """Every call with what it holds or has cost."""

    def __init__(self, most: BudgetSettings) -> None:
        self.most = most
        self.taken: dict[Reservation, Amount] = {}

    def fits(self, amount: Amount, candidate: str, rollout: str) -> bool:
        usd = sum(round(100 * item.usd) for item in [amount, *self.taken.values()])
        if self.most.usd is not None and usd > round(100 * self.most.usd):
            return False
        scopes = [(self.most.tokens, list(self.taken))]
        if candidate:
            own = [call for call in self.taken if call.candidate == candidate]
            scopes.append((self.most.candidate_tokens, own))
        if rollout:
            own = [call for call in self.taken if call.holder == rollout]
            scopes.append((self.most.rollout_tokens, own))
        return all(
            most is None or amount.tokens + sum(self.taken[call].tokens for call in own) <= most
            for most, own in scopes
        )


@given(caps, st.lists(calls, max_size=30))
def test_a_call_is_let_through_exactly_when_every_limit_holds_it(
    most: BudgetSettings, planned: list[Any]
) -> None:
    budget, books = Budget(most), Books(most)
    flying: list[tuple[Reservation, Amount]] = []
    for amount, actual, candidate, rollout, ends in planned:
        if ends and flying:
            call, cost = flying.pop(0)
            budget.settle(call, cost)
            books.taken[call] = cost
        fits = books.fits(amount, candidate, rollout)
        found = budget.reserve(amount, Role.ROLLOUT, candidate=candidate, holder=rollout)
        assert isinstance(found, Reservation) == fits
        if isinstance(found, Reservation):
            books.taken[found] = amount
            flying.append((found, actual))
    held = [call.amount for call, _ in flying]
    assert budget.reserved.tokens == sum(item.tokens for item in held)
    assert budget.reserved.usd == pytest.approx(sum(item.usd for item in held))


prices = st.floats(0, 1e3, allow_nan=False)


@given(st.lists(st.tuples(prices, prices, st.integers(0, 10**9)), max_size=20), st.randoms())
def test_the_order_in_which_calls_end_changes_nothing(
    costs: list[tuple[float, float, int]], chance: random.Random
) -> None:
    sums = []
    for shuffled in (False, True):
        budget = Budget()
        flying = [
            (reserved(budget.reserve(Amount(most, tokens), Role.JUDGE)), Amount(usd, tokens))
            for most, usd, tokens in costs
        ]
        if shuffled:
            chance.shuffle(flying)
        for call, actual in flying:
            budget.settle(call, actual)
        assert budget.reserved == NOTHING
        sums.append(budget.spent)
    assert sums[0] == sums[1]


# Claims.


def test_a_shortage_passes_while_calls_in_flight_may_give_back_enough() -> None:
    budget = Budget(BudgetSettings(usd=1.0))
    first = reserved(budget.reserve(Amount(usd=0.8), Role.ROLLOUT))
    assert refused(budget.reserve(Amount(usd=0.5), Role.ROLLOUT)).passing
    budget.settle(first, Amount(usd=0.1))
    second = reserved(budget.reserve(Amount(usd=0.5), Role.ROLLOUT))
    budget.settle(second, Amount(usd=0.6))
    shortage = refused(budget.reserve(Amount(usd=0.5), Role.ROLLOUT))
    assert not shortage.passing
    assert shortage.scope == "search"


def test_a_shortage_that_waiting_cannot_mend_is_named_first() -> None:
    budget = Budget(BudgetSettings(tokens=1_000, rollout_tokens=100))
    reserved(budget.reserve(Amount(tokens=900), Role.PROPOSER))
    shortage = refused(budget.reserve(Amount(tokens=200), Role.ROLLOUT, holder="1"))
    assert (shortage.scope, shortage.passing) == ("rollout", False)


def test_a_shortage_says_what_is_left_and_what_to_change() -> None:
    budget = Budget(BudgetSettings(usd=5.0), spent=Amount(4.75, 1_000))
    reserved(budget.reserve(Amount(usd=0.2), Role.ROLLOUT))
    reason = refused(budget.reserve(Amount(usd=0.3), Role.ROLLOUT)).reason
    for words in ("5.00 USD", "0.30 USD", "4.75 USD spent", "0.20 USD reserved", "`usd`"):
        assert words in reason


def test_what_was_spent_before_this_launch_counts() -> None:
    most = BudgetSettings(usd=5.0, tokens=1_000, candidate_tokens=500)
    budget = Budget(most, spent=Amount(4.0, 800), candidates={"a": 450})
    assert budget.spent == Amount(4.0, 800)
    found = refused(budget.reserve(Amount(tokens=100), Role.ROLLOUT, candidate="a"))
    assert found.scope == "candidate"
    reserved(budget.reserve(Amount(tokens=100), Role.ROLLOUT, candidate="b"))
    assert refused(budget.reserve(Amount(usd=1.5), Role.JUDGE)).scope == "search"


def test_a_call_that_is_dearer_than_its_reservation_is_booked_in_full() -> None:
    budget = Budget(BudgetSettings(usd=1.0))
    budget.settle(reserved(budget.reserve(Amount(usd=0.9), Role.ROLLOUT)), Amount(usd=1.2))
    assert budget.spent.usd == 1.2
    assert not refused(budget.reserve(NOTHING, Role.ROLLOUT)).passing


def test_a_refused_call_holds_nothing_in_any_scope() -> None:
    budget = Budget(BudgetSettings(rollout_tokens=100))
    refused(budget.reserve(Amount(1.0, 200), Role.ROLLOUT, candidate="a", holder="1"))
    assert budget.reserved == NOTHING
    reserved(budget.reserve(Amount(1.0, 100), Role.ROLLOUT, candidate="a", holder="1"))


def test_a_rollout_that_is_gone_leaves_its_money_spent_and_its_calls_to_be_settled() -> None:
    budget = Budget(BudgetSettings(tokens=1_000, candidate_tokens=300, rollout_tokens=200))
    where = {"candidate": "a", "holder": "1"}
    done = reserved(budget.reserve(Amount(0.5, 100), Role.ROLLOUT, **where))
    budget.settle(done, Amount(0.5, 100))
    late = reserved(budget.reserve(Amount(0.5, 100), Role.ROLLOUT, **where))
    budget.forget("1")
    assert (budget.spent, budget.reserved) == (Amount(0.5, 100), Amount(0.5, 100))
    budget.settle(late, Amount(0.25, 150))
    assert (budget.spent, budget.reserved) == (Amount(0.75, 250), NOTHING)
    assert refused(budget.reserve(Amount(tokens=100), Role.ROLLOUT, **where)).scope == "candidate"


def test_a_reservation_is_settled_once() -> None:
    budget = Budget()
    call = reserved(budget.reserve(Amount(usd=1.0), Role.JUDGE))
    budget.settle(call, Amount(usd=0.5))
    with pytest.raises(ValueError, match="not open"):
        budget.settle(call, Amount(usd=0.5))
    assert budget.spent == Amount(usd=0.5)


def test_two_calls_with_the_same_figures_are_two_reservations() -> None:
    budget = Budget()
    first, second = (reserved(budget.reserve(Amount(1.0, 5), Role.JUDGE)) for _ in range(2))
    assert first != second
    budget.settle(first, NOTHING)
    assert budget.reserved == Amount(1.0, 5)


def test_replayed_replies_count_towards_the_rollout_alone() -> None:
    budget = Budget(BudgetSettings(tokens=1_000, candidate_tokens=500, rollout_tokens=100))
    budget.book_replayed("1", 80)
    assert budget.spent == NOTHING
    call = budget.reserve(Amount(tokens=30), Role.ROLLOUT, candidate="a", holder="1")
    assert refused(call).scope == "rollout"


def test_what_is_booked_without_a_reservation_is_spent_whatever_is_left() -> None:
    budget = Budget(BudgetSettings(usd=1.0), spent=Amount(usd=1.0))
    budget.book(Amount(0.25, 7), Role.GATEWAY)
    assert budget.spent == Amount(1.25, 7)
    assert budget.by_role[Role.GATEWAY] == Amount(0.25, 7)
    assert budget.by_role[Role.ROLLOUT] == NOTHING


def test_a_negative_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Budget().reserve(Amount(usd=-0.1), Role.ROLLOUT)
