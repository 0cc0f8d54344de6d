"""One rollout as the analysis sees it: its verdicts classed, its ending, what it did and delivered.

What is missing or damaged of its evidence is named, so that whoever counts can say what was not
counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness_search.analysis.activity import Activity, count_words, read_activity
from harness_search.analysis.documents import Documents
from harness_search.analysis.outcomes import Ending, Fate, ending_of, fates_of
from harness_search.analysis.rules import HARNESS_FAILED, ErrorRules
from harness_search.benchmark.tasks import Task
from harness_search.files import untrusted_files
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.rollouts.evidence import TRANSCRIPT

OUTPUT = "output"
"""The folder of deliverables in an attempt's evidence."""
NO_TRANSCRIPT = "no transcript"
DAMAGED_LINE = "damaged line of a transcript"
NO_OUTPUT = "no output folder"
NO_VERDICTS = "no verdicts"
UNDECIDED = "undecided verdict"
NO_TITLE = "criterion that the task has no more"

TextOf = Callable[[Path], str]
"""The text of a document; raises ValueError where it does not open as its type, as the text store
does."""


@dataclass(frozen=True, slots=True)
class Background:
    """What the analysis needs to know of a task."""

    titles: Mapping[str, str]
    """Of criteria, by their ids."""
    requested: tuple[str, ...]
    documents: Documents

    @classmethod
    def of(cls, task: Task, text_of: TextOf) -> "Background":
        """Of a task on disk; a document that cannot be read counts by its name alone."""
        folder = task.documents_folder
        texts: dict[str, str] = {}
        for path in task.documents():
            texts[path.relative_to(folder).as_posix()] = _text(path, text_of) or ""
        titles = {item.id: item.title for item in task.criteria}
        return cls(titles, task.content.deliverables, Documents.of(texts))


@dataclass(frozen=True, slots=True)
class Record:
    """What was written down of one ended attempt."""

    task: str
    trial: int
    outcome: Outcome
    reason: str
    criteria: int
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of_row(cls, row: RolloutRow, verdicts: Iterable[Verdict]) -> "Record":
        """From the ledger, which decides where it and a summary differ."""
        key = row.key
        return cls(key.task, key.trial, row.outcome, row.reason, row.total, tuple(verdicts))


@dataclass(frozen=True, slots=True)
class Facts:
    """One rollout, ready to be counted."""

    task: str
    trial: int
    ending: Ending
    fates: tuple[Fate, ...]
    criteria: int
    failed: Mapping[str, int]
    """Failed criteria by class; those of a rollout whose harness failed are in one of their own."""
    activity: Activity | None
    """None without a transcript."""
    words: int | None
    """Of the deliverables that could be read; None where there was none."""
    skipped: Mapping[str, int]
    """What could not be counted, by what it is."""


def read_facts(
    folder: Path, record: Record, background: Background, rules: ErrorRules, text_of: TextOf
) -> Facts:
    """All of one rollout, from what was recorded and from the folder of its evidence."""
    skipped: Counter[str] = Counter()
    failed = _classed(record, background, rules, skipped)
    activity = _activity(folder / TRANSCRIPT, background.documents, skipped)
    output = _output(folder / OUTPUT, skipped)
    wanted = background.requested or tuple(name for name in output if "/" not in name)
    texts = {name: _text(output[name], text_of) for name in wanted if name in output}
    read = [text for text in texts.values() if text and text.strip()]
    fates = fates_of(
        background.requested,
        output,
        unreadable={name for name, text in texts.items() if text is None},
        empty={name for name, text in texts.items() if text is not None and not text.strip()},
    )
    return Facts(
        task=record.task,
        trial=record.trial,
        ending=ending_of(record.outcome, record.reason, fates, len(output)),
        fates=fates,
        criteria=record.criteria,
        failed=failed,
        activity=activity,
        words=sum(map(count_words, read)) if read else None,
        skipped=dict(skipped),
    )


def _classed(
    record: Record, background: Background, rules: ErrorRules, skipped: Counter[str]
) -> Mapping[str, int]:
    if record.outcome is Outcome.HARNESS_FAILED:
        return {HARNESS_FAILED: record.criteria}
    if record.criteria and not record.verdicts:
        skipped[NO_VERDICTS] += 1
    failed: Counter[str] = Counter()
    for verdict in record.verdicts:
        if verdict.verdict == "undecided":
            skipped[UNDECIDED] += 1
        if verdict.verdict != "fail":
            continue
        title = background.titles.get(verdict.criterion_id)
        if title is None:  # it still failed: the reason alone must do
            skipped[NO_TITLE] += 1
        failed[rules.classify(title or "", verdict.reason)] += 1
    return dict(failed)


def _activity(transcript: Path, documents: Documents, skipped: Counter[str]) -> Activity | None:
    try:
        activity = read_activity(transcript, documents)
    except OSError:
        skipped[NO_TRANSCRIPT] += 1
        return None
    if activity.damaged_lines:
        skipped[DAMAGED_LINE] += activity.damaged_lines
    return activity


def _output(folder: Path, skipped: Counter[str]) -> dict[str, Path]:
    """The files that were left, by their paths below the folder."""
    if not folder.is_dir():
        skipped[NO_OUTPUT] += 1
    return {path.relative_to(folder).as_posix(): path for path in untrusted_files(folder)}


def _text(path: Path, text_of: TextOf) -> str | None:
    try:
        return text_of(path)
    except ValueError:
        return None
