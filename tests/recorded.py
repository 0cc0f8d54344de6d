"""A recorded search for the tests of a session's view: evidence on disk, iterations and rows."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from conftest import rollout_row

from harness_kit.office import save_docx
from harness_search.files import digest_text
from harness_search.layout import Layout
from harness_search.ledger.figures import Shape
from harness_search.ledger.frontier import Frontier, frontier
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, RolloutRow
from harness_search.ledger.scores import Weights
from harness_search.proposers.feedback import FeedbackPolicy, evidence_for, recorded_rollouts
from harness_search.proposers.query.data import Recorded, query_data
from harness_search.proposers.session import Session
from harness_search.proposers.view import prepare_view
from harness_search.rollouts.evidence import filed_folder

TASKS = tuple(f"area-{number}/task-{number}" for number in range(3))
CRITERIA = dict.fromkeys(TASKS, 4)
SOURCE = 'TOOLS = ["read", "write"]\n\n\ndef solve(task, model):\n    return "{}"\n'


@dataclass
class Recording:
    """What a search has left so far."""

    root: Path
    iterations: list[IterationRow] = field(default_factory=list)
    rows: list[RolloutRow] = field(default_factory=list)
    weights: Weights = field(default_factory=Weights)

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    @property
    def frontier(self) -> Frontier:
        shape = Shape(CRITERIA, 2, self.weights)
        return frontier(self.iterations, self.rows, shape, simulated=True)

    def add_harness(
        self, name: str, decision: DecisionKind | None, claim: dict[str, Any] | None = None
    ) -> None:
        number = len(self.iterations)
        parent = "baseline" if number else ""
        text = json.dumps({"iteration": number, "candidates": [claim]}) if claim else ""
        self.iterations.append(IterationRow(
            number, digest_text(name), name, parent, parent, name, text, decision, "as told"
        ))  # fmt: skip
        file = self.layout.candidate(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SOURCE.format(name), encoding="utf-8")

    def add_rollout(
        self,
        harness: str,
        task: str,
        trial: int = 1,
        passed: int = 2,
        reason: str = "did not find it",
        said: str = "I read the papers",
        **more: Any,
    ) -> Path:
        """A rollout's row and its evidence, whose folder is returned."""
        row = rollout_row(digest_text(harness), task, trial, passed, total=4, tokens=1_000, **more)
        self.rows.append(row)
        folder = filed_folder(self.layout.dev_evidence, harness, row.key, row.attempt)
        write_evidence(folder, harness, row, reason, said)
        return folder

    def show(self, policy: FeedbackPolicy = FeedbackPolicy.FULL, **options: Any) -> Session:
        """Open a session on it."""
        rollouts = recorded_rollouts(self.iterations, self.rows, TASKS)
        evidence = evidence_for(policy, self.layout, rollouts)
        number, found = len(self.iterations), self.frontier
        session = Session(
            number, self.layout.session(number) / "view", evidence, found.incumbent, (), TASKS, 0
        )
        sources = [self.layout.candidate(item.name) for item in self.iterations]
        data = query_data(Recorded(found, self.iterations, self.rows), TASKS, policy)
        prepare_view(session, sources, self.root / "SKILL.md", "digest", data=data, **options)
        return session


def write_evidence(folder: Path, harness: str, row: RolloutRow, reason: str, said: str) -> None:
    """What a rollout leaves: four verdicts, one exchange, one deliverable with the same text."""
    (folder / "output").mkdir(parents=True)
    verdicts = [
        {"criterion": f"C-{number}", "verdict": "pass" if number <= row.passed else "fail",
         "reason": "as required" if number <= row.passed else reason}
        for number in range(1, 5)
    ]  # fmt: skip
    summary = {
        "harness": harness, "harness_digest": row.key.harness, "task": row.key.task,
        "trial": row.key.trial, "attempt": row.attempt, "outcome": row.outcome.value,
        "reason": reason if row.outcome is Outcome.HARNESS_FAILED else "",
        "passed": row.passed, "total": row.total, "verdicts": verdicts, "calls": 7,
        "deliverables": [f"{said} memo.docx"], "output": [f"{said} memo.docx".replace("/", "")],
    }  # fmt: skip
    content = [
        {"type": "text", "text": said},
        {"type": "tool_use", "id": "1", "name": "read", "input": {"file_path": said}},
        {"type": "tool_use", "id": "2", "name": said, "input": {}},
    ]
    reply = json.dumps({"call": 1, "status": 200, "reply": {"content": content}})
    (folder / "transcript.jsonl").write_text(f"{reply}\n" + '{"call": 2, "re', encoding="utf-8")
    (folder / "harness.log").write_text(f"log: {said}\n", encoding="utf-8")
    (folder / "output" / "memo.docx").write_bytes(memo(said))
    (folder / "rollout.json").write_text(json.dumps(summary), encoding="utf-8")


@cache
def memo(said: str) -> bytes:
    """A Word file of one paragraph; to make one takes longer than everything else here."""
    with tempfile.TemporaryDirectory() as folder:
        save_docx(Path(folder) / "memo.docx", f"# Memo\n\n{said}")
        return (Path(folder) / "memo.docx").read_bytes()


def small(root: Path) -> Recording:
    """A baseline, a promoted candidate and an orphan, each with two trials of three tasks."""
    found = Recording(root)
    claim = {
        "name": "lander", "hypothesis": "files land", "fix_tasks": [TASKS[0]],
        "regression_tasks": [TASKS[1]],
        "observed": "pooled 25.0 -> 50.0.\nReplay of 3 of 6 stored rollouts of baseline: better.",
    }  # fmt: skip
    found.add_harness("baseline", DecisionKind.BASELINE)
    found.add_harness("lander", DecisionKind.PROMOTED, claim)
    found.add_harness("breaker", DecisionKind.ORPHAN, {"hypothesis": "loops end", "observed": ""})
    for number, name in enumerate(("baseline", "lander", "breaker")):
        for index, task in enumerate(TASKS):
            for trial in (1, 2):
                passed = min(4, number + index)
                found.add_rollout(name, task, trial, passed, f"reason {index} of {task}")
    return found


def ask(session: Session, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `mh-query` as a session does, from its view and with nothing of ours around it."""
    return subprocess.run(
        ["./mh-query", *arguments], cwd=session.view, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]}, timeout=60, check=False,
    )  # fmt: skip


def answer(session: Session, *arguments: str) -> Any:
    """What it answers with `--json`."""
    done = ask(session, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.encode()) <= 20_001
    return json.loads(done.stdout)
