"""The frontier of a workspace as it is now: what every command that only looks begins with."""

from contextlib import closing
from dataclasses import replace

from harness_search.ledger.ceiling import ceiling
from harness_search.ledger.frontier import Frontier, frontier_of
from harness_search.ledger.memo import WORTH_KEEPING
from harness_search.ledger.rows import Split
from harness_search.ledger.store import Ledger, has_begun
from harness_search.pairing import History
from harness_search.workspace import Workspace


def current_frontier(workspace: Workspace, ledger: Ledger) -> Frontier:
    """The frontier from raw rows, under the weights of the settings."""
    return frontier_with_ceiling(workspace, ledger, History.of(workspace, ledger))


def frontier_with_ceiling(workspace: Workspace, ledger: Ledger, history: History) -> Frontier:
    """The same of a history that was read from the ledger."""
    found = frontier_now(history)
    digests = {row.name: row.harness for row in history.iterations}
    verdicts = ledger.verdicts(digests.get(found.incumbent, ""))
    return replace(found, ceiling=ceiling(verdicts, workspace.criteria(Split.DEV)))


def frontier_now(history: History) -> Frontier:
    """The same without the ceiling, which needs every verdict on the incumbent."""
    simulated = history.settings.profile.simulated
    found = frontier_of(history.iterations, history.compared, simulated=simulated)
    return replace(found, gate=history.gate_record())


def frontier_on_disk(workspace: Workspace) -> Frontier:
    """The frontier as the ledger on disk has it; empty before the first start."""
    if not has_begun(workspace.layout.ledger):
        return Frontier((), workspace.settings.weights, workspace.settings.profile.simulated)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        found = current_frontier(workspace, ledger)
        ledger.memo.save(WORTH_KEEPING)
        return found
