"""All that a report is made of, read once."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness_search.current import frontier_with_ceiling
from harness_search.experiments.confirmed import Confirmation, confirmation_of
from harness_search.ledger.frontier import Frontier
from harness_search.ledger.memo import WORTH_KEEPING
from harness_search.ledger.rows import IterationRow
from harness_search.ledger.store import Ledger, has_begun
from harness_search.pairing import History, unreadable_claims
from harness_search.reports.document.kept import KeptDocuments
from harness_search.reports.looking import status_of
from harness_search.reports.status import Status
from harness_search.workspace import Workspace


@dataclass(frozen=True)
class Material:
    """A search as its disk has it. Where nothing was begun, the ledger is an empty one."""

    workspace: Workspace
    history: History
    frontier: Frontier
    """With the ceiling of the incumbent."""
    status: Status
    decisions: Mapping[int, Mapping[str, Any]]
    """What is kept of the gate's decisions (`reports/decisions.py`), by iteration."""
    audits: Mapping[int, Mapping[str, Any]]
    """What is kept of the audits (`AuditReport.to_json`), by iteration."""
    damaged: tuple[str, ...]
    """What cannot be read: kept documents as paths below the workspace, and claims."""
    confirmation: Confirmation | None
    ledger: Ledger
    """Open for reading, as long as `reading` lasts."""

    @property
    def simulated(self) -> bool:
        return self.workspace.settings.profile.simulated

    @property
    def baseline(self) -> IterationRow | None:
        """The iteration of the baseline; None before the search has begun."""
        found = self.history.iterations
        return found[0] if found else None

    @property
    def final(self) -> IterationRow | None:
        """The iteration of the incumbent, which is the baseline while nothing is promoted."""
        return self.history.incumbent


@contextmanager
def reading(workspace: Workspace) -> Iterator[Material]:
    """Read a workspace without changing it; its ledger as it is at one moment.

    Raises InputError for a ledger that is none.
    """
    status = status_of(workspace)
    with _ledger(workspace) as ledger:
        history = History.of(workspace, ledger)
        history = replace(history, unclaimed=unreadable_claims(history.iterations))
        numbers = [row.number for row in history.iterations]
        documents = KeptDocuments(workspace.layout)
        decisions, audits = documents.decisions(numbers), documents.audits(numbers)
        yield Material(
            workspace=workspace,
            history=history,
            frontier=frontier_with_ceiling(workspace, ledger, history),
            status=status,
            decisions=decisions,
            audits=audits,
            damaged=(*documents.damaged, *_damaged_claims(history)),
            confirmation=confirmation_of(workspace),
            ledger=ledger,
        )
        ledger.memo.save(WORTH_KEEPING)


def _damaged_claims(history: History) -> Iterator[str]:
    """Those that are there and cannot be read."""
    for row in history.iterations:
        if row.claim and row.number in history.unclaimed:
            yield f"the claim of iteration {row.number}"


@contextmanager
def _ledger(workspace: Workspace) -> Iterator[Ledger]:
    """That of the search; before the first start an empty one, which is gone afterwards."""
    file = workspace.layout.ledger
    if has_begun(file):
        with closing(Ledger(file, read_only=True)) as ledger, ledger.one_moment():
            yield ledger
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Ledger(Path(folder) / file.name)) as ledger,
    ):
        yield ledger
