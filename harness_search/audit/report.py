"""What an audit concludes: findings, each with its rule, its severity and where it was made.

Reasons reach the digest of the next session. Evidence therefore names rules, places and dev tasks,
and never quotes what would give the test split or a rubric away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """What follows from a finding. A reject voids the iteration."""

    PASS = "pass"
    WARN = "warn"
    REJECT = "reject"


_ORDER = (Severity.PASS, Severity.WARN, Severity.REJECT)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an audit found."""

    rule: str
    severity: Severity
    where: str
    """Which text and line: `candidate, line 12`, `session, tool call 3 (Bash)`."""
    evidence: str
    """A clause that goes on after `where`: `holds the canary of a task`."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All findings of one audit; without any it passes."""

    findings: tuple[Finding, ...] = ()

    @property
    def severity(self) -> Severity:
        """That of the worst finding."""
        return max((item.severity for item in self.findings), key=_ORDER.index, default=_ORDER[0])

    @property
    def rejected(self) -> bool:
        return self.severity is Severity.REJECT

    def reason(self) -> str:
        """One sentence about the worst finding and how many more there are; empty without any."""
        if not self.findings:
            return ""
        worst = next(item for item in self.findings if item.severity is self.severity)
        left = len(self.findings) - 1
        more = f" ({left} more finding{'s' if left > 1 else ''})" if left else ""
        return f"Audit, {worst.rule}: {worst.where}, {worst.evidence}{more}."

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> "AuditReport":
        """What `to_json` made; raises KeyError, TypeError or ValueError for anything else."""
        found = [{name: item[name] for name in Finding.__slots__} for item in document["findings"]]
        return cls(
            tuple(Finding(**{**item, "severity": Severity(item["severity"])}) for item in found)
        )

    def to_json(self) -> dict[str, Any]:
        """For a JSON file: the verdict and every finding."""
        fields = Finding.__slots__
        return {
            "verdict": self.severity.value,
            "reason": self.reason(),
            "findings": [
                {name: str(getattr(item, name)) for name in fields} for item in self.findings
            ],
        }


def merged(reports: Iterable[AuditReport]) -> AuditReport:
    """Several audits as one, in their order."""
    return AuditReport(tuple(item for report in reports for item in report.findings))


def lines_of(numbers: Sequence[int]) -> str:
    """`line 3`, or `lines 3 and 9`, or `lines 3 to 9 (12 places)`."""
    distinct = sorted(set(numbers))
    if len(distinct) == 1:
        return f"line {distinct[0]}"
    if len(distinct) == 2:
        return f"lines {distinct[0]} and {distinct[1]}"
    return f"lines {distinct[0]} to {distinct[-1]} ({len(distinct)} places)"
