"""Pages in a real browser, of a search in which whoever could write tried to take them over.

They show it all as text, say nothing in the console, ask nobody, and serve people who use a
keyboard or a screen reader, in light and in dark.
"""

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import pytest_asyncio
from browser import Opened, Scheme, chromium, clean, faults, opened
from hostile_search import (
    CANDIDATE,
    HOSTILE,
    PICTURE,
    QUOTE,
    RUDE_TASK,
    SCRIPT,
    make_hostile_search,
)
from launched import leave
from playwright.async_api import Browser, Page
from test_control import launched
from test_status import GONE

from harness_search.pages.folder import pages_of, rollout_file
from harness_search.pages.report import single_file
from harness_search.reports.document.material import reading
from harness_search.reports.document.report import make_report
from harness_search.service.conduct import Conduct
from harness_search.service.control import Control, controlled
from harness_search.service.events import EvaluationBegan, Event, HookFailed, Launched
from harness_search.service.journal import Journal
from harness_search.service.pulse import Pulse
from harness_search.serving.access import Access
from harness_search.serving.application import new_application, serving
from harness_search.workspace import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PLOTS = 12
LARGEST, LARGEST_ROLLOUT = 8_000_000, 1_000_000
NAMED = re.compile(rf"\b(workspace|baseline|{CANDIDATE})")
"""What the title of a page says, besides what others have written."""
HERE = "127.0.0.1"
MOST_STOPS = 150
"""Of the Tab key, before a folded part."""
FOREIGN = """() => [
    ...document.querySelectorAll("img, iframe, object, embed, base, textarea, script[src]"),
    ...[...document.querySelectorAll("*")].filter((one) =>
        [...one.attributes].some((each) => each.name.startsWith("on"))),
    ...[...document.scripts].filter((one) => one.textContent.includes("alert(")),
].map((one) => one.outerHTML.slice(0, 200))"""
UNSEEN = r"""() => document.body.textContent.match(
    /[\u0000-\u0008\u000b-\u001f\u007f\u200b\u202a-\u202e\u2066-\u2069]/g)"""
STOP = """() => {
    const one = document.activeElement;
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    return {
        tag: one.tagName, text: one.textContent.trim().slice(0, 60), id: one.id,
        ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1,
        shown: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    };
}"""


@dataclass(frozen=True)
class Pages:
    """Files that were made of one search."""

    workspace: Workspace
    file: Path
    """The report as one file."""
    folder: Path
    """The same as a folder of pages."""

    @property
    def candidate(self) -> Path:
        return self.folder / "candidates" / f"{CANDIDATE}.html"

    @property
    def rollout(self) -> Path:
        """Of the baseline, on the task whose every text is an attack."""
        return self._rollout_of("baseline")

    @property
    def long_rollout(self) -> Path:
        """Of the candidate, whose transcript and deliverable have lines of 5 MB."""
        return self._rollout_of(CANDIDATE)

    def _rollout_of(self, harness: str) -> Path:
        return self.folder / rollout_file((harness, RUDE_TASK, 1))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    root = tmp_path_factory.mktemp("hostile")
    workspace = make_hostile_search(root / "workspace")
    found = Pages(workspace, root / "report.html", root / "pages")
    with reading(workspace) as material:
        report = make_report(material)
        found.file.write_text(single_file(material, report), encoding="utf-8")
        for name, content in pages_of(material, report):
            (found.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (found.folder / name).write_bytes(content)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with chromium(tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.mark.parametrize("which", ["file", "candidate", "rollout"])
async def test_a_page_shows_attacks_as_text_and_is_fit_for_everyone(
    which: str, pages: Pages, browser: Browser
) -> None:
    file: Path = getattr(pages, which)
    assert file.stat().st_size < LARGEST
    async with opened(browser, file.as_uri()) as seen:
        await has_only_text(seen)
        await is_fit_for_everyone(seen.page)
        clean(seen)


async def test_lines_of_five_megabytes_are_cut(pages: Pages, browser: Browser) -> None:
    assert pages.long_rollout.stat().st_size < LARGEST_ROLLOUT
    async with opened(browser, pages.long_rollout.as_uri()) as seen:
        await has_only_text(seen)
        assert re.search(r"of 5,\d{3},\d{3} characters", await seen.page.content())
        clean(seen)


async def has_only_text(seen: Opened) -> None:
    """Nothing of what was written has become a part of the page."""
    assert await seen.page.evaluate(FOREIGN) == []
    assert await seen.page.evaluate(UNSEEN) is None
    text = await seen.page.evaluate("document.body.textContent")
    for attack in (SCRIPT, PICTURE, "{{7*7}}", "</style></script>", "␛[31mred", "⟨U+202E⟩"):
        assert attack in text
    assert NAMED.search(await seen.page.title())
    assert "SIMULATED" in text


async def is_fit_for_everyone(page: Page) -> None:
    """In both schemes, which differ, axe-core finds nothing serious."""
    papers = set()
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        papers.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert await faults(page) == []
    assert len(papers) == len(SCHEMES)


async def test_the_report_has_its_plots_and_they_have_names(pages: Pages, browser: Browser) -> None:
    async with opened(browser, pages.file.as_uri()) as seen:
        plots = seen.page.locator("figure svg[aria-label]")
        names = await plots.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
        sizes = await plots.evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert len(names) == PLOTS
    assert all(names)
    assert min(sizes) > 100


async def test_the_report_can_be_used_with_the_keyboard_alone(
    pages: Pages, browser: Browser
) -> None:
    async with opened(browser, pages.file.as_uri()) as seen:
        press = seen.page.keyboard.press
        stops = await tabbed(seen.page, lambda stop: stop["tag"] == "SUMMARY")
        skip, first = stops[0], stops[1]
        assert "content" in skip["text"]
        assert first["tag"] == "A"
        assert all(stop["ringed"] and stop["shown"] for stop in stops)
        before = await seen.page.locator("details[open]").count()
        await press("Enter")
        assert await seen.page.locator("details[open]").count() == before + 1
        await seen.page.locator(".skip").focus()
        await press("Enter")
        assert (await seen.page.evaluate(STOP))["id"] == "main"
        clean(seen)


async def tabbed(page: Page, wanted: Any) -> list[dict[str, Any]]:
    """Where the Tab key leads from the beginning of the page to what is wanted."""
    stops: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        stops.append(await page.evaluate(STOP))
        if wanted(stops[-1]):
            return stops
    raise AssertionError(f"not among {stops}")


async def test_a_table_is_sorted_by_the_enter_key(pages: Pages, browser: Browser) -> None:
    async with opened(browser, pages.file.as_uri()) as seen:
        heading = seen.page.locator("table.sortable th button").first
        await heading.focus()
        await seen.page.keyboard.press("Enter")
        assert await seen.page.locator("th[aria-sort=ascending] button").count() == 1
        clean(seen)


async def test_a_verdict_leads_to_its_quote_in_the_deliverable(
    pages: Pages, browser: Browser
) -> None:
    async with opened(browser, pages.rollout.as_uri()) as seen:
        marks = await seen.page.locator("mark").all_text_contents()
        assert QUOTE in marks
        clean(seen)


async def test_links_between_pages_lead_to_pages(pages: Pages, browser: Browser) -> None:
    index = pages.folder / "index.html"
    async with opened(browser, index.as_uri()) as seen:
        leads = await links(seen.page)
        assert pages.candidate in leads
        seen.address = pages.candidate.as_uri()
        await seen.page.goto(seen.address)
        leads |= await links(seen.page)
        assert pages.long_rollout in leads
        assert [path for path in leads if not path.is_file()] == []


async def links(page: Page) -> set[Path]:
    """The files that links of a page lead to."""
    found = await page.evaluate("[...document.links].map((one) => one.href)")
    parts = [urlsplit(url) for url in found]
    return {Path(unquote(part.path)) for part in parts if part.scheme == "file"}


@dataclass(frozen=True)
class Served:
    """A live page, and the launch that it shows."""

    address: str
    conduct: Conduct
    tell: Callable[[Event], None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(pages: Pages) -> AsyncIterator[Served]:
    """A launch that evaluates a candidate may be asked, and is shown."""
    layout = pages.workspace.layout
    application = new_application(layout.root, Access(loopback=True))
    with Journal(layout.events) as journal:
        pulse = Pulse(layout.heartbeat, "0a", "run")

        def tell(event: Event) -> None:
            journal.write(event)
            pulse.hear(event)

        conduct = Conduct(tell=tell)
        control = Control(conduct, pulse, layout.paused)
        async with controlled(layout, control, pulse), serving(application, HERE, 0) as port:
            tell(Launched("0a", os.getpid(), "run"))
            tell(EvaluationBegan(HOSTILE, 10, 3))
            yield Served(f"http://{HERE}:{port}/", conduct, tell)


async def test_the_live_page_shows_what_happens_as_it_happens_and_as_text(
    live: Served, browser: Browser
) -> None:
    async with opened(browser, live.address) as seen:
        await seen.page.locator("#frontier table").wait_for()
        live.tell(HookFailed("on_promoted", HOSTILE))
        await seen.page.locator("#log", has_text="on_promoted").wait_for()
        await has_only_text(seen)
        await is_fit_for_everyone(seen.page)
        clean(seen)


async def test_a_search_is_paused_and_resumed_with_the_keyboard(
    live: Served, browser: Browser
) -> None:
    async with opened(browser, live.address) as seen:
        for label, state, shown in (("Pause", True, "paused"), ("Resume", False, "running")):
            await seen.page.evaluate("document.activeElement.blur()")
            stops = await tabbed(seen.page, lambda stop, label=label: stop["text"] == label)
            assert stops[-1]["ringed"]
            async with seen.page.expect_response("**/ask"):
                await seen.page.keyboard.press("Enter")
            assert live.conduct.paused is state
            await seen.page.locator(f"#state[data-state={shown}]").wait_for()
        clean(seen)


async def test_what_was_said_of_a_launch_goes_when_that_is_dead(
    workspace_folder: Path, open_tiny: Callable[..., Workspace], browser: Browser
) -> None:
    application = new_application(workspace_folder, Access(loopback=True))
    async with serving(application, HERE, 0) as port, AsyncExitStack() as launch:
        await launch.enter_async_context(launched(open_tiny()))
        async with opened(browser, f"http://{HERE}:{port}/") as seen:
            said, sentence = seen.page.locator("#said"), seen.page.locator("#sentence")
            for label, state in (("Pause", "paused"), ("Resume", "running")):
                await seen.page.get_by_role("button", name=label, exact=True).click()
                await seen.page.locator(f"#state[data-state={state}]").wait_for()
            await said.filter(has_text="goes on.").wait_for()
            await launch.aclose()
            leave(workspace_folder, **GONE)
            await sentence.filter(has_text="Dead (cut off).").wait_for()
            assert await said.text_content() == ""
            clean(seen)


async def test_pages_that_the_live_page_leads_to_are_served(live: Served, browser: Browser) -> None:
    async with opened(browser, live.address) as seen:
        await seen.page.locator("#frontier table a").first.wait_for()
        found = await seen.page.evaluate("[...document.links].map((one) => one.href)")
        leads = {address.partition("#")[0] for address in found}
        assert len(leads) > 2
        for address in sorted(leads - {live.address}):
            await seen.page.goto(address)
            assert await seen.page.evaluate(FOREIGN) == []
            assert NAMED.search(await seen.page.title())
        clean(seen)
