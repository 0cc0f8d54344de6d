"""What a judge said to the probes of one candidate, by kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness_search.ledger.probes import ProbeRow


@dataclass(frozen=True, slots=True)
class ProbeCount:
    """Probes of one kind, none of which an honest deliverable should pass."""

    kind: str
    asked: int
    passed: int
    """Passed twice: a first pass is asked once more."""


@dataclass(frozen=True, slots=True)
class Probed:
    """Of one harness; empty where its judge cannot be gamed, or was not asked."""

    counts: tuple[ProbeCount, ...] = ()
    passed: tuple[ProbeRow, ...] = ()
    """The last answer to each that was passed."""

    def to_json(self) -> list[dict[str, Any]]:
        """Its part of the document of `show --json`."""
        return [
            {"kind": item.kind, "asked": item.asked, "passed": item.passed} for item in self.counts
        ]


def probed_of(rows: Sequence[ProbeRow]) -> Probed:
    """Count the answers about one harness; of several versions of a judge, those of the last."""
    version = rows[-1].judge_version if rows else ""
    answers: dict[tuple[object, ...], list[ProbeRow]] = {}
    for row in rows:
        if row.judge_version == version:
            question = (row.kind, row.task, row.trial, row.rubric, row.criterion, row.scope_digest)
            answers.setdefault(question, []).append(row)
    passed = tuple(found[-1] for found in answers.values() if _is_passed(found))
    kinds = dict.fromkeys(found[0].kind for found in answers.values())
    counts = tuple(
        ProbeCount(kind, _of(kind, (found[0] for found in answers.values())), _of(kind, passed))
        for kind in kinds
    )
    return Probed(counts, passed)


def _is_passed(answers: Sequence[ProbeRow]) -> bool:
    return len(answers) > 1 and all(row.verdict == "pass" for row in answers)


def _of(kind: str, rows: Iterable[ProbeRow]) -> int:
    return sum(row.kind == kind for row in rows)
