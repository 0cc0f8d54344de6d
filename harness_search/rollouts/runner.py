"""One rollout from start to ledger: view, child, collection, judgement, evidence, row."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.files import digest_bytes, digest_text, remove_tree
from harness_search.gateway.grants import Grant
from harness_search.gateway.replay import Replies
from harness_search.judging.deterministic import JUDGE_VERSION, Verdict, judge
from harness_search.judging.documents import TextStore
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split
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
    TRANSCRIPT,
    begin_evidence,
    building_folder,
    earlier_transcripts,
    file_interrupted,
    filed_folder,
    write_summary,
)
from harness_search.rollouts.view import OUTPUT, give_to, make_view
from harness_search.sandbox.box import Box, Door, Ending, Handle, Sandbox, SandboxStartError
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.process import breach_of_exit
from harness_search.sandbox.processes import boot_id, start_ticks
from harness_search.sandbox.usage import folder_usage
from harness_search.sandbox.watchdog import Watchdog
from harness_search.settings import LimitSettings

if TYPE_CHECKING:  # the web server is slow to import, and `status` has no use for it
    from harness_search.gateway.server import Gateway

BASELINE = "baseline"
NEVER_BEGUN = Ending(exit_code=0, began=False)
PAUSES_BETWEEN_STARTS = (0.0, 1.0, 5.0)  # seconds


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
    copy.chmod(0o444)
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
    split: Split


@dataclass(frozen=True, slots=True)
class _Run:
    """What one attempt left in its slot."""

    grant: Grant
    ended: "_Ended"
    collected: Collected
    seconds: float


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the child ended, and why it was made to."""

    ending: Ending = NEVER_BEGUN
    timed_out: bool = False
    breach: str = ""
    """The limit that it passed, in one phrase."""
    problem: str = ""
    """Why it never started."""


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: Outcome
    reason: str
    verdicts: tuple[Verdict, ...]


async def run_rollout(bench: Bench, job: Job, place: Place) -> RolloutRow | None:
    """Run one attempt in the place and record it; the ledger row comes last.

    None for an attempt that was interrupted because the run stops: its paid replies are kept for
    the next launch.
    """
    building = _fresh_building(bench, job)
    await asyncio.to_thread(_furnish, place, job.task, bench.texts)
    grant = await _grant(bench, job, building)
    try:
        rollout, attempt, run = await _run_child(bench, job, place, building, grant)
    finally:
        bench.gateway.revoke(grant)
        await asyncio.to_thread(remove_tree, place.folder)
    if grant.halted:
        await asyncio.to_thread(file_interrupted, bench.evidence, job.key, attempt)
        bench.ledger.mark_interrupted(rollout, grant.paid, grant.paid_usd)
        return None
    judged = await asyncio.to_thread(_judge, bench, job, run, building / OUTPUT)
    row = _row(bench, job, attempt, run, judged)
    deliverables = job.task.content.deliverables
    write_summary(building, job.harness.name, row, judged.verdicts, deliverables, run.collected)
    target = filed_folder(bench.evidence, job.harness.name, job.key, attempt)
    await asyncio.to_thread(file_evidence, building, target)
    verdicts = [(item.criterion_id, item.verdict, item.reason) for item in judged.verdicts]
    bench.ledger.finish(rollout, row, verdicts)
    return row


def _furnish(place: Place, task: Task, texts: TextStore) -> None:
    """Empty the place, and put the task's view into it."""
    remove_tree(place.folder)
    place.folder.mkdir(mode=0o700)
    make_view(place.view, task, texts)
    place.temporary.mkdir()
    give_to(place.uid, place.folder, place.view, place.view / OUTPUT, place.temporary)


def _fresh_building(bench: Bench, job: Job) -> Path:
    building = building_folder(bench.evidence, job.key)
    remove_tree(building)
    building.mkdir(parents=True)
    begin_evidence(building, job.harness.name, job.key)
    return building


async def _grant(bench: Bench, job: Job, building: Path) -> Grant:
    """A token for one attempt, with what earlier attempts have paid for."""
    attempts = bench.ledger.attempts(job.key)
    earlier = await asyncio.to_thread(earlier_transcripts, bench.evidence, job.key, attempts)
    baseline = job.harness.name == BASELINE
    return bench.gateway.grant(
        building / TRANSCRIPT,
        noise=noise_key(bench, job),
        candidate="" if baseline else job.key.harness,
        replies=await asyncio.to_thread(Replies.of, earlier),
    )


async def _run_child(
    bench: Bench, job: Job, place: Place, building: Path, grant: Grant
) -> tuple[int, int, _Run]:
    """Start the child, note it in the ledger, let it work, and take its output."""
    started = time.monotonic()
    limits = limits_of(bench.limits)
    door = Door(bench.gateway.socket, bench.gateway.port)
    box = rollout_box(bench.kit, place, job.harness.file, door, limits)
    child = await _start(bench, box)
    if isinstance(child, str):
        rollout, attempt = bench.ledger.begin(job.key, 0, 0)
        ended = _Ended(problem=child)
    else:
        try:
            ticks = start_ticks(child.pid)
            rollout, attempt = bench.ledger.begin(job.key, child.pid, ticks, boot_id())
            program = rollout_program(child, box, _policy(bench, job, grant))
            ended = await _let_it_work(bench, child, box, program, grant)
            await grant.settled()
        finally:
            await child.kill()
    limit = bench.limits.output_megabytes * 1024 * 1024
    source = place.view / OUTPUT
    collected = await asyncio.to_thread(collect_output, source, building / OUTPUT, limit)
    await asyncio.to_thread(_keep_log, box.log, building / "harness.log", limit)
    return rollout, attempt, _Run(grant, ended, collected, time.monotonic() - started)


def _keep_log(log: Path, target: Path, limit_bytes: int) -> None:
    """Put what the rollout printed among its evidence."""
    try:
        descriptor = os.open(log, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # gone, or no longer ours: only a box that is none can do that
        target.touch()
        return
    with os.fdopen(descriptor, "rb") as source:
        target.write_bytes(source.read(limit_bytes))


async def _start(bench: Bench, box: Box) -> Handle | str:
    """The started box; or why not, after a few tries: a machine may be short for a moment."""
    problem = ""
    for pause in PAUSES_BETWEEN_STARTS:
        await asyncio.sleep(pause)
        try:
            return await bench.sandbox.start(box)
        except (SandboxStartError, OSError) as error:
            problem = str(error)
    return problem


async def _let_it_work(
    bench: Bench, child: Handle, box: Box, program: dict[str, Any], grant: Grant
) -> _Ended:
    """Give the child its program, wait for it within all its limits, and end it."""
    breached = asyncio.Event()
    breaches: list[str] = []

    def passed(reason: str) -> None:
        breaches.append(reason)
        breached.set()

    kept = [box.log.parent]
    ours = await asyncio.to_thread(folder_usage, kept, sys.maxsize)
    limits = replace(box.limits, workspace_bytes=box.limits.workspace_bytes + ours.bytes)
    with bench.watchdog.watching(child.pid, limits, kept, passed, child.ours):
        await child.give(program)
        in_time = await _works_in_time(child, grant, breached, bench.limits.seconds)
        ending = await child.kill()
    breach = breaches[0] if breaches else breach_of_exit(ending.exit_code, box.limits)
    return _Ended(ending, timed_out=not in_time and not breaches, breach=breach)


async def _works_in_time(
    child: Handle, grant: Grant, breached: asyncio.Event, seconds: float
) -> bool:
    """Whether the child ends within the harness's time limit.

    The provider's failures do not count towards the limit, and calls in flight at its end are
    heard out first: only then is it known whether the harness or the provider was slow. A rollout
    that can no longer count, or that has passed another limit, is not waited for.
    """
    started = time.monotonic()
    heard_out = False
    while not grant.over.is_set() and not breached.is_set():
        left = started + seconds + grant.seconds_lost - time.monotonic()
        if left > 0:
            heard_out = False
            if await _ends_within(left, child, grant.over, breached):
                return True
        elif heard_out or not grant.in_flight:
            return False
        else:
            await grant.settled()
            heard_out = True
    return False


async def _ends_within(seconds: float, child: Handle, *unless: asyncio.Event) -> bool:
    """Whether the child ends within so many seconds, and before any of the events."""
    awaited = (child.wait(), *(event.wait() for event in unless))
    waits = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return waits[0].done()
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


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
    replicate = f"{bench.split}/{key.trial}"
    return digest_text(str(bench.seed), key.harness, key.task_digest, replicate)


def _judge(bench: Bench, job: Job, run: _Run, output: Path) -> _Judged:
    """Who is to blame is decided here, from what the gateway and the scaffold saw themselves."""
    if run.grant.failure:
        return _Judged(Outcome.INFRA_FAILED, run.grant.failure, ())
    if run.ended.problem:
        reason = f"scaffold: the rollout process did not start ({run.ended.problem})"
        return _Judged(Outcome.INFRA_FAILED, reason, ())
    if not run.ended.ending.began:
        reason = "scaffold: the rollout process failed before the harness began (see harness.log)"
        return _Judged(Outcome.INFRA_FAILED, reason, ())
    failure = harness_failure(run.ended, run.collected, bench.limits)
    if failure:
        failure += f"; {run.grant.limit_reached}" if run.grant.limit_reached else ""
        verdicts = tuple(Verdict(item.id, "fail", failure) for item in job.task.criteria)
        return _Judged(Outcome.HARNESS_FAILED, failure, verdicts)
    verdicts = judge(job.task, output, bench.texts, dict(run.collected.refused))
    return _Judged(Outcome.SCORED, "", verdicts)


def harness_failure(ended: _Ended, collected: Collected, limits: LimitSettings) -> str:
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
        judge_version=JUDGE_VERSION,
        output_digest=run.collected.digest,
        paid=run.grant.paid,
        paid_usd=run.grant.paid_usd,
        sandbox=bench.sandbox.name,
    )
