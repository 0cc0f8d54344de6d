"""The report as one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from markupsafe import Markup

from harness_search.amounts import compact
from harness_search.analysis.actions import Action
from harness_search.ledger.frontier import UNKNOWN_INFLATION
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.pages.candidate import candidate_body
from harness_search.pages.pictures import plots_of
from harness_search.pages.site import Links, Site, Within
from harness_search.plots.values import IntervalKind, Measured, counted
from harness_search.reports.candidate import subject_in
from harness_search.reports.document.audits import AuditRow
from harness_search.reports.document.headline import Headline
from harness_search.reports.document.material import Material
from harness_search.reports.document.report import Report

SECTIONS = (
    ("result", "Result"),
    ("progress", "Progress"),
    ("lineage", "Lineage"),
    ("decisions", "Decisions"),
    ("tasks", "Tasks"),
    ("cost", "Cost"),
    ("noise", "Noise"),
    ("failures", "Failures"),
    ("audits", "Audits"),
    ("criteria", "Criteria"),
)
"""Ids and names, in the order of the page."""
CLASSES: Mapping[str, str] = MappingProxyType(
    {"reject": "rejected", "warn": "inconclusive", "damaged": "inconclusive"}
)
"""How the verdict of an audit looks: as a decision that is like it."""
ACTIONS: Mapping[str, str] = MappingProxyType(
    {kind.value: f"{kind.value} actions" for kind in Action}
)
STYLES = ("report.css", "candidate.css")


@dataclass(frozen=True, slots=True)
class Section:
    """One candidate inside the page."""

    name: str
    decision: DecisionKind | None
    body: Markup


@dataclass(frozen=True, slots=True)
class _Cost:
    paid: float | None
    sentence: str
    parts: Sequence[tuple[str, float | None, int]]
    """Name, USD and tokens of each role, and of rollouts that have a ledger of their own."""


@dataclass(frozen=True, slots=True)
class _Audits:
    sentence: str
    loud: Sequence[AuditRow]


def single_file(material: Material, report: Report) -> str:
    """The report as one file that needs no other: every harness is a section of it."""
    site = Site()
    rows = {row.name: row for row in material.history.iterations if row.harness}
    links = Within(frozenset(rows))
    sections = [_section(site, material, row, links) for row in rows.values()]
    return report_page(site, report, links, sections)


def _section(site: Site, material: Material, row: IterationRow, links: Links) -> Section:
    subject = subject_in(material.workspace, material.ledger, material.history, row)
    return Section(row.name, row.decision, candidate_body(site, subject, links))


def report_page(
    site: Site,
    report: Report,
    links: Links | None = None,
    candidates: Sequence[Section] = (),
    *,
    live: bool = False,
    home: str = "",
) -> str:
    """The whole page; `candidates` become sections of it, and without `links` names lead there."""
    links = links or Within(frozenset(one.name for one in candidates))
    sections = [*SECTIONS, ("candidates", "Candidates")] if candidates else SECTIONS
    return site.page(
        "report.html",
        workspace=report.workspace,
        simulated=report.simulated,
        made_at=report.made_at,
        home=home,
        styles=STYLES,
        live=live,
        report=report,
        plots=plots_of(report, links),
        links=links,
        sections=sections,
        audits=_audits(report.audits),
        actions=ACTIONS,
        verdict_classes=CLASSES,
        cost=_cost(report),
        intervals=IntervalKind,
        measured_gains=_gains(report.headline),
        unknown_inflation=UNKNOWN_INFLATION,
        candidates=candidates,
    )


def _gains(headline: Headline) -> list[Measured]:
    """Of all cards, which share one scale."""
    results = (headline.confirmation, headline.search, headline.held_out)
    return [one.gain for one in results if one is not None and one.gain is not None]


def _cost(report: Report) -> _Cost:
    """The bill in one sentence, for the headline."""
    costs, decisions = report.costs, report.decisions
    promoted = sum(row.decision is DecisionKind.PROMOTED for row in decisions)
    tried = f"{counted(len(decisions), 'candidate')} tried, {promoted:,} promoted"
    work = (
        f"{counted(costs.rollouts, 'rollout')} of the search, {compact(costs.tokens)} tokens in all"
    )
    parts = [(bill.role, bill.usd, bill.usage.total) for bill in costs.roles]
    parts += [(bill.name, bill.usd, bill.usage.total) for bill in costs.apart]
    return _Cost(costs.usd if costs.priced else None, f"{tried}; {work}.", parts)


def _audits(rows: Sequence[AuditRow]) -> _Audits:
    loud = [row for row in rows if row.rejections or row.warnings or row.verdict != "pass"]
    rejections = sum(len(row.rejections) for row in rows)
    warnings = sum(len(row.warnings) for row in rows)
    found = f"{counted(rejections, 'rejection')} and {counted(warnings, 'warning')}"
    return _Audits(f"{counted(len(rows), 'audit')}: {found}.", loud)
