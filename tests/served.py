"""The real server on a real port, for its tests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from harness_search.serving.access import Access
from harness_search.serving.application import STREAMS, new_application, serving
from harness_search.serving.stream import Streams


@dataclass(frozen=True, slots=True)
class Site:
    """A server at work, and a browser of sorts."""

    url: str
    browser: aiohttp.ClientSession
    access: Access
    streams: Streams

    async def get(self, path: str, **options: Any) -> tuple[aiohttp.ClientResponse, str]:
        """An answer with its text."""
        async with self.browser.get(f"{self.url}{path}", **options) as answer:
            return answer, await answer.text()

    async def send(self, data: bytes) -> bytes:
        """All that comes back until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            async with asyncio.timeout(60):
                return await reader.read()
        finally:
            writer.close()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def ask(self, ask: str, **headers: str) -> tuple[int, str]:
        """Press a button, as the page's script does; the answer's sentence."""
        sent = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin", **headers}
        form = {"ask": ask, "form": self.access.form}
        async with self.browser.post(f"{self.url}/ask", data=form, headers=sent) as answer:
            return answer.status, (await answer.json())["said"]


@asynccontextmanager
async def served(root: Path, access: Access | None = None) -> AsyncIterator[Site]:
    """Serve a workspace, on loopback and without a token unless rules are given."""
    rules = access or Access(loopback=True)
    application = new_application(root, rules)
    timeout = aiohttp.ClientTimeout(total=60)
    async with (
        serving(application, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(
            timeout=timeout, cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as browser,
    ):
        yield Site(f"http://127.0.0.1:{port}", browser, rules, application[STREAMS])


@dataclass(frozen=True, slots=True)
class Sent:
    """One server-sent event, or a comment without a kind."""

    kind: str
    id: str
    data: Any


class Stream:
    """A client that follows."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> Sent:
        """Whatever comes next; raises EOFError at the end."""
        fields: dict[str, str] = {}
        while line := (await self._answer.content.readline()).decode():
            if line == "\n":
                data = json.loads(fields["data"]) if "data" in fields else None
                return Sent(fields.get("event", ""), fields.get("id", ""), data)
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value
        raise EOFError

    async def told(self, count: int) -> list[Sent]:
        """The next events of the journal."""
        found: list[Sent] = []
        while len(found) < count:
            sent = await self.next()
            if sent.kind not in {"", "now"}:
                found.append(sent)
        return found

    async def state(self, sentence: str) -> dict[str, Any]:
        """The first view with such a sentence."""
        while True:
            sent = await self.next()
            if sent.kind == "now" and sentence in sent.data["sentence"]:
                return dict(sent.data)


@asynccontextmanager
async def following(site: Site, path: str = "/events", **headers: str) -> AsyncIterator[Stream]:
    """Follow, once the server has begun to answer."""
    async with site.browser.get(f"{site.url}{path}", headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)
