"""Asks the judge again about deliverables that it has judged: how many verdicts flip."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from harness_search.files import to_json, write_atomically
from harness_search.judging.judge import Judge, Subject
from harness_search.layout import Layout
from harness_search.ledger.rows import Outcome, Purpose, RolloutKey, RolloutRow, Split
from harness_search.promotion.noise import Flips
from harness_search.rollouts.evidence import earlier_transcripts
from harness_search.rollouts.stored import refused_of, stored_summary
from harness_search.rollouts.view import OUTPUT
from harness_search.service.conduct import Conduct
from harness_search.workspace import Workspace

MOST_VERDICTS = 200

Item = TypeVar("Item")
Verdicts = Mapping[RolloutKey, Mapping[str, str]]
"""Verdict by criterion of each rollout."""


def flips_on_disk(layout: Layout, harness: str, judge: str) -> Flips | None:
    """What a judge, given by its version, was asked again about a harness, given by its digest;
    None before."""
    file = layout.judged_again
    if not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    if (found["harness"], found["judge"]) != (harness, judge):
        return None
    verdicts = found["verdicts"]
    return Flips(len(verdicts), sum(item["first"] != item["again"] for item in verdicts))


def judged_again_at(layout: Layout) -> str:
    """When the judge had been asked again, in UTC (ISO 8601); empty before, and where the file does
    not say."""
    file = layout.judged_again
    return str(json.loads(file.read_text("utf-8")).get("at", "")) if file.is_file() else ""


async def judge_again(
    workspace: Workspace,
    judge: Judge,
    harness: str,
    rows: Iterable[RolloutRow],
    verdicts: Verdicts,
    conduct: Conduct | None = None,
) -> None:
    """Judge up to 200 verdicts of a harness's rollouts again, spread over tasks, and keep both.

    The rows are those of the harness, given by its digest. Rollouts whose evidence is gone are left
    out.
    """
    kept: list[dict[str, object]] = []
    for row, folder in _judged(workspace, rows):
        if conduct is not None:
            await conduct.checkpoint()  # what was answered before is kept by the judge
        kept += await _again(workspace, judge, row, folder, verdicts.get(row.key, {}))
        if len(kept) >= MOST_VERDICTS:
            break
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    said = {"harness": harness, "judge": judge.version, "at": now}
    document: dict[str, object] = {**said, "verdicts": kept[:MOST_VERDICTS]}
    write_atomically(workspace.layout.judged_again, to_json(document))


def _judged(workspace: Workspace, rows: Iterable[RolloutRow]) -> Iterator[tuple[RolloutRow, Path]]:
    """Rollouts that a judge has seen, trial by trial, with the folder of their evidence."""
    evidence = workspace.layout.evidence_of(Purpose.SEARCH)
    for row in sorted(rows, key=lambda row: (row.key.trial, row.key.task)):
        if row.outcome is Outcome.SCORED:
            for transcript in earlier_transcripts(evidence, row.key, [row.attempt])[:1]:
                yield row, transcript.parent


async def _again(
    workspace: Workspace, judge: Judge, row: RolloutRow, folder: Path, first: Mapping[str, str]
) -> list[dict[str, object]]:
    """Some verdicts of one rollout, so many that every task has its turn."""
    tasks = {task.id: task for task in workspace.tasks(Split.DEV)}
    task = tasks[row.key.task]
    known = [item for item in task.criteria if item.id in first]
    chosen = tuple(spread(known, max(1, MOST_VERDICTS // len(tasks))))
    part = replace(task, content=task.content.model_copy(update={"criteria": chosen}))
    refused = refused_of(stored_summary(folder) or {})
    again = await judge.grade(Subject(part, folder / OUTPUT, refused), replicate=1)
    key = {"task": row.key.task, "trial": row.key.trial}
    return [
        {**key, "criterion": item.criterion_id, "first": first[item.criterion_id],
         "again": item.verdict}
        for item in again.verdicts
        if item.verdict != "undecided"
    ]  # fmt: skip


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of the items, at even distances."""
    count = min(most, len(items))
    return [items[number * len(items) // count] for number in range(count)]
