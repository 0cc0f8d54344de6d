"""The deterministic judge: grades deliverables by the checks that the bundled tasks carry.

Matching is strict, as in the study: a deliverable counts only as a regular file at the top level
of the output folder under exactly the requested name.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness_search.benchmark.tasks import Criterion, Task
from harness_search.errors import InputError
from harness_search.judging.checks import Check, evaluate_passages, parse_check
from harness_search.judging.documents import TextStore, UnreadableDocumentError
from harness_search.judging.reading import Passage, read_passages

OUTPUT_ITSELF = "."
LONGEST_DELIVERABLE = 500_000
"""Characters, about two hundred pages; beyond it a deliverable is a dump of papers."""
JUDGE_VERSION = "deterministic-1"
"""Stored with every verdict; raise it whenever the same deliverables may be graded otherwise."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says about one criterion, and why, in one sentence."""

    criterion_id: str
    verdict: Literal["pass", "fail", "undecided"]
    reason: str


@dataclass(frozen=True, slots=True)
class _Deliverable:
    """A requested file: its text, or the reason why there is none."""

    text: str
    problem: str = ""


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

    A criterion that names deliverables fails when one of them is missing, unreadable or blank; a
    criterion that names none reads all requested deliverables that are there. `refused` says what
    the harness left instead of files that could be taken, by name, and "." for the folder itself;
    it changes reasons, never a verdict.
    Raises InputError when a criterion carries no usable check.
    """
    checks = require_checks(task)
    present = _regular_files(output)
    everything = task.content.deliverables or tuple(sorted(present))
    named = {name for criterion in task.criteria for name in criterion.deliverables}
    found = {
        name: _read_deliverable(name, output, store)
        if name in present
        else _Deliverable("", _why_missing(name, output, refused or {}))
        for name in {*everything, *named}
    }
    read: dict[str, tuple[Passage, ...]] = {}
    return tuple(
        _grade(criterion, check, found, everything, read)
        for criterion, check in zip(task.criteria, checks, strict=True)
    )


def _grade(
    criterion: Criterion,
    check: Check,
    found: dict[str, _Deliverable],
    everything: tuple[str, ...],
    read: dict[str, tuple[Passage, ...]],
) -> Verdict:
    """Grade one criterion; `read` keeps the passages of a scope for the criteria that share it."""
    scope = [found[name] for name in criterion.deliverables or everything]
    problems = [deliverable.problem for deliverable in scope if deliverable.problem]
    if problems and (criterion.deliverables or len(problems) == len(scope)):
        return Verdict(criterion.id, "fail", "; ".join(problems))
    if not scope:
        return Verdict(criterion.id, "fail", "the output folder holds no deliverable")
    text = "\n\n".join(deliverable.text for deliverable in scope)
    if text not in read:
        read[text] = read_passages(text)
    result = evaluate_passages(check, read[text])
    return Verdict(criterion.id, "pass" if result.passed else "fail", result.reason)


def _regular_files(output: Path) -> frozenset[str]:
    """Names of the regular files at the top level; links are never followed, not even to folders.

    Listing instead of opening by name keeps matching exact on file systems that ignore case.
    """
    if output.is_symlink() or not output.is_dir():
        return frozenset()
    with os.scandir(output) as entries:
        return frozenset(entry.name for entry in entries if entry.is_file(follow_symlinks=False))


def _why_missing(name: str, output: Path, refused: Mapping[str, str]) -> str:
    if name in refused:
        return f"{name} is missing: the output has {refused[name]} there, which is not taken"
    if OUTPUT_ITSELF in refused:
        return f"{name} is missing: in place of the output folder is {refused[OUTPUT_ITSELF]}"
    other = "something else than a regular file" if os.path.lexists(output / name) else "no file"
    return f"{name} is missing: the top level of the output has {other} there"


def _read_deliverable(name: str, output: Path, store: TextStore) -> _Deliverable:
    try:
        text = store.text_of(output / name)
    except UnreadableDocumentError as error:
        return _Deliverable("", f"{name} cannot be read: {error.reason}")
    if len(text) > LONGEST_DELIVERABLE:
        problem = f"{name} is longer than {LONGEST_DELIVERABLE} characters"
        return _Deliverable("", problem)
    return _Deliverable(text) if text.strip() else _Deliverable("", f"{name} holds no text")
