"""Every fault reaches the real client as the failure that it stands for."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import anthropic
import httpx2
import pytest
from clients import REQUEST, client_of, created, raw_stream, streamed
from scripted_api import HANGS, fault_server, message, scripted_api

from harness_search.gateway.events import events_of
from harness_search.simulated.faults import (
    BreakStream,
    Drop,
    ErrorEvent,
    Fault,
    Garbage,
    Hang,
    RandomFaults,
    Reset,
    StallStream,
    Status,
)
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.received import Received
from harness_search.simulated.server import SimulatedModel

LONG = message("word " * 200)
IN_SILENCE = httpx2.Timeout(20.0, read=1.0)
"""Of a client that waits no longer for a server which says nothing; to connect may take long."""


# Faults before an answer: the same for a stream and for a message in one piece.

ASKS = pytest.mark.parametrize("ask", [created, streamed])


@ASKS
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (402, anthropic.PaymentRequiredError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (408, anthropic.RequestTimeoutError),
        (409, anthropic.ConflictError),
        (413, anthropic.ContentTooLargeError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.ServiceUnavailableError),
        (529, anthropic.OverloadedError),
    ],
)
async def test_an_error_status_is_the_clients_own_error(
    ask: Callable[..., Any], status: int, error: type[anthropic.APIStatusError]
) -> None:
    fault = Status(status, "some_error", "in so many words")
    async with fault_server(fault) as api:
        with pytest.raises(error) as caught:
            await ask(api)
    assert caught.value.status_code == status
    assert caught.value.type == "some_error"
    assert caught.value.api_message == "in so many words"
    assert caught.value.request_id == "req_" + "1".zfill(24)


@ASKS
async def test_headers_of_an_error_reach_the_client(ask: Callable[..., Any]) -> None:
    fault = Status(429, "rate_limit_error", "slow down", {"Retry-After": "7"})
    async with fault_server(fault) as api:
        with pytest.raises(anthropic.RateLimitError) as caught:
            await ask(api)
    assert caught.value.response.headers["retry-after"] == "7"


@ASKS
async def test_a_bad_gateways_page_is_no_error_of_the_api(ask: Callable[..., Any]) -> None:
    async with fault_server(Status(502, body="<html>Bad Gateway</html>")) as api:
        with pytest.raises(anthropic.InternalServerError) as caught:
            await ask(api)
    assert caught.value.status_code == 502
    assert caught.value.response.headers["content-type"].startswith("text/html")
    assert caught.value.response.text == "<html>Bad Gateway</html>"
    assert caught.value.type is None


@ASKS
@pytest.mark.parametrize(
    ("fault", "cause"), [(Drop(), httpx2.RemoteProtocolError), (Reset(), httpx2.ReadError)]
)
async def test_a_lost_connection_is_told_apart_by_how_it_was_lost(
    ask: Callable[..., Any], fault: Fault, cause: type[Exception]
) -> None:
    async with fault_server(fault) as api:
        with pytest.raises(anthropic.APIConnectionError) as caught:
            await ask(api)
    assert type(caught.value.__cause__) is cause


@ASKS
async def test_a_hanging_server_never_answers(ask: Callable[..., Any]) -> None:
    async with fault_server(Hang()) as api:
        with pytest.raises(anthropic.APITimeoutError):
            await ask(api, timeout=IN_SILENCE)


async def test_garbage_is_a_success_that_holds_no_message() -> None:
    async with fault_server(Garbage()) as api:
        assert not isinstance(await created(api), anthropic.types.Message)
        assembler = await raw_stream(api)
    assert (assembler.started, assembler.whole, assembler.message) == (False, False, None)


# Faults during an answer.


@pytest.mark.parametrize(
    ("reset", "error"), [(False, httpx2.RemoteProtocolError), (True, httpx2.ReadError)]
)
@pytest.mark.parametrize("after", [0, 1, 5, 10_000])
async def test_a_broken_stream_is_seen_up_to_where_it_broke(
    after: int, reset: bool, error: type[Exception]
) -> None:
    fault = BreakStream(after, reset=reset)
    seen = []
    async with fault_server(fault, LONG) as api, client_of(api) as client:
        stream = await client.messages.create(**REQUEST, stream=True)
        with pytest.raises(error):
            async for event in stream:
                seen.append(event)  # noqa: PERF401 - what came before the error counts
    assert len(seen) == min(after, len(events_of(LONG)))


@pytest.mark.parametrize("reset", [False, True])
async def test_everything_before_a_break_reaches_even_a_slow_client(reset: bool) -> None:
    huge = message("x" * 20_000_000)
    async with fault_server(BreakStream(1, reset=reset), huge) as api:
        answer = await asyncio.to_thread(all_that_comes, api.base_url)
    assert len(answer.split(b"\r\n\r\n", 1)[1]) == len(json.dumps(huge)) // 2


def all_that_comes(base_url: str) -> bytes:
    """Post a request and read slowly; a blocking socket loses nothing that has arrived."""
    body = json.dumps(REQUEST).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    address = urlsplit(base_url)
    answer = b""
    with (
        contextlib.suppress(ConnectionResetError),
        socket.create_connection((address.hostname, address.port)) as connection,
    ):
        connection.sendall(head.encode() + body)
        while piece := connection.recv(500_000):
            answer += piece
            time.sleep(0.001)
    return answer


@pytest.mark.parametrize("reset", [False, True])
async def test_a_broken_body_is_shorter_than_announced(reset: bool) -> None:
    async with fault_server(BreakStream(1, reset=reset), LONG) as api:
        with pytest.raises(anthropic.APIConnectionError):
            await created(api)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{api.base_url}/v1/messages", json=REQUEST) as response,
        ):
            assert response.content_length == len(json.dumps(LONG))
            with pytest.raises(aiohttp.ClientError):
                await response.read()


async def test_a_stalled_stream_falls_silent_after_its_events() -> None:
    seen = []
    async with fault_server(StallStream(3), LONG) as api, client_of(api, IN_SILENCE) as client:
        stream = await client.messages.create(**REQUEST, stream=True)
        with pytest.raises(httpx2.ReadTimeout):
            async for event in stream:
                seen.append(event)  # noqa: PERF401 - what came before the error counts
    assert len(seen) == 3


async def test_a_stalled_body_falls_silent_in_its_middle() -> None:
    async with fault_server(StallStream(3), LONG) as api:
        with pytest.raises(anthropic.APITimeoutError):
            await created(api, timeout=IN_SILENCE)


@pytest.mark.parametrize("after", [0, 4])
async def test_an_error_event_is_an_error_with_status_200(after: int) -> None:
    fault = ErrorEvent(after, "api_error", "lost my thread")
    seen = []
    async with fault_server(fault, LONG) as api, client_of(api) as client:
        stream = await client.messages.create(**REQUEST, stream=True)
        with pytest.raises(anthropic.APIStatusError) as caught:
            async for event in stream:
                seen.append(event)  # noqa: PERF401 - what came before the error counts
    assert len(seen) == after
    assert (caught.value.status_code, caught.value.type) == (200, "api_error")
    assert caught.value.api_message == "lost my thread"


async def test_a_stream_ends_properly_after_an_error_event() -> None:
    async with (
        fault_server(ErrorEvent(1), LONG) as api,
        aiohttp.ClientSession() as session,
        session.post(f"{api.base_url}/v1/messages", json={**REQUEST, "stream": True}) as response,
    ):
        body = await response.read()
    assert body.endswith(b'"message": "Overloaded"}}\n\n')


async def test_an_error_event_without_a_stream_is_an_overloaded_server() -> None:
    async with fault_server(ErrorEvent(3)) as api:
        with pytest.raises(anthropic.OverloadedError) as caught:
            await created(api)
    assert caught.value.type == "overloaded_error"


async def test_other_requests_are_served_while_one_hangs() -> None:
    async with fault_server(lambda received: Hang() if received.number == 1 else None) as api:
        hanging = asyncio.create_task(created(api))
        while not api.received:
            await asyncio.sleep(0)
        assert (await created(api)).content
        assert not hanging.done()
        hanging.cancel()


@pytest.mark.parametrize("fault", [Hang(), StallStream(2)])
async def test_a_hanging_answer_ends_with_its_client(fault: Fault) -> None:
    async with fault_server(fault, LONG) as api:
        before = len(asyncio.all_tasks())
        client = asyncio.create_task(streamed(api))
        while not api.received:
            await asyncio.sleep(0)
        client.cancel()
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0)


@pytest.mark.parametrize("fault", [Hang(), StallStream(2)])
async def test_a_server_with_hanging_answers_stops_at_once(fault: Fault) -> None:
    api = fault_server(fault, LONG)
    await api.start()
    hanging = [asyncio.create_task(streamed(api)) for _ in range(5)]
    while len(api.received) < 5:
        await asyncio.sleep(0)
    await asyncio.wait_for(api.stop(), timeout=10)
    for task in hanging:
        with pytest.raises((anthropic.APIError, httpx2.HTTPError)):
            await task


async def test_a_pace_is_kept_before_answers_and_between_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited, sleep = [], asyncio.sleep

    async def no_sleep(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    async with fault_server(latency_seconds=5.0, seconds_per_event=2.0) as api:
        monkeypatch.setattr(asyncio, "sleep", no_sleep)
        await streamed(api)
    assert [seconds for seconds in waited if seconds] == [5.0, *[2.0] * len(events_of(message()))]


# Which requests fail.


def request_number(number: int) -> Received:
    return Received(number, "/v1/messages", {}, b"")


def test_random_faults_depend_on_seed_and_number_alone() -> None:
    faults = (Drop(), Reset(), Status(529))
    one, same, other = (RandomFaults(0.2, seed, faults) for seed in (1, 1, 2))
    numbers = range(1, 2001)
    met = [one(request_number(number)) for number in numbers]
    assert met == [same(request_number(number)) for number in numbers]
    assert met != [other(request_number(number)) for number in numbers]
    assert 300 < sum(fault is not None for fault in met) < 500
    assert all(met.count(fault) > 80 for fault in faults)


def test_no_share_of_requests_fails_and_the_whole_share_does() -> None:
    numbers = [request_number(number) for number in range(1, 100)]
    assert not any(map(RandomFaults(0.0, 1, (Drop(),)), numbers))
    assert all(map(RandomFaults(1.0, 1, (Drop(),)), numbers))


async def test_the_simulated_model_can_be_made_to_fail() -> None:
    model = SimulatedModel(fault=lambda received: Status(503) if received.number < 2 else None)
    async with model:
        with pytest.raises(anthropic.ServiceUnavailableError):
            await created(model)
        assert (await created(model)).content


# Scripts.


async def test_a_script_names_answers_faults_and_silence() -> None:
    script: dict[int, Any] = {
        1: (200, message("one")),
        2: (529, {"type": "error"}),
        3: None,
        4: BreakStream(2),
        5: (200, "<html>"),
        6: (HANGS, None),
    }
    async with scripted_api(lambda number, content: script[number]) as api:
        assert (await streamed(api)).content[0].to_dict()["text"] == "one"
        with pytest.raises(anthropic.OverloadedError):
            await created(api)
        with pytest.raises(anthropic.APIConnectionError):
            await created(api)
        assert (await raw_stream(api)).started
        assert (await post_text(api)) == "<html>"
        with pytest.raises(anthropic.APITimeoutError):
            await created(api, timeout=IN_SILENCE)


async def post_text(api: MessagesApi) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{api.base_url}/v1/messages", json=REQUEST) as response,
    ):
        return await response.text()
