"""A search as rows for other programs: its rollouts, verdicts and decisions, one at a time.

`docs/reports.md` says what each column means, and a test holds it to these names. A name that was
once given stays.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.ledger.raw import (
    ROLLOUT_COLUMNS,
    VERDICT_COLUMNS,
    Row,
    one_look,
    raw_rollouts,
    raw_verdicts,
)
from harness_search.ledger.reading import read_iterations
from harness_search.ledger.rows import Outcome, Purpose
from harness_search.ledger.store import has_begun
from harness_search.reports.coverage import require_coverage
from harness_search.reports.exported_decisions import COLUMNS as DECISION_COLUMNS
from harness_search.reports.exported_decisions import decision_rows
from harness_search.workspace import Workspace


class What(StrEnum):
    """What can be exported, a table each."""

    ROLLOUTS = "rollouts"
    """One row an attempt, however it ended."""
    VERDICTS = "verdicts"
    """One row a criterion of an attempt."""
    DECISIONS = "decisions"
    """One row an iteration, the baseline's first."""


_DERIVED = ("split", "simulated", "harness", "practice_area", "counts")
_RENAMED = {
    "id": "rollout",
    "harness": "harness_digest",
    "passed": "criteria_passed",
    "total": "criteria_total",
    **{f"paid_{kind}": f"paid_tokens_{kind}" for kind in ("input", "output")},
    **{f"paid_cache_{kind}": f"paid_tokens_cache_{kind}" for kind in ("write", "read")},
    "pid_started": "pid_started_ticks",
}
_CRITERION = VERDICT_COLUMNS.index("criterion")


def _renamed(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_RENAMED.get(name, name) for name in columns)


COLUMNS: Mapping[What, tuple[str, ...]] = {
    What.ROLLOUTS: (*_DERIVED, *_renamed(ROLLOUT_COLUMNS)),
    What.VERDICTS: (
        *_DERIVED,
        *_renamed(VERDICT_COLUMNS[: _CRITERION + 1]),
        "title",
        *VERDICT_COLUMNS[_CRITERION + 1 :],
    ),
    What.DECISIONS: ("simulated", *DECISION_COLUMNS),
}


@dataclass(frozen=True, slots=True)
class Source:
    """One ledger, open for reading, and what is known of the search beside it."""

    database: sqlite3.Connection
    purpose: Purpose
    names: Mapping[str, str]
    """Of harnesses, by digest."""
    titles: Mapping[tuple[str, str], str]
    """Of criteria, by task and id."""
    layout: Layout
    simulated: bool

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        database: sqlite3.Connection,
        purpose: Purpose,
        names: Mapping[str, str],
    ) -> "Source":
        """The ledger of rollouts for a purpose."""
        titles = {
            (task.id, item.id): item.title
            for task in workspace.tasks(purpose.task_split)
            for item in task.criteria
        }
        simulated = workspace.settings.profile.simulated
        return cls(database, purpose, names, titles, workspace.layout, simulated)

    def rows(self, what: What) -> Iterator[Row]:
        """Values in the order of `COLUMNS`; read as they are asked for."""
        return {
            What.ROLLOUTS: self._rollouts,
            What.VERDICTS: self._verdicts,
            What.DECISIONS: self._decisions,
        }[what]()

    def _rollouts(self) -> Iterator[Row]:
        of = ROLLOUT_COLUMNS.index
        places = of("harness"), of("task"), of("status"), of("outcome")
        for row in raw_rollouts(self.database):
            yield (*self._derived(*(row[place] for place in places)), *row)

    def _verdicts(self) -> Iterator[Row]:
        of, after = VERDICT_COLUMNS.index, _CRITERION + 1
        places = of("harness"), of("task"), of("status"), of("outcome")
        for row in raw_verdicts(self.database):
            harness, task, status, outcome = (row[place] for place in places)
            title = self.titles.get((task, row[_CRITERION]), "")
            derived = self._derived(harness, task, status, outcome)
            yield (*derived, *row[:after], title, *row[after:])

    def _derived(self, harness: str, task: str, status: str, outcome: str | None) -> Row:
        counts = status == "done" and outcome != Outcome.INFRA_FAILED
        name = self.names.get(harness, harness[:8])
        return self.purpose.value, self.simulated, name, task.split("/", 1)[0], counts

    def _decisions(self) -> Iterator[Row]:
        iterations = read_iterations(self.database)
        for row in decision_rows(self.layout, iterations):
            yield (self.simulated, *row)


@contextmanager
def exported(workspace: Workspace, purpose: Purpose) -> Iterator[Source]:
    """The rollouts for a purpose, as they are at this moment, whatever is written meanwhile.

    Raises InputError where there are none, and what `require_coverage` raises for figures that
    nobody may see yet.
    """
    layout = workspace.layout
    file = layout.ledger_of(purpose)
    if not has_begun(file):
        raise InputError(file, "", "no rollouts", _WANTED[purpose])
    require_coverage(workspace, purpose)
    with one_look(file) as database:
        names = _names(database) if purpose is Purpose.SEARCH else _names_of_search(layout)
        yield Source.of(workspace, database, purpose, names)


_WANTED = {
    Purpose.SEARCH: "a search that has begun (`meta-harness run`)",
    Purpose.CONFIRMATION: "a search that has come to its confirmation",
    Purpose.AB: "those of a comparison (`meta-harness ab`)",
    Purpose.REPLAY: "those of a replay (`meta-harness replay`)",
    Purpose.TEST: "a test split that was opened (`meta-harness test`)",
}


def _names_of_search(layout: Layout) -> dict[str, str]:
    if not has_begun(layout.ledger):
        return {}
    with one_look(layout.ledger) as database:
        return _names(database)


def _names(database: sqlite3.Connection) -> dict[str, str]:
    return {row.harness: row.name for row in read_iterations(database) if row.harness}
