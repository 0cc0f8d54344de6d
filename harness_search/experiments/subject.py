"""The candidate of an experiment: what it is held against, and where its claim is kept."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from harness_search.errors import InputError
from harness_search.experiments.claims import noted
from harness_search.files import write_atomically
from harness_search.layout import Layout
from harness_search.ledger.rows import IterationRow, Split
from harness_search.ledger.store import Ledger, has_begun
from harness_search.promotion.claim import Claim, read_claim
from harness_search.rollouts.jobs import Harness
from harness_search.search import hold_to_identity
from harness_search.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Subject:
    """A candidate and its parent."""

    candidate: Harness
    parent: Harness
    iteration: IterationRow | None
    """The candidate's own; None for a file that is no candidate of the search."""

    @property
    def claim(self) -> Claim | None:
        row = self.iteration
        return Claim.model_validate_json(row.claim) if row is not None and row.claim else None


def iterations_on_disk(layout: Layout) -> list[IterationRow]:
    """Every iteration of the search; none before its start."""
    if not has_begun(layout.ledger):
        return []
    with closing(Ledger(layout.ledger, read_only=True)) as ledger:
        return ledger.iterations()


def hold_to_search(workspace: Workspace) -> None:
    """Raise InputError where rows of now could not be compared with those of the search."""
    layout = workspace.layout
    if has_begun(layout.ledger):
        with closing(Ledger(layout.ledger)) as ledger:
            hold_to_identity(ledger, workspace.rows_identity(Split.DEV))


def iteration_of(iterations: Sequence[IterationRow], harness: Harness) -> IterationRow | None:
    """The iteration that a harness was proposed in, by name and content."""
    found = [row for row in iterations if (row.name, row.harness) == (harness.name, harness.digest)]
    return found[-1] if found else None


def note_in_claim(layout: Layout, subject: Subject, mark: str, sentence: str) -> bool:
    """Put a sentence into `observed` of the candidate's claim, in place of an earlier one of the
    same mark; returns whether there is such a claim.

    The claim is kept in the ledger and, as long as its session's view is there, in that. The
    caller holds the workspace's lock.
    """
    if subject.iteration is None or subject.claim is None:
        return False
    with closing(Ledger(layout.ledger)) as ledger:
        row = next(row for row in ledger.iterations() if row.number == subject.iteration.number)
        claim = noted(Claim.model_validate_json(row.claim), mark, sentence)
        ledger.put_iteration(replace(row, claim=claim.to_json()))
    file = layout.session(row.number) / "view" / "pending_eval.json"
    try:
        pending = read_claim(file)
    except InputError:
        return True
    if pending.candidate.name == row.name:
        write_atomically(file, noted(pending, mark, sentence).to_json())
    return True
