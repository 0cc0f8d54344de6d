"""What each criterion reads: the requested deliverables, found, read, and grouped by scope."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness_search.benchmark.tasks import Criterion, Task
from harness_search.judging.documents import TextStore, UnreadableDocumentError

OUTPUT_ITSELF = "."
LONGEST_DELIVERABLE = 500_000
"""Characters, about two hundred pages; beyond it a deliverable is a dump of papers."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The deliverables that some criteria read together."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    """One of each name; empty for a deliverable that cannot be read, beside others that can."""
    problem: str
    """Why its criteria fail unread; empty when there is something to read."""
    criteria: tuple[Criterion, ...]
    """In the task's order."""

    @property
    def text(self) -> str:
        """All of it as one text."""
        return "\n\n".join(self.texts)


@dataclass(frozen=True, slots=True)
class _Deliverable:
    """A requested file: its text, or the reason why there is none."""

    text: str
    problem: str = ""


def _as_extracted(text: str, kind: str) -> str:  # noqa: ARG001
    return text


def scopes_of(
    task: Task,
    output: Path,
    store: TextStore,
    refused: Mapping[str, str] | None = None,
    shown: Callable[[str, str], str] = _as_extracted,
) -> tuple[Scope, ...]:
    """The scopes of a task's criteria, over the deliverables in `output`.

    A criterion that names deliverables fails when one of them is missing, unreadable or blank; a
    criterion that names none reads all requested deliverables that are there. `refused` says what
    the harness left instead of files that could be taken, by name, and "." for the folder itself;
    it changes reasons, never a verdict. `shown` makes of an extracted text, and the
    file's extension in small letters, what the judge sees.
    """
    present = _regular_files(output)
    everything = task.content.deliverables or tuple(sorted(present))
    named = {name for criterion in task.criteria for name in criterion.deliverables}
    found = {
        name: _read_deliverable(name, output, store, shown)
        if name in present
        else _Deliverable("", _why_missing(name, output, refused or {}))
        for name in {*everything, *named}
    }
    groups: dict[tuple[tuple[str, ...], str], list[Criterion]] = {}
    for criterion in task.criteria:
        names = criterion.deliverables or everything
        problem = _problem_of([found[name] for name in names], bool(criterion.deliverables))
        groups.setdefault((names, problem), []).append(criterion)
    return tuple(
        Scope(names, tuple(found[name].text for name in names), problem, tuple(criteria))
        for (names, problem), criteria in groups.items()
    )


def _problem_of(scope: Sequence[_Deliverable], are_named: bool) -> str:
    """Why nothing is read, empty when something is."""
    if not scope:
        return "the output folder holds no deliverable"
    problems = [deliverable.problem for deliverable in scope if deliverable.problem]
    if are_named or len(problems) == len(scope):
        return "; ".join(problems)
    return ""


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


def _read_deliverable(
    name: str, output: Path, store: TextStore, shown: Callable[[str, str], str]
) -> _Deliverable:
    try:
        text = store.text_of(output / name)
    except UnreadableDocumentError as error:
        return _Deliverable("", f"{name} cannot be read: {error.reason}")
    if len(text) > LONGEST_DELIVERABLE:
        problem = f"{name} is longer than {LONGEST_DELIVERABLE} characters"
        return _Deliverable("", problem)
    text = shown(text, Path(name).suffix.lower())
    return _Deliverable(text) if text.strip() else _Deliverable("", f"{name} holds no text")
