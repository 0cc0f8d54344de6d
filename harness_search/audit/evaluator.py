"""Holds the evaluator still while a proposer works: its code, judge, rubrics, weights and gate."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from harness_search.audit.report import AuditReport, Finding, Severity
from harness_search.audit.unchanged import Digests, FileState, state_of, states_below
from harness_search.benchmark.tasks import Task
from harness_search.files import digest_text
from harness_search.workspace import Workspace

PARTS = ("meta_harness", "harness_search", "harness_kit")
CODE = (".py", ".sql", ".toml", ".md")


def evaluator_digests(workspace: Workspace, known: Digests | None = None) -> dict[str, str]:
    """SHA-256 (hex) of everything that scores and decides, by a name that may be shown.

    Tasks are read again from disk; those of the test split go by their number. `known` are digests
    of earlier: only files that may have changed since are then read.
    """
    known = known or Digests()
    splits, settings, layout = workspace.splits, workspace.settings, workspace.layout
    promotion = settings.promotion.model_dump_json()
    return {
        **_of_code(known),
        **{f"task {task.id}": _of_task(task, known) for task in splits.dev},
        **{f"test task {n}": _of_task(task, known) for n, task in enumerate(splits.test, start=1)},
        "dev split": _of_file(state_of(layout.dev_split), known),
        "test split": _of_file(state_of(layout.test_split), known),
        "task digests": _of_file(state_of(layout.task_digests), known),
        "judge": workspace.judge_version,
        "weights": digest_text(repr(settings.weights)),
        "gate": digest_text(promotion, str(settings.search.trials)),
    }


def _of_code(known: Digests) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in PARTS:
        spec = find_spec(part)
        if spec is None or spec.origin is None:
            continue
        folder, name = os.path.split(spec.origin)
        if name != "__init__.py":
            found[name] = _of_file(state_of(spec.origin), known)
            continue
        states = tuple(states_below(folder, CODE))
        found |= known.of(part, states, partial(_of_package, folder, states, known))
    return found


def _of_package(folder: str, states: Sequence[FileState], known: Digests) -> dict[str, str]:
    """Named by their paths, which begin with the package's own name."""
    above = len(os.path.dirname(folder)) + 1  # noqa: PTH120 - as the paths are
    return {state[0][above:]: _of_file(state, known) for state in sorted(states)}


def _of_task(task: Task, known: Digests) -> str:
    documents = task.documents_folder
    folders = [task.folder, *([] if documents.is_relative_to(task.folder) else [documents])]
    states = [state for folder in folders for state in states_below(folder)]
    return known.of(os.fspath(task.folder), states, task.digest)


def _of_file(state: FileState, known: Digests) -> str:
    return known.of(state[0], [state], lambda: _read(Path(state[0])))


def _read(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no file"


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Names of what was changed, added or removed in between, alphabetically."""
    return tuple(
        sorted(name for name in before.keys() | after if before.get(name) != after.get(name))
    )


def audit_launches(first: Mapping[str, str], now: Mapping[str, str]) -> AuditReport:
    """A warning for each part that changed while no scaffold ran. No box can do that; a person can,
    by an update, and a session that goes on has then seen another evaluator."""
    return AuditReport(
        tuple(
            Finding("evaluator", Severity.WARN, name, "changed since the session was begun")
            for name in changed(first, now)
        )
    )


def audit_evaluator(before: Mapping[str, str], after: Mapping[str, str]) -> AuditReport:
    """A finding for each part of the evaluator that is not what it was."""
    return AuditReport(
        tuple(
            Finding("evaluator", Severity.REJECT, name, "changed while the session ran")
            for name in changed(before, after)
        )
    )
