"""Verdicts of a search, for views of what became of each criterion."""

from contextlib import closing
from dataclasses import replace

from harness_search.judging.verdicts import FLAGS
from harness_search.ledger.criteria import CriterionHistory, history_of
from harness_search.ledger.rows import Split
from harness_search.ledger.store import Ledger, has_begun
from harness_search.ledger.tallies import tallies
from harness_search.workspace import Workspace


def history_in(ledger: Ledger) -> tuple[CriterionHistory, ...]:
    """Every criterion that a scored rollout has a verdict on; harnesses by name, or by the
    beginning of the digest of one that is of no iteration."""
    names = {row.harness: row.name for row in ledger.iterations() if row.harness}
    return history_of(
        replace(item, harness=names.get(item.harness, item.harness[:8]))
        for item in tallies(ledger.file, FLAGS)
    )


def history_on_disk(workspace: Workspace) -> tuple[CriterionHistory, ...]:
    """The same of a search's own rollouts. The held-out split has a ledger of its own, which is not
    opened."""
    file = workspace.layout.ledger
    if not has_begun(file):
        return ()
    with closing(Ledger(file, read_only=True)) as ledger:
        return history_in(ledger)


def criterion_titles(workspace: Workspace) -> dict[tuple[str, str], str]:
    """By dev task and criterion."""
    return {
        (task.id, item.id): item.title
        for task in workspace.tasks(Split.DEV)
        for item in task.criteria
    }
