"""The report as a folder of pages: the report itself, every candidate, every rollout."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness_search.errors import InputError
from harness_search.ledger.rows import IterationRow, Purpose
from harness_search.pages.candidate import candidate_page
from harness_search.pages.report import report_page
from harness_search.pages.rollout import rollout_page
from harness_search.pages.site import Site
from harness_search.reports.candidate import subject_in
from harness_search.reports.document.material import Material
from harness_search.reports.document.report import Report
from harness_search.reports.rollout import rollout_of

FIRST = "index.html"
LONGEST_PART = 100
_OTHER = re.compile(r"[^A-Za-z0-9_-]")

Rollout = tuple[str, str, int]
"""Name of its harness, task, trial."""


@dataclass(frozen=True, slots=True)
class Files:
    """Links of one page of the folder to the others; `up` leads to the folder itself."""

    candidates: frozenset[str]
    rollouts: frozenset[Rollout]
    up: str = ""

    def candidate(self, name: str) -> str:
        """See Links."""
        return f"{self.up}{candidate_file(name)}" if name in self.candidates else ""

    def rollout(
        self, harness: str, task: str, trial: int, purpose: Purpose = Purpose.SEARCH
    ) -> str:
        """See Links; rollouts of the search alone have a page."""
        is_there = purpose is Purpose.SEARCH and (harness, task, trial) in self.rollouts
        return f"{self.up}{rollout_file((harness, task, trial))}" if is_there else ""

    def below(self, file: str) -> "Files":
        """The same as seen from a file of the folder."""
        return Files(self.candidates, self.rollouts, "../" * file.count("/"))


def candidate_file(name: str) -> str:
    """Of a harness; unlike names have unlike files."""
    return f"candidates/{_part(name)}.html"


def rollout_file(rollout: Rollout) -> str:
    """For example `rollouts/baseline/tax/fees/trial-1.html`."""
    harness, task, trial = rollout
    folders = "/".join(_part(part) for part in (harness, *task.split("/")))
    return f"rollouts/{folders}/trial-{trial}.html"


def pages_of(material: Material, report: Report) -> Iterator[tuple[str, bytes]]:
    """Path below the folder and content of each file, the report first."""
    site = Site()
    harnesses = {row.name: row for row in material.history.iterations if row.harness}
    rollouts = dict.fromkeys(_rollouts(material, harnesses))
    links = Files(frozenset(harnesses), frozenset(rollouts))
    yield FIRST, _encoded(report_page(site, report, links))
    for name, row in harnesses.items():
        file = candidate_file(name)
        seen = links.below(file)
        subject = subject_in(material.workspace, material.ledger, material.history, row)
        page = candidate_page(site, subject, seen, home=seen.up + FIRST, made_at=report.made_at)
        yield file, _encoded(page)
    for rollout in rollouts:
        file = rollout_file(rollout)
        page = _rollout_page(site, material, report, rollout, links.below(file))
        yield file, _encoded(page)


def _rollouts(material: Material, harnesses: Mapping[str, IterationRow]) -> Iterator[Rollout]:
    for name, row in harnesses.items():
        for ended in material.history.rows(row.harness):
            yield name, ended.key.task, ended.key.trial


def _rollout_page(
    site: Site, material: Material, report: Report, rollout: Rollout, links: Files
) -> str:
    home = links.up + FIRST
    try:
        view = rollout_of(material.workspace, *rollout)
    except InputError as error:  # its task or its evidence is gone; links lead here all the same
        return site.page(
            "missing.html", workspace=report.workspace, simulated=report.simulated,
            made_at=report.made_at, home=home, what=str(error),
        )  # fmt: skip
    return rollout_page(site, view, links, home=home, made_at=report.made_at)


def _part(name: str) -> str:
    """A name as one part of a path: other signs than letters, digits, _ and - as their numbers."""
    return _OTHER.sub(lambda found: f".{ord(found[0]):x}.", name)[:LONGEST_PART] or "none"


def _encoded(page: str) -> bytes:
    return page.encode(errors="replace")
