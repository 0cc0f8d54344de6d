"""The gateway as a client sees it: the real anthropic package and raw requests on its socket."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest
from scripted_api import Answer, ScriptedApi, failure, message, scripted_api

from harness_search.gateway.grants import Grant
from harness_search.gateway.server import Gateway
from harness_search.gateway.transcript import read_transcript
from harness_search.gateway.upstream import Upstream
from harness_search.ledger.rows import Usage

MESSAGES = [{"role": "user", "content": "hello"}]
KEY = "sk-very-secret-upstream-key"


def sound(**changes: object) -> bytes:
    """A sound request but for the changes."""
    return json.dumps(
        {"model": "scripted-1", "max_tokens": 9, "messages": MESSAGES, **changes}
    ).encode()


class Door:
    """A running gateway in front of a scripted API, with one grant."""

    def __init__(self, api: ScriptedApi, gateway: Gateway, grant: Grant, transcript: Path) -> None:
        self.api, self.gateway, self.grant, self.transcript = api, gateway, grant, transcript

    async def post(self, body: bytes, token: str | None = None) -> tuple[int, dict[str, Any]]:
        connector = aiohttp.UnixConnector(str(self.gateway.socket))
        headers = {"x-api-key": token if token is not None else self.grant.token}
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(
                "http://gateway/v1/messages", data=io.BytesIO(body), headers=headers
            ) as response,
        ):
            return response.status, await response.json()

    async def ask(self, **changes: object) -> tuple[int, dict[str, Any]]:
        request = {"model": "scripted-1", "max_tokens": 9, "messages": MESSAGES, **changes}
        return await self.post(json.dumps(request).encode())


@pytest.fixture
def door(short_folder: Path, tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(
        answer: Callable[[int, Any], Answer | None], *, simulated: bool = False
    ) -> AsyncIterator[Door]:
        async with scripted_api(answer) as api:
            upstream = Upstream(api.base_url, KEY, simulated=simulated, tries=3, longest_wait=0.01)
            gateway = Gateway(upstream, "scripted-1", short_folder / "gateway.sock")
            await gateway.start()
            transcript = tmp_path / "transcript.jsonl"
            try:
                yield Door(api, gateway, gateway.grant(transcript, "noise-key"), transcript)
            finally:
                await gateway.stop()

    return opened


async def test_the_real_client_works_through_the_gateway(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: (200, message("hello"))) as opened:
        transport = httpx2.AsyncHTTPTransport(uds=str(opened.gateway.socket))
        async with anthropic.AsyncAnthropic(
            api_key=opened.grant.token,
            base_url="http://gateway",
            http_client=anthropic.DefaultAsyncHttpxClient(transport=transport),
        ) as client:
            reply = await client.messages.create(
                model="scripted-1", max_tokens=5, messages=[{"role": "user", "content": "hi"}]
            )
    assert reply.content[0].type == "text"
    assert reply.content[0].text == "hello"
    assert opened.grant.usage == Usage(input=3, output=2)
    assert opened.grant.calls == 1


async def test_bytes_are_relayed_unchanged_and_the_key_is_the_gateways(
    door: Callable[..., Any],
) -> None:
    body = (
        b'{ "model":"scripted-1",  "max_tokens":1,"messages":[{"content": "x", "role":"user"}],'
        b' "odd": 1.50 }'
    )
    async with door(lambda number, content: (200, message())) as opened:
        await opened.post(body)
    assert opened.api.received[0].body == body
    assert opened.api.received[0].headers["x-api-key"] == KEY
    assert opened.grant.token not in str(opened.api.received[0].headers)


async def test_the_key_reaches_neither_harness_nor_transcript(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: (401, failure("authentication_error", KEY))) as opened:
        status, reply = await opened.ask()
    assert status == 529
    assert KEY not in json.dumps(reply)
    assert not opened.transcript.exists()
    assert KEY not in opened.grant.provider_failure


async def test_tokens_of_every_kind_are_metered(door: Callable[..., Any]) -> None:
    usage = {"cache_creation_input_tokens": 11, "cache_read_input_tokens": 13}
    async with door(lambda number, content: (200, message(**usage))) as opened:
        await opened.ask()
        await opened.ask()
    assert opened.grant.usage == Usage(6, 4, 22, 26)


async def test_every_exchange_is_in_the_transcript(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: (200, message(f"reply {number}"))) as opened:
        await opened.ask(messages=[{"role": "user", "content": "one"}])
        await opened.ask(messages=[{"role": "user", "content": "two"}])
    texts = [
        exchange.reply["content"][0]["text"] for exchange in read_transcript(opened.transcript)
    ]
    assert texts == ["reply 1", "reply 2"]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 524, 529])
async def test_a_passing_failure_is_tried_again(door: Callable[..., Any], status: int) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (status, failure()) if number < 3 else (200, message())

    async with door(answer) as opened:
        assert (await opened.ask())[0] == 200
    assert opened.grant.provider_failure == ""
    assert opened.grant.usage == Usage(3, 2)
    assert opened.grant.seconds_lost > 0


async def test_a_dropped_connection_is_tried_again(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: None if number < 3 else (200, message())) as opened:
        assert (await opened.ask())[0] == 200


async def test_a_lasting_failure_is_the_providers_and_stays_so(door: Callable[..., Any]) -> None:
    async with door(lambda number, _: (500, failure()) if number <= 3 else (200, message())) as it:
        status, reply = await it.ask()
        assert (status, reply["error"]["type"]) == (529, "overloaded_error")
        assert (await it.ask())[0] == 200
    assert it.grant.provider_failure == "provider: status 500"


async def test_a_refusal_is_confirmed_by_one_request_of_our_own(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: (403, failure())) as opened:
        await opened.ask()
    assert [received.content["max_tokens"] for received in opened.api.received] == [9, 1]
    assert opened.gateway.refusal == "status 403"


async def test_a_refusal_of_one_request_only_is_told_to_its_harness(
    door: Callable[..., Any],
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (404, failure()) if content["max_tokens"] == 9 else (200, message())

    async with door(answer) as opened:
        status, reply = await opened.ask()
    assert (status, reply["error"]["type"]) == (400, "invalid_request_error")
    assert (opened.gateway.refusal, opened.grant.provider_failure) == ("", "")


async def test_the_harness_gets_the_apis_own_word_on_its_own_mistake(
    door: Callable[..., Any],
) -> None:
    error = failure("invalid_request_error", "prompt is too long")
    async with door(lambda number, content: (400, error)) as opened:
        assert await opened.ask() == (400, error)
    assert opened.grant.provider_failure == ""
    assert len(opened.api.received) == 1


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405])
async def test_a_wrong_key_address_or_model_name_is_never_the_harnesss_doing(
    door: Callable[..., Any], status: int
) -> None:
    async with door(lambda number, content: (status, failure("not_found_error"))) as opened:
        await opened.ask()
    assert opened.grant.provider_failure == f"provider: status {status}"


@pytest.mark.parametrize("reply", [failure(), {"content": []}, {"usage": {}}, []])
async def test_a_reply_without_a_message_and_its_usage_is_the_providers_failure(
    door: Callable[..., Any], reply: Any
) -> None:
    async with door(lambda number, content: (200, reply)) as opened:
        assert (await opened.ask())[0] == 502
    assert opened.grant.provider_failure


async def test_a_reply_that_is_no_json_is_the_providers_failure(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: (200, "<html>")) as opened:
        assert (await opened.ask())[0] == 502
    assert opened.grant.provider_failure


async def test_the_noise_key_travels_to_a_simulated_model_only(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: (200, message()), simulated=True) as opened:
        await opened.ask()
    assert opened.api.received[0].headers["x-simulated-noise"] == "noise-key"
    async with door(lambda number, content: (200, message())) as opened:
        await opened.ask()
    assert "x-simulated-noise" not in opened.api.received[0].headers


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{not json", 400, "invalid_request_error"),
        (b"\xff\xfe", 400, "invalid_request_error"),
        (b"[1]", 400, "invalid_request_error"),
        (b'{"model": "another-model"}', 404, "not_found_error"),
        (sound(stream=True), 400, "invalid_request_error"),
        (sound(messages=[]), 400, "invalid_request_error"),
        (sound(messages=[{"role": "user", "content": 5}]), 400, "invalid_request_error"),
        (sound(messages=[{"role": "user", "content": [{"type": "text"}]}]), 400, "invalid_re"),
        (sound(messages=[{"role": "system", "content": "x"}]), 400, "invalid_request_error"),
        (sound(max_tokens=0), 400, "invalid_request_error"),
        (sound(tools=[5]), 400, "invalid_request_error"),
        (sound(system=5), 400, "invalid_request_error"),
    ],
)
async def test_an_unsound_request_is_refused_without_reaching_the_provider(
    door: Callable[..., Any], body: bytes, status: int, kind: str
) -> None:
    async with door(lambda number, content: (200, message())) as opened:
        got, reply = await opened.post(body)
    assert (got, reply["type"]) == (status, "error")
    assert reply["error"]["type"].startswith(kind)
    assert opened.api.received == []
    assert opened.grant.provider_failure == ""


async def test_a_token_opens_the_door_only_while_its_rollout_runs(door: Callable[..., Any]) -> None:
    async with door(lambda number, content: (200, message())) as opened:
        assert (await opened.post(b"{}", token="guess"))[0] == 401
        assert (await opened.post(b"{}", token=""))[0] == 401
        opened.gateway.revoke(opened.grant)
        assert (await opened.ask())[0] == 401
    assert opened.api.received == []


async def test_a_long_context_is_not_refused(door: Callable[..., Any]) -> None:
    text = "x" * 5_000_000
    async with door(lambda number, content: (200, message())) as opened:
        assert (await opened.ask(messages=[{"role": "user", "content": text}]))[0] == 200
