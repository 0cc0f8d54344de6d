"""The server: one process in the foreground, for one workspace."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

from aiohttp import web

from harness_search.errors import InputError
from harness_search.serving.access import Access
from harness_search.serving.connections import Door, complaints_said
from harness_search.serving.headers import add_headers
from harness_search.serving.looks import Looks
from harness_search.serving.routes import Routes
from harness_search.serving.stream import Streams
from harness_search.serving.views import Views

LARGEST_FORM = 16 * 1024
"""Bytes."""
SECONDS_TO_END = 0.5
"""For answers that are being made when the server ends."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
EVERYWHERE = frozenset({"", "0.0.0.0", "::"})
_PORTS = {
    errno.EADDRINUSE: ("in use by another program", "a free one (0 takes any)"),
    errno.EACCES: ("not allowed to this user", "one from 1024 on"),
}
"""What is wrong with a port, and what is expected."""


STREAMS = web.AppKey("streams", Streams)


def new_application(root: Path, access: Access) -> web.Application:
    """The pages of a workspace; raises InputError for what is none."""
    views = Views(Looks(root), access)
    streams = Streams(views)
    routes = Routes(views, access, streams)
    application = web.Application(
        middlewares=[routes.in_words, routes.guarded], client_max_size=LARGEST_FORM
    )

    async def begin(_: web.Application) -> None:
        await views.looks.now(0.0)  # ledgers may be read by when the first page is asked for

    application[STREAMS] = streams
    application.on_startup.append(begin)
    application.add_routes(routes.table())
    application.on_response_prepare.append(add_headers)
    application.on_shutdown.append(streams.close)
    return application


@asynccontextmanager
async def serving(application: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Listen; yields the port. Raises InputError where that is not possible."""
    # What nobody waits for any more need not be made.
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=SECONDS_TO_END)
    await runner.setup()
    try:
        listening = await _listen(cast("web.Server", runner.server), host, port)
        try:
            with complaints_said():
                yield int(listening.sockets[0].getsockname()[1])
        finally:
            listening.close()
    finally:
        await runner.cleanup()


async def _listen(server: web.Server, host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(partial(Door, server), host, port)
    except socket.gaierror as error:
        expected = "a name or an address of this machine"
        raise InputError("command line", "--host", repr(host), expected) from error
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            expected = "an address of this machine"
            raise InputError("command line", "--host", repr(host), expected) from error
        if error.errno not in _PORTS:
            raise
        found, expected = _PORTS[error.errno]
        raise InputError("command line", "--port", f"{port} {found}", expected) from error


async def serve(
    root: Path, access: Access, host: str, port: int, announce: Callable[[str], None]
) -> signal.Signals:
    """Answer until a signal ends it, which is returned; `announce` is told the address."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[signal.Signals] = loop.create_future()

    def end(number: signal.Signals) -> None:
        if not ended.done():
            ended.set_result(number)

    async with serving(new_application(root, access), host, port) as found:
        for one in SIGNALS:
            loop.add_signal_handler(one, end, one)
        try:
            announce(address(host, found))
            return await ended
        finally:
            for one in SIGNALS:
                loop.remove_signal_handler(one)


def address(host: str, port: int) -> str:
    """Where a browser finds it."""
    name = socket.gethostname() if host in EVERYWHERE else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
