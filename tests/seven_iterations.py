"""A search of seven iterations on six tasks, written down without a loop, and its report."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rows_on_disk import write

from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.reports.document.material import reading
from harness_search.reports.document.report import Report, make_report
from harness_search.workspace import Workspace, open_workspace

Open = Callable[..., Workspace]
HOSTILE = "<script>alert(1)</script>\x1b[31m\n## Fake\n\u202egnp"
NAMES = (
    "baseline",
    "checks_names",
    "asks_twice",
    "reads_all",
    "lost_one",
    "cheats",
    "asks_twice_on_006",
)
KINDS = (
    *(DecisionKind.BASELINE, DecisionKind.PROMOTED, DecisionKind.ORPHAN, DecisionKind.PROMOTED),
    *(DecisionKind.INCONCLUSIVE, DecisionKind.REJECTED, None),
)
FEW = (DecisionKind.INCONCLUSIVE, DecisionKind.REJECTED, None)
"""What was not run on every task."""
PASSED = (1, 2, 2, 3, 2, 4, 3)
"""Criteria of four, in every task."""


def report_of(workspace: Workspace) -> Report:
    with reading(workspace) as material:
        return make_report(material)


def claim(number: int, name: str) -> str:
    mechanism = name.removesuffix("_on_006")
    item = CandidateClaim(
        name=name,
        hypothesis="Because of <script>alert(1)</script>\n## Fake",
        changes="c",
        mechanism=mechanism,
    )
    return Claim(iteration=number, candidates=(item,)).to_json()


def iteration(number: int) -> IterationRow:
    name = NAMES[number]
    incumbent = "" if not number else NAMES[0 if number == 1 else 1 if number <= 3 else 3]
    kind = KINDS[number]
    return IterationRow(
        number, f"digest-{name}", name, incumbent, incumbent,
        name.removesuffix("_on_006") if number else "",
        claim(number, name) if number else "", kind, "Because\nof it." if kind else "",
    )  # fmt: skip


@pytest.fixture(scope="session")
def searched_ledger(new_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven iterations with two trials of each task: two promotions, an orphan, one that was lost,
    one that cheated, and an open one that takes the orphan up again."""
    ledger = tmp_path_factory.mktemp("searched") / "ledger.sqlite3"
    dev = open_workspace(new_workspace, {}, to_run=False).splits.dev
    with closing(Ledger(ledger)) as opened:
        for number in range(len(NAMES)):
            opened.put_iteration(iteration(number))
    for name, passed, kind in zip(NAMES, PASSED, KINDS, strict=True):
        tasks = [task.id for task in (dev[:2] if kind in FEW else dev)]
        write(ledger, f"digest-{name}", tasks, passed)
        write(ledger, f"digest-{name}", tasks[:-1], passed, trial=2)
        write(ledger, f"digest-{name}", tasks[-1:], passed - 1, trial=2)
    return ledger


@pytest.fixture
def searched(open_tiny: Open, searched_ledger: Path) -> Workspace:
    """A workspace with that search."""
    workspace = open_tiny(trials=2)
    shutil.copyfile(searched_ledger, workspace.layout.ledger)
    return workspace


def strict(report: Report) -> dict[str, Any]:
    """The document as a strict reader has it."""
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert isinstance(document, dict)
    return document
