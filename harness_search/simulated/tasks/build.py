"""Builds the benchmark: which matter each task is about, its points, its rubric, its files."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness_search.benchmark.splits import Splits, check_digests, named_tasks, write_splits
from harness_search.benchmark.tasks import Task, read_named
from harness_search.errors import InputError
from harness_search.files import to_json, write_atomically
from harness_search.layout import Layout
from harness_search.simulated.tasks.families import family_and_area
from harness_search.simulated.tasks.general_papers import general_papers
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.rendering import render
from harness_search.simulated.tasks.rubric import choose_points, papers_relied_on, rubric
from harness_search.simulated.tasks.spec import (
    Block,
    Heading,
    Matter,
    Paragraph,
    PointSpec,
    Table,
    TaskSpec,
)

GENERATOR = "meta-harness-2"
"""Stands in every task's metadata; raise it whenever the same seed may give other tasks."""

FEWEST_DOCUMENTS, MOST_DOCUMENTS = 4, 9
DEV, TEST = 24, 24
MOST_TASKS = 480
"""So many have names of their own; beyond, the names of companies would come round again."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The ids of the tasks that were written, sorted."""

    dev: tuple[str, ...]
    test: tuple[str, ...]


def build_benchmark(out: Path, seed: int, dev: int = DEV, test: int = TEST) -> Benchmark:
    """Write `dev` + `test` task folders below `out`.

    The same seed writes the same bytes (with the same versions of the libraries). Each split of
    up to 24 tasks holds every practice area at most once. Raises InputError for sizes that cannot
    be built, and when `out` holds other files already, so that two benchmarks never mix.
    """
    plan = _plan(seed, dev, test)
    _write(out, [*plan.dev, *plan.test])
    return plan.ids


def build_with_splits(out: Path, seed: int, dev: int = DEV, test: int = TEST) -> Benchmark:
    """Write the tasks and, beside their folder, the splits and digests that a workspace reads.

    Raises InputError as `build_benchmark` does, and when splits of other tasks lie there, before
    anything is written: they belong to somebody's workspace.
    """
    plan, place = _plan(seed, dev, test), Layout(out.resolve().parent)
    for file, ids in ((place.dev_split, plan.ids.dev), (place.test_split, plan.ids.test)):
        if file.exists() and set(named_tasks(file)) != set(ids):
            expected = "none, or those of this benchmark (build into a folder of its own)"
            raise InputError(file, "", "splits of other tasks", expected)
    _write(out, [*plan.dev, *plan.test])
    found = read_named(out, [*plan.ids.dev, *plan.ids.test])
    if place.task_digests.exists():
        check_digests([*found.values()], place.task_digests)
    if not (place.dev_split.exists() and place.test_split.exists() and place.task_digests.exists()):
        splits = Splits(
            tuple(found[name] for name in plan.ids.dev),
            tuple(found[name] for name in plan.ids.test),
        )
        write_splits(splits, place.dev_split, place.test_split, place.task_digests)
    return plan.ids


@dataclass(frozen=True, slots=True)
class _Plan:
    dev: tuple[TaskSpec, ...]
    test: tuple[TaskSpec, ...]

    @property
    def ids(self) -> Benchmark:
        return Benchmark(
            tuple(sorted(task.id for task in self.dev)),
            tuple(sorted(task.id for task in self.test)),
        )


def _plan(seed: int, dev: int, test: int) -> _Plan:
    if dev < 1 or test < 0:
        raise InputError("tasks build", "--dev/--test", f"{dev} and {test}", "at least 1 and 0")
    if dev + test > MOST_TASKS:
        raise InputError("tasks build", "--dev + --test", dev + test, f"at most {MOST_TASKS}")
    tasks = [task_spec(seed, index) for index in range(dev + test)]
    return _Plan(tuple(tasks[:dev]), tuple(tasks[dev:]))


def _write(out: Path, tasks: Sequence[TaskSpec]) -> None:
    files = {out / name: data for task in tasks for name, data in _task_files(task)}
    for path in sorted(out.rglob("*")):
        if not path.is_dir() and path not in files:
            raise InputError(out, "", f"{path.relative_to(out)}", "no files but those of this seed")
    for path, data in files.items():
        write_atomically(path, data)


def task_spec(seed: int, index: int) -> TaskSpec:
    """The task at one position (from 0) of the benchmark of a seed."""
    family, area = family_and_area(seed, index)
    draw = Draw(seed, index)
    matter = family.build(draw, area)
    chosen = choose_points(draw, matter.points, matter.opening)
    slug = f"{matter.slug_words}-{draw.hexadecimal(6)}"
    canary = uuid.UUID(hex=draw.hexadecimal(32), version=4)
    documents = (*matter.documents, *general_papers(draw, matter, MOST_DOCUMENTS))
    if not FEWEST_DOCUMENTS <= len(documents) <= MOST_DOCUMENTS:
        raise ValueError(f"{slug}: {len(documents)} documents")
    asks_papers = draw.chance(0.8)
    points = (*chosen, papers_relied_on(chosen, documents)) if asks_papers else chosen
    deliverables = _deliverables(draw, matter, len(points))
    placed = {
        name: [points[position] for position in positions]
        for name, positions in deliverables.items()
    }
    return TaskSpec(
        id=f"{area}/{slug}",
        title=matter.title,
        work_type=matter.work_type,
        instructions=_instructions(matter, points, deliverables),
        deliverables=deliverables,
        points=points,
        documents=documents,
        criteria=tuple(rubric(draw, placed)),
        metadata={
            "generator": GENERATOR, "family": family.name, "seed": seed, "index": index,
            "canary": str(canary),
        },
    )  # fmt: skip


def render_oracle(spec: TaskSpec) -> dict[str, bytes]:
    """Every requested file with the answer to each of its points under the point's heading."""
    return {
        name: render(name, _answers(name, spec, positions))
        for name, positions in spec.deliverables.items()
    }


def is_generated(task: Task) -> bool:
    """Whether the metadata say that this generator wrote the task."""
    metadata = (task.content.model_extra or {}).get("metadata")
    return isinstance(metadata, dict) and metadata.get("generator") == GENERATOR


def generated_spec(task: Task) -> TaskSpec:
    """The specification from which a task was written; raises InputError if none was."""
    metadata = (task.content.model_extra or {}).get("metadata")
    seed, index = (
        (metadata.get("seed"), metadata.get("index")) if isinstance(metadata, dict) else (None, 0)
    )
    if not (is_generated(task) and isinstance(seed, int) and isinstance(index, int)):
        expected = f'{{"generator": "{GENERATOR}", "seed": ..., "index": ...}}'
        raise InputError(task.folder / "task.json", "metadata", repr(metadata), expected)
    return task_spec(seed, index)


def task_json(task: TaskSpec) -> str:
    """The content of a task's `task.json`."""
    return to_json(
        {
            "title": task.title,
            "work_type": task.work_type,
            "tags": [task.metadata["family"]],
            "instructions": task.instructions,
            "deliverables": {name: name for name in task.deliverables},
            "criteria": list(task.criteria),
            "metadata": dict(task.metadata),
        }
    )


def _task_files(task: TaskSpec) -> Iterator[tuple[str, bytes]]:
    yield f"{task.id}/task.json", task_json(task).encode()
    for document in task.documents:
        yield f"{task.id}/documents/{document.name}", render(document.name, document.blocks)


def _deliverables(draw: Draw, matter: Matter, points: int) -> dict[str, tuple[int, ...]]:
    """One to three files; the second and third take the last points, up to half in all."""
    main = draw.pick(matter.main_deliverables)
    if draw.chance(0.15):
        main = f"{PurePosixPath(main).stem}.md"
    more = 0 if draw.chance(0.2) else 2 if draw.chance(0.4) else 1
    others = [matter.second_deliverables[place] for place in
              draw.positions(len(matter.second_deliverables), more)]  # fmt: skip
    placed: dict[str, tuple[int, ...]] = {}
    for name in others:
        last = points - sum(map(len, placed.values()))
        share = (
            draw.count(points // 4, points // 3)
            if more == 2
            else draw.count(points // 3, points // 2)
        )
        placed[name] = tuple(range(last - share, last))
    first = tuple(range(points - sum(map(len, placed.values()))))
    return {main: first, **dict(reversed(placed.items()))}


def _instructions(
    matter: Matter, points: tuple[PointSpec, ...], deliverables: Mapping[str, tuple[int, ...]]
) -> str:
    sources = (
        "Only executed documents and correspondence of this matter count; the folder also holds "
        f"{matter.distractors}."
    )
    numbered = [f"{number}. {point.text}" for number, point in enumerate(points, start=1)]
    lines = "\n".join(["Address each of the following points under its own heading:", *numbered])
    return f"{matter.opening} {_place(deliverables)} {sources}\n\n{lines}\n"


def _place(deliverables: Mapping[str, tuple[int, ...]]) -> str:
    """Which file each point goes into."""
    main, *others = [f"`{name}`" for name in deliverables]
    if not others:
        return f"Save the work as {main}."
    *before, last = [main, *others]
    routes = ", ".join(
        f"{'points' if number else 'Points'} {positions[0] + 1} to {positions[-1] + 1} go into "
        f"`{name}`"
        for number, (name, positions) in enumerate([*deliverables.items()][1:])
    )
    return f"Prepare {', '.join(before)} and {last}. {routes}, the others into {main}."


def _answers(name: str, spec: TaskSpec, positions: tuple[int, ...]) -> tuple[Block, ...]:
    points = [spec.points[position] for position in positions]
    if name.endswith(".xlsx"):
        rows = tuple((point.heading, line) for point in points for line in point.answer)
        return (Table(("Point", "Answer"), rows, "Answers"),)
    blocks: list[Block] = [Heading(spec.title)]
    for point in points:
        blocks += [Heading(point.heading, 2), *(Paragraph(line) for line in point.answer)]
    return tuple(blocks)
