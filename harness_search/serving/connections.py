"""Connections: how many there may be, how long one may be silent, and what is said of bad ones."""

import asyncio
import errno
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.http import HttpProcessingError

from harness_search.serving.headers import set_headers

MOST_CONNECTIONS = 256
"""And never more than half of the files that this process may open."""
SECONDS_OF_SILENCE = 30.0
"""In which a connection has to bring a complete header, and the next one."""
SECONDS_TO_LINGER = 5.0
"""For the rest of a request that was answered before its end."""
SECONDS_BETWEEN_REPORTS = 60.0
FULL = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Visitor(web.RequestHandler):
    """One connection. What cannot be understood of it is neither repeated nor logged: it may hold
    the token."""

    __slots__ = ()

    def log_access(self, request: Any, response: Any, time: float | None) -> None:
        """Not at all."""

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Only what is a fault of ours."""
        if not isinstance(kw.get("exc_info"), HttpProcessingError):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """An answer in our words, with our headers."""
        said = None if message is None else f"{HTTPStatus(status).phrase}.\n"
        response = super().handle_error(request, status, exc, said)
        set_headers(response)
        response.headers["Server"] = "meta-harness"  # else aiohttp names its version
        return response


class Door(asyncio.Protocol):
    """A new connection, which is let in or not."""

    def __init__(self, server: web.Server) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        connected = cast("asyncio.Transport", transport)
        if len(self._server.connections) >= most_connections():
            connected.write(FULL)
            connected.close()
            return
        loop = asyncio.get_running_loop()
        visitor = Visitor(
            self._server,
            loop=loop,
            keepalive_timeout=SECONDS_OF_SILENCE,
            lingering_time=SECONDS_TO_LINGER,
        )
        connected.set_protocol(visitor)
        visitor.connection_made(connected)


def most_connections() -> int:
    """At once."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, files // 2)
    )


class Complaints:
    """What the event loop complains of, without floods and without what visitors have sent."""

    def __init__(self) -> None:
        self._due = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say it on standard error."""
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _OUT_OF_FILES:
            self._out_of_files(error)
        elif "protocol" in context:
            kind = type(error).__name__
            loop.default_exception_handler({"message": f"A connection was closed: {kind}."})
        else:
            loop.default_exception_handler(context)

    def _out_of_files(self, error: OSError) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + SECONDS_BETWEEN_REPORTS
            said = f"meta-harness: new visitors have to wait: {error.strerror}"
            print(said, file=sys.stderr, flush=True)


@contextmanager
def complaints_said() -> Iterator[None]:
    """Of the running event loop."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(Complaints())
    try:
        yield
    finally:
        loop.set_exception_handler(before)
