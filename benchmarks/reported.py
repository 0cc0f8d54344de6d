"""A search of many candidates with evidence for every rollout, to make a report of.

The rows are simulated (`answered.py`). The evidence is that of one real measurement of the baseline
on the simulated model: each rollout has the transcript and the deliverables that the baseline left
in this task and trial, as another name of the same files, and a `rollout.json` of its own.
"""

import os
import sqlite3
import subprocess
from collections import defaultdict
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from answered import DEV, make_workspace
from large_ledger import COMMAND, make_ledger

from harness_search.audit.report import AuditReport, Finding, Severity
from harness_search.auditing import keep_report
from harness_search.current import frontier_on_disk
from harness_search.files import to_json
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.frontier import FrontierRow
from harness_search.ledger.reading import KEY_COLUMNS
from harness_search.ledger.rows import DecisionKind, IterationRow, RolloutKey, RolloutRow
from harness_search.ledger.store import Ledger
from harness_search.promotion.decision import Decision
from harness_search.reports.decisions import decision_document
from harness_search.rollouts.collect import Collected
from harness_search.rollouts.evidence import SUMMARY, filed_folder, write_summary
from harness_search.workspace import Workspace

EACH = DEV * 3
"""Rollouts of a candidate."""
AUDIT = AuditReport((
    Finding("engaged", Severity.PASS, "candidate", "its new code ran in 70 of 72 rollouts"),
    Finding("constants", Severity.WARN, "candidate, line 260", "holds a number of a task"),
))  # fmt: skip
REASONS = (
    'found none of "the side letter of 12 March"',
    'did not find the number 221,000 near "charge"',
    'found "15.25%" near "ceiling"; did not find the number 17.25% near "ceiling", as required',
)


def make_reported(folder: Path, candidates: int) -> Workspace:
    """A search of so many decided candidates, and half of the rollouts of one more."""
    donor = make_workspace(folder / "donor", {})
    command = [*COMMAND, "run", "--iterations", "0"]
    subprocess.run(command, cwd=donor.layout.root, stdout=subprocess.DEVNULL, check=True)
    workspace = make_workspace(folder / "workspace", {"confirmation_trials": 0})
    make_ledger(workspace, EACH * (candidates + 1) + 1)
    _give_reasons(workspace.layout.ledger)
    verdicts = _verdicts(workspace.layout.ledger)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        iterations, rows = ledger.iterations(), ledger.rows()
    names = {row.harness: row.name for row in iterations}
    for row in rows:
        _put_evidence(workspace, donor, names[row.key.harness], row, verdicts[row.key])
    for iteration, shown in zip(iterations, frontier_on_disk(workspace).rows, strict=True):
        if iteration.parent and iteration.decision is not None:
            _put_documents(workspace, iteration, shown)
    return workspace


def _give_reasons(ledger: Path) -> None:
    """Let each fail have one of a few reasons."""
    with closing(sqlite3.connect(ledger)) as database:
        for place, reason in enumerate(REASONS):
            database.execute(
                "UPDATE verdicts SET reason = ? WHERE verdict = 'fail' AND rollout % ? = ?",
                (reason, len(REASONS), place),
            )
        database.commit()


def _verdicts(ledger: Path) -> dict[RolloutKey, list[Verdict]]:
    found: defaultdict[RolloutKey, list[Verdict]] = defaultdict(list)
    with closing(sqlite3.connect(ledger)) as database:
        rows = database.execute(
            f"SELECT {KEY_COLUMNS}, criterion, verdict, verdicts.reason "
            "FROM rollouts JOIN verdicts ON verdicts.rollout = rollouts.id"
        )
        for *key, criterion, verdict, reason in rows:
            found[RolloutKey(*key)].append(Verdict(criterion, verdict, reason))
    return found


def _put_evidence(
    workspace: Workspace, donor: Workspace, name: str, row: RolloutRow, verdicts: list[Verdict]
) -> None:
    folder = filed_folder(workspace.layout.dev_evidence, name, row.key, row.attempt)
    there = filed_folder(donor.layout.dev_evidence, "baseline", row.key, 1)
    folder.mkdir(parents=True)
    for file in sorted(there.rglob("*")):
        target = folder / file.relative_to(there)
        if file.is_dir():
            target.mkdir()
        elif file.name != SUMMARY:
            os.link(file, target)
    names = tuple(sorted(file.name for file in (folder / "output").iterdir()))
    collected = Collected(names, row.output_digest, too_large=False)
    write_summary(folder, name, row, tuple(verdicts), names, collected)


def _put_documents(workspace: Workspace, iteration: IterationRow, shown: FrontierRow) -> None:
    """What the gate and the audit left behind for people."""
    is_promoted = iteration.decision is DecisionKind.PROMOTED
    decision = Decision(
        "promote" if is_promoted else "reject", iteration.reason, "3 trials", shown.gain,
        Fraction(1), EACH, 0,
    )  # fmt: skip
    layout = workspace.layout
    keep_report(layout, iteration.number, AUDIT)
    layout.decision(iteration.number).write_text(
        to_json(decision_document(iteration, decision, workspace.settings.gate))
    )
