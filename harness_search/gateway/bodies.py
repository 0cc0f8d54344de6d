"""What a client sends: its key, its body in time, and what of it goes to the provider."""

import asyncio

from aiohttp import web

from harness_search.gateway.answers import RefusedError
from harness_search.gateway.batches import client_headers
from harness_search.gateway.upstream import Outgoing

SECONDS_TO_SEND = 30.0
"""A client on this machine that is still sending after so long holds others' memory."""


def token_of(request: web.Request) -> str:
    """The key, in either of the two headers that clients send one in."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return request.headers.get("x-api-key", bearer)


async def expect_body(request: web.Request) -> None:
    """Let a client that asks first send its body; of other expectations nothing is known."""
    if request.version >= (1, 1) and request.headers["expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # of the answer itself nothing has been sent


async def read_body(request: web.Request) -> bytes:
    """The body; raises RefusedError when it does not come, or is too large."""
    try:
        async with asyncio.timeout(SECONDS_TO_SEND):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise RefusedError(413, "Request exceeds the maximum size") from error
    except TimeoutError as error:
        raise RefusedError(408, "the request body did not come in time") from error
    except (ConnectionError, web.RequestPayloadError) as error:
        raise RefusedError(400, "the request body did not come whole") from error


def outgoing_of(path: str, request: web.Request, body: bytes | None, noise: str) -> Outgoing:
    """The request as it came; of its headers only those that say how it is to be read."""
    query = "?beta=true" if request.query.get("beta") == "true" else ""
    return Outgoing(path + query, body, client_headers(request), noise)
