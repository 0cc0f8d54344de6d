"""One rollout on disk, as the loop leaves it: its row, and its evidence."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from conftest import rollout_row
from transcripts import assistant, record, reply_of, text_block, user

from harness_search.benchmark.tasks import Task
from harness_search.files import digest_bytes, to_json
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import (
    DecisionKind,
    IterationRow,
    Outcome,
    Purpose,
    RolloutKey,
    RolloutRow,
    Usage,
)
from harness_search.ledger.store import Ledger
from harness_search.rollouts.collect import Collected
from harness_search.rollouts.evidence import (
    LOG,
    TRANSCRIPT,
    begin_evidence,
    building_folder,
    filed_folder,
    write_summary,
)
from harness_search.workspace import Workspace

MODEL_REASON = 'The rent is stated ("the annual rent is \u2026 USD")'
TEXT = "# Rent\n\nThe  **annual rent** is 102,000 USD, payable quarterly.\n"
SOURCE = "def solve(task, model):\n    pass\n"
DIGEST = digest_bytes([SOURCE.encode()])
LISTED = "documents/lease.txt"


def begin_search(workspace: Workspace) -> None:
    """A search that has no more than its baseline."""
    baseline = IterationRow(
        0, DIGEST, "baseline", "", "", "", "", DecisionKind.BASELINE, "the start"
    )
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.set_identity({"judge": workspace.judge_version})
        ledger.put_iteration(baseline)


def verdicts_of(task: Task, *reasons: tuple[str, str]) -> tuple[Verdict, ...]:
    """Verdict and reason of each criterion; those not given fail."""
    given = [*reasons, *[("fail", "found none of it")] * len(task.criteria)]
    pairs = zip(task.criteria, given, strict=False)
    return tuple(Verdict(item.id, grade, reason) for item, (grade, reason) in pairs)  # type: ignore[arg-type]


def file_rollout(
    workspace: Workspace,
    task: Task,
    verdicts: Sequence[Verdict] = (),
    *,
    trial: int = 1,
    outcome: Outcome = Outcome.SCORED,
    output: Mapping[str, str] | None = None,
    purpose: Purpose = Purpose.SEARCH,
    refused: tuple[tuple[str, str], ...] = (),
) -> Path:
    """An ended attempt; returns the folder of its evidence."""
    key = key_of(task, trial)
    layout = workspace.layout
    with closing(Ledger(layout.ledger_of(purpose))) as ledger:
        rollout, attempt = ledger.begin(key, 1, 1)
        row = row_of(key, attempt, outcome, verdicts)
        said = [(item.criterion_id, item.verdict, item.reason) for item in verdicts]
        ledger.finish(rollout, row, said)
    folder = filed_folder(layout.evidence_of(purpose), "baseline", key, attempt)
    (folder / "output").mkdir(parents=True)
    for name, text in (output or {}).items():
        (folder / "output" / name).write_text(text, encoding="utf-8")
    names = tuple(output or {})
    collected = Collected(names, "", too_large=False, refused=refused)
    write_summary(folder, "baseline", row, tuple(verdicts), names, collected)
    record(folder / TRANSCRIPT, *conversation(task))
    (folder / LOG).write_text("warming up\n")
    return folder


def key_of(task: Task, trial: int = 1) -> RolloutKey:
    return RolloutKey(DIGEST, task.id, task.digest(), trial, "simulated")


def row_of(
    key: RolloutKey, attempt: int, outcome: Outcome, verdicts: Sequence[Verdict]
) -> RolloutRow:
    passed = sum(item.verdict == "pass" for item in verdicts)
    row = rollout_row(key.harness, key.task, key.trial, passed, len(verdicts), outcome=outcome)
    reason = "" if outcome is Outcome.SCORED else "it went wrong"
    usage = Usage(input=1_200, output=345, cache_read=6_789)
    return replace(
        row, key=key, attempt=attempt, reason=reason, usage=usage, cost_usd=0.25, sandbox="bwrap"
    )


def conversation(task: Task) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Two calls: the model looks, then says that it is done."""
    said = user(task.content.instructions)
    use = {"type": "tool_use", "id": "t1", "name": "glob", "input": {"pattern": "documents/*"}}
    looks = {**reply_of("", tokens=(1_200, 45)), "content": [text_block("I look first."), use]}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": LISTED}
    first = {"model": "m", "system": [text_block("Be exact.")], "messages": [said]}
    then = {**first, "messages": [said, assistant(looks["content"]), user([result])]}
    return [(first, looks), (then, reply_of("All is delivered.", tokens=(0, 300)))]


def begin_attempt(workspace: Workspace, task: Task, trial: int = 1) -> Path:
    """One that runs; returns the folder in which its evidence is built."""
    key = key_of(task, trial)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.begin(key, 1, 1)
    folder = building_folder(workspace.layout.dev_evidence, key)
    folder.mkdir(parents=True)
    begin_evidence(folder, "baseline", key)
    record(folder / TRANSCRIPT, *conversation(task)[:1])
    return folder


def log_opening_by_hand(workspace: Workspace) -> None:
    entry = {"opened_at": "2026-01-01T00:00:00+00:00", "harnesses": ["baseline"]}
    workspace.layout.test_openings.write_text(json.dumps(entry) + "\n")


def damage(file: Path) -> None:
    file.write_text(to_json({"no": "rollout"})[:-4])
