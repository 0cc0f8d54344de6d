"""Simulated: rollouts that are answered at once, and a proposer that always has a candidate.

No child is started and no model asked. What a harness passes is read from its source: each
`STEP_<n> = <k>` in it is worth k criteria, beside a little noise of the rollout's own. The rows go
through the real ledger, one transaction for the beginning of each rollout and one for its end.
"""

import asyncio
import os
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from harness_search.benchmark.initialise import initialise
from harness_search.ledger.rows import Outcome, RolloutRow, Usage
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.proposers.session import Proposed, Session
from harness_search.rollouts.jobs import Harness, Job
from harness_search.rollouts.runner import Bench
from harness_search.rollouts.scheduler import Lost, Observer, missing
from harness_search.workspace import Workspace, open_workspace, prove_sandbox

DEV = 24
TASKS = Path(__file__).resolve().parent.parent / "tasks"
SHARE_AT_FIRST = 0.4
"""Of the criteria, that the baseline passes."""
PROMOTED_EVERY = 12
WORTH = 4
"""Criteria that a mechanism which is to be promoted is worth, over all dev tasks."""
MIN_DELTA = 0.3
NOISE = (-1, *[0] * 14, 1)
WHY = "What the model has seen so far does not tell it which of the papers is the later one. " * 3


def make_workspace(folder: Path, flags: dict[str, object]) -> Workspace:
    """A workspace around the bundled tasks. Its gate asks for a gain that these harnesses have, and
    ends each candidate when all its rollouts are there, 72 of them."""
    initialise(folder, TASKS, dev=DEV, test=0, seed=0)
    file = folder / "meta_harness.toml"
    text = file.read_text(encoding="utf-8")
    gate = f"min_delta = {MIN_DELTA}\nslice_chance = 0.0\nfutility_chance = 0.0\nmost_trials = 3\n"
    file.write_text(text.replace("min_delta = 1.0", gate), encoding="utf-8")
    return prove_sandbox(open_workspace(folder, flags))


def dated() -> str:
    """When and where figures were taken."""
    return f"{datetime.now(UTC).date().isoformat()}, a virtual machine with {os.cpu_count()} cores"


def measure_line(name: str, value: object, most: object = "") -> str:
    """A line of a page's table: a measure beside what it is held to, and whether it is missed."""
    missed = most != "" and float(f"{value}") > float(f"{most}")
    return f"| {name} | {value} | {most}{' (**missed**)' if missed else ''} |"


def worth_of(source: str) -> int:
    """Criteria that the mechanisms of a harness are worth together."""
    return sum(int(found) for found in re.findall(r"^STEP_\d+ = (\d+)$", source, re.MULTILINE))


@dataclass
class Answers:
    """Answers every rollout of a workspace's dev tasks."""

    workspace: Workspace
    tick: Callable[[], None] = lambda: None
    """Called for each rollout, once it has its row."""
    worth: dict[str, int] = field(default_factory=dict)
    """By harness digest, of those that are at work."""

    def row(self, harness: Harness, job: Job, attempt: int) -> RolloutRow:
        """What a rollout comes to."""
        tasks = self.workspace.splits.dev
        if harness.digest not in self.worth:
            source = harness.file.read_text(encoding="utf-8")
            self.worth = {harness.digest: worth_of(source)}
        each, rest = divmod(self.worth[harness.digest], len(tasks))
        extra = each + (tasks.index(job.task) < rest)
        total = len(job.task.criteria)
        key = f"{job.key.harness}{job.key.task}{job.key.trial}"
        noise = NOISE[zlib.crc32(key.encode()) % len(NOISE)]
        passed = min(total, round(SHARE_AT_FIRST * total) + extra + noise)
        usage = Usage(input=60_000, output=8_000, cache_read=300_000)
        return RolloutRow(
            job.key, attempt, Outcome.SCORED, "", passed, total, usage, 0.31, 21, 74.2,
            self.workspace.judge_version, "0" * 64, usage, 0.31, self.workspace.sandbox,
            served_model="simulated",
        )  # fmt: skip

    def verdicts(self, job: Job, row: RolloutRow) -> list[tuple[str, str, str]]:
        return [
            (item.id, "pass" if number < row.passed else "fail", "as the deliverable says")
            for number, item in enumerate(job.task.criteria)
        ]

    async def run_missing(
        self,
        bench: Bench,
        jobs: Sequence[Job],
        _: int,
        attempts: int,
        observe: Observer,
        before: Lost | None = None,
    ) -> None:
        """Stands in for `rollouts.scheduler.run_missing`."""
        rows = bench.ledger.rows_beside(job.key for job in jobs)
        for job in missing(jobs, rows, attempts, before):
            rollout, attempt = bench.ledger.begin(job.key, 1, 1, "boot")
            row = self.row(job.harness, job, attempt)
            bench.ledger.finish(rollout, row, self.verdicts(job, row))
            observe(row)
            self.tick()
            await asyncio.sleep(0)


class Tireless:
    """A proposer that adds one constant to the incumbent, at once; every so many are worth it."""

    async def propose(self, session: Session) -> Proposed:
        number = session.iteration
        source = (session.view / "harnesses" / f"{session.incumbent}.py").read_text("utf-8")
        worth = WORTH if number % PROMOTED_EVERY == 0 else 0
        name = f"candidate_{number:04d}"
        file = session.view / "harnesses" / f"{name}.py"
        file.write_text(f"{source}\n\nSTEP_{number} = {worth}\n", encoding="utf-8")
        session.claim_file.write_text(claim_of(session, name).to_json(), encoding="utf-8")
        session.log_file.write_text("read digest.md\n", encoding="utf-8")
        return Proposed()


def claim_of(session: Session, name: str) -> Claim:
    """A claim of usual length."""
    tasks = session.dev_tasks
    candidate = CandidateClaim(
        name=name, hypothesis=WHY, changes="added ONE mechanism, a constant", fix_tasks=tasks[:5],
        regression_tasks=tasks[-5:],
    )  # fmt: skip
    return Claim(iteration=session.iteration, candidates=(candidate,))
