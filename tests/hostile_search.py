"""A small search on disk in which everybody who writes has tried to take over the page.

Nothing is run: rows, claims, decisions and evidence are written as the loop writes them. Three
iterations: the baseline, a promoted candidate, and an orphan whose very name is an attack.
"""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from conftest import write_task
from transcripts import assistant, record, text_block, user

from harness_search.benchmark.initialise import initialise
from harness_search.files import digest_bytes, write_atomically
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, RolloutRow, Usage
from harness_search.ledger.store import Ledger
from harness_search.rollouts.collect import Collected
from harness_search.rollouts.evidence import TRANSCRIPT, filed_folder, write_summary
from harness_search.rollouts.jobs import Harness, Job
from harness_search.rollouts.scheduler import interleaved
from harness_search.search import hold_to_identity
from harness_search.workspace import Workspace, open_workspace

SCRIPT = "<script>alert(1)</script>"
PICTURE = '"><img src=x onerror=alert(2)>'
TEMPLATE = "{{7*7}}{% raise %}"
ENDS = "</style></script></textarea>]]>-->"
TERMINAL = "\x1b[31mred\x1b[0m\x1b]0;renamed\x07\r\x08"
DIRECTION = "\u202etxet desrever\u2066\u200b\u2069"
NUL = "before\0after"
HOSTILE = " ".join((SCRIPT, PICTURE, TEMPLATE, ENDS, TERMINAL, DIRECTION, NUL))
"""All of it that a string in SQLite can hold."""
SURROGATE = "\ud800 alone \udcff"
"""What JSON can carry besides, and UTF-8 cannot."""
NAME = PICTURE
"""Of a harness, a mechanism, a tool: no claim may have it, a ledger could."""
LONG_LINE = 5_000_000
QUOTE = "The annual rent is 102,000 USD"
CANDIDATE = "escapes_everything"
RUDE_TASK = f"tax/{PICTURE} {DIRECTION}"
RUDE_DELIVERABLE = '"><img src=x onerror=alert(3)>.md'
BASELINE = f'''\
"""{SCRIPT}"""
# {PICTURE}


def solve(task, model):
    model.complete(system="", messages=[], tools=[], max_tokens=1)
'''
BETTER = BASELINE.replace("max_tokens=1", f"max_tokens=2)\n    print({SCRIPT + ENDS!r}")
WORSE = BASELINE.replace("max_tokens=1", "max_tokens=3")
TRIALS = 2


def make_hostile_search(root: Path) -> Workspace:
    """The workspace: four dev tasks and one test task, two trials each."""
    for number in range(5):
        write_task(root / "tasks", number)
    _make_rude(next((root / "tasks" / "insurance").iterdir()), root / "tasks" / RUDE_TASK)
    initialise(root, root / "tasks", dev=5, test=0, seed=0, trials=TRIALS)
    workspace = replace(open_workspace(root, {}), sandbox="bwrap")
    sources = {"baseline": BASELINE, CANDIDATE: BETTER, NAME: WORSE}
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        hold_to_identity(ledger, workspace.search_identity())
        for number, (name, source) in enumerate(sources.items()):
            _put_iteration(workspace, ledger, number, name, source)
    return workspace


def _make_rude(task: Path, target: Path) -> None:
    """Rename a task, and write over all its texts."""
    target.parent.mkdir(parents=True, exist_ok=True)
    task.rename(target)
    content = json.loads((target / "task.json").read_text(encoding="utf-8"))
    content |= {"title": HOSTILE, "work_type": HOSTILE, "tags": [HOSTILE]}
    content["deliverables"] = {RUDE_DELIVERABLE: RUDE_DELIVERABLE}
    for criterion in content["criteria"]:
        criterion["title"] = f"{criterion['title']} {HOSTILE}"
    (target / "task.json").write_text(json.dumps(content), encoding="utf-8")
    (target / "documents" / "<img src=x onerror=alert(4)>.txt").write_text(HOSTILE)


def _put_iteration(
    workspace: Workspace, ledger: Ledger, number: int, name: str, source: str
) -> None:
    layout = workspace.layout
    file = layout.harnesses / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    write_atomically(layout.session(number) / "view" / "harnesses" / f"{name}.py", source)
    harness = Harness(name, file, digest_bytes([source.encode()]))
    tasks = workspace.splits.dev
    for job in interleaved(workspace, [harness], tasks, range(1, TRIALS + 1)):
        _put_rollout(workspace, ledger, number, job)
    kinds = (DecisionKind.BASELINE, DecisionKind.PROMOTED, DecisionKind.ORPHAN)
    parent = ("", "baseline", CANDIDATE)[number]
    claim = _claim(workspace, number) if number else ""
    ledger.put_iteration(
        IterationRow(
            number, harness.digest, name, parent, parent, name if number else "", claim,
            kinds[number], HOSTILE,
        )
    )  # fmt: skip
    if number:
        layout.decision(number).write_text(json.dumps(_decision(workspace, number, name)))
        layout.audit(number).write_text(json.dumps(_audit()))


def _claim(workspace: Workspace, number: int) -> str:
    tasks = [task.id for task in workspace.splits.dev]
    candidate = {
        "name": CANDIDATE, "hypothesis": HOSTILE, "changes": HOSTILE, "parent": PICTURE,
        "fix_tasks": [RUDE_TASK, tasks[0]], "regression_tasks": [PICTURE, tasks[-1]],
        "observed": HOSTILE, "kind": "mixed", "added": HOSTILE, "why": HOSTILE,
    }  # fmt: skip
    return json.dumps({"iteration": number, "candidates": [candidate]})


def _decision(workspace: Workspace, number: int, name: str) -> dict[str, Any]:
    rows = [[task.id, 12.5, 6.5, 62.5, 50.0, TRIALS, TRIALS] for task in workspace.splits.dev]
    columns = ("task", "difference", "error", "candidate", "incumbent")
    return {
        "iteration": number, "harness": name, "decision": "promoted" if number == 1 else "orphan",
        "verdict": "promote" if number == 1 else "reject", "stage": "3 trials",
        "reason": HOSTILE + SURROGATE, "notes": [HOSTILE], "remarks": [HOSTILE], "coverage": 1.0,
        "rollouts": {"candidate": len(rows) * TRIALS, "incumbent": 0},
        "gain": {
            "difference": 12.5, "fixed_task_error": 3.0, "clustered_error": 4.0,
            "interval": [6.6, 18.4], "chance": 0.99, "shrunken": 9.1,
        },
        "columns": [*columns, "trials of the candidate", "trials of the incumbent"],
        "tasks": rows,
    }  # fmt: skip


def _audit() -> dict[str, Any]:
    finding = {"rule": "leakage", "severity": "warn", "where": PICTURE}
    return {
        "verdict": "warn",
        "reason": HOSTILE + SURROGATE,
        "findings": [finding | {"evidence": HOSTILE + SURROGATE}],
    }


def _put_rollout(workspace: Workspace, ledger: Ledger, number: int, job: Job) -> None:
    """Its row, and evidence of the first trial; the other one's is lost."""
    criteria = [item.id for item in job.task.criteria]
    passed = min(len(criteria), 1 + number)
    failed = job.key.trial == TRIALS and number == 2
    verdicts = tuple(_verdicts(criteria, 0 if failed else passed))
    usage = Usage(input=4_000, output=900, cache_read=1_000)
    row_id, attempt = ledger.begin(job.key, 1, 1, "boot")
    row = RolloutRow(
        job.key, attempt, Outcome.HARNESS_FAILED if failed else Outcome.SCORED,
        HOSTILE if failed else "", 0 if failed else passed, len(criteria), usage, 0.02, 2, 4.2,
        workspace.judge_version, "0" * 64, usage, 0.02, "bwrap", served_model=HOSTILE,
    )  # fmt: skip
    if job.key.trial == 1:
        _put_evidence(workspace, job, row, verdicts)
    ledger.finish(
        row_id, row, [(each.criterion_id, each.verdict, each.reason) for each in verdicts]
    )


def _verdicts(criteria: list[str], passed: int) -> Iterator[Verdict]:
    for place, criterion in enumerate(criteria):
        said = f'found "{QUOTE}" near "rent"; {HOSTILE}'
        yield Verdict(criterion, "pass" if place < passed else "fail", said)


def _put_evidence(
    workspace: Workspace, job: Job, row: RolloutRow, verdicts: tuple[Verdict, ...]
) -> None:
    folder = filed_folder(workspace.layout.dev_evidence, job.harness.name, row.key, row.attempt)
    output = folder / "output"
    output.mkdir(parents=True)
    names = job.task.content.deliverables
    for name in names:
        (output / name).write_text(_deliverable(long=job.harness.name == CANDIDATE))
    Path(os.fsdecode(os.fsencode(output) + b"/not \xff text.txt")).write_bytes(b"\xff\xfe\0")
    collected = Collected(names, "0" * 64, too_large=False, refused=((PICTURE, HOSTILE),))
    write_summary(folder, job.harness.name, row, verdicts, names, collected)
    record(folder / TRANSCRIPT, *_calls(job, long=job.harness.name == CANDIDATE))
    (folder / "harness.log").write_text(HOSTILE)


def _deliverable(*, long: bool) -> str:
    line = f"{SCRIPT} " * (LONG_LINE // len(SCRIPT)) if long else HOSTILE
    return f"# {HOSTILE}\n\n{QUOTE}, {PICTURE}.\n\n{line}\n"


def _calls(job: Job, *, long: bool) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    said = user(job.task.content.instructions + HOSTILE + SURROGATE)
    use = {"type": "tool_use", "id": "t1", "name": NAME, "input": {PICTURE: HOSTILE + SURROGATE}}
    called = [text_block(HOSTILE + SURROGATE), {"type": "thinking", "thinking": HOSTILE}, use]
    found = "<b>" * (LONG_LINE // 3) if long else HOSTILE
    result = {"type": "tool_result", "tool_use_id": "t1", "content": found, "is_error": True}
    tools = [{"name": NAME, "description": HOSTILE, "input_schema": {"type": "object"}}]
    first = {"model": HOSTILE, "system": HOSTILE, "tools": tools, "messages": [said]}
    usage = {"input_tokens": 2_000, "output_tokens": 450}
    answered = {**assistant(called), "model": HOSTILE, "stop_reason": HOSTILE, "usage": usage}
    yield first, answered
    second = {**first, "messages": [said, assistant(called), user([result])]}
    yield second, {**assistant([text_block(f"{QUOTE}. {HOSTILE}")]), "usage": usage}
