"""The page of one candidate: its claim beside what happened, its diff, its tasks, its cost."""

from collections.abc import Sequence

from markupsafe import Markup

from harness_search.pages.difference import Shown, difference_shown, source_shown
from harness_search.pages.site import Links, Site
from harness_search.pages.text import anchor
from harness_search.plots.values import counted, signed
from harness_search.promotion.recall import AFFECTED_ERRORS
from harness_search.reports.candidate import Subject
from harness_search.reports.claimed import Change, Part, TaskRow, parts, tally, unnamed

STYLES = ("candidate.css",)
"""What a page needs that shows a candidate, beside the style of all pages."""
LEVEL = 3
"""Of the heading of a candidate within a report."""
MOST_WITHIN = 100
"""Tasks in the table of a candidate within a report, which has many of them."""
MOST_NAMED = 30
"""Tasks in a list of those that a claim named, or did not."""


def candidate_body(site: Site, subject: Subject, links: Links, level: int = LEVEL) -> Markup:
    """A candidate as a part of a page. All its ids begin with `anchor("candidate", name)`, which is
    the id of the whole; its headings begin at `level`."""
    source = subject.source.text if subject.source else ""
    whole = level == 1 or not subject.parent
    rows = subject.tasks if level == 1 else _most_telling(subject.tasks)
    return site.fragment(
        "candidate_body.html",
        subject=subject,
        links=links,
        level=level,
        id=anchor("candidate", subject.name),
        claimed=(
            ("Tasks that it was to fix", parts(subject.tasks, Part.FIX)),
            ("Tasks that it put at risk", parts(subject.tasks, Part.RISK)),
        ),
        surprises=(
            ("Fixed, although the claim did not name it", unnamed(subject.tasks, Change.FIXED)),
            ("Broken, although the claim did not name it", unnamed(subject.tasks, Change.BROKEN)),
        ),
        most=MOST_NAMED,
        rows=rows,
        left_out=len(subject.tasks) - len(rows),
        difference=_difference(subject),
        source=source_shown(source) if whole and source else None,
        signed=signed,
        counted=counted,
        tally=tally,
        errors=AFFECTED_ERRORS,
    )


def candidate_page(
    site: Site, subject: Subject, links: Links, *, home: str = "", made_at: str = ""
) -> str:
    """A candidate on a page of its own; `home`: where the name of the workspace leads."""
    return site.page(
        "candidate.html",
        workspace=subject.workspace,
        simulated=subject.simulated,
        home=home,
        made_at=made_at,
        styles=STYLES,
        subject=subject,
        id=anchor("candidate", subject.name),
        body=candidate_body(site, subject, links, level=1),
    )


def _most_telling(rows: Sequence[TaskRow]) -> Sequence[TaskRow]:
    """The tasks that were run, and of many those that gained and lost most."""
    run = [row for row in rows if row.candidate is not None]
    half = MOST_WITHIN // 2
    return run if len(run) <= MOST_WITHIN else [*run[:half], *run[-half:]]


def _difference(subject: Subject) -> Shown | None:
    """None where one of the two sources is missing."""
    if subject.source is None or subject.parent_source is None:
        return None
    return difference_shown(subject.parent_source.text, subject.source.text)
