"""One rollout as data: what was said, what was delivered, what the judge made of it.

The ledger decides what counts; the folder of evidence shows it. What is missing or damaged there is
said in words, and the rest is shown.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness_search.analysis.entries import Conversation
from harness_search.analysis.evidence import OUTPUT
from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError, nearest
from harness_search.judging.documents import TextStore
from harness_search.judging.quoted import Quote, quotes_of
from harness_search.ledger.attempts import (
    Attempt,
    Said,
    read_attempts,
    read_digests,
    read_names,
    read_said,
    read_trials,
)
from harness_search.ledger.rows import Outcome, Purpose
from harness_search.ledger.store import has_begun
from harness_search.reports.coverage import require_coverage
from harness_search.reports.rollout_evidence import (
    Deliverable,
    conversation_in,
    deliverables_in,
    end_of,
    folder_of,
    refused_in,
    summary_in,
)
from harness_search.rollouts.evidence import LOG, SUMMARY, TRANSCRIPT
from harness_search.workspace import Workspace

_ALONE = re.compile(r"\w+-([0-9a-f]{8})")
"""A harness measured under a name of its own (see `Workspace.measured_alone`)."""


@dataclass(frozen=True, slots=True)
class JudgedCriterion:
    """One criterion of the task, and what was said of it."""

    id: str
    title: str
    """Empty for one that the task has no more."""
    asks: str
    """When it passes, in the rubric's words."""
    deliverables: tuple[str, ...]
    """That it reads; empty for all."""
    verdict: str
    """pass, fail or undecided; empty where nobody judged it."""
    reason: str
    quotes: tuple[Quote, ...]
    """What the reason quotes; it need not stand in a deliverable."""
    first: str
    """The first judge's verdict, where a second one was asked; else empty."""


@dataclass(frozen=True, slots=True)
class RolloutView:
    """One attempt of a rollout, ready to be shown."""

    workspace: str
    """Name of its folder."""
    simulated: bool
    purpose: Purpose
    harness: str
    task: str
    title: str
    trial: int
    attempt: Attempt
    """The one that is shown."""
    attempts: tuple[Attempt, ...]
    """All of them, the first one first."""
    folder: str
    """Of its evidence, below the workspace."""
    conversation: Conversation | None
    """None without a transcript."""
    deliverables: tuple[Deliverable, ...]
    criteria: tuple[JudgedCriterion, ...]
    log: str
    """The end of what the harness printed."""
    notes: tuple[str, ...]
    """What is missing, damaged or otherwise to be known, as sentences."""

    @property
    def outcome(self) -> str:
        """How it ended, in one word or two."""
        found = self.attempt
        if found.status == "done" and found.outcome is not None:
            return found.outcome.value.replace("_", " ")
        return found.status

    def to_json(self) -> dict[str, Any]:
        said = self.conversation
        return {
            "workspace": self.workspace,
            "simulated": self.simulated,
            "split": self.purpose.task_split.value,
            "purpose": self.purpose.value,
            "harness": self.harness,
            "task": self.task,
            "title": self.title,
            "trial": self.trial,
            "attempt": _attempt_json(self.attempt),
            "attempts": [_attempt_json(item) for item in self.attempts],
            "evidence": self.folder,
            "notes": list(self.notes),
            "criteria": [asdict(item) for item in self.criteria],
            "deliverables": [asdict(item) for item in self.deliverables],
            "log": self.log,
            "conversation": said.to_json() if said else None,
        }


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {
        **asdict(attempt),
        "outcome": attempt.outcome.value if attempt.outcome else None,
    }


def rollout_of(
    workspace: Workspace,
    harness: str,
    task: str,
    trial: int,
    purpose: Purpose = Purpose.SEARCH,
    attempt: int | None = None,
) -> RolloutView:
    """Read one rollout of a harness, given by its name, from disk alone: the given attempt, else
    the last one that ended, else the one that runs.

    The task is given by its id, or by a beginning or an end of it that no other task has. Raises
    InputError, with what there is instead, for anything that is not there, and what
    `require_coverage` raises for figures that nobody may see yet.
    """
    require_coverage(workspace, purpose)
    found = task_named(workspace.tasks(purpose.task_split), task)
    file = workspace.layout.ledger_of(purpose)
    if not has_begun(file):
        raise InputError(file, "", "no ledger", "one with rollouts (none was run yet)")
    digest = _digest_of(workspace, file, harness)
    attempts = read_attempts(file, digest, found.id, trial)
    if not attempts:
        raise _no_trial(file, harness, digest, found.id, trial)
    return _view(workspace, purpose, harness, found, attempts, _chosen(attempts, attempt))


def task_named(tasks: Sequence[Task], name: str) -> Task:
    """A task by its id, or by a beginning or an end of the id, or a beginning of its last part,
    that no other task has.

    Raises InputError with the nearest ids, or with those that it could mean.
    """
    by_id = {task.id: task for task in tasks}
    if name in by_id:
        return by_id[name]
    fitting = [known for known in by_id if name and _may_mean(known, name)]
    if len(fitting) == 1:
        return by_id[fitting[0]]
    if fitting:
        raise InputError("command line", "TASK", repr(name), f"more of its id, {_listed(fitting)}")
    last = {known.rpartition("/")[2]: known for known in by_id}
    close = last.get(nearest(name.rpartition("/")[2], last) or "")
    expected = f"a task of the split; the nearest is {close}" if close else _listed(by_id)
    raise InputError("command line", "TASK", repr(name[:200]), expected)


def _may_mean(known: str, name: str) -> bool:
    return known.startswith(name) or known.endswith(name) or f"/{name}" in known


def _listed(names: Iterable[str], most: int = 5) -> str:
    known = sorted(names)
    more = f" and {len(known) - most:,} more" if len(known) > most else ""
    return f"one of: {', '.join(known[:most])}{more}"


def _digest_of(workspace: Workspace, file: Path, harness: str) -> str:
    """Digest of a harness by its name: as the search or this ledger has it, or on its own."""
    search = workspace.layout.ledger
    names = (read_names(search) if has_begun(search) else {}) | read_names(file)
    if harness in names:
        return names[harness]
    digests = read_digests(file)
    if alone := _ALONE.fullmatch(harness):
        begun = [digest for digest in digests if digest.startswith(alone[1])]
        if len(begun) == 1:
            return begun[0]
    if re.fullmatch(r"\w+", harness) and workspace.layout.candidate(harness).is_file():
        digest = workspace.harness(harness).digest
        if digest in digests:
            return digest
    close = nearest(harness, names)
    measured = [name for name, digest in names.items() if digest in digests]
    expected = f"a measured harness; the nearest is {close}" if close else _listed(measured)
    raise InputError("command line", "--harness", repr(harness[:200]), expected)


def _no_trial(file: Path, harness: str, digest: str, task: str, trial: int) -> InputError:
    trials = ", ".join(map(str, read_trials(file, digest, task)))
    if not trials:
        expected = f"a task that it was run on ({task} is not one)"
        return InputError("command line", "--harness", repr(harness), expected)
    return InputError("command line", "TRIAL", trial, f"a trial of {harness} on {task}: {trials}")


def _chosen(attempts: Sequence[Attempt], number: int | None) -> Attempt:
    if number is None:
        ended = [item for item in attempts if item.status == "done"]
        return (ended or attempts)[-1]
    chosen = next((item for item in attempts if item.number == number), None)
    if chosen is None:
        known = ", ".join(str(item.number) for item in attempts)
        raise InputError("command line", "--attempt", number, f"one of: {known}")
    return chosen


# What is in its folder.


def _view(
    workspace: Workspace,
    purpose: Purpose,
    harness: str,
    task: Task,
    attempts: tuple[Attempt, ...],
    attempt: Attempt,
) -> RolloutView:
    layout = workspace.layout
    folder = folder_of(layout.evidence_of(purpose), harness, attempt)
    conversation, damage = conversation_in(folder / TRANSCRIPT)
    said = read_said(layout.ledger_of(purpose), attempt)
    summary = summary_in(folder)
    notes = (*_notes(attempt, folder, summary, said), *damage, *refused_in(summary))
    return RolloutView(
        workspace=layout.root.name,
        simulated=workspace.settings.profile.simulated,
        purpose=purpose,
        harness=harness,
        task=task.id,
        title=task.content.title,
        trial=attempt.key.trial,
        attempt=attempt,
        attempts=attempts,
        folder=folder.relative_to(layout.root).as_posix(),
        conversation=conversation,
        deliverables=tuple(deliverables_in(folder / OUTPUT, task, TextStore(layout.text))),
        criteria=tuple(_criteria(task, said)),
        log=end_of(folder / LOG),
        notes=notes,
    )


def _notes(
    attempt: Attempt, folder: Path, summary: dict[str, Any] | None, said: Sequence[Said]
) -> Iterator[str]:
    if attempt.status == "running":
        yield "This attempt runs at this moment, or was cut off with its launch: it has no result."
    elif attempt.status == "interrupted":
        yield "This attempt was interrupted or set aside: it counts for nothing."
    if not folder.is_dir():
        yield "Its folder of evidence is not there: only what the ledger says is shown."
    elif summary is None and attempt.status == "done":
        yield f"Its {SUMMARY} is missing or damaged; the figures are the ledger's."
    elif summary and summary.get("harness_digest", attempt.key.harness) != attempt.key.harness:
        yield "The evidence in its folder is of another version of this harness."
    if attempt.outcome is Outcome.HARNESS_FAILED:
        yield "The harness failed, which fails every criterion: no judge read what it left."
    elif attempt.outcome is Outcome.INFRA_FAILED:
        yield "The rollout was lost to infrastructure: it is no score, and is run again."
    elif attempt.outcome is Outcome.SCORED and not said:
        yield "The ledger has no verdicts of it."


def _criteria(task: Task, said: Sequence[Said]) -> Iterator[JudgedCriterion]:
    """In the task's order; then what was judged of criteria that it has no more."""
    by_id = {item.criterion: item for item in said}
    nothing = Said("", "", "", "")
    for one in task.criteria:
        item = by_id.pop(one.id, nothing)
        yield JudgedCriterion(
            one.id, one.title, one.match_criteria, one.deliverables,
            item.verdict, item.reason, quotes_of(item.reason), item.first,
        )  # fmt: skip
    for item in by_id.values():
        yield JudgedCriterion(
            item.criterion, "", "", (), item.verdict, item.reason, quotes_of(item.reason),
            item.first,
        )  # fmt: skip
