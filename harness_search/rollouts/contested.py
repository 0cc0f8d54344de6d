"""Has a second judge settle the criteria on which trials disagree, in rows that are in."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.judging.contested import Verdicts, adjudicate, contested_by_any
from harness_search.judging.judge import Judge, Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.regrading import Flipped
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow
from harness_search.ledger.settled import FirstWord
from harness_search.ledger.store import Ledger
from harness_search.rollouts.evidence import earlier_transcripts
from harness_search.rollouts.stored import (
    put_verdicts,
    refused_of,
    stored_digest,
    stored_summary,
)
from harness_search.rollouts.view import OUTPUT
from harness_search.service.conduct import Conduct
from harness_search.together import together

AT_ONCE = 16
"""Rollouts in grading; the judge holds back its own calls."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a second judge has settled."""

    criteria: int
    """Of all tasks together, those that were settled before not counted."""
    asked: int
    """Verdicts that the second judge was asked for."""
    flipped: Flipped
    undecided: int
    """Verdicts that the second judge did not give; their rollouts stay as they were."""
    rows: Mapping[RolloutKey, RolloutRow] = field(default_factory=dict)
    """Those that say something else now."""


@dataclass(frozen=True, slots=True)
class _Case:
    row: RolloutRow
    folder: Path
    subject: Subject
    verdicts: tuple[Verdict, ...]
    criteria: frozenset[str]
    """That are still to be asked about."""


async def settle_contested(
    ledger: Ledger,
    evidence: Path,
    tasks: Mapping[str, Task],
    rows: Sequence[RolloutRow],
    second: Judge,
    conduct: Conduct | None = None,
) -> Settled:
    """Judge the contested criteria of these rows again, and store what comes of it.

    `rows` are all rollouts of all harnesses of a comparison. The rows keep the judge that they
    name, whose version has to name the second one too. To settle the same rows again asks nothing
    and changes nothing. Raises InputError for a rollout whose deliverables are not what was graded,
    whatever stops the second judge, and SearchInterruptedError once a launch that is to end has
    stored what was being judged.
    """
    places = unsettled(ledger, rows, second.version)
    said = {name: ledger.verdicts(name) for name in {key.harness for key in places}}
    cases = [
        _case(evidence, tasks[row.key.task], row, said[row.key.harness][row.key], criteria)
        for row in rows
        if row.outcome is Outcome.SCORED and (criteria := places.get(row.key))
    ]
    room, conduct = asyncio.Semaphore(AT_ONCE), conduct or Conduct()
    done = await together(_settle(ledger, case, second, room, conduct) for case in cases)
    conduct.require_going_on()
    return Settled(
        len({(case.row.key.task, name) for case in cases for name in case.criteria}),
        sum(len(case.criteria) for case in cases),
        sum((flipped for _, flipped, _ in done), start=Flipped()),
        sum(undecided for _, _, undecided in done),
        {row.key: row for row, flipped, _ in done if flipped != Flipped()},
    )


def unsettled(
    ledger: Ledger, rows: Iterable[RolloutRow], by: str
) -> dict[RolloutKey, frozenset[str]]:
    """What a second judge, given by its version, is still to be asked about each rollout.

    A criterion that the first judge's verdicts leave contested for one harness is settled for all,
    and so is one that was settled for any of them before.
    """
    scored = {row.key for row in rows if row.outcome is Outcome.SCORED}
    first: dict[str, Verdicts] = {}
    words: dict[RolloutKey, Mapping[str, FirstWord]] = {}
    for harness in sorted({key.harness for key in scored}):
        found = ledger.first_verdicts(harness)
        first[harness] = {key: said for key, said in found.items() if key in scored}
        words |= {key: said for key, said in ledger.settled(harness).items() if key in scored}
    places = {task: set(criteria) for task, criteria in contested_by_any(first.values()).items()}
    for key, said in words.items():
        places.setdefault(key.task, set()).update(said)
    left = {
        key: frozenset(
            name
            for name in places.get(key.task, ())
            if (word := words.get(key, {}).get(name)) is None or word.settled_by != by
        )
        for key in scored
    }
    return {key: criteria for key, criteria in left.items() if criteria}


def _case(
    evidence: Path, task: Task, row: RolloutRow, said: Mapping[str, str], criteria: frozenset[str]
) -> _Case:
    for transcript in earlier_transcripts(evidence, row.key, [row.attempt]):
        folder = transcript.parent
        summary = stored_summary(folder)
        if summary is not None and stored_digest(folder / OUTPUT) == row.output_digest:
            reasons = {
                str(item["criterion"]): str(item["reason"]) for item in summary.get("verdicts", [])
            }
            verdicts = tuple(
                Verdict(item.id, said[item.id], reasons.get(item.id, ""))  # type: ignore[arg-type]
                for item in task.criteria
            )
            subject = Subject(task, folder / OUTPUT, refused_of(summary))
            return _Case(row, folder, subject, verdicts, criteria)
    found = f"other evidence of trial {row.key.trial} of {row.key.task}, or none"
    raise InputError(evidence, "", found, "the deliverables that were graded")


async def _settle(
    ledger: Ledger, case: _Case, second: Judge, room: asyncio.Semaphore, conduct: Conduct
) -> tuple[RolloutRow, Flipped, int]:
    """The row as it is then, what flipped, and how many verdicts stayed undecided."""
    async with room:
        if not await conduct.may_begin():
            return case.row, Flipped(), 0
        grading = await adjudicate(case.subject, case.verdicts, case.criteria, second)
    if grading.undecided:
        return case.row, Flipped(), grading.undecided
    await asyncio.to_thread(put_verdicts, case.folder, case.row.judge_version, grading.verdicts)
    asked = [item for item in grading.verdicts if item.criterion_id in case.criteria]
    rows = [(item.criterion_id, item.verdict, item.reason) for item in asked]
    flipped = ledger.settle(case.row, second.version, rows)
    passed = sum(item.verdict == "pass" for item in grading.verdicts)
    return replace(case.row, passed=passed), flipped, 0
