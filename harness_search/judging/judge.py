"""What every judge is given, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness_search.benchmark.tasks import Task
from harness_search.judging.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Subject:
    """What one rollout delivered."""

    task: Task
    output: Path
    """Folder of the collected deliverables."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """What the harness left instead of files that could be taken, by name; "." is the folder."""


@dataclass(frozen=True, slots=True)
class Grading:
    """One verdict per criterion, in the task's order."""

    verdicts: tuple[Verdict, ...]
    flagged: tuple[str, ...] = ()
    """Ids of criteria that failed because the judge could not judge them, twice, or gave no usable
    answer (`verdicts.FLAGS`)."""

    @property
    def undecided(self) -> int:
        """Verdicts that are still to be asked for."""
        return sum(item.verdict == "undecided" for item in self.verdicts)


class Judge(Protocol):
    """Grades what a rollout delivered, criterion by criterion."""

    @property
    def version(self) -> str:
        """Stored with every row. It changes whenever the same deliverables may be graded
        otherwise."""

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        """Grade a rollout. Another `replicate` asks anew for what was asked before."""
