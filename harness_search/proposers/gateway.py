"""A proposer's own way to a model: another profile than the rollouts', and the same one budget."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from harness_search.endpoints import api_key, open_account, require_answers
from harness_search.errors import InputError, LimitReachedError, SearchStoppedError
from harness_search.gateway.prices import Price, price_of, read_prices
from harness_search.rollouts.bench import make_gateway
from harness_search.settings import Profile

if TYPE_CHECKING:
    from harness_search.gateway.account import Account
    from harness_search.gateway.server import Gateway
    from harness_search.proposers.session import Services
    from harness_search.workspace import Workspace

MOST_REQUESTS = 5_000
"""Of one session: more than its turns, with what is asked again and with tokens counted."""


def proposer_profile(workspace: "Workspace") -> Profile:
    """The profile that `[proposer]` names; raises InputError for one that no session can use."""
    settings, file = workspace.settings, workspace.layout.settings
    name = settings.proposer.profile
    profile = settings.profiles.get(name)
    alone = ', or "" for a command without a model' if settings.search.proposer == "command" else ""
    if profile is None:
        real = sorted(known for known, one in settings.profiles.items() if not one.simulated)
        section = f"a section [profiles.{name}]" if name else "the name of a profile"
        known = f"one of: {', '.join(real)}" if real else section
        raise InputError(file, "proposer.profile", repr(name), f"{known}{alone}")
    if profile.simulated:
        found = f"{name!r}, whose simulated model cannot use a coding agent's tools"
        raise InputError(file, "proposer.profile", found, f"a profile with an endpoint{alone}")
    return profile


def proposer_access(workspace: "Workspace") -> tuple[Profile, Price, str]:
    """The proposer's profile, its price and its key.

    Raises InputError for a profile that cannot be used, a key that is not set, or an unknown price
    that is not allowed.
    """
    profile, budget = proposer_profile(workspace), workspace.settings.budget
    name, table = workspace.settings.proposer.profile, read_prices(workspace.layout.prices)
    allowed = budget.allow_unpriced
    price = price_of(name, profile, table, allow_unpriced=allowed, budget=budget)
    return profile, price, api_key(profile, name)


@asynccontextmanager
async def open_proposer_gateway(services: "Services") -> "AsyncIterator[Gateway]":
    """A gateway on the proposer's profile, for sessions of the role `proposer`.

    It spends from the search's one budget. Raises InputError as `proposer_access` does, and
    SearchStoppedError where the provider refuses a first token or does not give it.
    """
    workspace, bench = services.workspace, services.bench
    profile, price, key = proposer_access(workspace)
    spending = bench.gateway.account.budget
    account = open_account(profile, price, profile.base_url, key, spending, bench.ledger)
    folder = bench.runtime / "proposer"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    gateway = make_gateway(
        account, folder, bench.sandbox, most_requests=MOST_REQUESTS, sampling=profile.sampling
    )
    await gateway.start()
    try:
        # A subscription serves its own command line, and nobody else's request of one token.
        if profile.authentication != "oauth":
            await _require_answers(account, workspace.settings.proposer.profile)
        yield gateway
    finally:
        await gateway.stop()


async def _require_answers(account: "Account", name: str) -> None:
    try:
        await require_answers(account)
        if (limit := account.limit_reached("the proposer")) is not None:
            raise limit
    except LimitReachedError:
        raise
    except SearchStoppedError as error:
        reason = str(error).removesuffix("Nothing was started.")
        raise SearchStoppedError(
            f"the proposer's profile {name!r}: {reason}No session was begun, and nothing was lost; "
            "the same command goes on."
        ) from error
