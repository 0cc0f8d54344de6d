"""The judge of the offline world: every criterion's own check against the named deliverables.

Deliverables may come from hostile code: nothing here follows links, and a file that is not what its
name says is a failed criterion with that reason, never an error of the scaffold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness_search.aside import aside
from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.judging.checks import Check, evaluate_passages, parse_check
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.reading import read_passages
from harness_search.judging.scopes import Scope, scopes_of
from harness_search.judging.verdicts import Verdict

JUDGE_VERSION = "deterministic-2"
"""Stored with every verdict; raise it whenever the same deliverables may be graded otherwise."""


@dataclass(frozen=True, slots=True)
class DeterministicJudge:
    """Grades by the checks that tasks carry; it says the same whenever it is asked.

    It has no bound of its own: `persistence.BoundedJudge` gives up waiting for it.
    """

    texts: TextStore

    @property
    def version(self) -> str:
        """Stored with every row."""
        return JUDGE_VERSION

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:  # noqa: ARG002
        """Grade a rollout. Raises InputError when a criterion carries no usable check."""
        task, output = subject.task, subject.output
        return Grading(await aside(None, judge, task, output, self.texts, subject.refused))


def require_checks(task: Task) -> tuple[Check, ...]:
    """The checks of a task's criteria, in their order.

    Raises InputError naming `criteria.N.check` when one is missing or malformed: this judge cannot
    grade such a criterion, and an undecided verdict would only hide that.
    """
    file = task.folder / "task.json"
    checks: list[Check] = []
    for index, criterion in enumerate(task.criteria):
        field = f"criteria.{index}.check"
        if criterion.check is None:
            raise InputError(file, field, "nothing", "a check (or a judge that reads the rubric)")
        checks.append(parse_check(file, field, criterion.check))
    return tuple(checks)


def judge(
    task: Task, output: Path, store: TextStore, refused: Mapping[str, str] | None = None
) -> tuple[Verdict, ...]:
    """Grade the deliverables in `output`: one verdict per criterion, in the task's order.

    What a criterion reads, and when it fails unread, is said in `scopes_of`.
    Raises InputError when a criterion carries no usable check.
    """
    ids = (criterion.id for criterion in task.criteria)
    checks = dict(zip(ids, require_checks(task), strict=True))
    verdicts = {
        verdict.criterion_id: verdict
        for scope in scopes_of(task, output, store, refused)
        for verdict in _grade(scope, checks)
    }
    return tuple(verdicts[criterion.id] for criterion in task.criteria)


def _grade(scope: Scope, checks: Mapping[str, Check]) -> list[Verdict]:
    """Grade the criteria of one scope, whose passages are read once."""
    if scope.problem:
        return [Verdict(criterion.id, "fail", scope.problem) for criterion in scope.criteria]
    passages = read_passages(scope.text)
    verdicts = []
    for criterion in scope.criteria:
        result = evaluate_passages(checks[criterion.id], passages)
        verdicts.append(Verdict(criterion.id, "pass" if result.passed else "fail", result.reason))
    return verdicts
