"""How long the folder of a proposer session takes to make, with 1,000 recorded rollouts.

python benchmarks/proposer_view.py [rollouts]
"""

import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from harness_search.files import digest_text
from harness_search.layout import Layout
from harness_search.ledger.digest import history_digest
from harness_search.ledger.figures import Shape
from harness_search.ledger.frontier import frontier
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, RolloutKey, RolloutRow
from harness_search.ledger.rows import Usage as Tokens
from harness_search.ledger.scores import Weights
from harness_search.proposers.feedback import FeedbackPolicy, evidence_for, recorded_rollouts
from harness_search.proposers.query.data import Recorded, query_data
from harness_search.proposers.session import Session
from harness_search.proposers.view import prepare_view
from harness_search.rollouts.evidence import filed_folder

TASKS = {f"area-{number}/task-{number}": 60 for number in range(24)}
TRIALS, CALLS = 3, 20
SOURCE = "def solve(task, model):\n    read(task)\n" * 200


def record(layout: Layout, harnesses: int) -> tuple[list[IterationRow], list[RolloutRow]]:
    """Iterations, rows, and evidence on disk of some 60 kB a rollout."""
    layout.harnesses.mkdir(parents=True)
    iterations, rows = [], []
    for number in range(harnesses):
        name = f"candidate_{number}" if number else "baseline"
        layout.candidate(name).write_text(SOURCE, encoding="utf-8")
        kind = DecisionKind.ORPHAN if number else DecisionKind.BASELINE
        parent = "baseline" if number else ""
        digest = digest_text(name)
        iterations.append(IterationRow(number, digest, name, parent, parent, "m", "", kind, "why"))
        for task, total in TASKS.items():
            for trial in range(1, TRIALS + 1):
                key = RolloutKey(digest, task, "digest", trial, "profile")
                rows.append(RolloutRow(
                    key, 1, Outcome.SCORED, "", 40, total, Tokens(input=100_000), 0.0, CALLS, 60.0,
                    "judge", "output",
                ))  # fmt: skip
                write_evidence(filed_folder(layout.dev_evidence, name, key, 1), name, rows[-1])
    return iterations, rows


def write_evidence(folder: Path, harness: str, row: RolloutRow) -> None:
    """What a rollout leaves."""
    (folder / "output").mkdir(parents=True)
    (folder / "output" / "memo.docx").write_bytes(bytes(30_000))
    (folder / "harness.log").write_bytes(b"")
    verdicts = [
        {"criterion": f"C-{number:03d}", "verdict": "pass" if number < row.passed else "fail",
         "reason": f'did not find the number {number} near "{row.key.task}"'}
        for number in range(row.total)
    ]  # fmt: skip
    summary = {
        "harness": harness, "harness_digest": row.key.harness, "task": row.key.task,
        "trial": row.key.trial, "attempt": 1, "outcome": "scored", "reason": "",
        "passed": row.passed, "total": row.total, "verdicts": verdicts, "calls": CALLS,
        "deliverables": ["memo.docx"], "output": ["memo.docx"],
    }  # fmt: skip
    (folder / "rollout.json").write_text(json.dumps(summary), encoding="utf-8")
    use = {"type": "tool_use", "name": "read", "input": {"file_path": "a.docx"}}
    message = {"role": "user", "content": "Larch Holdings Ltd owes 4,000 USD. " * 80}
    with (folder / "transcript.jsonl").open("w", encoding="utf-8") as lines:
        for call in range(CALLS):
            request = {"call": call, "request": {"messages": [message]}}
            reply = {"call": call, "status": 200, "reply": {"content": [use]}}
            lines.write(f"{json.dumps(request)}\n{json.dumps(reply)}\n")


def show(layout: Layout, iterations: list[IterationRow], rows: list[RolloutRow]) -> None:
    """Times of each policy: everything anew, as after a change of policy, and the session that
    comes one candidate later, as in a search."""
    for policy in FeedbackPolicy:
        for which, count in (("all anew", len(iterations) - 1), ("one more", len(iterations))):
            recorded = rows[: count * len(TASKS) * TRIALS]
            steps = steps_of_session(layout, policy, iterations[:count], recorded)
            print(
                f"  {policy.value:<8} {which}  {sum(steps):5.2f} s  (evidence {steps[0]:.2f}, "
                f"scores and data {steps[1]:.2f}, view {steps[2]:.2f})"
            )


def steps_of_session(
    layout: Layout, policy: FeedbackPolicy, iterations: list[IterationRow], rows: list[RolloutRow]
) -> list[float]:
    """Seconds of each step."""
    marks = [time.perf_counter()]
    evidence = evidence_for(policy, layout, recorded_rollouts(iterations, rows, TASKS))
    marks.append(time.perf_counter())
    found = frontier(iterations, rows, Shape(TASKS, TRIALS, Weights()), simulated=True)
    digest = history_digest(found, iterations)
    data = query_data(Recorded(found, iterations, rows), list(TASKS), policy)
    marks.append(time.perf_counter())
    view = layout.session(1) / "view"
    session = Session(1, view, evidence, "baseline", (), tuple(TASKS), 0)
    sources = [layout.candidate(item.name) for item in iterations]
    prepare_view(session, sources, layout.skill, digest, data=data)
    marks.append(time.perf_counter())
    return [after - before for before, after in pairwise(marks)]


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        iterations, rows = record(layout, -(-wanted // (len(TASKS) * TRIALS)))
        print(f"The view of a session after {len(rows):,} recorded rollouts:")
        show(layout, iterations, rows)


if __name__ == "__main__":
    main()
