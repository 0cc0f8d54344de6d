"""What commands that run rollouts share: opening a workspace for it, choosing harnesses."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from harness_search.disk import require_writable
from harness_search.errors import InputError
from harness_search.ledger.rows import NO_SANDBOX
from harness_search.ledger.store import Ledger, has_begun
from harness_search.lost_ledger import require_ledger
from harness_search.rollouts.jobs import Harness
from harness_search.search import check_sources
from harness_search.service.hook_programs import require_hooks
from harness_search.workspace import Workspace, open_workspace, prove_sandbox

UNSAFE = "meta-harness: UNSAFE: no sandbox; harness code can read the files of this machine"


def open_to_run(
    root: Path, flags: dict[str, Any], *, unsafe: bool, adopt: bool = True
) -> Workspace:
    """Open a workspace and prove its sandbox; raises InputError before anything is started.

    Without `adopt`, what an earlier search left is about to be set aside.
    """
    opened = open_workspace(root, flags, adopt=adopt)
    if adopt:
        require_ledger(opened.layout)
    require_hooks(opened.settings.service, opened.layout)
    require_writable(opened.layout.root, opened.layout.runs)
    opened = prove_sandbox(opened, unsafe=unsafe, adopt=adopt)
    for note in opened.notes:
        print(f"meta-harness: {note}", file=sys.stderr)
    if opened.sandbox == NO_SANDBOX:
        print(UNSAFE, file=sys.stderr)
    return opened


FEWEST_ROLLOUTS = ((72, 1), (36, 2), (0, 3))
"""From so many dev tasks on, so many rollouts of each are enough to promote by."""


def require_shape(workspace: Workspace) -> None:
    """Raise InputError for a real model's search with too few rollouts to promote anything by."""
    search, tasks = workspace.settings.search, len(workspace.splits.dev)
    fewest = next(trials for least, trials in FEWEST_ROLLOUTS if tasks >= least)
    if not workspace.settings.profile.simulated and search.trials < fewest:
        raise InputError(
            workspace.layout.settings,
            "search.trials",
            f"{search.trials} on {tasks} dev tasks",
            f"at least {fewest} (36 tasks go with 2, 72 with 1)",
        )


def choose(workspace: Workspace, names: list[str]) -> list[Harness]:
    """Harnesses by name or file; raises InputError, also for a changed file of the search."""
    searched: set[str] = set()
    if has_begun(workspace.layout.ledger):
        with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
            iterations = ledger.iterations()
        check_sources(workspace.layout, iterations)
        searched = {row.harness for row in iterations}
    return [workspace.measured_alone(workspace.harness(name), searched) for name in names]
