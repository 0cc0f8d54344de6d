"""Criteria on which the trials of one harness disagree: a second judge has the last word on them.

A verdict that differs from trial to trial is where a judge is least sure. Which criteria are judged
again is said once for all harnesses that are compared, so that none gains by the choice.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from harness_search.judging.judge import Grading, Judge, Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.rows import RolloutKey

Verdicts = Mapping[RolloutKey, Mapping[str, str]]
"""By rollout and criterion."""
DECIDED = frozenset({"pass", "fail"})


def contested(verdicts: Verdicts) -> list[tuple[str, str]]:
    """Task and criterion of each criterion that one harness meets in some trials and not in others.

    `verdicts` are of rollouts that a judge has graded: a harness that failed was not judged. Raises
    ValueError for rollouts of several harnesses.
    """
    if len({key.harness for key in verdicts}) > 1:
        raise ValueError("the trials of one harness are compared, not those of several")
    said: dict[tuple[str, str], set[str]] = {}
    for key, found in verdicts.items():
        for criterion, verdict in found.items():
            said.setdefault((key.task, criterion), set()).add(verdict)
    return sorted(place for place, found in said.items() if found >= DECIDED)


def contested_by_any(harnesses: Iterable[Verdicts]) -> dict[str, frozenset[str]]:
    """Criteria by task on which the trials of any of these harnesses disagree."""
    found: dict[str, set[str]] = {}
    for verdicts in harnesses:
        for task, criterion in contested(verdicts):
            found.setdefault(task, set()).add(criterion)
    return {task: frozenset(criteria) for task, criteria in sorted(found.items())}


async def adjudicate(
    subject: Subject, first: Iterable[Verdict], criteria: Collection[str], second: Judge
) -> Grading:
    """The first judge's verdicts, with the second one's on these criteria of a rollout.

    The second is shown no other criterion. What it leaves undecided is undecided.
    """
    narrowed = tuple(item for item in subject.task.criteria if item.id in criteria)
    if not narrowed:
        return Grading(tuple(first))
    content = subject.task.content.model_copy(update={"criteria": narrowed})
    asked = replace(subject, task=replace(subject.task, content=content))
    grading = await second.grade(asked)
    said = {verdict.criterion_id: verdict for verdict in grading.verdicts}
    return Grading(tuple(said.get(item.criterion_id, item) for item in first), grading.flagged)
