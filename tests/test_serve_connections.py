"""Visitors who send nonsense, nothing, or go: they hold nothing up and nothing of them is said."""

import asyncio
import errno
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from served import Site, served

from harness_search.serving import connections, routes
from harness_search.serving.access import Access
from harness_search.serving.connections import Complaints
from harness_search.serving.slots import Slots

TOKEN = "SECRET-TOKEN-OF-ONES-OWN"
HOST = b"Host: localhost\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        f"GET /?token={TOKEN} HTTP/9.x\r\nHost: x\r\n\r\n",
        f"GET /?token={TOKEN}\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET /?token={TOKEN}{'a' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET http://[?token={TOKEN} HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {TOKEN}\r\n\r\n",
        f"{TOKEN}\r\n\r\n",
    ],
)
async def test_a_request_that_is_none_is_neither_logged_nor_repeated(
    workspace_folder: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    sent: str,
) -> None:
    async with served(workspace_folder, Access(loopback=True, token=TOKEN)) as site:
        answer = (await site.send(sent.encode())).decode()
    assert answer.startswith("HTTP/1.0 400 ")
    assert "aiohttp" not in answer
    assert "X-Content-Type-Options: nosniff" in answer
    assert "default-src 'none'; frame-ancestors 'none'" in answer
    assert TOKEN not in answer + caplog.text + "".join(capfd.readouterr())


async def test_a_fault_of_ours_is_logged_without_the_request(
    workspace_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(routes, "candidate_page", broken)
    async with served(workspace_folder) as site:
        answer, page = await site.get("/candidates/somebody?word=asked")
    assert answer.status == 500
    assert "Server" not in answer.headers or "aiohttp" not in answer.headers["Server"]
    assert "a fault" not in page
    assert "a fault of ours" in caplog.text
    assert "in broken" in caplog.text
    assert "asked" not in caplog.text


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n" + HOST, b""),
        (b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n", b"HTTP/1.1 404 "),
        (
            b"POST /ask HTTP/1.1\r\n"
            + HOST
            + b"Origin: http://localhost\r\nContent-Length: 100\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=",
            b"HTTP/1.1 408 ",
        ),
    ],
)
async def test_who_leaves_a_request_unfinished_or_stays_idle_is_let_go(
    workspace_folder: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes, answer: bytes
) -> None:
    # Silence counts from the beginning: who is to be answered needs the time to ask.
    monkeypatch.setattr(connections, "SECONDS_OF_SILENCE", 1.0 if answer else 0.1)
    monkeypatch.setattr(connections, "SECONDS_TO_LINGER", 0.1)
    monkeypatch.setattr(routes, "SECONDS_FOR_A_FORM", 0.1)
    async with served(workspace_folder) as site:
        assert (await site.send(sent)).startswith(answer)


async def let_in(site: Site) -> None:
    request = b"GET /nowhere HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    async with asyncio.timeout(60):
        while True:
            with suppress(ConnectionError):  # who is not let in may find out while asking
                if (await site.send(request)).startswith(b"HTTP/1.1 404 "):
                    return


async def test_beyond_so_many_connections_nobody_is_let_in(
    workspace_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    async with served(workspace_folder) as site:
        opened = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(3)]
        assert (await site.send(b"")).startswith(b"HTTP/1.1 503 ")
        opened[0][1].close()
        await let_in(site)
        for _, writer in opened[1:]:
            writer.close()


def test_half_of_the_files_are_left_for_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, most in ((100, 50), (4096, 256), (connections.resource.RLIM_INFINITY, 256)):
        monkeypatch.setattr(connections.resource, "getrlimit", lambda _, found=files: (found, 0))
        assert connections.most_connections() == most


async def test_that_no_file_can_be_opened_is_said_once(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    complaints, loop = Complaints(), asyncio.get_running_loop()
    for _ in range(100):
        complaints(loop, {"message": "", "exception": OSError(errno.EMFILE, "Too many open files")})
    said = "meta-harness: new visitors have to wait: Too many open files\n"
    assert capsys.readouterr().err == said
    complaints(loop, {"message": TOKEN, "exception": ValueError(TOKEN), "protocol": None})
    assert "A connection was closed: ValueError." in caplog.text
    assert TOKEN not in caplog.text
    complaints(loop, {"message": "Task exception", "exception": ValueError("a fault of ours")})
    assert "a fault of ours" in caplog.text


# Pages that take long.


class Slow:
    """Work that does not end before it may."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.begun = 0

    def __call__(self, *words: Any) -> str:
        self.begun += 1
        if "quick" not in words:
            self.may_end.wait()
        return "done"


@pytest.fixture
def slow() -> Iterator[Slow]:
    found = Slow()
    yield found
    found.may_end.set()


async def begun(slow: Slow, count: int) -> None:
    async with asyncio.timeout(60):
        while slow.begun < count:
            await asyncio.sleep(0)


async def test_pages_of_visitors_who_left_hold_nobody_up(
    workspace_folder: Path, monkeypatch: pytest.MonkeyPatch, slow: Slow
) -> None:
    monkeypatch.setattr(routes, "candidate_page", slow)
    async with served(workspace_folder) as site:
        for number in range(routes.PAGES_AT_ONCE):
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(b"GET /candidates/slow HTTP/1.1\r\n" + HOST + b"\r\n")
            await begun(slow, number + 1)
            writer.close()
        answer, text = await site.get("/candidates/quick")
        assert (answer.status, text) == (200, "done")


async def test_threads_that_were_left_behind_are_bounded(slow: Slow) -> None:
    slots = Slots(1, 2)
    for number in range(2):
        left = asyncio.ensure_future(slots.make(slow))
        await begun(slow, number + 1)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
    waits = asyncio.ensure_future(slots.make(slow, "quick"))
    gone = asyncio.ensure_future(slots.make(slow))
    await asyncio.sleep(0)
    gone.cancel()
    assert slow.begun == 2
    slow.may_end.set()
    assert await waits == "done"
    assert slow.begun == 3
