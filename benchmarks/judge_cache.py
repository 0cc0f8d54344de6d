"""Prints how long it takes to regrade 1,000 stored verdicts from the cache.

Run from the repository root: `.venv/bin/python benchmarks/judge_cache.py`. It works in a temporary
workspace and takes a few seconds.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from pathlib import Path

from harness_search.benchmark.initialise import initialise
from harness_search.experiments.regrade import planned, regrade
from harness_search.files import to_json
from harness_search.judging.deterministic import JUDGE_VERSION, DeterministicJudge
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Judge
from harness_search.judging.model.cache import VerdictCache
from harness_search.judging.model.judge import JudgeTerms, ModelJudge
from harness_search.judging.model.prompt import CallTerms
from harness_search.judging.model.questions import Answer, Question, Replied
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split, Usage
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter
from harness_search.rollouts.evidence import begin_evidence, filed_folder
from harness_search.rollouts.stored import stored_digest
from harness_search.search import hold_to_identity
from harness_search.workspace import Workspace, open_workspace

ROLLOUTS, CRITERIA = 20, 50
WORDS = 7_500
"""Of each deliverable, about 10,000 tokens."""
MOST_SECONDS = 0.5
ANSWER = Answer("pass", "", "as asked", "judge-1", Usage(100, 100, 0, 10_000), 0.01, "req", "{}")


class Counting:
    """A model that passes everything, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        for question in questions:
            self.asked += 1
            yield question, ANSWER


def make_workspace(root: Path) -> Workspace:
    """A search with one stored rollout of each of its tasks."""
    for number in range(ROLLOUTS + 1):
        folder = root / "tasks" / "area" / f"task-{number}"
        (folder / "documents").mkdir(parents=True)
        (folder / "documents" / "paper.txt").write_text("A paper.")
        check = {"kind": "number", "value": number, "tolerance": 1}
        criteria = [
            {"id": f"C-{n}", "title": f"Point {n}", "match_criteria": "PASS if", "check": check}
            for n in range(CRITERIA)
        ]
        task = {"title": "t", "instructions": "Do it.", "deliverables": ["memo.md"]}
        (folder / "task.json").write_text(json.dumps({**task, "criteria": criteria}))
    initialise(root, root / "tasks", dev=ROLLOUTS, test=1, seed=0)
    workspace = open_workspace(root, {})
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        hold_to_identity(ledger, workspace.search_identity())
        for task in workspace.tasks(Split.DEV):
            _store(workspace, ledger, task.id)
    return workspace


def _store(workspace: Workspace, ledger: Ledger, task: str) -> None:
    key = RolloutKey("harness", task, workspace.digests[task], 1, "simulated")
    folder = filed_folder(workspace.layout.dev_evidence, "baseline", key, 1)
    (folder / "output").mkdir(parents=True)
    (folder / "output" / "memo.md").write_text(f"{task}\n" + "word " * WORDS)
    begin_evidence(folder, "baseline", key)
    (folder / "transcript.jsonl").touch()
    (folder / "rollout.json").write_text(to_json({"judge_version": JUDGE_VERSION}))
    row = RolloutRow(
        key, 1, Outcome.SCORED, "", 0, CRITERIA, Usage(), 0.0, 1, 1.0, JUDGE_VERSION,
        stored_digest(folder / "output"),
    )  # fmt: skip
    rollout, _ = ledger.begin(key, 1, 1)
    ledger.finish(rollout, row, [(f"C-{n}", "fail", "not there") for n in range(CRITERIA)])


def regraded(workspace: Workspace, judge: Judge) -> tuple[float, float]:
    """Seconds of a whole regrade, its plan included; and of the grading alone."""
    start = time.perf_counter()
    plan = planned(workspace, judge.version)
    middle = time.perf_counter()
    asyncio.run(regrade(workspace, judge, plan, 8, Reporter(None)))
    return time.perf_counter() - start, time.perf_counter() - middle


def from_cache() -> dict[str, float]:
    """Regrade once with a model, back with the checks, and again from what was kept."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder))
        texts, model = TextStore(workspace.layout.text), Counting()
        terms = JudgeTerms("judge", CallTerms("judge-1"))
        with VerdictCache(workspace.layout.kept_verdicts) as cache:
            judge = ModelJudge(model, cache, texts, terms)
            regraded(workspace, judge)
            paid = model.asked
            regraded(workspace, DeterministicJudge(texts))
            whole, grading = regraded(workspace, judge)
        return {
            "verdicts": ROLLOUTS * CRITERIA,
            "asked first": paid,
            "asked again": model.asked - paid,
            "seconds": whole,
            "seconds without the plan": grading,
        }


def main() -> None:
    found = from_cache()
    for name, value in found.items():
        print(f"{name:<26} {value:g}" if value == int(value) else f"{name:<26} {value:.3f}")
    met = found["asked again"] == 0 and found["seconds"] <= MOST_SECONDS
    print(f"{'at most':<26} {MOST_SECONDS:g} s, nothing asked: {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
