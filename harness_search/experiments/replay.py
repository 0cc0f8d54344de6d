"""A candidate on what its parent's model said: evidence for a claim at no model token.

The candidate runs in the real sandbox, on the real documents, once for each finished rollout of its
parent, and is answered from that rollout's transcript alone. A mechanism that acts after the last
call asks exactly what its parent asked. One that asks anything else diverges: that rollout is then
not replayable, and counts neither as a failure nor as a score. There is no trial noise in what is
left, and so no interval.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, cast

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.experiments.claims import (
    REPLAY_MARK,
    not_replayed_sentence,
    replayed_sentence,
)
from harness_search.experiments.subject import Subject, hold_to_search, note_in_claim
from harness_search.files import digest_text
from harness_search.gateway.replay import REPLAY
from harness_search.judging.documents import TextStore
from harness_search.judging.verdicts import Grade, Verdict
from harness_search.ledger.replicates import search_rows
from harness_search.ledger.rows import Outcome, Purpose, RolloutKey, RolloutRow, Split
from harness_search.ledger.sandboxes import sandboxes
from harness_search.ledger.scores import Score, Weights, score
from harness_search.ledger.store import Ledger, has_begun
from harness_search.reports.progress import Reporter, Tally
from harness_search.rollouts.bench import locked, open_replay_bench
from harness_search.rollouts.evidence import earlier_transcripts, filed_folder
from harness_search.rollouts.jobs import Harness, Job, freeze
from harness_search.rollouts.original import Original
from harness_search.rollouts.scheduler import missing, most_lost, run_missing
from harness_search.rollouts.view import OUTPUT
from harness_search.search import hold_to_identity
from harness_search.service.launch import at_work
from harness_search.workspace import Workspace

UNCHANGED = "as in the rollout that was replayed"
NO_EVIDENCE = "the evidence of this rollout is gone"
NOT_RUN = "not run yet"


@dataclass(frozen=True, slots=True)
class Pair:
    """One rollout of the parent, and the candidate on the same replies."""

    before: RolloutRow
    after: RolloutRow
    changed: bool
    """Whether a judge had to read the candidate's output, or it came to no output at all."""


@dataclass(frozen=True, slots=True)
class NotReplayed:
    """One rollout of the parent that says nothing about the candidate."""

    task: str
    trial: int
    reason: str

    @property
    def diverged(self) -> bool:
        """Whether the candidate asked something else; otherwise it was never run to its end."""
        return self.reason.startswith(f"{REPLAY}: ")


@dataclass(frozen=True, slots=True)
class TaskReplay:
    """One task: rollouts by what became of them, and pooled rates in points over the replayed."""

    task: str
    stored: int
    replayed: int
    changed: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Replay:
    """What the replay of a candidate showed."""

    candidate: str
    parent: str
    pairs: tuple[Pair, ...]
    left_out: tuple[NotReplayed, ...]
    before: Score | None
    """Of the parent over the replayed rollouts alone; None without any."""
    after: Score | None
    tasks: tuple[TaskReplay, ...]
    simulated: bool
    sandboxes: Mapping[str, int]
    noted: bool = False
    """Whether this is now in the candidate's claim."""

    @property
    def stored(self) -> int:
        """Finished rollouts of the parent."""
        return len(self.pairs) + len(self.left_out)

    @property
    def changed(self) -> int:
        return sum(pair.changed for pair in self.pairs)

    @property
    def diverged(self) -> int:
        return sum(item.diverged for item in self.left_out)

    @property
    def sentence(self) -> str:
        """What the claim is told."""
        if self.before is None or self.after is None:
            return not_replayed_sentence(self.parent, self.stored, self.diverged)
        counts = (self.stored, len(self.pairs), self.changed)
        return replayed_sentence(self.parent, *counts, self.before, self.after)

    def to_json(self) -> dict[str, Any]:
        """The document of `replay --json`; rates and differences in points."""
        return {
            "candidate": self.candidate,
            "parent": self.parent,
            "simulated": self.simulated,
            "stored": self.stored,
            "replayed": len(self.pairs),
            "unchanged": len(self.pairs) - self.changed,
            "changed": self.changed,
            "diverged": self.diverged,
            "model_tokens": 0,
            "difference": _difference(self.before, self.after),
            "tasks": [_task_to_json(item) for item in self.tasks],
            "not_replayed": [
                {"task": item.task, "trial": item.trial, "reason": item.reason}
                for item in self.left_out
            ],
            "sandboxes": dict(self.sandboxes),
            "observed": self.sentence,
            "noted_in_claim": self.noted,
        }


def _difference(before: Score | None, after: Score | None) -> dict[str, float] | None:
    if before is None or after is None:
        return None
    return {
        "pooled": round(after.pooled - before.pooled, 4),
        "all_pass": round(after.all_pass - before.all_pass, 4),
        "blended": round(after.blended - before.blended, 4),
    }


def _task_to_json(item: TaskReplay) -> dict[str, Any]:
    return {
        "task": item.task,
        "stored": item.stored,
        "replayed": item.replayed,
        "changed": item.changed,
        "before": None if item.before is None else round(item.before, 4),
        "after": None if item.after is None else round(item.after, 4),
    }


async def replay(
    workspace: Workspace, subject: Subject, trials: int | None, reporter: Reporter
) -> Replay:
    """Replay a candidate on its parent's finished rollouts, of the first `trials` trials if that
    is given, and note it in the claim; what was replayed before is not run again.

    No provider and no key is needed. Raises InputError when the parent has no finished rollout.
    """
    layout = workspace.layout
    with locked(layout):
        hold_to_search(workspace)
        rows, originals = _stored(workspace, subject.parent, trials)
        with closing(Ledger(layout.ledger_of(Purpose.REPLAY))) as ledger:
            hold_to_identity(ledger, workspace.rows_identity(Split.DEV))
            await _run(workspace, ledger, subject, originals, reporter)
            replayed = ledger.rows(_digest(subject))
        found = derive(workspace, subject, rows, originals, replayed)
        return replace(found, noted=note_in_claim(layout, subject, REPLAY_MARK, found.sentence))


def _digest(subject: Subject) -> str:
    """What the candidate's rollouts are kept by: on another parent's replies they are others."""
    return digest_text(subject.candidate.digest, subject.parent.digest)


def _name(subject: Subject) -> str:
    return f"{subject.candidate.name}-on-{subject.parent.name}"


def _stored(
    workspace: Workspace, parent: Harness, trials: int | None
) -> tuple[list[RolloutRow], dict[RolloutKey, Original]]:
    """Finished rollouts of the parent in the search, and those that can be replayed."""
    layout = workspace.layout
    if not has_begun(layout.ledger):
        raise InputError(layout.ledger, "", "no search", "finished rollouts to replay")
    with closing(Ledger(layout.ledger, read_only=True)) as ledger:
        rows = [
            row
            for row in search_rows(ledger.rows(parent.digest))
            if row.outcome.finished and (trials is None or row.key.trial <= trials)
        ]
        verdicts = ledger.verdicts(parent.digest)
    if not rows:
        found = f"no finished rollout of {parent.name}"
        raise InputError(layout.ledger, "", found, "some to replay (see `evaluate`)")
    tasks = {task.id: task for task in workspace.tasks(Split.DEV)}
    originals = {
        row.key: original
        for row in rows
        if (original := _original(workspace, row, tasks, verdicts.get(row.key, {})))
    }
    return rows, originals


def _original(
    workspace: Workspace, row: RolloutRow, tasks: Mapping[str, Task], verdicts: Mapping[str, str]
) -> Original | None:
    """The rollout with its evidence; None when that is gone, or the task is another one now."""
    key = row.key
    found = earlier_transcripts(workspace.layout.dev_evidence, key, [row.attempt])
    if not found or workspace.digests.get(key.task) != key.task_digest:
        return None
    transcript = found[-1]
    if row.calls and not transcript.is_file():
        return None
    criteria = [item.id for item in tasks[key.task].criteria]
    whole = verdicts.keys() == set(criteria)
    given = [(item, cast("Grade", verdicts[item])) for item in criteria if whole]
    standing = tuple(Verdict(item, verdict, UNCHANGED) for item, verdict in given)
    return Original(row, transcript.parent, standing)


async def _run(
    workspace: Workspace,
    ledger: Ledger,
    subject: Subject,
    originals: Mapping[RolloutKey, Original],
    reporter: Reporter,
) -> None:
    """Run what is missing; nothing is started when nothing is."""
    rows = ledger.rows(_digest(subject))
    attempts = 1 + most_lost(rows)  # what diverged does so again; what was lost may not
    left = missing(_jobs(workspace, subject, originals, subject.candidate), rows, attempts)
    if not left:
        return
    async with (
        at_work("replay", workspace, reporter) as conduct,
        open_replay_bench(workspace, ledger, conduct) as bench,
    ):
        frozen = freeze(subject.candidate, bench.runtime)
        jobs = _jobs(workspace, subject, originals, frozen)
        tally = Tally("replay", len(jobs), done=len(jobs) - len(left))
        with reporter.watch(tally) as watch:

            def observe(row: RolloutRow) -> None:
                if row.outcome.finished:  # what diverged is not run again
                    watch(row)

            concurrency = workspace.settings.search.concurrency
            await run_missing(bench, jobs, concurrency, attempts, observe)


def _jobs(
    workspace: Workspace,
    subject: Subject,
    originals: Mapping[RolloutKey, Original],
    harness: Harness,
) -> list[Job]:
    tasks = {task.id: task for task in workspace.tasks(Split.DEV)}
    named, digest = replace(harness, name=_name(subject)), _digest(subject)
    return [
        Job(named, tasks[key.task], replace(key, harness=digest), original)
        for key, original in originals.items()
    ]


# What came of it, from rows and evidence.


def derive(
    workspace: Workspace,
    subject: Subject,
    rows: Sequence[RolloutRow],
    originals: Mapping[RolloutKey, Original],
    replayed: Sequence[RolloutRow],
) -> Replay:
    """Pair the parent's rollouts with the candidate's under the current weights."""
    digest = _digest(subject)
    finished = {row.key: row for row in replayed if row.outcome.finished}
    lost = {row.key: row.reason for row in replayed if not row.outcome.finished}
    pairs: list[Pair] = []
    left_out: list[NotReplayed] = []
    for row in rows:
        key = replace(row.key, harness=digest)
        original, after = originals.get(row.key), finished.get(key)
        if original is not None and after is not None:
            pairs.append(Pair(row, after, _is_changed(workspace, subject, original, after)))
        else:
            reason = lost.get(key, NOT_RUN) if original is not None else NO_EVIDENCE
            left_out.append(NotReplayed(row.key.task, row.key.trial, reason))
    criteria = workspace.criteria(Split.DEV)
    weights = workspace.settings.weights
    return Replay(
        candidate=subject.candidate.name,
        parent=subject.parent.name,
        pairs=tuple(pairs),
        left_out=tuple(left_out),
        before=_score([pair.before for pair in pairs], criteria, weights),
        after=_score([pair.after for pair in pairs], criteria, weights),
        tasks=tuple(_task(task, rows, pairs) for task in criteria),
        simulated=workspace.settings.profile.simulated,
        sandboxes=sandboxes(pair.after for pair in pairs),
    )


def _is_changed(
    workspace: Workspace, subject: Subject, original: Original, after: RolloutRow
) -> bool:
    if Outcome.HARNESS_FAILED in {after.outcome, original.row.outcome}:
        return after.outcome is not original.row.outcome
    evidence = workspace.layout.evidence_of(Purpose.REPLAY)
    folder = filed_folder(evidence, _name(subject), after.key, after.attempt)
    texts = TextStore(workspace.layout.text)
    return not original.is_like(after.output_digest, folder / OUTPUT, texts)


def _score(
    rows: Sequence[RolloutRow], criteria: Mapping[str, int], weights: Weights
) -> Score | None:
    """Over exactly these rows: both sides have the same tasks and trials."""
    return score(rows, criteria, max((row.key.trial for row in rows), default=1), weights)


def _task(task: str, rows: Sequence[RolloutRow], pairs: Sequence[Pair]) -> TaskReplay:
    own = [pair for pair in pairs if pair.before.key.task == task]
    return TaskReplay(
        task=task,
        stored=sum(row.key.task == task for row in rows),
        replayed=len(own),
        changed=sum(pair.changed for pair in own),
        before=_pooled([pair.before for pair in own]),
        after=_pooled([pair.after for pair in own]),
    )


def _pooled(rows: Sequence[RolloutRow]) -> float | None:
    total = sum(row.total for row in rows)
    return 100 * sum(row.passed for row in rows) / total if total else None
