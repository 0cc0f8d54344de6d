"""One rollout from start to ledger: view, child, collection, judgement, evidence, row."""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.aside import TookTooLongError, aside, disk_that_answers
from harness_search.benchmark.tasks import Task
from harness_search.disk import RESERVE, require_room
from harness_search.files import digest_text, remove_tree
from harness_search.gateway.grants import Grant
from harness_search.gateway.replay import Replies
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Judge, Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, Purpose, RolloutRow
from harness_search.ledger.store import Ledger
from harness_search.rollouts.box import Place, limits_of, rollout_box, rollout_program
from harness_search.rollouts.collect import (
    MOST_ENTRIES,
    MOST_FILES,
    Collected,
    collect_output,
    file_evidence,
)
from harness_search.rollouts.evidence import (
    LOG,
    TRANSCRIPT,
    begin_evidence,
    building_folder,
    collecting_folder,
    earlier_transcripts,
    file_interrupted,
    filed_folder,
    take_collected,
    write_summary,
)
from harness_search.rollouts.jobs import Job
from harness_search.rollouts.lost import BY_JUDGE
from harness_search.rollouts.traces import keep_log, keep_record, make_record
from harness_search.rollouts.view import OUTPUT, give_to, make_view
from harness_search.rollouts.working import FILES_SECONDS, Ended, let_it_work, start
from harness_search.sandbox.box import Door, Sandbox
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.processes import boot_id, start_ticks
from harness_search.sandbox.watchdog import Watchdog
from harness_search.service.conduct import Conduct
from harness_search.settings import LimitSettings

if TYPE_CHECKING:  # the web server is slow to import, and `status` has no use for it
    from harness_search.gateway.server import Gateway

BASELINE = "baseline"
LEFT_OVER = RESERVE // 2
"""Megabytes that rollouts within their limits leave of the reserve."""
NOTHING_COLLECTED = Collected((), "", too_large=False)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every rollout of a run shares."""

    gateway: "Gateway"
    ledger: Ledger
    evidence: Path
    texts: TextStore
    judge: Judge
    sandbox: Sandbox
    watchdog: Watchdog
    identities: Identities
    kit: Path
    runtime: Path
    """Short private folder for sockets and views; its paths tell a harness nothing."""
    limits: LimitSettings
    sampling: Mapping[str, float | int | str | bool]
    """What the harness's model client sends along, because the endpoint takes it."""
    context_tokens: int | None
    seed: int
    purpose: Purpose
    conduct: Conduct
    """What the launch was asked to do by those who direct it."""
    canary_of: Callable[[Task], str] | None = None
    """What stands in the summary of a task's rollouts; None where sessions read them."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What one attempt left in its slot."""

    grant: Grant
    ended: Ended
    collected: Collected
    seconds: float


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: Outcome
    reason: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One attempt that has left its place, and is still to be judged."""

    job: Job
    building: Path
    """Its evidence so far."""
    rollout: int
    attempt: int
    run: "_Run"


async def run_rollout(bench: Bench, job: Job, place: Place) -> Delivered | None:
    """Run one attempt in the place.

    None for an attempt that was interrupted because the run stops: its paid replies are kept for
    the next launch.
    """
    with _disk_that_answers(bench):
        building = await aside(FILES_SECONDS, _fresh_building, bench, job)
        await aside(FILES_SECONDS, _furnish, place, job, bench.texts)
        grant = await _grant(bench, job, building)
        try:
            rollout, attempt, run = await _run_child(bench, job, place, building, grant)
        finally:
            bench.gateway.revoke(grant)
            left = await aside(FILES_SECONDS, _vacate, place)
            with suppress(TookTooLongError):  # it is in nobody's way
                await aside(FILES_SECONDS, remove_tree, left)
        delivered = Delivered(job, building, rollout, attempt, run)
        if grant.halted:
            await interrupt_rollout(bench, delivered)
            return None
    return delivered


async def interrupt_rollout(bench: Bench, delivered: Delivered) -> None:
    """Note an attempt that ends without an outcome: its paid replies are kept for the next one."""
    grant, key = delivered.run.grant, delivered.job.key
    with _disk_that_answers(bench):
        await aside(FILES_SECONDS, file_interrupted, bench.evidence, key, delivered.attempt)
    bench.ledger.mark_interrupted(delivered.rollout, grant.paid, grant.paid_usd)


async def judge_rollout(bench: Bench, delivered: Delivered) -> RolloutRow:
    """Judge an attempt and record it; the ledger row comes last."""
    job, building, run = delivered.job, delivered.building, delivered.run
    judged = await _judge(bench, job, run, building / OUTPUT)
    row = _row(bench, job, delivered.attempt, run, judged)
    with _disk_that_answers(bench):
        await aside(FILES_SECONDS, _file, bench, delivered, row, judged)
    verdicts = [(item.criterion_id, item.verdict, item.reason) for item in judged.verdicts]
    bench.ledger.finish(delivered.rollout, row, verdicts)
    return row


def _file(bench: Bench, delivered: Delivered, row: RolloutRow, judged: _Judged) -> None:
    """Complete the evidence of an attempt, and put it where it is kept."""
    job, building, collected = delivered.job, delivered.building, delivered.run.collected
    name, deliverables = job.harness.name, job.task.content.deliverables
    canary = bench.canary_of(job.task) if bench.canary_of else ""
    write_summary(building, name, row, judged.verdicts, deliverables, collected, canary)
    file_evidence(building, filed_folder(bench.evidence, name, job.key, delivered.attempt))


def _disk_that_answers(bench: Bench) -> AbstractContextManager[None]:
    return disk_that_answers(bench.runtime, bench.evidence)


def _furnish(place: Place, job: Job, texts: TextStore) -> None:
    """Empty the place, and put the task's view into it."""
    remove_tree(place.folder)
    place.folder.mkdir(mode=0o700)
    make_view(place.view, job.task, texts)
    make_record(place.record, job.harness.file)
    place.temporary.mkdir()
    given = (place.folder, place.view, place.view / OUTPUT, place.temporary, place.record)
    give_to(place.uid, *given)


def _vacate(place: Place) -> Path:
    """Move what lies in the place out of it; returns where it is.

    A removal may be given up and go on behind our back: it must not know the path that the next
    rollout is at.
    """
    left = place.folder.with_name(f"{place.folder.name}.left-{secrets.token_hex(8)}")
    with suppress(FileNotFoundError):  # a box that is none may have removed it
        place.folder.rename(left)
    return left


def _fresh_building(bench: Bench, job: Job) -> Path:
    building = building_folder(bench.evidence, job.key)
    remove_tree(building)
    building.mkdir(parents=True)
    begin_evidence(building, job.harness.name, job.key)
    return building


async def _grant(bench: Bench, job: Job, building: Path) -> Grant:
    """A token for one attempt, with what earlier attempts have paid for; in a replay, with what
    the original was told and nothing else."""
    if job.original is not None:
        replies = await aside(FILES_SECONDS, job.original.replies)
        return bench.gateway.grant(building / TRANSCRIPT, replies=replies, replay_only=True)
    attempts = bench.ledger.attempts(job.key)
    earlier = await aside(FILES_SECONDS, earlier_transcripts, bench.evidence, job.key, attempts)
    baseline = job.harness.name == BASELINE
    return bench.gateway.grant(
        building / TRANSCRIPT,
        noise=noise_key(bench, job),
        candidate="" if baseline else job.key.harness,
        replies=await aside(FILES_SECONDS, Replies.of, earlier),
    )


async def _run_child(
    bench: Bench, job: Job, place: Place, building: Path, grant: Grant
) -> tuple[int, int, _Run]:
    """Start the child, note it in the ledger, let it work, and take its output."""
    started = time.monotonic()
    gateway = bench.gateway
    await gateway.ensure_open()
    openings, limits = gateway.openings, limits_of(bench.limits)
    door = Door(gateway.socket, gateway.port)
    box = rollout_box(bench.kit, place, job.harness.file, door, limits)
    child = await start(bench.sandbox, box)
    if isinstance(child, str):
        rollout, attempt = bench.ledger.begin(job.key, 0, 0)
        ended = Ended(problem=child)
    else:
        try:
            ticks = start_ticks(child.pid)
            rollout, attempt = bench.ledger.begin(job.key, child.pid, ticks, boot_id())
            program = rollout_program(child, box, _policy(bench, job, grant))
            ended = await let_it_work(bench.watchdog, child, box, program, grant, bench.limits)
        finally:
            await child.kill()
    if not ended.problem and not gateway.open_since(openings):
        ended = replace(ended, problem="the gateway could not be reached while it ran")
    collecting = collecting_folder(building)
    try:
        collected = await aside(FILES_SECONDS, _collected, bench, place, collecting, box.log)
    except TookTooLongError:
        problem = f"what it left could not be collected within {FILES_SECONDS:g} s"
        ended, collected = replace(ended, problem=problem), NOTHING_COLLECTED
    else:
        await aside(FILES_SECONDS, take_collected, collecting, building)
    return rollout, attempt, _Run(grant, ended, collected, time.monotonic() - started)


def _collected(bench: Bench, place: Place, collecting: Path, log: Path) -> Collected:
    """Take what the child has left; raises SearchStoppedError when it may have had no room."""
    require_room(place.folder, LEFT_OVER)
    limit = bench.limits.output_megabytes * 1024 * 1024
    collected = collect_output(place.view / OUTPUT, collecting / OUTPUT, limit)
    keep_log(log, collecting / LOG, limit)
    keep_record(place.record, collecting)
    return collected


def _policy(bench: Bench, job: Job, grant: Grant) -> dict[str, object]:
    return {
        "token": grant.token,
        "model": grant.model,
        "instructions": job.task.content.instructions,
        "deliverables": list(job.task.content.deliverables),
        "sampling": bench.sampling,
        "context_tokens": bench.context_tokens,
    }


def noise_key(bench: Bench, job: Job) -> str:
    """Keys the simulated model's noise; a digest, so that no name or id travels with it."""
    key = job.key
    replicate = f"{bench.purpose}/{key.trial}"
    return digest_text(str(bench.seed), key.harness, key.task_digest, replicate)


async def _judge(bench: Bench, job: Job, run: _Run, output: Path) -> _Judged:
    """What came of a rollout; a verdict that the judge could not give is nobody's fail."""
    if (failed := _failed(bench, job, run)) is not None:
        return failed
    if (original := job.original) is not None:
        digest = run.collected.digest
        with _disk_that_answers(bench):
            alike = await aside(FILES_SECONDS, original.is_like, digest, output, bench.texts)
        if alike:
            return _Judged(Outcome.SCORED, "", original.verdicts)
    grading = await bench.judge.grade(Subject(job.task, output, dict(run.collected.refused)))
    if not grading.undecided:
        return _Judged(Outcome.SCORED, "", grading.verdicts)
    reason = next(item.reason for item in grading.verdicts if item.verdict == "undecided")
    count = f"{grading.undecided} of {len(grading.verdicts)} verdicts undecided"
    return _Judged(Outcome.INFRA_FAILED, f"{BY_JUDGE}{count} ({reason})", ())


def _failed(bench: Bench, job: Job, run: _Run) -> _Judged | None:
    """Who is to blame is decided here, from what the gateway and the scaffold saw themselves; None
    when there is something to judge."""
    if run.grant.failure:
        return _Judged(Outcome.INFRA_FAILED, run.grant.failure, ())
    if run.ended.problem:
        return _Judged(Outcome.INFRA_FAILED, f"scaffold: {run.ended.problem}", ())
    if not run.ended.ending.began:
        reason = "scaffold: the rollout process failed before the harness began (see harness.log)"
        return _Judged(Outcome.INFRA_FAILED, reason, ())
    failure = harness_failure(run.ended, run.collected, bench.limits)
    if failure:
        failure += f"; {run.grant.limit_reached}" if run.grant.limit_reached else ""
        verdicts = tuple(Verdict(item.id, "fail", failure) for item in job.task.criteria)
        return _Judged(Outcome.HARNESS_FAILED, failure, verdicts)
    return None


def harness_failure(ended: Ended, collected: Collected, limits: LimitSettings) -> str:
    """Why the harness itself failed, empty when it did not."""
    code = ended.ending.exit_code
    if ended.timed_out:
        return f"time limit of {limits.seconds:g} s passed"
    if ended.breach:
        return ended.breach
    if code < 0:
        return f"ended by signal {-code}"
    if code > 0:
        return f"ended with exit code {code} (see harness.log)"
    if collected.too_large:
        return (
            f"output larger than {limits.output_megabytes} MB, {MOST_FILES:,} files or "
            f"{MOST_ENTRIES:,} entries"
        )
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
        cost_usd=run.grant.cost_usd,
        calls=run.grant.calls,
        seconds=run.seconds,
        judge_version=bench.judge.version,
        output_digest=run.collected.digest,
        paid=run.grant.paid,
        paid_usd=run.grant.paid_usd,
        sandbox=bench.sandbox.name,
        served_model=",".join(sorted(run.grant.served)),
    )
