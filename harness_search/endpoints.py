"""What it takes to call the model of a profile: its key, its address, its account."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from harness_search.errors import InputError, SearchStoppedError
from harness_search.gateway.prices import Price
from harness_search.ledger.store import Ledger
from harness_search.profiles import Profile
from harness_search.settings import SimulatedSettings

if TYPE_CHECKING:  # the web client is slow to import
    from harness_search.gateway.account import Account, Terms
    from harness_search.gateway.budget import Budget


def api_key(profile: Profile, name: str = "") -> str:
    """The key from the profile's environment variable; raises InputError when it is unset, saying
    which profile needs it if that has a name."""
    if not profile.key_variable:
        return ""
    key = os.environ.get(profile.key_variable, "")
    if not key:
        expected = f"the API key of the profile {name!r}" if name else "an API key"
        raise InputError("environment", profile.key_variable, "nothing", expected)
    return key


@asynccontextmanager
async def base_url_of(profile: Profile, options: SimulatedSettings) -> AsyncIterator[str]:
    """The profile's address; a simulated model is started for as long as it is needed."""
    if not profile.simulated:
        yield profile.base_url
        return
    from harness_search.simulated.server import SimulatedModel, unsteady

    model = SimulatedModel(
        fault=unsteady(options.fault_share, options.fault_seed),
        latency_seconds=options.latency_seconds,
        tokens_per_second=options.tokens_per_second,
    )
    await model.start()
    try:
        yield model.base_url
    finally:
        await model.stop()


def open_account(
    profile: Profile, price: Price, base_url: str, key: str, budget: "Budget", ledger: Ledger
) -> "Account":
    """The account of a profile; what it spends outside rollouts and sessions goes to the ledger."""
    from harness_search.gateway.account import Account
    from harness_search.gateway.concurrency import AdaptiveLimit
    from harness_search.gateway.upstream import Silence, Upstream

    upstream = Upstream(
        base_url,
        key,
        simulated=profile.simulated,
        authentication=profile.authentication,
        silence=Silence(profile.first_byte_seconds, profile.stall_seconds),
    )
    return Account(
        upstream,
        terms_of(profile, price),
        limit=AdaptiveLimit(profile.concurrency_start, profile.concurrency_most),
        budget=budget,
        spend=lambda role, usage, usd: ledger.record_spending(role, "", usage, usd),
    )


def terms_of(profile: Profile, price: Price) -> "Terms":
    """What the profile says of its account."""
    from harness_search.gateway.account import Terms

    return Terms(
        profile.model,
        price,
        profile.context_tokens,
        patience_seconds=profile.patience_seconds,
        longest_retry_after=profile.longest_retry_after,
        sampling=profile.sampling,
    )


async def require_answers(account: "Account") -> None:
    """Ask one token before anything is started; raises SearchStoppedError without an answer.

    An account that rests until a time that its provider named is found so by its first call.
    """
    from harness_search.gateway.account import Standing

    standing = await account.standing()
    if standing not in {Standing.ANSWERED, Standing.LIMITED}:
        reason = account.stopped or "the provider does not answer: look at the profile's address"
        raise SearchStoppedError(f"{reason}. Nothing was started.")
