"""Puts answers on the wire, and makes their faults happen there."""

import asyncio
import fcntl
import json
import socket
import struct
import termios
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from aiohttp import web

from harness_search.gateway.events import error_body, error_event
from harness_search.simulated.caching import LookUp
from harness_search.simulated.faults import (
    BreakStream,
    Drop,
    DuringAnswer,
    ErrorEvent,
    Garbage,
    Hang,
    InsteadOfAnswer,
    Reset,
    StallStream,
    Status,
)

CLOSE_BY_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time at all


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API says to a request."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    events: tuple[bytes, ...] | None = None
    """The body as a stream; None where it is sent in one piece."""
    found: LookUp | None = None
    """What goes into the prompt cache when this answer begins."""
    seconds: float = 0.0
    """How long the model takes to say it; a stream comes at an even pace."""

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """The body in the pieces that it is sent in when something breaks it."""
        half = len(self.body) // 2
        return self.events if self.events is not None else (self.body[:half], self.body[half:])


def failure(
    status: int, kind: str, message: str, request_id: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """An error exactly as the API words it."""
    content = {**error_body(kind, message), "request_id": request_id}
    return Answer(status, json.dumps(content).encode(), headers or {})


async def answer_not(
    request: web.Request, fault: InsteadOfAnswer, request_id: str
) -> web.StreamResponse:
    """Fail a request before it is looked at."""
    match fault:
        case Status(body=None):
            answer = failure(fault.status, fault.kind, fault.message, request_id, fault.headers)
            return _in_one_piece(answer, request_id)
        case Status():
            headers = {"content-type": "text/html", **_lower(fault.headers)}
            return web.Response(status=fault.status, text=fault.body, headers=headers)
        case Garbage():
            return web.Response(text=fault.body, content_type=fault.content_type)
        case Hang():
            await _forever()
        case Drop():
            _close(request, reset=False)
        case Reset():
            _close(request, reset=True)
    return web.Response()  # to a connection that is gone


async def deliver(
    request: web.Request,
    answer: Answer,
    fault: DuringAnswer | None,
    request_id: str,
    *,
    seconds_per_event: float = 0.0,
) -> web.StreamResponse:
    """Send an answer, or as much of it as its fault lets through.

    An error event is for streams; any other answer is sent as it is.
    """
    if answer.events is None and not isinstance(fault, BreakStream | StallStream):
        await asyncio.sleep(answer.seconds)
        return _in_one_piece(answer, request_id)
    response = web.StreamResponse(status=answer.status, headers=_headers(answer, request_id))
    if answer.events is None:
        response.content_length = len(answer.body)
    await response.prepare(request)
    pace = seconds_per_event + answer.seconds / max(1, len(answer.pieces))
    for piece in answer.pieces[: _pieces_before(fault, answer)]:
        await response.write(piece)
        await asyncio.sleep(pace)
    if isinstance(fault, ErrorEvent):
        await response.write(error_event(fault.kind, fault.message))
    elif isinstance(fault, StallStream):
        await _forever()
    elif isinstance(fault, BreakStream):
        await _flush(request)
        _close(request, reset=fault.reset)
        return response
    await response.write_eof()
    return response


def _pieces_before(fault: DuringAnswer | None, answer: Answer) -> int:
    if fault is None:
        return len(answer.pieces)
    return 1 if answer.events is None else fault.after_events


def _in_one_piece(answer: Answer, request_id: str) -> web.Response:
    headers = _headers(answer, request_id)
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _headers(answer: Answer, request_id: str) -> dict[str, str]:
    kind = answer.content_type if answer.events is None else "text/event-stream; charset=utf-8"
    return {"content-type": kind, "request-id": request_id, **_lower(answer.headers)}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _forever() -> NoReturn:
    """Until the client goes or the server stops: both cancel the handler."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable: nobody sets the event")


async def _flush(request: web.Request) -> None:
    """Wait until the other side has everything: a reset would throw away what it has not."""
    while request.transport is not None and _unsent(request.transport):
        await asyncio.sleep(0.001)


def _unsent(transport: asyncio.Transport) -> int:
    """Bytes that wait in this process, or in the kernel for their acknowledgement."""
    size = array("i", [0])
    fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, size)
    return transport.get_write_buffer_size() + size[0]


def _close(request: web.Request, *, reset: bool) -> None:
    transport = request.transport
    if transport is None:
        return
    if not reset:
        transport.close()
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_BY_RESET)
    transport.abort()
