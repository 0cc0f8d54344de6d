"""Bodies that are too large, that never end, or that never come, hold nobody else up."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from doors import HELLO, MODEL, Door, sound
from scripted_api import HANGS, Answer, message
from sieges import CHUNKED, answer_to, asked_of, connect, head, is_answered, is_refusal, siege

from harness_kit.model import Model, ModelError
from harness_search.gateway.concurrency import AdaptiveLimit

LIMITS = "harness_search.gateway"
ASKED = len(sound())


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for the rest of a body that was refused."""
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_TO_LINGER", 0.1)


async def test_a_client_that_sends_40_megabytes_first_is_told_that_they_are_too_many(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_TO_LINGER", 10.0)
    async with siege(short_folder) as door:
        model = Model(str(door.gateway.socket), door.grant.token, MODEL)
        with pytest.raises(ModelError) as told:
            await asyncio.to_thread(
                model.complete,
                system="x" * 40 * 1024 * 1024,
                messages=HELLO,
                tools=[],
                max_tokens=5,
            )
        assert (told.value.status, told.value.kind) == (413, "request_too_large")
        assert asked_of(door) == []


async def test_chunks_without_end_are_too_large_at_some_point(short_folder: Path) -> None:
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    async with siege(short_folder) as door:
        _, writer = await connect(door)
        writer.write(head(door.grant, CHUNKED))
        with pytest.raises(ConnectionError):
            for _ in range(10_000):
                writer.write(chunk)
                await writer.drain()
        writer.close()
        assert asked_of(door) == []


@pytest.mark.parametrize("length", [ASKED + 1, 32 * 1024 * 1024, None])
async def test_a_body_that_never_ends_is_given_up_and_keeps_no_rollout_alive(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch, length: int | None
) -> None:
    monkeypatch.setattr(f"{LIMITS}.bodies.SECONDS_TO_SEND", 0.2)
    lines = ["Connection: close"] if length else ["Connection: close", CHUNKED]
    async with siege(short_folder) as door:
        answering = asyncio.create_task(
            answer_to(door, head(door.grant, *lines, length=length) + b"5\r\n{")
        )
        await begun(door)
        assert door.grant.in_flight == set()
        await door.grant.settled()
        answer = await answering
    assert b"408 Request Timeout" in answer
    assert is_refusal(answer)


async def begun(door: Door) -> None:
    """Wait until a request of the attacker's is being answered."""
    while not door.grant.answering:
        await asyncio.sleep(0.001)


async def test_a_head_that_never_ends_is_given_up(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_IDLE", 0.2)
    async with siege(short_folder) as door:
        for start in (b"", b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx: "):
            assert await answer_to(door, start) == b""


async def test_whoever_holds_every_connection_makes_room_for_others(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.MOST_CONNECTIONS", 20)

    def answer(number: int, content: Any) -> Answer:
        return (HANGS, None) if content["max_tokens"] == 7 else (200, message())

    async with siege(short_folder, answer, limit=AdaptiveLimit(start=500)) as door:
        hanging = head(door.grant, length=ASKED) + sound(max_tokens=7)
        for data in (b"", b"POST", hanging):
            writers = [(await connect(door))[1] for _ in range(100)]
            for writer in writers:
                writer.write(data)
            await is_answered(door)
            for writer in writers:
                writer.close()
        door.gateway.revoke(door.grant)


async def test_a_call_in_flight_makes_no_room_for_a_flood(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.connections.MOST_CONNECTIONS", 20)
    flooded = asyncio.Event()
    async with siege(short_folder) as door:
        send = door.account.upstream.send

        async def slowly(request: Any) -> Any:
            await flooded.wait()
            return await send(request)

        door.account.upstream.send = slowly  # type: ignore[method-assign]
        call = asyncio.create_task(is_answered(door))
        while not door.account.state()["in_flight"]:
            await asyncio.sleep(0.001)
        writers = [(await connect(door))[1] for _ in range(100)]
        flooded.set()
        await call
        for writer in writers:
            writer.close()


GATEWAY_WITH_FEW_FILES = """
import asyncio, json, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 256))
sys.path.insert(0, sys.argv[1])
from doors import opened_door, sound

async def main():
    async with opened_door(Path(sys.argv[2])) as door:
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            status, _, _ = await door.send("POST", "/v1/messages", sound())
            print(status, door.grant.failure, door.account.stopped, flush=True)

asyncio.run(main())
"""


def test_nobody_takes_the_files_that_others_are_answered_with(short_folder: Path) -> None:
    """Else the provider would look unreachable, and a bad rollout be run again."""
    command = [sys.executable, "-c", GATEWAY_WITH_FEW_FILES, str(Path(__file__).parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    root = str(Path(__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(
        [*command, str(short_folder)], text=True, env=environment, **pipes
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline() == "ready\n"
            held = []
            for _ in range(600):
                held.append(socket.socket(socket.AF_UNIX))
                held[-1].connect(str(short_folder / "gateway.sock"))
            for _ in range(3):
                process.stdin.write("ask\n")
                process.stdin.flush()
                assert process.stdout.readline().split() == ["200"]
            for connection in held:
                connection.close()
            process.stdin.close()
            assert process.stderr.read() == ""
        finally:
            process.kill()
