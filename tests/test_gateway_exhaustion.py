"""Nobody spends what is others', or fills what is everybody's."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from doors import HELLO, budget_of, sound
from scripted_api import Answer, message
from sieges import answer_to, asked_of, siege, whole

from harness_search.gateway.budget import Amount
from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import Garbage

LIMITS = "harness_search.gateway"
ASKED = len(sound())


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for the rest of a body that was refused."""
    monkeypatch.setattr(f"{LIMITS}.connections.SECONDS_TO_LINGER", 0.1)


async def test_a_request_that_is_refused_late_keeps_nothing_reserved(short_folder: Path) -> None:
    async with siege(short_folder, budget=budget_of(tokens=1_000_000)) as door:
        for line in ("anthropic-beta: \xff", "anthropic-version: \x01", "Content-Encoding: br"):
            await answer_to(door, whole(door.grant, line))
        await door.send("POST", "/v1/messages", sound(stream=True, max_tokens=0))
        assert door.account.budget.reserved == Amount()


async def test_no_request_is_so_dear_that_it_ends_the_run(short_folder: Path) -> None:
    async with siege(short_folder, budget=budget_of(tokens=1_500_000)) as door:
        status, _ = await door.ask(max_tokens=10_000_000)
        assert (status, door.account.stopped) == (200, "")


async def test_a_transcript_grows_to_its_limit_and_no_further(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.server.LARGEST_TRANSCRIPT", 100_000)
    async with siege(short_folder) as door:
        new = [[{"role": "user", "content": str(number) * 40_000}] for number in range(5)]
        statuses = [(await door.ask(messages=messages))[0] for messages in new]
        assert door.transcript.stat().st_size < 200_000
    assert statuses == [200, 200, 200, 400, 400]
    assert "transcript" in door.grant.limit_reached


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("levels", [150, 900])
async def test_a_model_that_was_made_to_nest_its_call_deeply_has_not_failed(
    short_folder: Path, levels: int, streaming: bool
) -> None:
    wanted: Any = "x"
    for _ in range(levels):
        wanted = [wanted]
    reply = message()
    reply["content"] = [{"type": "tool_use", "id": "t", "name": "x", "input": {"deep": wanted}}]
    asked = {"stream": True} if streaming else {}

    def answer(number: int, content: Any) -> Answer:
        if content["messages"] == HELLO and not streaming:
            return Garbage(json.dumps(reply), "application/json")
        return 200, (reply if content["messages"] == HELLO else message())

    async with siege(short_folder, answer, patience=0.1) as door:
        status, _, _ = await door.send("POST", "/v1/messages", sound(**asked))
        assert (status, len(asked_of(door))) == (200, 1)
    assert door.grant.usage == Usage(3, 2)


MEGABYTE = 1024 * 1024
MOST_MEMORY = 900 * MEGABYTE
"""384 MB of bodies, at most 360 MB to read one of them, 60 MB of program, and some air."""
GATEWAY_OF_200 = """
import asyncio, json, sys
from pathlib import Path
from harness_search.gateway import server
from harness_search.gateway.account import Account, Terms
from harness_search.gateway.upstream import Upstream
server.LARGE_BYTES_A_SECOND = 1e12

async def main():
    folder = Path(sys.argv[2])
    account = Account(Upstream(sys.argv[1], "key"), Terms("scripted-1"))
    gateway = server.Gateway(account, folder / "s")
    await gateway.start()
    tokens = [gateway.grant(folder / f"{number}.jsonl").token for number in range(200)]
    print(json.dumps(tokens), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_two_hundred_clients_with_32_megabytes_each_need_less_than_900(
    short_folder: Path,
) -> None:
    size = 32 * MEGABYTE - 200
    body = sound(messages=[{"role": "user", "content": "a" * size}])
    arrived, enough, held = 0, asyncio.Event(), []

    async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        held.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(32):
            await reader.readexactly(size // 32)
        arrived += 1
        if arrived == 11:  # the twelfth still has its turn
            enough.set()

    provider = await asyncio.start_server(think, "127.0.0.1", 0, limit=MEGABYTE)
    address = f"http://127.0.0.1:{provider.sockets[0].getsockname()[1]}"
    gateway = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", GATEWAY_OF_200, address, str(short_folder)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
    )
    assert gateway.stdout is not None
    clients = []
    try:
        for token in json.loads(await gateway.stdout.readline()):
            _, client = await asyncio.open_unix_connection(str(short_folder / "s"))
            top = f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: {token}\r\n"
            client.write(f"{top}Content-Length: {len(body)}\r\n\r\n".encode())
            client.transport.set_write_buffer_limits(MEGABYTE)
            clients.append(client)
        sending = [asyncio.create_task(send_all(client, body)) for client in clients]
        await asyncio.wait_for(enough.wait(), timeout=600)
        most = psutil.Process(gateway.pid).memory_info().rss
        peak = highest_memory(gateway.pid)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
    finally:
        gateway.kill()
        await gateway.wait()
        for connection in clients + held:
            connection.transport.abort()
        provider.close()
    assert most <= peak < MOST_MEMORY


async def send_all(client: asyncio.StreamWriter, body: bytes) -> None:
    for start in range(0, len(body), MEGABYTE):
        client.write(body[start : start + MEGABYTE])
        await client.drain()


def highest_memory(pid: int) -> int:
    """Most bytes of resident memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
