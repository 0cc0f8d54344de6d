"""A gateway under attack: what is sent to it in raw bytes, and what may not come of it."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from doors import Door, opened_door, sound
from scripted_api import message

from harness_search.gateway.budget import Amount
from harness_search.gateway.grants import Grant
from harness_search.gateway.transcript import read_transcript

CHUNKED = "Transfer-Encoding: chunked"


class Incidents(logging.Handler):
    """All that the gateway's libraries complain of: a client must not be able to cause any."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))

    def report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.seen.append(str(context))


@asynccontextmanager
async def siege(folder: Path, *arguments: Any, **options: Any) -> AsyncIterator[Door]:
    """A door to attack. At the end another client is answered, and nothing came of the attack."""
    incidents = Incidents()
    loggers = [logging.getLogger(name) for name in ("aiohttp", "asyncio")]
    asyncio.get_running_loop().set_exception_handler(incidents.report)
    for logger in loggers:
        logger.addHandler(incidents)
    try:
        async with opened_door(folder, *arguments, **options) as door:
            yield door
            await is_answered(door)
            assert (door.grant.failure, door.account.stopped) == ("", "")
            await door.grant.settled()
            assert door.account.budget.reserved == Amount()
            if door.transcript.exists():
                list(read_transcript(door.transcript))
        gc.collect()  # an exception that nobody took is told when its task goes
        await asyncio.sleep(0)
    finally:
        for logger in loggers:
            logger.removeHandler(incidents)
    assert incidents.seen == []


async def is_answered(door: Door) -> None:
    """A well-behaved client is, whatever happens beside it."""
    neighbour = door.another()
    body = sound(messages=[{"role": "user", "content": "neighbour"}])
    status, _, _ = await asyncio.wait_for(
        door.send("POST", "/v1/messages", body, neighbour), timeout=20
    )
    assert (status, neighbour.failure) == (200, "")


def asked_of(door: Door) -> list[Any]:
    """What the provider was asked, without the neighbour's."""
    return [one for one in door.api.received if b"neighbour" not in one.body]


def head(grant: Grant, *lines: str, length: int | None = None, start: str = "") -> bytes:
    """A request's head; `length` is the one that it announces."""
    said = [start or "POST /v1/messages HTTP/1.1", "Host: x", f"x-api-key: {grant.token}", *lines]
    if length is not None:
        said.append(f"Content-Length: {length}")
    return ("\r\n".join(said) + "\r\n\r\n").encode("latin-1")


def whole(grant: Grant, *lines: str, body: bytes | None = None, start: str = "") -> bytes:
    body = sound() if body is None else body
    return head(grant, "Connection: close", *lines, length=len(body), start=start) + body


async def connect(
    door: Door, limit: int = 1 << 20
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(str(door.gateway.socket), limit=limit)


async def answer_to(door: Door, data: bytes) -> bytes:
    """All that comes back until the gateway closes the connection."""
    reader, writer = await connect(door)
    pieces = []
    try:
        writer.write(data)
        while piece := await asyncio.wait_for(reader.read(1 << 16), timeout=20):
            pieces.append(piece)
    except ConnectionError:  # it was closed while we were still sending
        pass
    finally:
        writer.close()
    return b"".join(pieces)


def is_refusal(answer: bytes) -> bool:
    """An error in the API's shape, with nothing behind it; or a closed connection."""
    if not answer:
        return True
    top, _, body = answer.partition(b"\r\n\r\n")
    content = json.loads(body)
    status = int(top.split()[1])
    return 400 <= status < 500 and content["type"] == "error" and bool(content["error"]["type"])


M = json.dumps(message()).encode()


def reply(
    *lines: bytes, body: bytes = M, status: bytes = b"200 OK", length: int | None = None
) -> bytes:
    said = (b"HTTP/1.1 " + status, b"Content-Type: application/json", *lines)
    return (
        b"\r\n".join(said)
        + b"\r\nContent-Length: %d\r\n\r\n" % (len(body) if length is None else length)
        + body
    )


def stream(*events: object, kind: bytes = b"text/event-stream") -> bytes:
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return reply(body=body).replace(b"application/json", kind)


@asynccontextmanager
async def provider_of(answer: bytes) -> AsyncIterator[str]:
    """Answers everything with these bytes, but for the gateway's own request and a neighbour's."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            top = await reader.readuntil(b"\r\n\r\n")
            assert b"cookie" not in top.lower()
            length = next(line for line in top.lower().split(b"\r\n") if b"content-length" in line)
            body = await reader.readexactly(int(length.split(b":")[1]))
            own = b'"ping"' in body or b"neighbour" in body
            writer.write(reply(b"Connection: close") if own else answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
