"""Clients that leave, or stay and do not read, cost nobody else a place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from doors import HELLO, sound
from scripted_api import Answer, failure, message
from sieges import CHUNKED, asked_of, connect, head, is_answered, siege, whole

from harness_search.gateway.concurrency import AdaptiveLimit
from harness_search.gateway.grants import Grant
from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import Status

LIMITS = "harness_search.gateway"
ASKED = len(sound())


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for the rest of a body that was refused."""
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_TO_LINGER", 0.1)


STAGES: dict[str, Callable[[Grant], bytes]] = {
    "before the head": lambda grant: b"POST /v1",
    "before the body": lambda grant: head(grant, length=ASKED),
    "within the body": lambda grant: head(grant, length=ASKED) + sound()[:20],
    "within a chunk": lambda grant: head(grant, CHUNKED) + b"10\r\nhello",
    "as the provider thinks": lambda grant: head(grant, length=ASKED) + sound(),
    "in mid-stream": lambda grant: whole(grant, body=sound(stream=True)),
}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_client_that_leaves_is_nobodys_failure(
    short_folder: Path, stage: str, half: bool
) -> None:
    thinking, left = asyncio.Event(), asyncio.Event()

    def answer(number: int, content: Any) -> Answer:
        thinking.set()
        return 200, message("word " * 2_000)

    async with siege(short_folder, answer) as door:
        send = door.account.upstream.send

        async def sent(request: Any) -> Any:
            found = await send(request)
            if b"neighbour" not in request.body:
                await left.wait()
            return found

        door.account.upstream.send = sent  # type: ignore[method-assign]
        reader, writer = await connect(door)
        data = STAGES[stage](door.grant)
        writer.write(data)
        await writer.drain()
        if stage in ("as the provider thinks", "in mid-stream"):
            await thinking.wait()
        if stage == "in mid-stream":
            left.set()
            await reader.readuntil(b"event:")
        if half:
            writer.write_eof()
        else:
            writer.transport.abort()
        left.set()
        await is_answered(door)
        await door.grant.settled()
        writer.close()
        paid = stage in ("as the provider thinks", "in mid-stream")
    assert door.grant.usage == (Usage(3, 2) if paid else Usage())


async def test_a_client_that_does_not_read_holds_no_place_that_others_wait_for(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        return 200, message("word " * 100_000 if content.get("stream") else "done")

    async with siege(short_folder, answer, limit=AdaptiveLimit(start=1, most=1)) as door:
        _, writer = await connect(door, limit=1024)
        writer.write(whole(door.grant, body=sound(stream=True)))
        while not door.grant.calls:
            await asyncio.sleep(0.001)
        await is_answered(door)
        assert door.grant.in_flight  # it has not read yet
        writer.transport.abort()
    assert door.grant.usage == Usage(3, 2)


async def test_a_rollout_that_ends_in_mid_stream_leaves_nothing_behind(short_folder: Path) -> None:
    async with siege(short_folder, lambda number, content: (200, message("word " * 500))) as door:
        stream = door.account.upstream.send
        waiting = asyncio.Event()

        async def sent(request: Any) -> Any:
            found = await stream(request)
            if b"neighbour" not in request.body:
                pieces = found.chunks()

                async def chunks() -> AsyncIterator[bytes]:
                    yield await anext(pieces)
                    waiting.set()
                    await asyncio.Event().wait()

                found.chunks = chunks
            return found

        door.account.upstream.send = sent  # type: ignore[method-assign]
        _, writer = await connect(door)
        writer.write(whole(door.grant, body=sound(stream=True)))
        await waiting.wait()
        door.gateway.revoke(door.grant)
        await door.grant.settled()
        writer.close()


async def test_a_flood_does_not_make_a_refusal_look_like_an_outage(short_folder: Path) -> None:
    own = 0

    def answer(number: int, content: Any) -> Answer:
        nonlocal own
        if content["messages"] == HELLO:
            return 400, failure("invalid_request_error")
        own += content["max_tokens"] == 1
        return Status(429) if own <= 6 and content["max_tokens"] == 1 else (200, message())

    async with siege(short_folder, answer) as door:
        assert (await door.ask())[0] == 400
    assert own == 7


async def test_large_bodies_leave_time_for_everybody_else(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.server.LARGE_REQUEST", 10_000)
    monkeypatch.setattr(f"{LIMITS}.server.LARGE_BYTES_A_SECOND", 1)
    large = sound(metadata={"user_id": "x" * 10_000})
    async with siege(short_folder) as door:
        assert (await door.post(large))[0] == 200
        _, writer = await connect(door)
        writer.write(whole(door.grant, body=large))
        while not door.grant.in_flight:
            await asyncio.sleep(0.001)
        await is_answered(door)
        assert len(asked_of(door)) == 1  # the second large one has not had its turn
        door.gateway.revoke(door.grant)
        writer.close()
