"""Prices: read from a table, never guessed; the cost of a reply; the most a call may cost."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.errors import InputError
from harness_search.gateway.prices import (
    FREE,
    Price,
    cost_of,
    price_of,
    read_prices,
    usage_of,
    worst_case,
)
from harness_search.ledger.rows import Usage
from harness_search.settings import BudgetSettings, Profile

SONNET = Price(input=3.0, output=15.0, cache_write=3.75, cache_read=0.3)


def table(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "prices.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_table_of_this_repository_is_sound(repository: Path) -> None:
    prices = read_prices(repository / "prices.toml")
    assert prices["claude-sonnet-4-5"].cache_write_1h == pytest.approx(6.0)
    for model, price in prices.items():
        assert 0 < price.cache_read < price.input <= price.cache_write <= price.output, model
        assert price.cache_write <= price.cache_write_1h, model


def test_a_workspace_without_a_table_has_an_empty_one(tmp_path: Path) -> None:
    assert read_prices(tmp_path / "prices.toml") == {}


def test_what_is_not_stated_is_taken_for_dear(tmp_path: Path) -> None:
    file = table(tmp_path, '[models."m"]\ninput = 4.0\noutput = 8.0\n')
    price = read_prices(file)["m"]
    assert (price.cache_write, price.cache_read) == (5.0, 4.0)
    assert price.cache_write_1h == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[models\n", ["prices.toml", "invalid TOML"]),
        ("[models.m]\ninput = 1\n", ["prices.toml", "models.m", "input and output"]),
        ("[models.m]\ninput = -1\noutput = 1\n", ["models.m.input", "found -1"]),
        ("[models.m]\ninput = 'x'\noutput = 1\n", ["models.m.input", "'x'"]),
        ("[models.m]\ninput = inf\noutput = 1\n", ["models.m.input", "inf"]),
        ("[models.m]\ninput = 1\noutput = 1\ncached = 1\n", ["models.m.cached"]),
        ("[prices.m]\ninput = 1\n", ["prices"]),
        ("[models]\nm = 3\n", ["models.m"]),
    ],
)
def test_a_bad_table_is_named_by_file_and_field(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read_prices(table(tmp_path, text))
    for word in words:
        assert word in str(caught.value)


# What a reply costs.


def test_each_kind_of_token_has_its_price() -> None:
    usage = {
        "input_tokens": 1_000_000,
        "output_tokens": 2_000_000,
        "cache_creation_input_tokens": 4_000_000,
        "cache_read_input_tokens": 10_000_000,
    }
    assert cost_of(usage, SONNET) == pytest.approx(3 + 30 + 15 + 3)
    assert cost_of(usage, SONNET, factor=0.5) == pytest.approx(51 / 2)
    assert usage_of({"usage": usage}) == Usage(1_000_000, 2_000_000, 4_000_000, 10_000_000)


def test_cache_writes_for_an_hour_have_a_price_of_their_own() -> None:
    usage = {
        "cache_creation_input_tokens": 3_000_000,
        "cache_creation": {
            "ephemeral_5m_input_tokens": 1_000_000,
            "ephemeral_1h_input_tokens": 2_000_000,
        },
    }
    assert cost_of(usage, SONNET) == pytest.approx(3.75 + 2 * 6.0)


def test_cache_writes_that_are_told_by_lifetime_only_are_not_free() -> None:
    usage = {"cache_creation": {"ephemeral_1h_input_tokens": 1_000_000}}
    assert cost_of(usage, SONNET) == pytest.approx(6.0)
    assert usage_of({"usage": usage}).cache_write == 1_000_000


@pytest.mark.parametrize("odd", [None, -5, True, 2.5, "7", [1], {}, 10**400])
def test_what_is_no_count_counts_as_nothing(odd: object) -> None:
    usage = {"input_tokens": odd, "output_tokens": 3, "cache_creation": odd}
    assert usage_of({"usage": usage}) == Usage(output=3)
    assert cost_of(usage, SONNET) == pytest.approx(45e-6)


@pytest.mark.parametrize("odd", [None, [], "none", 3])
def test_a_reply_without_an_account_of_its_tokens_has_none(odd: Any) -> None:
    assert usage_of({"usage": odd}) == usage_of({}) == Usage()
    assert cost_of(odd, SONNET) == 0


FIELDS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "cache_creation",
    "ephemeral_1h_input_tokens",
    "ephemeral_5m_input_tokens",
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "7"]),
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_no_reply_breaks_the_meter(usage: dict[str, Any]) -> None:
    cost, counted = cost_of(usage, SONNET), usage_of({"usage": usage})
    assert math.isfinite(cost)
    assert cost >= 0
    assert min(counted.input, counted.output, counted.cache_write, counted.cache_read) >= 0


# The most that a call may cost.


def test_the_worst_case_is_what_its_figures_say() -> None:
    found = worst_case(2_001, 100, SONNET, None)
    assert found.tokens == 1_001 + 100
    assert found.usd == pytest.approx((1_001 * 6.0 + 100 * 15.0) / 1e6)
    assert worst_case(2_000_000, 100, SONNET, 200_000).tokens == 200_100


@given(
    st.integers(2, 10**7),
    st.integers(1, 10**6),
    st.tuples(*[st.floats(0, 100)] * 5),
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_no_reply_within_its_estimate_costs_more_than_the_worst_case(
    size: int, most: int, figures: tuple[float, ...], shares: list[float]
) -> None:
    names = ("input", "output", "cache_write", "cache_read", "cache_write_1h")
    price = Price(**dict(zip(names, figures, strict=True)))
    tokens, parts = size // 2, sum(shares) or 1.0
    fresh, read, hour, five = (int(tokens * share / parts) for share in shares)
    usage = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_1h_input_tokens": hour, "ephemeral_5m_input_tokens": five},
        "output_tokens": most,
    }
    expected = worst_case(size, most, price, None)
    assert cost_of(usage, price) <= expected.usd * (1 + 1e-9)
    assert usage_of({"usage": usage}).total <= expected.tokens


# Which price counts.


def found(profile: Profile, *, allow: bool = False, usd: float | None = None) -> Price:
    budget = BudgetSettings(usd=usd)
    return price_of("mine", profile, {"listed": SONNET}, allow_unpriced=allow, budget=budget)


def real(model: str, **values: Any) -> Profile:
    return Profile(base_url="http://localhost:1", model=model, **values)


def test_a_price_is_the_profile_s_then_the_table_s() -> None:
    own = Price(input=1.0, output=2.0)
    assert found(real("listed", price=own)) == own
    assert found(real("listed")) == SONNET
    assert found(real("listed", price=FREE), usd=1.0) == FREE


def test_the_simulated_model_is_free() -> None:
    assert found(Profile(base_url="simulated", model="simulated-1"), usd=1.0) == FREE


def test_an_unknown_price_refuses_to_start() -> None:
    with pytest.raises(InputError) as caught:
        found(real("other"))
    for word in ("prices.toml", "models.other", "no price", "--allow-unpriced", "profiles.mine"):
        assert word in str(caught.value)


def test_an_unknown_price_may_be_allowed_but_not_under_a_budget_in_usd() -> None:
    assert found(real("other"), allow=True) == FREE
    with pytest.raises(InputError, match=r"models\.other.*budget of 5 USD"):
        found(real("other"), allow=True, usd=5.0)
