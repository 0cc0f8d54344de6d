"""What the pages show, made in threads and shared by all who look."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from harness_search.aside import aside
from harness_search.experiments.confirmed import confirmation_of
from harness_search.ledger.rows import Purpose
from harness_search.pages.live import (
    Frame,
    Live,
    live_page,
    now_part,
    sensible,
    sentence,
    state_name,
)
from harness_search.pages.site import Links, Site
from harness_search.reports.confirmation import headline
from harness_search.serving.access import Access
from harness_search.serving.looks import UNREADABLE, Ledgers, Looks, Now
from harness_search.serving.shared import Shared
from harness_search.visible import one_line
from harness_search.workspace import Workspace

SECONDS_TO_FIRST_PAINT = 0.25
"""That a page waits for ledgers before it is shown without them."""
SECONDS_TO_SAY = 60.0
"""That a page without its script says what came of what was asked."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where the pages of the server are."""

    def candidate(self, name: str) -> str:
        """See Links."""
        return f"/candidates/{quote(name, safe='')}" if name else ""

    def rollout(
        self, harness: str, task: str, trial: int, purpose: Purpose = Purpose.SEARCH
    ) -> str:
        """See Links."""
        kind = "" if purpose is Purpose.SEARCH else f"?purpose={purpose.value}"
        return f"/rollouts/{quote(harness, safe='')}/{quote(task)}/{trial}{kind}"


LINKS: Links = Served()


@dataclass(frozen=True, slots=True)
class View:
    """The changing part of the live page."""

    number: int
    """Grows with each change."""
    document: Mapping[str, Any]


class Views:
    """The pages of one workspace."""

    def __init__(self, looks: Looks, access: Access) -> None:
        self.looks, self.site = looks, Site()
        self._access = access
        self._making = asyncio.Lock()
        self._made: tuple[Now, View] | None = None
        self._said = ("", 0.0)
        self._confirmed: tuple[Ledgers | None, str] = (None, "")
        self._report = Shared(self._make_report, looks.report_stamp)

    def say(self, sentence: str) -> None:
        """Let the next page say what came of what was asked."""
        self._said = (sentence, time.monotonic() + SECONDS_TO_SAY)

    async def now(self) -> View:
        """Where the search stands."""
        async with self._making:
            found = await self.looks.now(0.0)
            if self._made is None:
                self._made = (found, View(1, await aside(None, self._document, found)))
            elif self._made[0] is not found:
                view, document = self._made[1], await aside(None, self._document, found)
                is_same = document == view.document
                self._made = (found, view if is_same else View(view.number + 1, document))
            return self._made[1]

    async def live(self, kinds: Sequence[str]) -> str:
        """The live page, complete or with what is known at once."""
        found = await self.looks.now(SECONDS_TO_FIRST_PAINT)
        return await aside(None, self._live, found, kinds)

    def _live(self, found: Now, kinds: Sequence[str]) -> str:
        lines, mark = self.looks.log()
        said, until = self._said
        frame = Frame(
            log=lines,
            mark=mark,
            kinds=kinds,
            server=self._access.server,
            form="" if self._access.read_only else self._access.form,
            said=said if time.monotonic() < until else "",
        )
        return live_page(self.site, self.looks.name, self._live_of(found), LINKS, frame)

    def _document(self, found: Now) -> dict[str, Any]:
        live = self._live_of(found)
        return {
            "server": self._access.server,
            "name": one_line(self.looks.name, 60),
            "state": state_name(live),
            "sentence": sentence(live),
            "sensible": sensible(live),
            "html": now_part(self.site, live, LINKS),
        }

    def _live_of(self, found: Now) -> Live:
        ledgers = found.ledgers
        return Live(
            found.status,
            ledgers.frontier if ledgers else None,
            ledgers.lost if ledgers else None,
            found.in_flight,
            found.problem,
            self._confirmation(found.workspace, ledgers) if ledgers else "",
        )

    def _confirmation(self, workspace: Workspace, ledgers: Ledgers) -> str:
        """The sentence that `frontier` prints below its table, read whenever ledgers are."""
        if self._confirmed[0] is not ledgers:
            try:
                said = headline(confirmation_of(workspace), ledgers.frontier.incumbent)
            except UNREADABLE:  # the next look tries again
                return "Whether the gain is confirmed cannot be read now."
            self._confirmed = (ledgers, said)
        return self._confirmed[1]

    async def report(self) -> str:
        """The report, made anew when something that it shows has changed; raises UNREADABLE."""
        return await self._report.now()

    def _make_report(self) -> str:
        from harness_search.pages.report import report_page
        from harness_search.reports.document.material import reading
        from harness_search.reports.document.report import make_report

        with reading(self.looks.workspace()) as material:
            report = make_report(material)
        return report_page(self.site, report, LINKS, home="/")
