"""Builds the benchmark: which matter each task is about, its points, its rubric, its files."""

import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.files import to_json, write_atomically
from harness_search.simulated.tasks import abstract, breach, consent, reconciliation
from harness_search.simulated.tasks.names import Draw
from harness_search.simulated.tasks.office import render
from harness_search.simulated.tasks.spec import (
    Block,
    CriterionSpec,
    Heading,
    Matter,
    Paragraph,
    PointSpec,
    Table,
    TaskSpec,
)

GENERATOR = "meta-harness-1"
"""Stands in every task's metadata; raise it whenever the same seed may give other tasks."""


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of matter, and the practice areas that it is written for."""

    name: str
    areas: tuple[str, ...]
    build: Callable[[Draw, str], Matter]


FAMILIES = (
    Family(consent.FAMILY, consent.AREAS, consent.build),
    Family(abstract.FAMILY, abstract.AREAS, abstract.build),
    Family(breach.FAMILY, breach.AREAS, breach.build),
    Family(reconciliation.FAMILY, reconciliation.AREAS, reconciliation.build),
)


def build_benchmark(out: Path, seed: int, count: int = 20) -> list[str]:
    """Write `count` task folders below `out` and return their ids, sorted.

    The same seed writes the same bytes (with the same versions of the libraries). Up to 24 tasks,
    each has a practice area of its own. Raises InputError when `out` holds other files already,
    so that two benchmarks never mix.
    """
    if count < 1:
        raise InputError("tasks build", "--count", count, "at least 1")
    tasks = [task_spec(seed, index) for index in range(count)]
    files = {out / name: data for task in tasks for name, data in _task_files(task)}
    for path in sorted(out.rglob("*")):
        if not path.is_dir() and path not in files:
            raise InputError(out, "", f"{path.relative_to(out)}", "no files but those of this seed")
    for path, data in files.items():
        write_atomically(path, data)
    return sorted(task.id for task in tasks)


def task_spec(seed: int, index: int) -> TaskSpec:
    """The task at one position (from 0) of the benchmark of a seed."""
    family, area = _family_and_area(seed, index)
    draw = Draw(seed, index)
    matter = family.build(draw, area)
    points = _chosen_points(draw, matter.points)
    deliverables = _deliverables(draw, matter, len(points))
    slug = f"{matter.slug_words}-{draw.hexadecimal(6)}"
    canary = uuid.UUID(hex=draw.hexadecimal(32), version=4)
    return TaskSpec(
        id=f"{area}/{slug}",
        title=matter.title,
        work_type=matter.work_type,
        instructions=_instructions(matter, points, deliverables),
        deliverables=deliverables,
        points=points,
        documents=matter.documents,
        criteria=tuple(_rubric(draw, points, deliverables)),
        metadata={
            "generator": GENERATOR, "family": family.name, "seed": seed, "index": index,
            "canary": str(canary),
        },
    )  # fmt: skip


def oracle_deliverables(task: Task) -> dict[str, bytes]:
    """The ideal deliverables of a generated task, made again from its metadata.

    Raises InputError for a task that this generator did not write.
    """
    return render_oracle(generated_spec(task))


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


def _family_and_area(seed: int, index: int) -> tuple[Family, str]:
    """Families take turns, so that any stretch of tasks holds all of them."""
    family = FAMILIES[index % len(FAMILIES)]
    areas = list(family.areas)
    random.Random(f"benchmark/{seed}/areas/{family.name}").shuffle(areas)
    return family, areas[index // len(FAMILIES) % len(areas)]


def _chosen_points(draw: Draw, points: tuple[PointSpec, ...]) -> tuple[PointSpec, ...]:
    """9 to 12 quoted points, the total, and in every second task one date to compute."""
    quoted = [point for point in points if not point.computed]
    chosen = [quoted[place] for place in draw.positions(len(quoted), draw.count(9, 12))]
    totals = [point for point in points if point.computed and point.asks_total]
    dates = [point for point in points if point.computed and not point.asks_total]
    return (*chosen, *totals, *(dates if draw.chance(0.5) else ()))


def _deliverables(draw: Draw, matter: Matter, points: int) -> dict[str, tuple[int, ...]]:
    main = draw.pick(matter.main_deliverables)
    if not draw.chance(0.55):
        return {main: tuple(range(points))}
    first = points - draw.count(3, 4)
    second = draw.pick(matter.second_deliverables)
    return {main: tuple(range(first)), second: tuple(range(first, points))}


def _instructions(
    matter: Matter, points: tuple[PointSpec, ...], deliverables: Mapping[str, tuple[int, ...]]
) -> str:
    names = [f"`{name}`" for name in deliverables]
    place = f"Save the work as {names[0]}."
    if len(names) == 2:
        last = deliverables[names[1].strip("`")]
        place = (
            f"Prepare {names[0]} and {names[1]}. Points {last[0] + 1} to {last[-1] + 1} go into "
            f"{names[1]}, the others into {names[0]}."
        )
    sources = (
        "Only executed documents and correspondence of this matter count; the folder also holds "
        f"{matter.distractors}."
    )
    numbered = [f"{number}. {point.text}" for number, point in enumerate(points, start=1)]
    lines = "\n".join(["Address each of the following points under its own heading:", *numbered])
    return f"{matter.opening} {place} {sources}\n\n{lines}\n"


def _rubric(
    draw: Draw, points: tuple[PointSpec, ...], deliverables: Mapping[str, tuple[int, ...]]
) -> Iterator[Mapping[str, Any]]:
    """The criteria of all points, and of some headings, up to 14 to 17 in all."""
    placed = [
        (criterion, name)
        for name, positions in deliverables.items()
        for position in positions
        for criterion in points[position].criteria
    ]
    main = next(iter(deliverables))
    wanted = max(0, draw.count(14, 17) - len(placed))
    headed = draw.positions(len(deliverables[main]), min(wanted, 4))
    placed += [(_heading_criterion(points[place]), main) for place in headed]
    for number, (criterion, name) in enumerate(placed, start=1):
        scope = {"deliverables": [name]} if draw.chance(0.5) else {}
        yield {
            "id": f"C-{number:03d}",
            "title": criterion.title,
            "match_criteria": f"PASS if {criterion.passes}. FAIL if {criterion.fails}.",
            **scope,
            "check": dict(criterion.check),
        }


def _heading_criterion(point: PointSpec) -> CriterionSpec:
    return CriterionSpec(
        f'Has a section "{point.heading}"',
        f'the deliverable answers the point under a heading of its own, "{point.heading}"',
        "there is no such heading",
        {"kind": "section", "titles": [point.heading]},
    )


def _answers(name: str, spec: TaskSpec, positions: tuple[int, ...]) -> tuple[Block, ...]:
    points = [spec.points[position] for position in positions]
    if name.endswith(".xlsx"):
        rows = tuple((point.heading, line) for point in points for line in point.answer)
        return (Table(("Point", "Answer"), rows, "Answers"),)
    blocks: list[Block] = [Heading(spec.title)]
    for point in points:
        blocks += [Heading(point.heading, 2), *(Paragraph(line) for line in point.answer)]
    return tuple(blocks)
