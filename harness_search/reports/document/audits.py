"""What the audits of every iteration found."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness_search.audit.report import AuditReport, Finding, Severity
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.reports.document.material import Material

DAMAGED = "damaged"
NONE_KEPT = "none kept"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """The audit of one iteration; a sentence for each finding."""

    iteration: int
    name: str
    verdict: str
    """`pass`, `warn` or `reject`; `damaged` where its document cannot be read, `none kept` where an
    iteration has no such document."""
    rejections: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    """What was looked at and found in order, as far as that is noted."""


def audits_of(material: Material) -> tuple[AuditRow, ...]:
    """One row for each iteration that is decided, or has an audit; none for the baseline's."""
    return tuple(_rows(material))


def _rows(material: Material) -> Iterator[AuditRow]:
    layout = material.workspace.layout
    for row in material.history.iterations:
        file = layout.audit(row.number).relative_to(layout.root).as_posix()
        if row.number in material.audits:
            report = AuditReport.of_json(material.audits[row.number])
            yield _row(row, report.severity.value, report.findings)
        elif file in material.damaged:
            yield _row(row, DAMAGED)
        elif row.number and row.decision is not None:
            yield _row(row, NONE_KEPT)


def _row(row: IterationRow, verdict: str, findings: Iterable[Finding] = ()) -> AuditRow:
    said: dict[Severity, list[str]] = {severity: [] for severity in Severity}
    for finding in findings:
        said[finding.severity].append(sentence_of(finding))
    if row.decision is DecisionKind.REJECTED and not said[Severity.REJECT] and row.reason:
        # The ledger has the worst of them even where its document is lost.
        said[Severity.REJECT].append(" ".join(row.reason.split()))
    rejected, warned, passed = (
        tuple(said[kind]) for kind in (Severity.REJECT, Severity.WARN, Severity.PASS)
    )
    return AuditRow(row.number, row.name, verdict, rejected, warned, passed)


def sentence_of(finding: Finding) -> str:
    """For example `Canary: session, transcript 1, holds the canary of a task or a split.`"""
    rule = f"{finding.rule[:1].upper()}{finding.rule[1:]}"
    return " ".join(f"{rule}: {finding.where}, {finding.evidence}.".split())
