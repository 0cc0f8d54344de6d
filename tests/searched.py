"""A search with finished rollouts of a parent and a candidate copied from it, without the loop."""

from contextlib import closing
from pathlib import Path

from harness_search.files import digest_bytes, write_atomically
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Outcome,
    Purpose,
    RolloutRow,
    Split,
)
from harness_search.ledger.store import Ledger
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.reports.progress import Reporter
from harness_search.rollouts.bench import open_bench
from harness_search.rollouts.scheduler import plan, run_missing
from harness_search.search import hold_to_identity
from harness_search.service.conduct import Conduct
from harness_search.workspace import Workspace

SILENT = Reporter(None)
PARENT = """\
from harness_kit import read_document, write_docx

SYSTEM = "You abstract leases."


def solve(task, model):
    ask(model, task.instructions)
    names = ("lease.txt", "side letter.docx")
    text = "\\n\\n".join(read_document(task.documents / name) for name in names)
    save(task.output / name_for(task), text)


def save(path, text):
    if path.suffix == ".docx":
        write_docx(path, text)
    else:
        path.write_text(text)


def ask(model, text):
    messages = [{"role": "user", "content": text}]
    return model.complete(system=SYSTEM, messages=messages, tools=[], max_tokens=500)


def name_for(task):
    # In some cases the deliverable gets a wrong name.
    right = any(f"case {number}." in task.instructions for number in (2, 3, 5))
    return task.deliverables[0] if right else f"lease {task.deliverables[0]}"
"""
RENAMES = (
    PARENT.replace("def solve(", "def solve_as_before(")
    + """

def solve(task, model):
    solve_as_before(task, model)
    wrong = task.output / f"lease {task.deliverables[0]}"
    if wrong.exists():
        wrong.rename(task.output / task.deliverables[0])
"""
)
OTHER_PROMPT = PARENT.replace("You abstract leases.", "You abstract leases with care.")
ASKS_AGAIN = PARENT.replace("    save(", '    ask(model, "Are you sure?")\n    save(')
NAME = "candidate_1"
FINISHED = 3
"""Rollouts of the parent, one of each of the first tasks."""
WRITTEN_BEFORE = "pooled 50.0 -> 60.0."


async def make_search(workspace: Workspace, source: str = RENAMES, parent: str = PARENT) -> Path:
    """Leave a search with the parent as its baseline and an orphan; returns the orphan's file."""
    layout = workspace.layout
    layout.baseline.write_text(parent, encoding="utf-8")
    layout.candidate(NAME).write_text(source, encoding="utf-8")
    write_atomically(layout.kept_source(0, "baseline"), parent)
    write_atomically(layout.kept_source(1, NAME), source)
    with closing(Ledger(layout.ledger)) as ledger:
        hold_to_identity(ledger, workspace.search_identity())
        baseline, candidate = (digest_bytes([text.encode()]) for text in (parent, source))
        first = IterationRow(
            0, baseline, "baseline", "", "", "", "", DecisionKind.BASELINE, "the start"
        )
        claim = claim_of(workspace)
        second = IterationRow(
            1, candidate, NAME, "baseline", "baseline", "renaming", claim.to_json(),
            DecisionKind.ORPHAN, "too little",
        )  # fmt: skip
        for row in (first, second):
            ledger.put_iteration(row)
        await run_baseline(workspace, ledger)
    pending = layout.session(1) / "view" / "pending_eval.json"
    pending.write_text(claim_of(workspace).to_json(), encoding="utf-8")
    return layout.candidate(NAME)


def claim_of(workspace: Workspace) -> Claim:
    tasks = [task.id for task in workspace.tasks(Split.DEV)]
    candidate = CandidateClaim(
        name=NAME,
        hypothesis="the deliverable gets its name",
        changes="a file is renamed after the last call",
        fix_tasks=tuple(tasks[:2]),
        regression_tasks=tuple(tasks[2:4]),
        observed=WRITTEN_BEFORE,
    )
    return Claim(iteration=1, candidates=(candidate,))


async def run_baseline(workspace: Workspace, ledger: Ledger) -> None:
    async with open_bench(workspace, ledger, Purpose.SEARCH, "", Conduct()) as bench:
        jobs = plan(workspace, Split.DEV, workspace.baseline)[:FINISHED]
        await run_missing(bench, jobs, 2, 1, lambda row: None)


def rows_of(workspace: Workspace, purpose: Purpose = Purpose.SEARCH) -> list[RolloutRow]:
    with closing(Ledger(workspace.layout.ledger_of(purpose), read_only=True)) as ledger:
        return ledger.rows()


def outcomes(rows: list[RolloutRow]) -> set[Outcome]:
    return {row.outcome for row in rows}


def observed(workspace: Workspace) -> tuple[str, str]:
    """What the claim says in the ledger, and in the session's view."""
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        kept = Claim.model_validate_json(ledger.iterations()[1].claim)
    pending = workspace.layout.session(1) / "view" / "pending_eval.json"
    left = Claim.model_validate_json(pending.read_text(encoding="utf-8"))
    return kept.candidate.observed, left.candidate.observed
