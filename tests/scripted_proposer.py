"""A proposer that does what a test tells it to, and looks at what came of it."""

import asyncio
import itertools
import sqlite3
from collections.abc import Callable
from typing import Any

import meta_harness
from harness_search.current import frontier_on_disk
from harness_search.ledger.rows import DecisionKind
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.proposers.session import NothingLeft, Proposed, Session
from harness_search.reports.progress import Reporter
from harness_search.workspace import Workspace

SILENT = Reporter(None)


class Scripted:
    """A proposer that writes what a test tells it to."""

    def __init__(self, *edits: Callable[[str], str], claim: dict[str, Any] | None = None) -> None:
        self.edits, self.claim, self.sessions = list(edits), claim or {}, list[Session]()
        self.given = list[dict[str, str]]()

    async def propose(self, session: Session) -> Proposed | NothingLeft:
        self.sessions.append(session)
        files = [file for file in session.view.rglob("*") if file.is_file()]
        self.given.append({f"{file.relative_to(session.view)}": file.read_text() for file in files})
        if len(self.sessions) > len(self.edits):
            return NothingLeft("the script has ended")
        source = (session.view / "harnesses" / f"{session.incumbent}.py").read_text()
        name = f"candidate_{session.iteration}"
        edited = self.edits[len(self.sessions) - 1](source)
        (session.view / "harnesses" / f"{name}.py").write_text(edited)
        tasks = session.dev_tasks
        candidate = CandidateClaim(
            name=name,
            hypothesis="it helps",
            changes="one mechanism",
            fix_tasks=tasks[:5],
            regression_tasks=tasks[-5:],
        ).model_copy(update=self.claim)
        claim = Claim(iteration=session.iteration, candidates=(candidate,))
        session.claim_file.write_text(claim.to_json())
        session.log_file.write_text("read digest.md\n")
        return Proposed()


def delivers_nothing(source: str) -> str:
    return source.replace("    converse(task, model, messages)\n", "    return\n", 1)


_REMARKS = itertools.count()


def placebo(source: str) -> str:
    """Behaves as before, by other code: what differs in comments alone counts as a duplicate."""
    return f"{source}\nREMARK = {next(_REMARKS)}\n"


def run(workspace: Workspace, proposer: Any, reporter: Reporter = SILENT) -> str:
    return asyncio.run(meta_harness.run_search(workspace, proposer, reporter)).reason


def decisions(workspace: Workspace) -> list[DecisionKind | None]:
    return [row.decision for row in frontier_on_disk(workspace).rows]


def rollouts(workspace: Workspace) -> list[tuple[Any, ...]]:
    """Every attempt with its start, straight from the ledger's file."""
    with sqlite3.connect(workspace.layout.ledger) as database:
        return database.execute(
            "SELECT harness, task, trial, attempt, status, started_at FROM rollouts ORDER BY id"
        ).fetchall()
