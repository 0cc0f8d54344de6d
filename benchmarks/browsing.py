"""Debian's chromium and a workspace's live page, for benchmarks that look at pages."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from large_ledger import COMMAND
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
WIDTH = 1280
"""Of the window, in pixels."""
LONGEST_WAIT = 60_000  # milliseconds
_ADDRESS = re.compile(r"http://\S+")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; raises playwright's error where there is none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, height: int = 800) -> Iterator[Page]:
    """A page of its own, with nothing kept of earlier ones."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_default_timeout(LONGEST_WAIT)
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a workspace's live page, as long as it is served."""
    command = [*COMMAND, "serve", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    """What the server says of itself; raises RuntimeError when it ends without."""
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        if found := _ADDRESS.search(line):
            return found[0]
    raise RuntimeError(f"no live page: {''.join(said)}")
