"""One rollout from start to ledger: view, child, collection, judgement, evidence, row."""

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.files import digest_bytes, digest_text, remove_tree, to_json
from harness_search.gateway.grants import Grant
from harness_search.judging.deterministic import JUDGE_VERSION, Verdict, judge
from harness_search.judging.documents import TextStore
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split, Usage
from harness_search.ledger.store import Ledger
from harness_search.rollouts.child import Child, ChildStartError, Ending, start_ticks
from harness_search.rollouts.collect import MOST_FILES, Collected, collect_output, file_evidence
from harness_search.rollouts.view import OUTPUT, make_view
from harness_search.settings import LimitSettings, Price

if TYPE_CHECKING:  # the web server is slow to import, and `status` has no use for it
    from harness_search.gateway.server import Gateway


@dataclass(frozen=True, slots=True)
class Harness:
    """A harness file under evaluation."""

    name: str
    file: Path
    digest: str


def freeze(harness: Harness, folder: Path) -> Harness:
    """The same harness as a copy that no editor changes while its rollouts run.

    Raises InputError when the file is no longer the one that the digest was taken of.
    """
    source = harness.file.read_bytes() if harness.file.is_file() else b""
    if digest_bytes([source]) != harness.digest:
        raise InputError(harness.file, "content", "a changed file", "the harness as it was chosen")
    copy = folder / f"{harness.digest[:16]}.py"
    copy.write_bytes(source)
    return replace(harness, file=copy)


@dataclass(frozen=True, slots=True)
class Job:
    """One rollout to run."""

    harness: Harness
    task: Task
    key: RolloutKey


@dataclass(frozen=True, slots=True)
class Bench:
    """What every rollout of a run shares."""

    gateway: "Gateway"
    ledger: Ledger
    evidence: Path
    texts: TextStore
    kit: Path
    runtime: Path
    """Short private folder for sockets and views; its paths tell a harness nothing."""
    limits: LimitSettings
    price: Price
    seed: int
    split: Split


@dataclass(frozen=True, slots=True)
class _Run:
    """What one attempt left in its slot."""

    grant: Grant
    ending: Ending | None
    """None when the child never started."""
    collected: Collected
    seconds: float


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: Outcome
    reason: str
    verdicts: tuple[Verdict, ...]


async def run_rollout(bench: Bench, job: Job, slot: int) -> RolloutRow:
    """Run one attempt in the slot's folder and record it; the ledger row comes last."""
    folder = bench.runtime / f"slot-{slot:03d}"
    remove_tree(folder)
    building = bench.evidence / ".building" / folder.name
    remove_tree(building)
    building.mkdir(parents=True)
    await asyncio.to_thread(make_view, folder / "view", job.task, bench.texts)
    grant = bench.gateway.grant(building / "transcript.jsonl", noise_key(bench, job))
    try:
        rollout, attempt, run = await _run_child(bench, job, folder / "view", building, grant)
    finally:
        bench.gateway.revoke(grant)
    judged = await asyncio.to_thread(_judge, bench, job, run, building / OUTPUT)
    row = _row(bench, job, attempt, run, judged)
    _write_summary(building / "rollout.json", job, row, judged.verdicts, run.collected)
    await asyncio.to_thread(file_evidence, building, evidence_folder(bench, job, attempt))
    verdicts = [(item.criterion_id, item.verdict, item.reason) for item in judged.verdicts]
    bench.ledger.finish(rollout, row, verdicts)
    return row


async def _run_child(
    bench: Bench, job: Job, view: Path, building: Path, grant: Grant
) -> tuple[int, int, _Run]:
    """Start the child, note it in the ledger, let it work, and take its output."""
    started = time.monotonic()
    ending: Ending | None = None
    try:
        child = await Child.start(bench.kit, view, building / "harness.log")
    except ChildStartError:
        rollout, attempt = bench.ledger.begin(job.key, 0, 0)
    else:
        rollout, attempt = bench.ledger.begin(job.key, child.pid, start_ticks(child.pid))
        try:
            await child.give(_policy(bench, job, grant))
            in_time = await _works_in_time(child, grant, bench.limits.seconds)
            ending = await child.end(timed_out=not in_time)
            await grant.settled()
        except asyncio.CancelledError:
            await child.end()
            raise
    limit = bench.limits.output_megabytes * 1024 * 1024
    collected = await asyncio.to_thread(collect_output, view / OUTPUT, building / OUTPUT, limit)
    return rollout, attempt, _Run(grant, ending, collected, time.monotonic() - started)


async def _works_in_time(child: Child, grant: Grant, seconds: float) -> bool:
    """Whether the child ends within the harness's time limit.

    The provider's failures do not count towards the limit, and calls in flight at its end are
    heard out first: only then is it known whether the harness or the provider was slow.
    """
    started = time.monotonic()
    heard_out = False
    while not grant.provider_failure:
        left = started + seconds + grant.seconds_lost - time.monotonic()
        if left > 0:
            heard_out = False
            if await child.ended_within(left):
                return True
        elif heard_out or not grant.in_flight:
            return False
        else:
            await grant.settled()
            heard_out = True
    return False


def _policy(bench: Bench, job: Job, grant: Grant) -> dict[str, object]:
    return {
        "kit": str(bench.kit),
        "harness": str(job.harness.file),
        "socket": str(bench.gateway.socket),
        "token": grant.token,
        "model": grant.model,
        "instructions": job.task.content.instructions,
        "deliverables": list(job.task.content.deliverables),
        "limits": {"file_bytes": bench.limits.output_megabytes * 1024 * 1024},
    }


def noise_key(bench: Bench, job: Job) -> str:
    """Keys the simulated model's noise; a digest, so that no name or id travels with it."""
    key = job.key
    replicate = f"{bench.split}/{key.trial}"
    return digest_text(str(bench.seed), key.harness, key.task_digest, replicate)


def _judge(bench: Bench, job: Job, run: _Run, output: Path) -> _Judged:
    """Who is to blame is decided here, from what the gateway and the scaffold saw themselves."""
    if run.grant.provider_failure:
        return _Judged(Outcome.INFRA_FAILED, run.grant.provider_failure, ())
    if run.ending is None:
        return _Judged(Outcome.INFRA_FAILED, "scaffold: the rollout process did not start", ())
    if not run.ending.began:
        reason = "scaffold: the rollout process failed before the harness began (see harness.log)"
        return _Judged(Outcome.INFRA_FAILED, reason, ())
    failure = harness_failure(run.ending, run.collected, bench.limits)
    if failure:
        verdicts = tuple(Verdict(item.id, "fail", failure) for item in job.task.criteria)
        return _Judged(Outcome.HARNESS_FAILED, failure, verdicts)
    return _Judged(Outcome.SCORED, "", judge(job.task, output, bench.texts))


def harness_failure(ending: Ending, collected: Collected, limits: LimitSettings) -> str:
    """Why the harness itself failed, empty when it did not."""
    if ending.timed_out:
        return f"time limit of {limits.seconds:g} s passed"
    if ending.exit_code < 0:
        return f"ended by signal {-ending.exit_code}"
    if ending.exit_code > 0:
        return f"ended with exit code {ending.exit_code} (see harness.log)"
    if collected.too_large:
        return f"output larger than {limits.output_megabytes} MB or {MOST_FILES} files"
    return ""


def _row(bench: Bench, job: Job, attempt: int, run: _Run, judged: _Judged) -> RolloutRow:
    passed = sum(verdict.verdict == "pass" for verdict in judged.verdicts)
    return RolloutRow(
        key=job.key,
        attempt=attempt,
        outcome=judged.outcome,
        reason=judged.reason,
        passed=passed,
        total=len(job.task.criteria),
        usage=run.grant.usage,
        cost_usd=cost(run.grant.usage, bench.price),
        calls=run.grant.calls,
        seconds=run.seconds,
        judge_version=JUDGE_VERSION,
        output_digest=run.collected.digest,
    )


def cost(usage: Usage, price: Price) -> float:
    """USD for so many tokens."""
    dollars = (
        usage.input * price.input
        + usage.output * price.output
        + usage.cache_write * price.cache_write
        + usage.cache_read * price.cache_read
    )
    return dollars / 1e6


def evidence_folder(bench: Bench, job: Job, attempt: int) -> Path:
    """`<harness>/<task>/trial-<n>`, with `.attempt-<m>` for later attempts."""
    suffix = f".attempt-{attempt}" if attempt > 1 else ""
    return bench.evidence / job.harness.name / job.task.id / f"trial-{job.key.trial}{suffix}"


def _write_summary(
    file: Path, job: Job, row: RolloutRow, verdicts: tuple[Verdict, ...], collected: Collected
) -> None:
    summary = {
        "harness": job.harness.name,
        "task": job.task.id,
        "trial": row.key.trial,
        "attempt": row.attempt,
        "outcome": row.outcome.value,
        "reason": row.reason,
        "passed": row.passed,
        "total": row.total,
        "verdicts": [
            {"criterion": item.criterion_id, "verdict": item.verdict, "reason": item.reason}
            for item in verdicts
        ],
        "usage": {
            "input": row.usage.input,
            "output": row.usage.output,
            "cache_write": row.usage.cache_write,
            "cache_read": row.usage.cache_read,
        },
        "cost_usd": row.cost_usd,
        "calls": row.calls,
        "seconds": round(row.seconds, 3),
        "judge_version": row.judge_version,
        "deliverables": list(job.task.content.deliverables),
        "output": list(collected.names),
    }
    file.write_text(to_json(summary), encoding="utf-8")
