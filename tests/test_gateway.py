"""The gateway as a client sees it: the real anthropic package and raw requests on its socket."""

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import pytest
from doors import HELLO, KEY, MODEL, opened_door, sound
from scripted_api import Answer, failure, message

from harness_search.gateway.replay import Replies
from harness_search.gateway.transcript import read_transcript
from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import BreakStream, Status


async def test_the_real_client_works_through_the_gateway(short_folder: Path) -> None:
    async with (
        opened_door(short_folder, lambda number, content: (200, message("hello"))) as door,
        door.client() as client,
    ):
        reply = await client.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
        counted = await client.messages.count_tokens(model=MODEL, messages=HELLO)
    assert reply.content[0].text == "hello"
    assert counted.input_tokens > 0
    assert door.grant.usage == Usage(input=3, output=2)
    assert (door.grant.calls, door.grant.requests) == (1, 2)


async def test_a_gateway_spares_its_calls_what_is_loaded_and_leaves_the_collector_as_it_was(
    short_folder: Path,
) -> None:
    ours = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    try:
        async with opened_door(short_folder):
            assert gc.get_freeze_count() > 10_000
            assert gc.get_threshold()[0] > 700
        assert (gc.get_freeze_count(), gc.get_threshold()) == (0, (700, 10, 10))
    finally:
        gc.freeze()
        gc.set_threshold(*ours)


async def test_what_was_frozen_before_a_gateway_stays_frozen_after_it(short_folder: Path) -> None:
    frozen = gc.get_freeze_count()
    async with opened_door(short_folder):
        pass
    assert gc.get_freeze_count() > 0.9 * frozen > 0


async def test_the_real_client_streams_through_the_gateway(short_folder: Path) -> None:
    text = "a reply in many pieces " * 20
    async with (
        opened_door(short_folder, lambda number, content: (200, message(text))) as door,
        door.client() as client,
        client.messages.stream(model=MODEL, max_tokens=5, messages=HELLO) as stream,
    ):
        pieces = [piece async for piece in stream.text_stream]
        final = await stream.get_final_message()
    assert "".join(pieces) == text == final.content[0].text
    assert len(pieces) > 5
    assert door.grant.usage == Usage(input=3, output=2)
    (exchange,) = read_transcript(door.transcript)
    assert exchange.reply["content"] == [{"type": "text", "text": text}]


async def test_a_loopback_port_serves_clients_that_cannot_use_a_socket(short_folder: Path) -> None:
    async with (
        opened_door(short_folder, loopback=True) as door,
        anthropic.AsyncAnthropic(
            api_key=door.grant.token, base_url=door.gateway.base_url
        ) as client,
    ):
        reply = await client.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
    assert reply.usage.output_tokens == 2


async def test_bytes_are_relayed_unchanged_and_the_key_is_the_gateways(short_folder: Path) -> None:
    body = (
        b'{ "model":"scripted-1",  "max_tokens":1,"messages":[{"content": "x", "role":"user"}],'
        b' "temperature": 1.50 }'
    )
    async with opened_door(short_folder) as door:
        await door.send("POST", "/v1/messages", body, **{"anthropic-version": "2026-10-21"})
    (received,) = door.api.received
    assert received.body == body
    assert received.headers["x-api-key"] == KEY
    assert received.headers["anthropic-version"] == "2026-10-21"
    assert door.grant.token not in str(received.headers)


async def test_a_stream_is_relayed_byte_by_byte(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        _, through, headers = await door.send("POST", "/v1/messages", sound(stream=True))
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{door.api.base_url}/v1/messages", data=sound(stream=True)) as direct,
        ):
            assert await direct.read() == through
    assert headers["Content-Type"].startswith("text/event-stream")


async def test_rate_limit_headers_pass_and_those_on_the_owner_do_not(short_folder: Path) -> None:
    told = {
        "anthropic-ratelimit-requests-remaining": "7",
        "anthropic-organization-id": "org",
        "content-type": "application/json",
    }
    fault = Status(200, body=json.dumps(message()), headers=told)
    async with opened_door(short_folder, lambda number, content: fault) as door:
        _, _, headers = await door.send("POST", "/v1/messages", sound())
    assert headers["anthropic-ratelimit-requests-remaining"] == "7"
    assert "anthropic-organization-id" not in headers


async def test_the_key_reaches_neither_harness_nor_transcript(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if content["max_tokens"] == 1 else (400, failure("x", KEY))

    async with opened_door(short_folder, answer) as door:
        status, reply = await door.ask()
    assert status == 400
    assert KEY not in json.dumps(reply)
    assert KEY not in door.transcript.read_text()


async def test_tokens_of_every_kind_are_metered_and_priced(short_folder: Path) -> None:
    usage = {"cache_creation_input_tokens": 11, "cache_read_input_tokens": 13}
    async with opened_door(short_folder, lambda number, content: (200, message(**usage))) as door:
        await door.ask()
        await door.send("POST", "/v1/messages", sound(stream=True))
    assert door.grant.usage == Usage(6, 4, 22, 26)
    assert door.grant.cost_usd == pytest.approx((6 * 1 + 4 * 2 + 22 * 3 + 26 * 0.5) / 1e6)
    assert (door.grant.paid, door.grant.paid_usd) == (door.grant.usage, door.grant.cost_usd)


async def test_every_exchange_is_in_the_transcript(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return 200, message(f"reply {number}")

    async with opened_door(short_folder, answer) as door:
        await door.ask(messages=[{"role": "user", "content": "one"}])
        await door.ask(messages=[{"role": "user", "content": "two"}], stream=False)
    texts = [exchange.reply["content"][0]["text"] for exchange in read_transcript(door.transcript)]
    assert texts == ["reply 1", "reply 2"]


async def test_the_noise_key_travels_to_a_simulated_model_only(short_folder: Path) -> None:
    async with opened_door(short_folder, simulated=True) as door:
        await door.ask()
    assert door.api.received[0].headers["x-simulated-noise"] == "noise-key"


async def test_a_real_provider_never_sees_the_noise_key(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        await door.ask()
    assert "x-simulated-noise" not in door.api.received[0].headers


async def test_a_token_opens_the_door_only_while_its_rollout_runs(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        assert (await door.post(b"{}", token="guess"))[0] == 401
        assert (await door.post(b"{}", token=""))[0] == 401
        door.gateway.revoke(door.grant)
        status, reply = await door.ask()
    assert (status, reply["error"]["type"]) == (401, "authentication_error")
    assert reply["request_id"].startswith("req_")
    assert door.api.received == []


async def test_a_paid_reply_of_an_earlier_attempt_is_given_again(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return 200, message(f"reply {number}")

    async with opened_door(short_folder, answer) as door, door.client() as client:
        await client.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
        async with client.messages.stream(model=MODEL, max_tokens=6, messages=HELLO) as stream:
            await stream.get_final_message()
        door.gateway.revoke(door.grant)
        again = door.another(replies=Replies.of([door.transcript]))
        async with door.client(again) as later:
            first = await later.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
            async with later.messages.stream(model=MODEL, max_tokens=6, messages=HELLO) as stream:
                second = await stream.get_final_message()
            third = await later.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
    said = [reply.content[0].text for reply in (first, second, third)]
    assert said == ["reply 1", "reply 2", "reply 3"]
    assert (again.usage, again.paid) == (Usage(9, 6), Usage(3, 2))
    assert len(door.api.received) == 3


async def test_paid_replies_are_given_again_although_a_stream_broke_between(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return BreakStream(3) if number == 1 else (200, message())

    async with opened_door(short_folder, answer) as door:
        with pytest.raises(aiohttp.ClientError):
            await door.send("POST", "/v1/messages", sound(stream=True))
        await door.grant.settled()
        await door.send("POST", "/v1/messages", sound(stream=True))
        await door.send("POST", "/v1/messages", sound(max_tokens=8))
        asked = len(door.api.received)
        again = door.another(replies=Replies.of([door.transcript]))
        await door.send("POST", "/v1/messages", sound(stream=True), again)
        await door.send("POST", "/v1/messages", sound(max_tokens=8), again)
    assert len(door.api.received) == asked
    assert again.paid.total == 0


async def test_an_earlier_reply_to_another_request_is_not_given(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        await door.ask(max_tokens=5)
        again = door.another(replies=Replies.of([door.transcript]))
        await door.send("POST", "/v1/messages", sound(max_tokens=6), again)
    assert len(door.api.received) == 2
    assert again.paid == again.usage


# What a token does not grant.

URL = {"type": "url", "url": "http://127.0.0.1/"}
FILE = {"type": "file", "file_id": "file_1"}
SMALL = {"type": "base64", "media_type": "image/png", "data": "aGk="}


def with_block(block: dict[str, Any]) -> bytes:
    return sound(messages=[{"role": "user", "content": [block]}])


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{not json", 400, "invalid_request_error"),
        (b"\xff\xfe", 400, "invalid_request_error"),
        (sound().decode().encode("utf-16"), 400, "invalid_request_error"),
        (b"[1]", 400, "invalid_request_error"),
        (b"[" * 100_000, 400, "invalid_request_error"),
        (sound(model="another-model"), 404, "not_found_error"),
        (sound()[:-1] + b', "model": "scripted-1"}', 400, "invalid_request_error"),
        (sound(messages=[]), 400, "invalid_request_error"),
        (sound(messages=[{"role": "user", "content": 5}]), 400, "invalid_request_error"),
        (with_block({"type": "text"}), 400, "invalid_request_error"),
        (sound(messages=[{"role": "system", "content": "x"}]), 400, "invalid_request_error"),
        (sound(max_tokens=0), 400, "invalid_request_error"),
        (sound(max_tokens=10**400), 400, "invalid_request_error"),
        (sound(stream="yes"), 400, "invalid_request_error"),
        (sound(tools=[5]), 400, "invalid_request_error"),
        (sound(system=5), 400, "invalid_request_error"),
        (sound(tools=[{"type": "web_search_20250305", "name": "web_search"}]), 400, "invalid"),
        (sound(tools=[{"type": "code_execution_20250825", "name": "x"}]), 400, "invalid"),
        (sound(tools=[{"type": ["custom"], "name": "x"}]), 400, "invalid"),
        (sound(mcp_servers=[{"type": "url", "url": "http://x"}]), 400, "invalid"),
        (sound(container="container_1"), 400, "invalid"),
        (sound(thread={"continue": "thread_1"}), 400, "invalid"),
        (sound(fallbacks=[{"model": "dearer"}]), 400, "invalid"),
        (sound(speed="fast"), 400, "invalid"),
        (sound(service_tier="priority"), 400, "invalid"),
        (sound(Model="dearer"), 400, "invalid"),
        (with_block({"type": "image", "source": URL}), 400, "invalid"),
        (with_block({"type": "document", "source": FILE}), 400, "invalid"),
        (with_block({"type": "container_upload", "file_id": "file_1"}), 400, "invalid"),
        (
            with_block(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "image", "source": URL}],
                }
            ),
            400,
            "invalid",
        ),
        (
            with_block(
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "image", "source": FILE}]},
                }
            ),
            400,
            "invalid",
        ),
        (sound(system=[{"type": "image", "source": URL}]), 400, "invalid"),
    ],
)
async def test_what_a_token_does_not_grant_never_reaches_the_provider(
    short_folder: Path, body: bytes, status: int, kind: str
) -> None:
    async with opened_door(short_folder) as door:
        got, reply = await door.post(body)
    assert (got, reply["type"]) == (status, "error")
    assert reply["error"]["type"].startswith(kind)
    assert door.api.received == []
    assert door.grant.failure == ""


@pytest.mark.parametrize(
    "body",
    [
        with_block({"type": "image", "source": SMALL}),
        sound(tools=[{"type": "bash_20250124", "name": "bash"}]),
        sound(tools=[{"type": "custom", "name": "x", "input_schema": {"type": "object"}}]),
        sound(
            messages=[
                *HELLO,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool_use", "id": "t", "name": "x", "input": {"source": URL}}
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}],
                },
            ]
        ),
        sound(temperature=0.3, top_p=0.9, metadata={"user_id": "x"}, service_tier="auto"),
    ],
)
async def test_what_only_asks_for_a_reply_is_let_through(short_folder: Path, body: bytes) -> None:
    async with opened_door(short_folder) as door:
        assert (await door.post(body))[0] == 200


async def test_a_profiles_sampling_parameters_are_let_through(short_folder: Path) -> None:
    async with opened_door(short_folder, sampling=["min_p"]) as door:
        assert (await door.ask(min_p=0.1))[0] == 200
        assert (await door.ask(max_p=0.1))[0] == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("POST", "/v1/complete"),
        ("GET", "/v1/models"),
        ("POST", "/v1/files"),
        ("GET", "/"),
        ("POST", "/v1/messages/batches"),
        ("GET", "/v1/messages/batches"),
        ("POST", "/v1/messages/../models"),
    ],
)
async def test_an_unknown_path_is_refused_in_the_apis_manner(
    short_folder: Path, method: str, path: str
) -> None:
    async with opened_door(short_folder) as door:
        status, body, _ = await door.send(method, path, sound())
    assert (status, json.loads(body)["error"]["type"]) == (404, "not_found_error")
    assert door.api.received == []


async def test_the_limit_of_requests_ends_only_their_senders_calls(short_folder: Path) -> None:
    async with opened_door(short_folder, most_requests=2) as door:
        statuses = [(await door.ask())[0] for _ in range(3)]
        other = door.another()
        assert (await door.send("POST", "/v1/messages", sound(), other))[0] == 200
    assert statuses == [200, 200, 400]
    assert "2 requests" in door.grant.limit_reached


async def test_calls_at_once_are_metered_each(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        await asyncio.gather(*(door.ask(max_tokens=number) for number in range(1, 41)))
    assert door.grant.calls == 40
    assert door.grant.usage == Usage(120, 80)
    assert len(list(read_transcript(door.transcript))) == 40
