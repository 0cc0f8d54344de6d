"""Small searches: how they are made and launched, and what their ledgers say in the end."""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import share_kit, write_task

from harness_search.benchmark.initialise import initialise

TASKS = 2
ITERATIONS = 3
_ROW = (
    "harness, task, task_digest, trial, profile, outcome, reason, passed, total, tokens_input, "
    "tokens_output, tokens_cache_write, tokens_cache_read, cost_usd, calls, judge_version, "
    "output_digest, sandbox, served_model"
)

FINISHED = "status = 'done' AND outcome <> 'infra_failed'"
"""Rows that count; what was lost with the gateway's socket is run again."""

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Place:
    """Where a search lies, and what belongs to it alone."""

    root: Path
    temporary: Path
    seed: int
    forked: bool
    """Whether its launches are split off from a process that has imported all they need."""

    said: Path
    """What its last launch said on stderr: not on the disk that may be full."""

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def events(self) -> Path:
        return self.runs / "events.jsonl"

    @property
    def in_last_iteration(self) -> bool:
        """Whether so little is left that a launch may end before much can be done to it."""
        state = self.root / "loop_state.json"
        if not state.is_file():
            return False
        return bool(json.loads(state.read_text(encoding="utf-8"))["iteration"] >= ITERATIONS)

    @property
    def ledgers(self) -> list[Path]:
        return [
            file
            for file in (
                self.runs / "ledger.sqlite3",
                self.runs / "confirmation" / "ledger.sqlite3",
            )
            if file.is_file()
        ]

    def arguments(self) -> list[str]:
        """Of the one command that begins the search, and goes on with it."""
        return [
            *("run", "--workspace", str(self.root), "--seed", str(self.seed), "-k", "1", "-n", "2"),
            *("--iterations", str(ITERATIONS), "--preset", "seed"),
        ]

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, sys.path))
        return {**os.environ, "TMPDIR": str(self.temporary), "PYTHONPATH": path}


def make_template(root: Path) -> None:
    """A workspace with two dev tasks, in which whatever is not worse is promoted."""
    for number in range(TASKS + 1):
        write_task(root / "tasks", number)
    initialise(root, root / "tasks", dev=TASKS, test=1, seed=0)
    settings = root / "meta_harness.toml"
    lines = settings.read_text(encoding="utf-8").splitlines()
    wanted = {
        "min_delta": "min_delta = 0.0",
        "workspace_megabytes": "workspace_megabytes = 2",
        "output_megabytes": "output_megabytes = 2",
    }
    for start, line in wanted.items():
        (place,) = [
            number for number, old in enumerate(lines) if old.lstrip("# ").startswith(f"{start} =")
        ]
        lines[place] = line
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")


def new_search(
    template: Path, kit: Path, folder: Path, seed: int, *, forked: bool = False
) -> Place:
    """A search that has not begun."""
    root, temporary = folder / "w", folder / "t"
    shutil.copytree(template, root)
    share_kit(root, kit)
    temporary.mkdir()
    said = Path(tempfile.gettempdir()) / f"{folder.parent.name}-stderr"
    return Place(root, temporary, seed, forked, said)


def _asked(file: Path, query: str) -> Rows:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def done_rows(place: Place) -> set[tuple[Any, ...]]:
    """Every column of every attempt that has ended so far, and which ledger has it."""
    found = set()
    for file in place.ledgers:
        tables = _asked(file, "SELECT 1 FROM sqlite_master WHERE name = 'rollouts'")
        rows = _asked(file, "SELECT * FROM rollouts WHERE status = 'done'") if tables else []
        found |= {(file.parent.name, *row) for row in rows}
    return found


def conclusion(place: Place) -> dict[str, Rows]:
    """All that a search has found out, without how often and when it was asked."""
    found: dict[str, Rows] = {}
    for file in place.ledgers:
        name = file.parent.name
        rows = f"SELECT {_ROW} FROM rollouts WHERE {FINISHED}"
        verdicts = (
            "SELECT harness, task, trial, criterion, verdict, verdicts.reason FROM verdicts "
            f"JOIN rollouts ON rollout = id WHERE {FINISHED}"
        )
        found[f"{name}: rollouts"] = sorted(_asked(file, rows), key=repr)
        found[f"{name}: verdicts"] = sorted(_asked(file, verdicts))
        found[f"{name}: iterations"] = _asked(file, "SELECT * FROM iterations ORDER BY number")
        spent = "SELECT role, subject, input, output, usd FROM spending ORDER BY role, subject"
        found[f"{name}: spending"] = _asked(file, spent)
    return found
