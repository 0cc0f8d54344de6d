"""A real browser that notes whatever a page says, asks for and does.

It is Debian's chromium, headless; no name but this machine's own resolves in it. Its profile and
home are in a folder of the test's own: whoever runs the tests may have no home.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch
from urllib.parse import urlsplit

import psutil
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    async_playwright,
)
from seen_processes import name_of

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-gpu")
PATIENCE = 20_000
"""Milliseconds that a page may take to do anything that a test waits for."""
WORST = {"serious", "critical"}

Scheme = Literal["dark", "light"]


@dataclass
class Opened:
    """A page, and all that happened in it since it was opened."""

    page: Page
    address: str
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.console.append(f"{message.type}: {message.text}")

    async def _asked(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    @property
    def outside(self) -> list[str]:
        """What was asked for elsewhere; a page that is a file may ask for nothing but itself."""
        return [url for url in self.requests if not self._is_own(url)]

    def _is_own(self, url: str) -> bool:
        asked, mine = urlsplit(url), urlsplit(self.address)
        if asked.scheme == "data":
            return True
        if mine.scheme == "file":
            return asked.path == mine.path
        return (asked.scheme, asked.netloc) == (mine.scheme, mine.netloc)


def clean(opened: Opened) -> None:
    """Hold a page to it: no error and no warning, no dialog, nothing asked for elsewhere."""
    assert (opened.console, opened.errors, opened.dialogs) == ([], [], [])
    assert opened.outside == []


@asynccontextmanager
async def chromium(home: Path) -> AsyncIterator[Browser]:
    """The browser; the test is skipped where there is none."""
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no {CHROMIUM}: install Debian's chromium to test pages in a browser")
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    with patch.dict(os.environ, places):
        playwright = await async_playwright().start()
    try:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=OPTIONS, env={**os.environ, **places}
        )
        yield browser
        processes = _processes()
        await browser.close()
        psutil.wait_procs(processes, timeout=10)
    finally:
        await playwright.stop()


def _processes() -> list[psutil.Process]:
    """Of the browser: other tests look for what is left of theirs."""
    below = psutil.Process().children(recursive=True)
    return [one for one in below if name_of(one).startswith(CHROMIUM.name)]


@asynccontextmanager
async def opened(
    browser: Browser, address: str, scheme: Scheme = "light", **options: Any
) -> AsyncIterator[Opened]:
    """A page in a window of its own; its `load` event has come."""
    context: BrowserContext = await browser.new_context(
        color_scheme=scheme, reduced_motion="reduce", **options
    )
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(3 * PATIENCE)  # a report may have to be made first
    found = Opened(await context.new_page(), address)
    found.listen()
    try:
        await found.page.goto(address)
        yield found
    finally:
        await context.close()


async def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical: the rule, and where it is broken."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{violation['id']} ({violation['help']}): {node['target']} {node.get('failureSummary')}"
        for violation in found.response["violations"]
        if violation["impact"] in WORST
        for node in violation["nodes"][:3]
    ]
