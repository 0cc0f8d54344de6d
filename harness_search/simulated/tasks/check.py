"""Proves that a benchmark can be graded, and that every generated task can be solved."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness_search.benchmark.tasks import Task, discover
from harness_search.judging.checks import parse_check
from harness_search.judging.deterministic import judge, require_checks
from harness_search.judging.documents import TextStore, UnreadableDocumentError
from harness_search.judging.reading import contains, normalise
from harness_search.judging.verdicts import Verdict
from harness_search.simulated.extraction import proper_names, trust
from harness_search.simulated.tasks.build import (
    FEWEST_DOCUMENTS,
    MOST_DOCUMENTS,
    generated_spec,
    is_generated,
    render_oracle,
    task_json,
)
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.rubric import FEWEST_CRITERIA, MOST_CRITERIA
from harness_search.simulated.tasks.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What was found about one task; no problems means that it can be used."""

    task_id: str
    criteria: int
    documents: int
    generated: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """The reports on all tasks of a benchmark, by id."""

    tasks: tuple[TaskReport, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem with the task that it concerns."""
        return tuple(f"{task.task_id}: {line}" for task in self.tasks for line in task.problems)

    @property
    def sound(self) -> bool:
        """Whether no task has a problem."""
        return not self.problems

    def lines(self) -> tuple[str, ...]:
        """The report as a person reads it: every problem, then a summary."""
        generated = sum(task.generated for task in self.tasks)
        criteria = sum(task.criteria for task in self.tasks)
        proved = f"{generated} generated and proved solvable"
        result = proved if self.sound else f"{len(self.problems)} problems"
        return (*self.problems, f"{len(self.tasks)} tasks, {criteria} criteria: {result}.")

    def to_json(self) -> dict[str, Any]:
        """The report as data."""
        return {"sound": self.sound, "tasks": [asdict(task) for task in self.tasks]}


def check_benchmark(folder: Path) -> BenchmarkReport:
    """Check every task below `folder`.

    Raises InputError for a malformed task or check. A generated task must also be solvable: its
    documents open, those that count can be told from the others and hold the answers, the oracle's
    deliverables pass every criterion, and an empty output or empty documents pass none. Tasks
    without checks are left to an LLM judge.
    """
    tasks = discover(folder).values()
    with tempfile.TemporaryDirectory() as scratch:
        return BenchmarkReport(tuple(_check_task(task, Path(scratch)) for task in tasks))


def _check_task(task: Task, scratch: Path) -> TaskReport:
    for index, criterion in enumerate(task.criteria):
        if criterion.check is not None:
            field = f"criteria.{index}.check"
            parse_check(task.folder / "task.json", field, criterion.check)
    problems: list[str] = []
    if is_generated(task):
        require_checks(task)
        spec, store = generated_spec(task), TextStore(scratch / "text")
        texts, unreadable = _read(task, store)
        problems = [
            *_differences(task, spec),
            *_out_of_bounds(task),
            *unreadable,
            *_missing_answers(spec, texts),
            *_doubtful_papers(spec, texts),
            *_unsolvable(task, spec, scratch / task.id, store),
        ]
    return TaskReport(
        task.id, len(task.criteria), len(task.documents()), is_generated(task), tuple(problems)
    )


def _differences(task: Task, spec: TaskSpec) -> list[str]:
    """Content that is not what the seed gives: an edited task would be graded by a false oracle."""
    if spec.id != task.id:
        return [f"its metadata belong to {spec.id}"]
    written = (task.folder / "task.json").read_text(encoding="utf-8")
    return [] if written == task_json(spec) else ["task.json is not what its seed generates"]


def _out_of_bounds(task: Task) -> list[str]:
    bounds = (
        ("documents", len(task.documents()), FEWEST_DOCUMENTS, MOST_DOCUMENTS),
        ("criteria", len(task.criteria), FEWEST_CRITERIA, MOST_CRITERIA),
    )
    return [
        f"{found} {what}, expected {fewest} to {most}"
        for what, found, fewest, most in bounds
        if not fewest <= found <= most
    ]


def _read(task: Task, store: TextStore) -> tuple[dict[str, str], list[str]]:
    """The text of every document by its name, and what is wrong with those that have none."""
    texts: dict[str, str] = {}
    problems: list[str] = []
    for path in task.documents():
        try:
            texts[path.relative_to(task.documents_folder).as_posix()] = store.text_of(path)
        except UnreadableDocumentError as error:
            problems.append(str(error))
    return texts, problems


def _missing_answers(spec: TaskSpec, texts: Mapping[str, str]) -> list[str]:
    counting = [
        normalise(texts[document.name])
        for document in spec.documents
        if document.counts and document.name in texts
    ]
    return [
        f'the answer to "{point.heading}" stands in no document that counts'
        for point in spec.points
        for source in point.sources
        if not any(contains(text, normalise(source)) for text in counting)
    ]


def _doubtful_papers(spec: TaskSpec, texts: Mapping[str, str]) -> list[str]:
    """Papers that a careful reader cannot place: see `extraction.trust`."""
    names = proper_names(spec.instructions)
    trusted = {name: trust(text, names) == 1 for name, text in texts.items()}
    return [
        f"{document.name} reads as if it did{' not' if document.counts else ''} count"
        for document in spec.documents
        if trusted.get(document.name, document.counts) != document.counts
    ]


def _unsolvable(task: Task, spec: TaskSpec, scratch: Path, store: TextStore) -> list[str]:
    oracle = _judged(task, scratch / "oracle", render_oracle(spec), store)
    blank = {name: render(name, ()) for name in spec.deliverables}
    problems = [
        f"the oracle fails {verdict.criterion_id}: {verdict.reason}"
        for verdict in oracle
        if verdict.verdict != "pass"
    ]
    for what, files in (("an empty output", {}), ("an output of empty documents", blank)):
        verdicts = _judged(task, scratch / what, files, store)
        problems += [
            f"{what} passes {verdict.criterion_id}"
            for verdict in verdicts
            if verdict.verdict == "pass"
        ]
    return problems


def _judged(
    task: Task, output: Path, files: dict[str, bytes], store: TextStore
) -> tuple[Verdict, ...]:
    output.mkdir(parents=True)
    for name, data in files.items():
        (output / name).write_bytes(data)
    return judge(task, output, store)
