"""Runs a candidate on a few dev tasks before any money is spent, to see whether it runs at all.

The model is the simulated one, whatever the search's profile says; sandbox, kit and documents are
the real ones. Nothing of it counts: its ledger goes with the runtime folder, and its evidence is
that of the last candidate only, for people to look at.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path

from harness_search.benchmark.tasks import Task
from harness_search.files import is_regular, remove_tree
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, Purpose, RolloutRow
from harness_search.ledger.store import Ledger
from harness_search.rollouts.bench import make_gateway
from harness_search.rollouts.evidence import filed_folder
from harness_search.rollouts.jobs import Harness, freeze
from harness_search.rollouts.runner import Bench
from harness_search.rollouts.scheduler import job_of, run_missing
from harness_search.settings import LimitSettings, Settings
from harness_search.workspace import Workspace

TASKS = 2
LONGEST_SECONDS = 20.0
"""Of one rollout. One that takes longer runs, and that is all that is asked."""
ATTEMPTS = 2
LONGEST_LINE = 300  # characters
TAIL = 20_000
"""Bytes of a log that are looked at."""


async def smoke(bench: Bench, workspace: Workspace, harness: Harness, tasks: int = TASKS) -> str:
    """Why a candidate cannot run, in one sentence; empty for one that can.

    Only a harness that crashes in every rollout is said to be unable: a low score, a limit that is
    passed and a rollout that was lost say nothing here. Raises InputError when the file is not the
    one that the digest was taken of, and SearchStoppedError for a full disk.
    """
    chosen = spread(workspace.splits.dev, tasks)
    async with _smoke_bench(bench, workspace) as own:
        frozen = freeze(harness, own.runtime)
        jobs = [job_of(workspace, frozen, task, 1) for task in chosen]
        rows: list[RolloutRow] = []
        await run_missing(own, jobs, len(jobs), ATTEMPTS, rows.append)
        finished = [row for row in rows if row.outcome.finished]
        if not finished or not all(map(_crashed, finished)):
            return ""
        logs = [filed_folder(own.evidence, harness.name, row.key, row.attempt) for row in finished]
        said = next(filter(None, (last_line(folder / "harness.log") for folder in logs)), "")
    ending = finished[0].reason.partition(" (")[0]
    return f"it crashed in all of {len(finished)} trial runs: {ending}" + (said and f": {said}")


def spread(tasks: Sequence[Task], count: int) -> list[Task]:
    """So many tasks, as far from each other in the list as can be."""
    count = min(count, len(tasks))
    return [tasks[number * len(tasks) // count] for number in range(count)]


def _crashed(row: RolloutRow) -> bool:
    """Whether the harness ended itself, by an exception or a signal, and no limit did."""
    return row.outcome is Outcome.HARNESS_FAILED and row.reason.startswith("ended ")


def last_line(log: Path) -> str:
    """The last line of what a harness printed, short, printable and without this machine's paths;
    empty when there is none."""
    if not is_regular(log):
        return ""
    text = log.read_bytes()[-TAIL:].decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = "".join(sign if sign.isprintable() else " " for sign in (lines or [""])[-1])
    return re.sub(r"/(?:[^\s/'\"<>|:;,()\[\]]+/)+", "", shown)[:LONGEST_LINE]


@dataclass(frozen=True, slots=True)
class _NoJudge:
    """No score is asked for here, and none is paid for."""

    version: str = "none"

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:  # noqa: ARG002
        criteria = subject.task.criteria
        return Grading(tuple(Verdict(item.id, "fail", "not judged") for item in criteria))


@asynccontextmanager
async def _smoke_bench(bench: Bench, workspace: Workspace) -> AsyncIterator[Bench]:
    """The same sandbox and kit, on a gateway of its own before the simulated model."""
    from harness_search.gateway.account import Account, Terms
    from harness_search.gateway.upstream import Upstream
    from harness_search.simulated.server import SimulatedModel

    profile = Settings().profile
    evidence, runtime = workspace.layout.evidence_of(Purpose.SMOKE), bench.runtime / "smoke"
    for folder in (evidence, runtime):
        remove_tree(folder)
        folder.mkdir(parents=True)
    runtime.chmod(0o700 if bench.sandbox.isolated else 0o711)
    model = SimulatedModel()
    await model.start()
    account = Account(
        Upstream(model.base_url, "", simulated=True),
        Terms(profile.model, context_tokens=profile.context_tokens),
    )
    gateway = make_gateway(account, runtime, bench.sandbox, most_requests=bench.limits.calls)
    try:
        await gateway.start()
        with closing(Ledger(runtime / "ledger.sqlite3")) as ledger:
            yield replace(
                bench,
                gateway=gateway,
                ledger=ledger,
                judge=_NoJudge(),
                evidence=evidence,
                runtime=runtime,
                limits=_bounded(bench),
                sampling={},
                context_tokens=profile.context_tokens,
                purpose=Purpose.SMOKE,
            )
    finally:
        await gateway.stop()
        await model.stop()
        remove_tree(runtime)


def _bounded(bench: Bench) -> LimitSettings:
    limits = bench.limits
    return limits.model_copy(update={"seconds": min(limits.seconds, LONGEST_SECONDS)})
