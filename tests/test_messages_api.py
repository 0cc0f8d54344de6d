"""Without a fault, the Messages API is what the real client takes it for, batches included."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import anthropic
import pytest
from clients import REQUEST, client_of, created, post, streamed
from scripted_api import fault_server, message

from harness_search.gateway.events import events_of
from harness_search.simulated.messages_api import LARGEST_REQUEST, MessagesApi
from harness_search.simulated.received import Received
from harness_search.simulated.server import SimulatedModel

RICH: dict[str, Any] = {
    **message(),
    "content": [
        {"type": "thinking", "thinking": "Let me see. " * 9, "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "text", "text": "Grüße 🎲 " * 20, "citations": None},
        {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "a/é.md", "n": [1.5]}},
        {"type": "tool_use", "id": "t2", "name": "list", "input": {}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 7, "output_tokens": 99, "cache_read_input_tokens": 5},
}


def as_sent(reply: anthropic.types.Message) -> dict[str, Any]:
    return reply.to_dict(mode="json")


# Without a fault.


@pytest.mark.parametrize("ask", [created, streamed])
@pytest.mark.parametrize("reply", [message("hello"), RICH, {**message(), "content": []}])
async def test_the_real_client_gets_the_message_that_was_meant(
    ask: Callable[..., Any], reply: dict[str, Any]
) -> None:
    async with fault_server(reply=reply) as api:
        got = as_sent(await ask(api))
    assert {name: got[name] for name in reply} == reply


async def test_a_stream_arrives_event_by_event() -> None:
    async with fault_server(reply=RICH) as api, client_of(api) as client:
        stream = await client.messages.create(**REQUEST, stream=True)
        kinds = [event.type async for event in stream]
    assert len(kinds) == len(events_of(RICH))
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


async def test_it_is_told_of_every_request_in_order() -> None:
    async with fault_server() as api:
        await created(api)
        await streamed(api)
    assert [received.number for received in api.received] == [1, 2]
    assert [received.content.get("stream") for received in api.received] == [None, True]
    assert api.received[0].headers["AUTHORIZATION"] == "Bearer k"
    assert api.received[0].path == "/v1/messages"


async def test_it_remembers_no_more_than_it_is_asked_to() -> None:
    async with fault_server(keep_bodies=False, keep=2) as api:
        for _ in range(3):
            await created(api)
    assert [(received.number, received.body) for received in api.received] == [(2, b""), (3, b"")]
    async with fault_server(keep=0) as api:
        await created(api)
    assert api.received == []


async def test_tokens_are_counted_without_asking_the_model() -> None:
    async with fault_server() as api, client_of(api) as client:
        rest = {"model": "m", "system": "s" * 40, "tools": []}
        question: Any = [{"role": "user", "content": "x" * 400}]
        counted = await client.messages.count_tokens(messages=question, **rest)  # type: ignore[arg-type]
    assert counted.input_tokens == 110


async def test_the_simulated_model_counts_what_it_would_charge() -> None:
    question = {name: REQUEST[name] for name in ("model", "messages")}
    async with SimulatedModel() as model, client_of(model) as client:
        reply = await client.messages.create(**REQUEST)
        counted = await client.messages.count_tokens(**question)
    assert counted.input_tokens == reply.usage.input_tokens
    assert model.received == []


async def test_the_simulated_model_says_the_same_however_often_it_is_asked() -> None:
    prompt = [{"type": "text", "text": "x" * 8000, "cache_control": {"type": "ephemeral"}}]
    body = json.dumps({**REQUEST, "system": prompt}).encode()
    async with SimulatedModel() as model:
        first, second = await post(model, body=body), await post(model, body=body)
    assert first[:2] == second[:2]


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
async def test_a_key_opens_the_door_in_either_header(header: str) -> None:
    async with fault_server(key="secret") as api:
        bearer = "Bearer " if header == "authorization" else ""
        assert (await post(api, **{header: f"{bearer}secret"}))[0] == 200
        status, error, _ = await post(api, **{header: f"{bearer}guess"})
        assert (status, error["error"]["message"]) == (401, "invalid x-api-key")
        assert (await post(api))[0] == 401
        with pytest.raises(anthropic.AuthenticationError):
            await created(api, key="guess")


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        ("/v1/messages", b"{not json", 400, "invalid_request_error"),
        ("/v1/messages", b"[" * 100_000, 400, "invalid_request_error"),
        ("/v1/messages", b"{}", 400, "invalid_request_error"),
        ("/v1/messages", b"[]", 400, "invalid_request_error"),
        ("/v1/messages", b"x" * (LARGEST_REQUEST + 1), 413, "request_too_large"),
        ("/v1/messages/count_tokens", b"{}", 400, "invalid_request_error"),
        ("/v1/messages/batches", b"{}", 400, "invalid_request_error"),
        ("/v1/messages/batches/none/cancel", b"", 404, "not_found_error"),
        ("/v1/complete", None, 404, "not_found_error"),
        ("/v1/messages/", None, 404, "not_found_error"),
        ("/", b"", 404, "not_found_error"),
    ],
)
async def test_errors_have_the_apis_exact_shape(
    path: str, body: bytes | None, status: int, kind: str
) -> None:
    async with fault_server() as api:
        got, error, request_id = await post(api, path, body)
    assert got == status
    message = error["error"].pop("message")
    assert message
    assert request_id.startswith("req_")
    assert error == {"type": "error", "error": {"type": kind}, "request_id": request_id}


async def test_a_question_without_an_answer_is_not_found_without_a_body() -> None:
    async with fault_server() as api, aiohttp.ClientSession() as session:
        async with session.head(f"{api.base_url}/api/hello") as response:
            assert (response.status, await response.read()) == (404, b"")
        async with session.get(f"{api.base_url}/v1/messages") as response:
            assert response.status == 404


async def test_every_reply_has_its_request_id() -> None:
    async with fault_server() as api:
        assert (await created(api))._request_id == "req_" + "1".zfill(24)
        assert (await post(api))[2] == "req_" + "2".zfill(24)


# Batches.


def batch_of(*contents: str, **changes: Any) -> list[Any]:
    return [
        {
            "custom_id": f"r{index}",
            "params": {**REQUEST, "messages": [{"role": "user", "content": content}], **changes},
        }
        for index, content in enumerate(contents)
    ]


def echo(received: Received) -> dict[str, Any]:
    return message(received.content["messages"][0]["content"])


async def test_a_batch_has_ended_when_it_is_made_and_answers_each_request() -> None:
    async with MessagesApi(echo) as api, client_of(api) as client:
        batch = await client.messages.batches.create(requests=batch_of("one", "two"))
        assert (await client.messages.batches.retrieve(batch.id)) == batch
        assert (await client.messages.batches.cancel(batch.id)).processing_status == "ended"
        lines = [line async for line in await client.messages.batches.results(batch.id)]
    assert (batch.processing_status, batch.request_counts.succeeded) == ("ended", 2)
    texts = {}
    for line in lines:
        assert line.result.type == "succeeded"
        (block,) = line.result.message.content
        assert block.type == "text"
        texts[line.custom_id] = block.text
        assert line.result.message.usage.service_tier == "batch"
    assert texts == {"r0": "one", "r1": "two"}


async def test_an_unsound_request_of_a_batch_fails_alone() -> None:
    requests = [*batch_of("one"), {**batch_of("two", max_tokens=0)[0], "custom_id": "bad"}]
    async with MessagesApi(echo) as api, client_of(api) as client:
        batch = await client.messages.batches.create(requests=requests)
        lines = [line async for line in await client.messages.batches.results(batch.id)]
    assert (batch.request_counts.succeeded, batch.request_counts.errored) == (1, 1)
    (bad,) = (line.result for line in lines if line.custom_id == "bad")
    assert bad.type == "errored"
    assert bad.error.error.type == "invalid_request_error"


@pytest.mark.parametrize("names", [["a", "a"], ["a b"], [""], ["x" * 65], [None]])
async def test_a_batch_with_unsound_names_is_refused(names: list[Any]) -> None:
    requests = [{"custom_id": name, "params": REQUEST} for name in names]
    async with fault_server() as api:
        body = json.dumps({"requests": requests}).encode()
        assert (await post(api, "/v1/messages/batches", body))[0] == 400


async def test_an_unknown_batch_is_not_found() -> None:
    async with fault_server() as api, client_of(api) as client:
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.batches.retrieve("msgbatch_none")
        with pytest.raises(anthropic.NotFoundError):
            await client.messages.batches.results("msgbatch_none")
