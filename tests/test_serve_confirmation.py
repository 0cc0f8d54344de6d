"""The live page says of the gain what `frontier` says: whether it is confirmed."""

import re
import sqlite3
from html import unescape

import pytest
from served import Site, following, served
from test_report_headline import confirm

from harness_search.current import frontier_on_disk
from harness_search.experiments.confirmed import confirmation_of
from harness_search.reports.confirmation import headline
from harness_search.serving import views
from harness_search.workspace import Workspace


def printed(workspace: Workspace) -> str:
    """What `frontier` prints below its table."""
    return headline(confirmation_of(workspace), frontier_on_disk(workspace).incumbent)


async def shown(site: Site) -> str:
    """What stands below the frontier of the page."""
    await site.get("/api/status")
    _, page = await site.get("/")
    return sentence(page)


def sentence(page: str) -> str:
    found = re.search(r'</table>\s*</div>\s*<p class="confirmation">(.*?)</p>', page, re.DOTALL)
    return unescape(found[1]).replace(" → ", " -> ") if found else ""


async def test_a_gain_that_nothing_has_confirmed_is_said_to_be_none(searched: Workspace) -> None:
    async with served(searched.layout.root) as site:
        said = await shown(site)
    assert said.startswith("Not confirmed: the gain of reads_all is the search's own")
    assert said == printed(searched)


async def test_a_confirmation_is_shown_as_far_as_it_has_come(searched: Workspace) -> None:
    tasks = [task.id for task in searched.splits.dev]
    async with served(searched.layout.root) as site:
        confirm(searched, tasks[:-1])
        assert "is not complete: 10 of 12" in await shown(site)
        async with following(site) as stream:
            confirm(searched, tasks[-1:])
            while "+50.0 blended points" not in sentence((await stream.state(""))["html"]):
                pass
        said = await shown(site)
    assert said.startswith("Confirmed on dev")
    assert said == printed(searched)


async def test_a_search_without_a_gain_has_nothing_to_confirm(searched: Workspace) -> None:
    searched.layout.ledger.unlink()
    async with served(searched.layout.root) as site:
        assert await shown(site) == "" == printed(searched)


async def test_a_confirmation_that_cannot_be_read_is_not_passed_over(
    searched: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_: Workspace) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(views, "confirmation_of", locked)
    async with served(searched.layout.root) as site:
        assert await shown(site) == "Whether the gain is confirmed cannot be read now."
        monkeypatch.undo()
        assert await shown(site) == printed(searched)
