"""Evidence of a search whose ledger is gone: another search over it would mix the two."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness_search.errors import InputError
from harness_search.layout import Layout

EXPECTED = (
    "the ledger of this search (restore it from a backup, or use --fresh to set its evidence aside)"
)


def require_ledger(layout: Layout) -> None:
    """Raise InputError where a search has left evidence, and no ledger says what it is of."""
    from harness_search.ledger.store import has_begun  # it imports SQLite

    # The evidence first: whoever writes some has made the ledger before.
    if (found := left_behind(layout)) and not has_begun(layout.ledger):
        state = "an empty file" if layout.ledger.is_file() else "no such file"
        raise InputError(layout.ledger, "", f"{state} beside {found}", EXPECTED)


def left_behind(layout: Layout) -> str:
    """What only a search with a ledger leaves, in words; empty where there is none of it."""
    return ", ".join(_left_behind(layout))


def _left_behind(layout: Layout) -> Iterator[str]:
    if any(_names(layout.dev_evidence)):
        yield "rollouts in runs/dev"
    first = layout.session(0)
    if any(name != first.name for name in _names(first.parent)):
        yield "sessions in runs/iterations"
    state = _read(layout.loop_state)
    number, incumbent = state.get("iteration"), state.get("incumbent")
    if incumbent or (isinstance(number, int) and number > 0):
        yield f"iteration {number} in {layout.loop_state.name}"


def _names(folder: Path) -> Iterator[str]:
    return (path.name for path in folder.iterdir()) if folder.is_dir() else iter(())


def _read(file: Path) -> dict[str, Any]:
    """A JSON object on disk; empty when there is none, or none that can be read."""
    with suppress(FileNotFoundError, ValueError, RecursionError):
        found = json.loads(file.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}
