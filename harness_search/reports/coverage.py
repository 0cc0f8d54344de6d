"""Figures that nobody may see before all of them are there: whoever sees some may stop at them."""

from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments.confirmed import confirmation_of
from harness_search.layout import Layout
from harness_search.ledger.attempts import read_names
from harness_search.ledger.raw import finished_rollouts, one_look
from harness_search.ledger.rows import Purpose, Split
from harness_search.ledger.store import has_begun
from harness_search.workspace import Workspace


def require_coverage(workspace: Workspace, purpose: Purpose) -> None:
    """Raise unless every rollout for a purpose may be shown: of the held-out split, once it was
    opened and all that was begun on it is finished; of confirmations, once the latest is complete.

    Raises InputError for a held-out split that was not opened, and SearchStoppedError for what is
    not complete.
    """
    if purpose is Purpose.TEST:
        _require_opened(workspace.layout)
    file = workspace.layout.ledger_of(purpose)
    if purpose is Purpose.TEST and has_begun(file):
        _require_test(workspace)
    elif purpose is Purpose.CONFIRMATION and has_begun(file):
        _require_confirmation(workspace)


def _require_opened(layout: Layout) -> None:
    file = layout.test_openings
    if not (file.is_file() and file.stat().st_size):
        expected = "dev (the held-out split was not opened yet; `meta-harness test` does that)"
        raise InputError("command line", "--split", "test", expected)


def _require_test(workspace: Workspace) -> None:
    layout = workspace.layout
    search = layout.ledger
    names = read_names(search) if has_begun(search) else {}
    by_digest = {digest: name for name, digest in names.items()}
    planned = workspace.settings.search.trials * len(workspace.tasks(Split.TEST))
    with one_look(layout.ledger_of(Purpose.TEST)) as database:
        finished = finished_rollouts(database)
    missing = [
        f"{by_digest.get(harness, harness[:8])} {count} of {planned} rollouts"
        for harness, count in finished.items()
        if count < planned
    ]
    if missing or not finished:
        raise SearchStoppedError(
            f"the test split is not fully covered ({', '.join(missing) or 'no rollout yet'}): no "
            "figure is shown before it is. Run `meta-harness test` again when the provider answers."
        )


def _require_confirmation(workspace: Workspace) -> None:
    found = confirmation_of(workspace)
    if found is None or found.coverage < 1:
        covered = f"{found.finished} of {found.planned} rollouts" if found else "no rollout yet"
        raise SearchStoppedError(
            f"the confirmation is not complete ({covered}): no figure is shown before all are. Run "
            "`meta-harness run` again for the others."
        )
