"""The journal and the state of a search as server-sent events."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, closing
from typing import Any

from aiohttp import web

from harness_search.pages.live import log_entry
from harness_search.reports.logs import line_of
from harness_search.service.events import EVENTS, RolloutEnded
from harness_search.service.journal import Entry, Place
from harness_search.serving.looks import UNREADABLE
from harness_search.serving.views import Views

KINDS = (*(event.kind for event in EVENTS), "unknown", "skipped")
"""Of events: those of the journal, what this version does not know, and that some are left out."""
SECONDS_BETWEEN = 0.25
SECONDS_BETWEEN_BEATS = 15.0
"""Proxies close what is silent for long; and a client that has gone is only found by writing."""
SECONDS_FOR_A_CLIENT = 30.0
"""To take what was sent; the socket's buffer and one event are all that is kept for it."""
MOST_BACKLOG = 256 * 1024
"""Bytes of the journal that a client is sent to catch up; it is told what it missed."""
MOST_CLIENTS = 200
AT_ONCE = 100
"""Events after which other clients have their turn."""
RETRY_MILLISECONDS = 1000


class Streams:
    """All clients that follow."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._closing = asyncio.Event()
        self.clients = 0

    async def close(self, _: web.Application) -> None:
        """End all of them."""
        self._closing.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Follow until the client goes; it begins after the event that it names, by the header
        that a browser sends when it connects again or by `?from=`, else with what is new."""
        if self.clients >= MOST_CLIENTS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_CLIENTS} pages are open already.")
        mark = request.headers.get("Last-Event-ID", request.query.get("from"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self.clients += 1
        try:
            await response.prepare(request)
            await self._send(response, f"retry: {RETRY_MILLISECONDS}\n\n")
            async with aclosing(self._blocks(mark)) as blocks:
                async for one in blocks:
                    await self._send(response, one)
        except UNREADABLE:
            pass  # it has gone, or does not read; or the disk does not answer, and it comes again
        finally:
            self.clients -= 1
        return response

    @staticmethod
    async def _send(response: web.StreamResponse, block: str) -> None:
        async with asyncio.timeout(SECONDS_FOR_A_CLIENT):
            await response.write(block.encode())

    async def _blocks(self, mark: str | None) -> AsyncGenerator[str, None]:
        """What to send, as it comes."""
        shown, said_at = 0, time.monotonic()
        with closing(Place(self._views.looks.layout.events, at_end=True)) as place:
            if mark is not None and not place.go_to(mark, MOST_BACKLOG):
                yield _skipped()
            while not self._closing.is_set():
                count = 0
                for entry in place.new():
                    yield _of_entry(entry, place.mark)
                    count += 1
                    if count % AT_ONCE == 0:
                        await asyncio.sleep(0)
                view = await self._views.now()
                if view.number != shown:
                    shown, count = view.number, count + 1
                    yield block("now", view.document)
                if not count and time.monotonic() - said_at >= SECONDS_BETWEEN_BEATS:
                    count = 1
                    yield ": still there\n\n"
                said_at = time.monotonic() if count else said_at
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(SECONDS_BETWEEN):
                await self._closing.wait()
        except TimeoutError:
            return


def block(kind: str, document: Mapping[str, Any], mark: str = "") -> str:
    """One event. The document is one line of ASCII, whatever it holds."""
    name = f"id: {mark}\n" if mark else ""
    return f"{name}event: {kind}\ndata: {json.dumps(document)}\n\n"


def _of_entry(entry: Entry, mark: str) -> str:
    document = log_entry(line_of(entry))
    if isinstance(entry.event, RolloutEnded):
        return block(entry.kind, {**document, "lost": entry.event.lost}, mark)
    return block(entry.kind if entry.event else "unknown", document, mark)


def _skipped() -> str:
    said = "Earlier events are left out here: `meta-harness logs` has them all."
    return block("skipped", {"at": "", "clock": "", "text": said})
