"""Runs the command line in a process that kills itself at a chosen call of a chosen function.

`python -m chaos.dying POINT before|after COUNT ARGUMENTS...`. Everything is patched from outside;
without ARGUMENTS of its own the command line is the real one.
"""

import importlib
import itertools
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

_LEDGER = "harness_search.ledger.store:Ledger"
_RUNNER = "harness_search.rollouts.runner"
POINTS = {
    "launch": "harness_search.rollouts.bench:make_runtime",
    "sweep": "harness_search.rollouts.bench:sweep",
    "ledger commit": "",
    "atomic write": "pathlib:Path.replace",
    "lineage commit": "git.cmd:Git._call_process",
    "propose: view": "harness_search.proposals:prepare_view",
    "propose: candidate": "harness_search.proposers.catalogue.proposer:_write",
    "audit": "harness_search.proposals:keep_report",
    "open iteration": "meta_harness:install",
    "rollout: attempt": f"{_LEDGER}.begin",
    "rollout: collect": f"{_RUNNER}:collect_output",
    "judge": f"{_RUNNER}:write_summary",
    "rollout: file": f"{_RUNNER}:file_evidence",
    "rollout: row": f"{_LEDGER}.finish",
    "promote": "meta_harness:record",
    "mirror": "harness_search.search:write_atomically",
}
"""What a search does, as `module:name`; a commit of the ledger is a statement of SQLite's."""


def main() -> None:
    point, when, count, *arguments = sys.argv[1:]
    calls = itertools.count(1)

    def die(moment: str) -> None:
        if moment == when and next(calls) == int(count):
            os.kill(os.getpid(), signal.SIGKILL)

    if POINTS[point]:
        _wrap(POINTS[point], die)
    else:
        _wrap_commits(die)
    sys.argv = ["meta-harness", *arguments]
    from harness_search.commands.entry import main as command_line

    command_line()


def _wrap(place: str, die: Callable[[str], None]) -> None:
    owner, last = find(place)
    real = getattr(owner, last)

    def dying(*arguments: Any, **options: Any) -> Any:
        die("before")
        found = real(*arguments, **options)
        die("after")
        return found

    setattr(owner, last, dying)


def find(place: str) -> tuple[Any, str]:
    """The module or class that a function belongs to, and its name there."""
    module, _, name = place.partition(":")
    *outer, last = name.split(".")
    owner: Any = importlib.import_module(module)
    for part in outer:
        owner = getattr(owner, part)
    return owner, last


def _wrap_commits(die: Callable[[str], None]) -> None:
    real = sqlite3.connect

    class Dying(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            is_commit = sql == "COMMIT"
            if is_commit:
                die("before")
            found = super().execute(sql, *values)
            if is_commit:
                die("after")
            return found

    def connect(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **{"factory": Dying, **options})

    sqlite3.connect = connect  # type: ignore[assignment]


if __name__ == "__main__":
    main()
