"""A stream that breaks once the client has part of it is never ended as if it were whole."""

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from doors import HELLO, MODEL, fails_first, opened_door, sound
from scripted_api import message

from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import BreakStream, ErrorEvent, Fault, StallStream

ERRORS = (anthropic.APIError, httpx2.HTTPError)
BROKEN: list[Fault] = [
    BreakStream(3),
    BreakStream(3, reset=True),
    StallStream(3),
    ErrorEvent(3),
]


async def stream_once(door: Any) -> None:
    async with (
        door.client(max_retries=0) as client,
        client.messages.stream(model=MODEL, max_tokens=5, messages=HELLO) as stream,
    ):
        await stream.get_final_message()


@pytest.mark.parametrize("fault", BROKEN, ids=repr)
async def test_a_stream_that_breaks_in_the_middle_is_never_ended_cleanly(
    short_folder: Path, fault: Fault
) -> None:
    async with opened_door(short_folder, lambda number, content: fault, stall=0.6) as door:
        with pytest.raises(ERRORS):
            await stream_once(door)
        await door.grant.settled()
    assert door.grant.failure.startswith("provider: ")
    assert len(door.api.received) == 1


@pytest.mark.parametrize("fault", BROKEN, ids=repr)
@pytest.mark.parametrize("streaming", [False, True])
async def test_a_broken_stream_is_forgiven_once_the_client_has_asked_again(
    short_folder: Path, fault: Fault, streaming: bool
) -> None:
    async with opened_door(short_folder, fails_first(fault, times=1), stall=0.6) as door:
        with pytest.raises(ERRORS):
            await stream_once(door)
        await door.grant.settled()
        assert door.grant.failure
        status, _, _ = await door.send(
            "POST", "/v1/messages", sound(stream=streaming, max_tokens=50)
        )
    assert (status, door.grant.failure) == (200, "")
    assert door.grant.usage == Usage(3, 2)
    assert door.grant.paid.input == 6  # the broken one is paid for and no part of the score


async def test_another_conversation_does_not_mend_a_broken_one(short_folder: Path) -> None:
    async with opened_door(short_folder, fails_first(BreakStream(3), times=1)) as door:
        with pytest.raises(ERRORS):
            await stream_once(door)
        await door.grant.settled()
        await door.ask(messages=[{"role": "user", "content": "something else"}])
    assert door.grant.failure


async def test_a_client_that_leaves_in_mid_stream_is_no_failure_of_the_provider(
    short_folder: Path,
) -> None:
    text = "word " * 2000
    async with opened_door(short_folder, lambda number, content: (200, message(text))) as door:
        async with (
            door.client() as client,
            client.messages.stream(model=MODEL, max_tokens=5, messages=HELLO) as stream,
        ):
            await anext(stream.text_stream)
        await door.grant.settled()
    assert door.grant.failure == ""
    assert door.grant.usage == Usage(3, 2)


async def test_a_client_that_stops_reading_does_not_make_the_provider_look_silent(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_search.gateway.outlet.SECONDS_TO_READ", 0.2)
    text = "x" * 1_000_000
    async with opened_door(
        short_folder, lambda number, content: (200, message(text)), stall=20
    ) as door:
        reader, writer = await asyncio.open_unix_connection(str(door.gateway.socket), limit=1024)
        body = sound(stream=True)
        head = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: {door.grant.token}\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await reader.readline()
        await door.grant.settled()
        writer.close()
    assert door.grant.failure == ""
    assert door.grant.usage == Usage(3, 2)
