"""Stored rollouts, and judges that err as often as they are told to."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from conftest import rollout_row

from harness_search.experiments.calibration import Calibration, Plan, calibrate, plan_calibration
from harness_search.files import digest_text
from harness_search.judging.graders import Grader
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, Purpose, RolloutKey
from harness_search.ledger.store import Ledger
from harness_search.rollouts.collect import Collected
from harness_search.rollouts.evidence import TRANSCRIPT, begin_evidence, filed_folder, write_summary
from harness_search.rollouts.stored import stored_digest
from harness_search.rollouts.view import OUTPUT
from harness_search.workspace import Workspace, open_workspace

CRITERIA = ("C-001", "C-002", "C-003", "C-004")


def store(
    workspace: Workspace,
    harness: str,
    trials: int,
    passing: float = 0.6,
    judge: str = "stored judge",
    outcome: Outcome = Outcome.SCORED,
) -> None:
    """Rollouts as if a harness had been run: each deliverable names the criteria it meets."""
    chance = random.Random(harness)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        for trial in range(1, trials + 1):
            for task in workspace.splits.dev:
                met = [name for name in CRITERIA if chance.random() < passing]
                key = RolloutKey(harness, task.id, workspace.digests[task.id], trial, "simulated")
                row = rollout_row(harness, task.id, trial, len(met), len(CRITERIA), 0, outcome)
                rollout, attempt = ledger.begin(key, 1, 1)
                evidence = workspace.layout.evidence_of(Purpose.SEARCH)
                folder = filed_folder(evidence, harness, key, attempt)
                (folder / OUTPUT).mkdir(parents=True)
                text = " ".join(met) + " word" * chance.randrange(100)
                (folder / OUTPUT / "abstract.txt").write_text(text, encoding="utf-8")
                (folder / TRANSCRIPT).touch()
                row = replace(
                    row, key=key, judge_version=judge, output_digest=stored_digest(folder / OUTPUT)
                )
                begin_evidence(folder, harness, key)
                verdicts = [
                    Verdict(name, "pass" if name in met else "fail", "") for name in CRITERIA
                ]
                taken = Collected(("abstract.txt",), row.output_digest, False)
                write_summary(folder, harness, row, tuple(verdicts), [], taken)
                ledger.finish(
                    rollout, row, [(item.criterion_id, item.verdict, "") for item in verdicts]
                )


@dataclass
class Reader:
    """A judge that reads deliverables and errs as often as it is told to."""

    version: str = "reader"
    false_pass: float = 0.0
    false_fail: float = 0.0
    flips: float = 0.0
    undecided: frozenset[str] = frozenset()
    flagged: tuple[str, ...] = ()
    asked: list[int] = field(default_factory=list)
    """The replicate of each grading."""

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        await asyncio.sleep(0)
        self.asked.append(replicate)
        text = (subject.output / "abstract.txt").read_text(encoding="utf-8")
        found = [self._verdict(name, text, subject, replicate) for name in CRITERIA]
        return Grading(tuple(found), self.flagged)

    def _verdict(self, name: str, text: str, subject: Subject, replicate: int) -> Verdict:
        if name in self.undecided:
            return Verdict(name, "undecided", "no answer")
        rollout = "/".join(subject.output.parts[-5:])
        chance = random.Random(digest_text(rollout, name, self.version))
        met = name in text
        wrong = chance.random() < (self.false_fail if met else self.false_pass)
        again = random.Random(digest_text(rollout, name, str(replicate)))
        flipped = bool(replicate) and again.random() < self.flips
        return Verdict(name, "pass" if met ^ wrong ^ flipped else "fail", "")


def grader(judge: Reader, **more: object) -> Grader:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Reader]:
        yield judge

    return replace(Grader(judge.version, judge.version, opened), **more)  # type: ignore[arg-type]


def planned(
    workspace: Workspace, judge: Grader, reference: Grader, sample: int = 1_000, again: float = 0.0
) -> Plan:
    return plan_calibration(workspace, judge, reference, sample, again, seed=0)


def result(plan: Plan) -> Calibration:
    return asyncio.run(calibrate(plan))


@pytest.fixture(scope="session")
def graded(new_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three harnesses, 28 trials of six tasks in all: 672 verdicts. Tests only read it."""
    root = shutil.copytree(new_workspace, tmp_path_factory.mktemp("searched") / "workspace")
    workspace = open_workspace(Path(root), {})
    for name, trials, passing in (("base", 12, 0.5), ("better", 12, 0.7), ("rare", 4, 0.6)):
        store(workspace, name, trials, passing)
    return workspace
