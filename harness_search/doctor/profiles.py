"""The models that a workspace may call: keys, prices, and one token of each."""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from harness_search.doctor.report import Finding, failed, warned
from harness_search.gateway.failures import Failure
from harness_search.gateway.prices import Price, cost_of, known_price
from harness_search.judging.choice import CHECKS, judge_name
from harness_search.profiles import Profile
from harness_search.settings import Settings

SECONDS = 30.0
"""For an answer of one token."""
PASSING = frozenset({Failure.THROTTLED, Failure.OVERLOADED, Failure.SERVER_ERROR})
Kind = Literal["answered", "not asked", "simulated", "no key", "failed"]


@dataclass(frozen=True, slots=True)
class Called:
    """What became of asking a model for one token."""

    kind: Kind
    usd: float | None = None
    """What it cost; None where the price is unknown."""
    failure: Failure | None = None
    cause: str = ""
    """In a few words of ours, never the provider's."""
    status: int | None = None


def used_profiles(settings: Settings) -> dict[str, str]:
    """What each profile is used for, by name; those that are used for nothing are left out."""
    uses = [(settings.search.profile, "rollouts")]
    judge = judge_name(settings)
    if judge != CHECKS:
        uses += [(judge, "judge"), (settings.judge.second, "second judge")]
    asks = settings.search.proposer != "catalogue" and settings.search.iterations
    if asks and settings.proposer.profile:
        uses.append((settings.proposer.profile, "proposer"))
    found: dict[str, str] = {}
    for name, use in uses:
        if name in settings.profiles:
            found[name] = f"{found[name]}, {use}" if name in found else use
    return found


async def call_profiles(
    settings: Settings, table: Mapping[str, Price], *, calls: bool, seconds: float = SECONDS
) -> dict[str, Called]:
    """Ask every model that is used, or whose key is set, for one token; all at the same time.

    With `calls` off nothing is sent. A simulated model is not asked: it runs in the scaffold.
    """
    used = used_profiles(settings)
    names = list(settings.profiles)
    asked = [
        _called(
            settings.profiles[name],
            known_price(settings.profiles[name], table),
            seconds if calls and (name in used or settings.profiles[name].key_variable) else 0.0,
        )
        for name in names
    ]
    return dict(zip(names, await asyncio.gather(*asked), strict=True))


async def _called(profile: Profile, price: Price | None, seconds: float) -> Called:
    if profile.simulated:
        return Called("simulated")
    key = os.environ.get(profile.key_variable, "") if profile.key_variable else ""
    if profile.key_variable and not key:
        return Called("no key")
    if not seconds:
        return Called("not asked")
    from harness_search.gateway.upstream import CallFailedError

    try:
        async with asyncio.timeout(seconds):
            return await _one_token(profile, price, key)
    except CallFailedError as error:
        status = error.answer.status if error.answer else None
        return Called("failed", None, error.failure, error.cause, status)
    except TimeoutError:
        return Called("failed", None, Failure.SILENT, f"no answer within {seconds:g} s")


async def _one_token(profile: Profile, price: Price | None, key: str) -> Called:
    """Raises CallFailedError for an answer that is no message."""
    from harness_search.gateway.account import MESSAGES
    from harness_search.gateway.upstream import (
        Answer,
        CallFailedError,
        Outgoing,
        Upstream,
        message_of,
    )

    messages = [{"role": "user", "content": "ping"}]
    request = {"model": profile.model, "max_tokens": 1, "messages": messages, **profile.sampling}
    upstream = Upstream(profile.base_url, key, authentication=profile.authentication)
    try:
        answer = await upstream.send(Outgoing(MESSAGES, json.dumps(request).encode()))
        if not isinstance(answer, Answer):
            answer.close()
            raise CallFailedError(Failure.UNREADABLE, "a stream that nobody asked for")
        usage = message_of(answer)["usage"]
    finally:
        await upstream.close()
    return Called("answered", cost_of(usage, price) if price else None)


# What follows from it.


def findings_of_profiles(
    settings: Settings, table: Mapping[str, Price], called: Mapping[str, Called]
) -> list[Finding]:
    """A row for each profile, those that are used first; only they can keep a run from starting."""
    used = used_profiles(settings)
    names = [*used, *(name for name in settings.profiles if name not in used)]
    return [_row(name, settings, table, called[name], used.get(name, "")) for name in names]


def _row(
    name: str, settings: Settings, table: Mapping[str, Price], called: Called, use: str
) -> Finding:
    profile, title = settings.profiles[name], f"profile {name}"
    if called.kind == "simulated":
        return Finding(title, _joined([use or "not used", "simulated: needs no key"]))
    priced = known_price(profile, table) is not None
    price = "" if priced else f"no price of {profile.model} is known"
    if called.kind == "no key":
        value = _joined([use or "not used", f"{profile.key_variable} is not set"])
        fix = f"export {profile.key_variable}=..."
        return failed(title, value, fix) if use else Finding(title, value)
    problem, fix = _problem(profile, called)
    said = problem or _answer(profile, called)
    value = _joined([use or "not used", said, price])
    fixes = [fix] if fix else []
    if not priced:
        fixes.append(f"add {profile.model} to prices.toml, or go on with --allow-unpriced")
    advice = "; ".join(fixes)
    if use and problem and called.failure not in PASSING:
        return failed(title, value, advice)
    if use and not priced and not settings.budget.allow_unpriced:
        return failed(title, value, advice)
    return warned(title, value, advice) if problem or not priced else Finding(title, value)


def _answer(profile: Profile, called: Called) -> str:
    key = f"{profile.key_variable} is set" if profile.key_variable else "needs no key"
    if called.kind == "not asked":
        return f"{key}, not asked"
    cost = "" if called.usd is None else f" for {called.usd:.6f} USD"
    return f"{key}, {profile.model} answers{cost}"


def _problem(profile: Profile, called: Called) -> tuple[str, str]:
    """Why the model does not answer, and what to do; nothing when it does, or was not asked."""
    if called.failure is None:
        return "", ""
    key = profile.key_variable or "a key"
    by_status = {
        401: ("the key is wrong", f"export {key}=... with a key that is valid there"),
        402: ("the account has no credit", "add credit at the provider"),
        403: ("the key may not do this", f"give the key in {key} the right to use {profile.model}"),
        404: (
            f"no model {profile.model!r}, or no Messages API at this address",
            "correct `model` or `base_url` of the profile",
        ),
        400: ("the request is refused", "correct `model` and `sampling` of the profile, or credit"),
    }
    if called.status in by_status:
        found, fix = by_status[called.status]
        return f"{found} ({called.cause})", fix
    return called.cause, _fix_of(called.failure, profile)


def _fix_of(failure: Failure, profile: Profile) -> str:
    if failure in PASSING:
        return "wait: a run tries again by itself"
    if failure is Failure.UNREACHABLE:
        return (
            f"correct `base_url` of the profile ({profile.base_url}), or start what listens there"
        )
    if failure is Failure.SILENT:
        return "look at the network, and whether the model is being loaded"
    return f"look whether {profile.base_url} serves the Messages API"


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)
