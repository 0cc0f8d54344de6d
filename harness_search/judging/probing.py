"""Asks probes about what a harness delivered, each answer once."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness_search.benchmark.tasks import Task
from harness_search.judging.canonical import canonical
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Subject
from harness_search.judging.model.prompt import joined, shown_title
from harness_search.judging.model.questions import Answer, Failed, Question, scope_digest_of
from harness_search.judging.probes import (
    Delivered,
    DeliveredScope,
    Probe,
    ProbeKey,
    ProbeResult,
)
from harness_search.judging.scopes import scopes_of
from harness_search.judging.verdicts import Grade
from harness_search.ledger.probes import ProbeRow

Obtain = Callable[[Sequence[Question]], Awaitable[Mapping[str, Answer | Failed]]]
"""Answers to questions about one text by criterion id, from the cache or the model."""


class ProbeRecord(Protocol):
    """Where answers are recorded; the search's ledger."""

    def probes(self, harness: str) -> list[ProbeRow]: ...

    def record_probe(self, row: ProbeRow) -> None: ...


def delivered(
    harness: str,
    rollouts: Iterable[tuple[int, Subject]],
    texts: TextStore,
    canary_of: Callable[[Task], str] = lambda task: "",  # noqa: ARG005
) -> Delivered:
    """What a harness, given by its digest, delivered in some rollouts, given with their trials.

    What cannot be read is left out: its criteria fail unread.
    """
    found = []
    for trial, subject in rollouts:
        task = subject.task
        for scope in scopes_of(task, subject.output, texts, subject.refused, shown=canonical):
            if not scope.problem:
                text = joined(zip(scope.names, scope.texts, strict=True))
                found.append(
                    DeliveredScope(
                        task.id,
                        trial,
                        scope.names,
                        text,
                        scope.criteria,
                        canary_of(task),
                        shown_title(task.content.title),
                    )
                )
    return Delivered(harness, tuple(found))


async def run_probes(
    probes: Sequence[Probe],
    found: Delivered,
    obtain: Obtain,
    record: ProbeRecord,
    judge_version: str,
) -> tuple[ProbeResult, ...]:
    """What the judge says to each probe of a harness's deliverables.

    A pass is asked once more, and counts if it is confirmed. What is recorded is not asked again;
    what was not answered is undecided, and asked the next time.
    """
    asking = _Asking(found, obtain, record, judge_version)
    first = await asking.answers(probes, 0)
    passed = {probe.key: probe for probe in probes if _verdict(first.get(probe.key)) == "pass"}
    second = await asking.answers([*passed.values()], 1)
    results = []
    for probe in probes:
        row = (second if probe.key in passed else first).get(probe.key)
        reason = row.reason if row else "the judge gave no answer"
        results.append(ProbeResult(probe, _verdict(row), reason))
    return tuple(results)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks about the deliverables of one harness, where the record has no answer."""

    found: Delivered
    obtain: Obtain
    record: ProbeRecord
    judge_version: str

    async def answers(self, probes: Sequence[Probe], replicate: int) -> dict[ProbeKey, ProbeRow]:
        """The answers that there are, old and new."""
        known = {_asked(row): row for row in self.record.probes(self.found.harness)}
        rows: dict[ProbeKey, ProbeRow] = {}
        missing: dict[str, list[tuple[Probe, Question]]] = {}
        for number, probe in enumerate(probes):
            question = self._question(f"probe-{number}", probe, replicate)
            row = known.get(_asked(self._row(probe, question, "", "")))
            if row is None:
                missing.setdefault(question.scope_digest, []).append((probe, question))
            else:
                rows[probe.key] = row
        for asked in missing.values():
            replies = await self.obtain([question for _, question in asked])
            for probe, question in asked:
                reply = replies.get(question.criterion.id, Failed(""))
                if isinstance(reply, Answer) or reply.invalid:
                    row = self._row(probe, question, _said(reply), reply.reason)
                    self.record.record_probe(row)
                    rows[probe.key] = row
        return rows

    def _question(self, name: str, probe: Probe, replicate: int) -> Question:
        """Under a name of its own: the criteria of two tasks may have the same."""
        text = self.found.texts[probe.scope]
        criterion = probe.criterion.model_copy(update={"id": name})
        return Question(
            scope_digest_of(text),
            text,
            criterion,
            replicate,
            canary=probe.canary,
            task_title=probe.task_title,
        )

    def _row(self, probe: Probe, question: Question, verdict: str, reason: str) -> ProbeRow:
        task, trial, _ = probe.scope
        return ProbeRow(
            harness=self.found.harness,
            kind=probe.kind.value,
            task=task,
            trial=trial,
            rubric=probe.rubric,
            criterion=probe.criterion.id,
            replicate=question.replicate,
            scope_digest=question.scope_digest,
            judge_version=self.judge_version,
            verdict=verdict,
            reason=reason,
        )


def _asked(row: ProbeRow) -> tuple[str | int, ...]:
    """What makes two answers answers to the same probe."""
    named = (row.kind, row.rubric, row.criterion, row.replicate)
    return (*named, row.scope_digest, row.judge_version)


def _said(reply: Answer | Failed) -> str:
    """An unusable answer is no pass: its quote stands nowhere, or it has none."""
    return "pass" if isinstance(reply, Answer) and reply.verdict == "pass" else "fail"


def _verdict(row: ProbeRow | None) -> Grade:
    if row is None:
        return "undecided"
    return "pass" if row.verdict == "pass" else "fail"
