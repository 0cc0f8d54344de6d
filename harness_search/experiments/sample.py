"""Finished rollouts whose deliverables still lie on disk, and a sample of them to be judged."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from harness_search.benchmark.tasks import Task
from harness_search.files import digest_text, is_regular
from harness_search.judging.agreement import third_of, thirds
from harness_search.judging.documents import TextStore, UnreadableDocumentError
from harness_search.judging.judge import Subject
from harness_search.layout import Layout
from harness_search.ledger.rows import Outcome, Purpose, RolloutRow, Split
from harness_search.ledger.store import Ledger, has_begun
from harness_search.rollouts.evidence import earlier_transcripts
from harness_search.rollouts.stored import refused_of, stored_digest, stored_summary
from harness_search.rollouts.view import OUTPUT
from harness_search.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Stored:
    """One rollout that a judge has graded, with what it delivered."""

    row: RolloutRow
    harness: str
    """Its name."""
    subject: Subject
    length: int
    """Characters of its deliverables' text."""
    verdicts: Mapping[str, str]
    """By criterion, of the judge that the row names; without what a second one has settled."""

    @property
    def task(self) -> Task:
        return self.subject.task

    @property
    def name(self) -> str:
        """Tells it apart from every other rollout."""
        return digest_text(self.row.key.harness, self.row.key.task, str(self.row.key.trial))


@dataclass(frozen=True, slots=True)
class StoredRollouts:
    """The rollouts of a search that can be judged once more."""

    rollouts: tuple[Stored, ...]
    left_out: Mapping[str, int]
    """How many finished ones cannot, by the reason."""


class _GoneError(Exception):
    """Why a rollout cannot be judged again."""


def stored_rollouts(workspace: Workspace) -> StoredRollouts:
    """Every finished rollout of the search on dev; none before its start."""
    layout = workspace.layout
    if not has_begun(layout.ledger):
        return StoredRollouts((), {})
    tasks = {task.id: task for task in workspace.tasks(Split.DEV)}
    found: list[Stored] = []
    left_out: Counter[str] = Counter()
    with closing(Ledger(layout.ledger, read_only=True)) as ledger:
        names = {row.harness: row.name for row in ledger.iterations() if row.harness}
        for row, verdicts in _finished(ledger):
            name = names.get(row.key.harness, row.key.harness[:8])
            try:
                subject = _subject(workspace, tasks, row)
            except _GoneError as error:
                left_out[str(error)] += 1
            else:
                length = _length(layout, subject)
                found.append(Stored(row, name, subject, length, verdicts))
    return StoredRollouts(tuple(found), dict(left_out.most_common()))


def _finished(ledger: Ledger) -> Iterator[tuple[RolloutRow, Mapping[str, str]]]:
    rows = [row for row in ledger.rows() if row.outcome.finished]
    verdicts = {
        key: found
        for harness in dict.fromkeys(row.key.harness for row in rows)
        for key, found in ledger.first_verdicts(harness).items()
    }
    for row in rows:
        yield row, verdicts.get(row.key, {})


def _subject(workspace: Workspace, tasks: Mapping[str, Task], row: RolloutRow) -> Subject:
    """What a judge is given again; raises _GoneError."""
    if row.outcome is not Outcome.SCORED:
        raise _GoneError("the harness failed: there was nothing to judge")
    task = tasks.get(row.key.task)
    if task is None or workspace.digests.get(task.id) != row.key.task_digest:
        raise _GoneError("the task has changed since")
    evidence = workspace.layout.evidence_of(Purpose.SEARCH)
    for transcript in earlier_transcripts(evidence, row.key, [row.attempt]):
        folder = transcript.parent
        summary = stored_summary(folder)
        if summary is not None and stored_digest(folder / OUTPUT) == row.output_digest:
            return Subject(task, folder / OUTPUT, refused_of(summary))
    raise _GoneError("its evidence is gone or was changed")


def _length(layout: Layout, subject: Subject) -> int:
    """Characters of the deliverables; one that cannot be read has none."""
    texts, found = TextStore(layout.text), 0
    for file in sorted(path for path in subject.output.rglob("*") if is_regular(path)):
        try:
            found += len(texts.text_of(file))
        except UnreadableDocumentError:
            continue
    return found


def draw(rollouts: Sequence[Stored], most: int, seed: int) -> list[Stored]:
    """A sample in which areas, lengths, harnesses and tasks have the shares that they have in all.

    Each next one is of the strata that the sample has least of, as a share of what there is; chance
    decides among equals. So the first part of a sample is a sample itself. The same seed draws the
    same, in whatever order the rollouts come.
    """
    cuts = thirds(item.length for item in rollouts)
    left = {digest_text(str(seed), item.name): (item, _strata(item, cuts)) for item in rollouts}
    sizes = Counter(stratum for _, strata in left.values() for stratum in strata)
    taken: Counter[tuple[str, str]] = Counter()
    drawn: list[Stored] = []
    while left and len(drawn) < most:
        chance = min(left, key=lambda chance: (_share(left[chance][1], taken, sizes), chance))
        item, strata = left.pop(chance)
        taken.update(strata)
        drawn.append(item)
    return drawn


def _strata(item: Stored, cuts: tuple[int, int]) -> tuple[tuple[str, str], ...]:
    return (
        ("area", item.task.practice_area),
        ("length", str(third_of(item.length, cuts))),
        ("harness", item.row.key.harness),
        ("task", item.task.id),
    )


def _share(
    strata: Iterable[tuple[str, str]],
    taken: Mapping[tuple[str, str], int],
    sizes: Mapping[tuple[str, str], int],
) -> float:
    return sum(taken[stratum] / sizes[stratum] for stratum in strata)
