"""The client's end of a stream: however slowly it reads, the provider is read at full speed.

Otherwise a client that stops reading would make the provider look as if it had fallen silent.
"""

import asyncio
from collections.abc import Mapping

from aiohttp import web

SECONDS_TO_READ = 60.0
"""A client that takes nothing for so long after the stream's end is left."""


class Outlet:
    """Passes raw chunks on to one client; its leaving stops nothing."""

    def __init__(self, client: web.Request, headers: Mapping[str, str]) -> None:
        self.response = web.StreamResponse(headers=headers)
        self._client = client
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer: asyncio.Task[bool] | None = None

    @property
    def open(self) -> bool:
        """Whether the answer has begun; until then nothing of it reaches the client."""
        return self._writer is not None

    def start(self) -> None:
        """Begin the answer, with what has been put so far."""
        self._writer = asyncio.create_task(self._write())

    def put(self, chunk: bytes) -> None:
        """Pass a chunk on, without waiting."""
        self._waiting.put_nowait(chunk)

    async def finish(self, *, clean: bool) -> None:
        """Let the client take what is left; then end the stream, or break it off."""
        assert self._writer is not None
        self._waiting.put_nowait(b"")
        try:
            left = await asyncio.wait_for(self._writer, SECONDS_TO_READ)
        except TimeoutError:
            left = True
        if left or not clean:
            self.abort()

    def abort(self) -> None:
        """Break off what has begun, so that nobody takes what came for the whole."""
        if self._writer is None:
            return
        self._writer.cancel()
        if self._client.transport is not None:
            self._client.transport.abort()

    async def _write(self) -> bool:
        """Write until the end; returns whether the client has left."""
        try:
            await self.response.prepare(self._client)
            while chunk := await self._waiting.get():
                await self.response.write(chunk)
        except ConnectionError:
            return True
        return False
