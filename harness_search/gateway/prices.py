"""What tokens cost: the table of prices, the cost of a reply, the most that a call may cost."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from harness_search.errors import InputError, invalid
from harness_search.gateway.budget import Amount
from harness_search.ledger.rows import Usage

if TYPE_CHECKING:  # settings know prices
    from harness_search.settings import BudgetSettings, Profile

BYTES_A_TOKEN = 2
"""What a request is taken for before it is sent. Prose comes to about four bytes a token, code and
tables to about three (providers' rule of thumb: three to four characters of English); the rest is
reserve. Runs of digits or of rare signs can need more tokens: what they cost is booked in full."""
BATCH_FACTOR = 0.5
"""A batch costs half (source: the API's documentation of message batches)."""
MOST_TOKENS = 10**12
"""More than any call can take: what an endpoint reports beyond is no count."""


class Price(BaseModel):
    """USD per million tokens. What is not stated is taken for dear, so that no bill surprises."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True, validate_default=True
    )

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)
    cache_write: float = Field(ge=0, default_factory=lambda data: 1.25 * data.get("input", 0.0))
    """Kept for five minutes; 1.25 x input unless stated."""
    cache_read: float = Field(ge=0, default_factory=lambda data: data.get("input", 0.0))
    """As dear as input unless stated."""
    cache_write_1h: float = Field(
        ge=0, default_factory=lambda data: 1.6 * data.get("cache_write", 0.0)
    )
    """Kept for an hour; 1.6 x `cache_write` unless stated."""

    @model_validator(mode="after")
    def _check_both(self) -> "Price":
        if self.model_fields_set and not {"input", "output"} <= self.model_fields_set:
            raise PydanticCustomError("price", "Input should be a price with input and output")
        return self


FREE = Price()


class _PriceTable(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)

    models: dict[str, Price] = {}


def read_prices(file: Path) -> dict[str, Price]:
    """Price by model name; empty without a file. Raises InputError naming file and field."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(file, "", f"invalid TOML ({error})", "a TOML file") from error
    try:
        return _PriceTable.model_validate(raw).models
    except ValidationError as error:
        raise invalid(file, error) from error


def known_price(profile: "Profile", table: Mapping[str, Price]) -> Price | None:
    """The profile's own price, else that of its model in the table; a simulated model is free."""
    if profile.price is None and profile.simulated:
        return FREE
    return profile.price or table.get(profile.model)


def price_of(
    profile_name: str,
    profile: "Profile",
    table: Mapping[str, Price],
    *,
    allow_unpriced: bool,
    budget: "BudgetSettings",
) -> Price:
    """The price that a run counts with; zero for an unpriced model that is allowed.

    Raises InputError for an unknown price that is not allowed, or that a budget in USD needs.
    """
    price = known_price(profile, table)
    if price is not None:
        return price
    place = f"models.{profile.model}"
    ways = f"an entry, or `price` in [profiles.{profile_name}]"
    if not allow_unpriced:
        raise InputError("prices.toml", place, "no price", f"{ways}, or --allow-unpriced")
    if budget.usd is not None:
        limit = f"no price and a budget of {budget.usd:g} USD, which cannot be held without one"
        raise InputError("prices.toml", place, limit, f"{ways}, or a budget in tokens")
    return FREE


def usage_of(reply: Mapping[str, Any]) -> Usage:
    """Tokens of one reply by kind; what an odd endpoint reports instead of a count is 0."""
    return _tokens(reply.get("usage"))[0]


def cost_of(usage: Mapping[str, Any], price: Price, factor: float = 1.0) -> float:
    """USD for one reply, from its `usage` object; `factor` is BATCH_FACTOR for a batch."""
    tokens, one_hour = _tokens(usage)
    dollars = (
        tokens.input * price.input
        + tokens.output * price.output
        + (tokens.cache_write - one_hour) * price.cache_write
        + one_hour * price.cache_write_1h
        + tokens.cache_read * price.cache_read
    )
    return factor * dollars / 1e6


def worst_case(
    body_bytes: int, max_tokens: int, price: Price, context_tokens: int | None
) -> Amount:
    """An upper estimate of a call before it is sent: every input token at its dearest price, and
    as long a reply as was asked for."""
    tokens = -(-body_bytes // BYTES_A_TOKEN)
    if context_tokens is not None:
        tokens = min(tokens, context_tokens)
    dearest = max(price.input, price.cache_write, price.cache_write_1h, price.cache_read)
    return Amount((tokens * dearest + max_tokens * price.output) / 1e6, tokens + max_tokens)


def _tokens(found: object) -> tuple[Usage, int]:
    """Tokens by kind, and how many of the cache writes are kept for an hour."""
    usage = _mapping(found)
    kept = _mapping(usage.get("cache_creation"))
    one_hour = _count(kept.get("ephemeral_1h_input_tokens"))
    writes = one_hour + _count(kept.get("ephemeral_5m_input_tokens"))
    tokens = Usage(
        input=_count(usage.get("input_tokens")),
        output=_count(usage.get("output_tokens")),
        cache_write=max(writes, _count(usage.get("cache_creation_input_tokens"))),
        cache_read=_count(usage.get("cache_read_input_tokens")),
    )
    return tokens, one_hour


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS:
        return value
    return 0
