"""A loopback port that leads to the gateway's socket, for agents that ask for a base URL."""

import asyncio
import socket

MOST_CONNECTIONS = 64
CHUNK = 65536


def forward(listener: int, path: str) -> None:
    """Join every connection to one of its own to the socket at `path`, for ever."""
    asyncio.run(_serve(socket.socket(fileno=listener), path))


async def _serve(listener: socket.socket, path: str) -> None:
    places = asyncio.Semaphore(MOST_CONNECTIONS)

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with places:
            await _join(reader, writer, path)

    server = await asyncio.start_server(join, sock=listener)
    await server.serve_forever()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    """Relay both ways; a connection that breaks is broken off on the other side, never ended as
    if it were whole."""
    try:
        from_gateway, to_gateway = await asyncio.open_unix_connection(path)
    except OSError:
        writer.transport.abort()
        return
    ways = (_relay(reader, to_gateway), _relay(from_gateway, writer))
    whole = await asyncio.gather(*ways)
    for end in (writer, to_gateway):
        if all(whole):
            end.close()
        else:
            end.transport.abort()


async def _relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> bool:
    """Pass on what comes, and its end; False when either side broke."""
    try:
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
        target.write_eof()
    except OSError:
        target.transport.abort()
        return False
    return True
