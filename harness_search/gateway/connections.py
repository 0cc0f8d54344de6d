"""Who is connected: room for everybody, however many connections one hostile client holds.

Whoever used up the files that this process may open would make every provider look unreachable,
and so have its own bad rollouts run again.
"""

import asyncio
import resource
import socket
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from harness_search.gateway.answers import api_error

MOST_CONNECTIONS = 2000
MOST_FILES = 65_536
"""More than the gateway, its clients and their processes need."""
ACCEPTED_AT_ONCE = 32
"""Few beside MOST_CONNECTIONS: a request is read a few turns of the loop after its connection was
accepted, and must not have made room for others by then."""
MOST_WAITING = 512
"""Connections that the kernel keeps until they are accepted: who floods it makes others wait for
as many, at some 0.1 ms each."""
SECONDS_IDLE = 60.0
"""A connection without a complete head of a request is closed after so long."""
SECONDS_TO_LINGER = 10.0
"""A body that was refused is still read for so long: who sends it all before reading is told."""
READ_AHEAD = 64 * 1024
"""Bytes of a body that are read before it has its turn, twice over."""


class Connections:
    """Makes the connections of a server, and closes those that others need the room of."""

    def __init__(self, server: web.Server, most: int) -> None:
        self._server, self._most = server, most
        self._idle: OrderedDict[web.RequestHandler, None] = OrderedDict()
        """Without a request of a known holder, since longest first."""
        self._busy: dict[web.RequestHandler, str] = {}
        """With the holder of their request."""
        self._listeners: list[asyncio.Server] = []
        self._socket: tuple[Path, tuple[int, int]] | None = None
        """The unix socket's place, and the file that we made there."""

    @property
    def reachable(self) -> bool:
        """Whether clients find all that listens: a socket's file can be removed by anybody who
        tidies up temporary folders."""
        listening = [one.is_serving() for one in self._listeners]
        if self._socket is None or not listening or not all(listening):
            return False
        path, made = self._socket
        return _identity(path) == made

    async def listen(self, path: str) -> None:
        """Accept connections on a unix socket."""
        Path(path).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        Path(path).chmod(0o666)  # a box's user is not ours; the folder is private
        self._socket = Path(path), _identity(Path(path))
        await self._listen(listener)

    async def listen_on_a_port(self) -> int:
        """Accept connections on a free loopback port, and say which."""
        listener = socket.create_server(("127.0.0.1", 0))
        await self._listen(listener)
        return int(listener.getsockname()[1])

    async def _listen(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        self._listeners.append(
            await asyncio.get_running_loop().create_server(
                lambda: Connection(self, self._server), sock=listener, backlog=ACCEPTED_AT_ONCE
            )
        )
        listener.listen(MOST_WAITING)  # the loop takes the same figure for both

    def stop_listening(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def opened(self, connection: "Connection") -> None:
        """Take a connection in, at the cost of another if there are too many."""
        if len(self._idle) + len(self._busy) >= self._most:
            self._make_room()
        self._idle[connection] = None

    def closed(self, connection: "Connection") -> None:
        self._idle.pop(connection, None)
        self._busy.pop(connection, None)

    @contextmanager
    def busy(self, connection: web.RequestHandler, holder: str) -> Iterator[None]:
        """While a request of a known holder is answered, its connection is not taken for idle."""
        self._idle.pop(connection, None)
        self._busy[connection] = holder
        try:
            yield
        finally:
            if self._busy.pop(connection, None) is not None:  # else it was closed meanwhile
                self._idle[connection] = None

    def _make_room(self) -> None:
        """Close what has been idle for longest, else the newest of who has the most."""
        if self._idle:
            connection, _ = self._idle.popitem(last=False)
        else:
            holder, _ = Counter(self._busy.values()).most_common(1)[0]
            connection = next(one for one in reversed(self._busy) if self._busy[one] == holder)
            del self._busy[connection]
        transport = connection.transport
        connection.force_close()
        if transport is not None:
            transport.abort()  # without waiting until its client has read what it is owed


class Connection(web.RequestHandler):
    """One connection of a client that nobody trusts."""

    __slots__ = ("_connections",)

    def __init__(self, connections: Connections, server: web.Server) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # as web.AppRunner passes it
            keepalive_timeout=SECONDS_IDLE,
            lingering_time=SECONDS_TO_LINGER,
            read_bufsize=READ_AHEAD,
            auto_decompress=False,  # a small body could hold any number of bytes
        )
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connections.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.closed(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Bytes that are no HTTP are the client's affair: told to it, and logged nowhere."""
        if status != 400:
            super().handle_error(request, status, exc, message)
        said = "the request is no HTTP" if status == 400 else "an error of the gateway's own"
        answer = api_error(status, said)
        answer.force_close()
        return answer


def _identity(path: Path) -> tuple[int, int]:
    """What tells one file from another; of none where there is none."""
    try:
        found = path.lstat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def room_for_connections() -> int:
    """Let this process open as many files as it may, and say how many of them may be connections
    of clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return min(MOST_CONNECTIONS, most // 4)
