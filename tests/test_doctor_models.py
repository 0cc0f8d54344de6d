"""The doctor asks each model for one token, and says what to do where none comes."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from scripted_api import HANGS, failure, message, scripted_api

from harness_search.doctor.profiles import Called, call_profiles, findings_of_profiles
from harness_search.doctor.report import Finding
from harness_search.gateway.prices import Price
from harness_search.settings import Profile, SearchSettings, Settings

PRICE = Price(input=1.0, output=5.0)


def models(url: str = "http://127.0.0.1:1", **fields: object) -> Settings:
    profile = Profile.model_validate(
        {"base_url": url, "model": "m-1", "key_variable": "MY_KEY", "price": PRICE, **fields}
    )
    return Settings(
        search=SearchSettings(profile="real"), profiles={"real": profile, "spare": profile}
    )


def test_a_key_that_is_needed_and_not_set_stops_a_run() -> None:
    unset = {"real": Called("no key"), "spare": Called("no key")}
    used, spare = findings_of_profiles(models(), {}, unset)
    assert (used.state, used.fix) == ("fail", "export MY_KEY=...")
    assert spare.state == "ok"


def test_an_unknown_price_stops_a_run_that_is_not_allowed_without() -> None:
    settings = models(price=None)
    called = {name: Called("answered") for name in settings.profiles}
    used, spare = findings_of_profiles(settings, {}, called)
    assert (used.state, spare.state) == ("fail", "warn")
    assert "prices.toml" in used.fix


async def called(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[int, Any], Any], **options: Any
) -> tuple[Finding, Finding]:
    """The rows of a used and of a spare profile, after a call of a scripted provider."""
    monkeypatch.setenv("MY_KEY", "the-very-secret")
    async with scripted_api(answer) as api:
        settings = models(api.base_url)
        found = await call_profiles(settings, {}, **{"calls": True, **options})
        keys = {one.headers.get("x-api-key") for one in api.received}
        assert keys <= {"the-very-secret"}
    used, spare = findings_of_profiles(settings, {}, found)
    assert "the-very-secret" not in f"{used} {spare}"
    return used, spare


async def test_a_model_is_asked_for_one_token_and_its_cost_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def answer(number: int, content: Any) -> Any:
        asked.append(content)
        return 200, message()

    used, spare = await called(monkeypatch, answer)
    assert [content["max_tokens"] for content in asked] == [1, 1]
    assert used.state == spare.state == "ok"
    assert used.value == "rollouts, MY_KEY is set, m-1 answers for 0.000013 USD"


@pytest.mark.parametrize(
    ("status", "state", "said", "fix"),
    [
        (401, "fail", "the key is wrong", "export MY_KEY=..."),
        (402, "fail", "no credit", "add credit"),
        (403, "fail", "may not do this", "the right to use m-1"),
        (404, "fail", "no model 'm-1'", "`model` or `base_url`"),
        (400, "fail", "refused", "`model` and `sampling`"),
        (429, "warn", "status 429", "tries again by itself"),
        (529, "warn", "status 529", "tries again by itself"),
        (500, "warn", "status 500", "tries again by itself"),
    ],
)
async def test_what_a_provider_refuses_comes_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, status: int, state: str, said: str, fix: str
) -> None:
    said_by_provider = failure(text="your key the-very-secret is odd")
    used, spare = await called(monkeypatch, lambda *_: (status, said_by_provider))
    assert (used.state, spare.state) == (state, "warn")
    assert said in used.value
    assert fix in used.fix


async def test_silence_garbage_and_a_closed_door_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used, _ = await called(monkeypatch, lambda *_: (HANGS, None), seconds=0.2)
    assert "no answer within 0.2 s" in used.value
    used, _ = await called(monkeypatch, lambda *_: (200, "<html>"))
    assert "no message" in used.value
    closed = await call_profiles(models(), {}, calls=True)
    used, _ = findings_of_profiles(models(), {}, closed)
    assert "unreachable" in used.value
    assert "correct `base_url` of the profile (http://127.0.0.1:1)" in used.fix


async def test_without_calls_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    used, _ = await called(monkeypatch, lambda *found: asked.append(found), calls=False)
    assert not asked
    assert used.value == "rollouts, MY_KEY is set, not asked"


def test_a_simulated_model_says_so() -> None:
    found = asyncio.run(call_profiles(Settings(), {}, calls=True))
    rows = findings_of_profiles(Settings(), {}, found)
    assert rows[0].value == "rollouts, simulated: needs no key"
