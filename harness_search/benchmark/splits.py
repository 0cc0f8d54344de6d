"""The dev and test splits: drawn once with a seed, pinned by digest, never overlapping."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness_search.benchmark.canaries import Canaries, SplitName
from harness_search.benchmark.tasks import Task
from harness_search.errors import InputError
from harness_search.files import to_json, write_atomically


@dataclass(frozen=True)
class Splits:
    """The two lists of tasks of a workspace."""

    dev: tuple[Task, ...]
    test: tuple[Task, ...]


def draw_splits(tasks: Sequence[Task], dev: int, test: int, seed: int) -> Splits:
    """Draw `dev` and `test` tasks at random, each split spread over practice areas first.

    Raises InputError when the benchmark is too small.
    """
    if dev < 1 or test < 0:
        raise InputError("splits", "--dev/--test", f"{dev} and {test}", "at least 1 and 0")
    if dev + test > len(tasks):
        raise InputError(
            "splits", "--dev + --test", f"{dev} + {test}", f"at most {len(tasks)}, the tasks found"
        )
    generator = random.Random(f"splits/{seed}")
    chosen = _spread(tasks, dev, generator)
    taken = {task.id for task in chosen}
    rest = [task for task in tasks if task.id not in taken]
    held_out = _spread(rest, test, generator)
    return Splits(tuple(chosen), tuple(held_out))


def _spread(tasks: Sequence[Task], count: int, generator: random.Random) -> list[Task]:
    """Round after round, one random task of every practice area, until `count` are drawn."""
    by_area: dict[str, list[Task]] = {}
    for task in sorted(tasks, key=lambda task: task.id):
        by_area.setdefault(task.practice_area, []).append(task)
    for area in by_area.values():
        generator.shuffle(area)
    drawn: list[Task] = []
    while len(drawn) < count:
        areas = [area for area in by_area.values() if area]
        generator.shuffle(areas)
        drawn += [area.pop() for area in areas[: count - len(drawn)]]
    return sorted(drawn, key=lambda task: task.id)


def write_splits(
    splits: Splits,
    dev_file: Path,
    test_file: Path,
    digests_file: Path,
    canaries: Canaries | None = None,
) -> None:
    """Write both lists, each with its canary if there are any, and the digest of every task."""
    write_atomically(dev_file, _list(splits.dev, "dev", canaries))
    write_atomically(test_file, _list(splits.test, "test", canaries))
    pinned = {task.id: task.digest() for task in sorted_by_id((*splits.dev, *splits.test))}
    write_atomically(digests_file, to_json(pinned))


def _list(tasks: Iterable[Task], name: SplitName, canaries: Canaries | None) -> str:
    """Task ids, one a line; then the canary, in a comment."""
    ids = "".join(f"{task.id}\n" for task in tasks)
    return ids if canaries is None else f"{ids}# {canaries.canary_of_split(name)}\n"


def sorted_by_id(tasks: Iterable[Task]) -> list[Task]:
    """Tasks in the order of their ids."""
    return sorted(tasks, key=lambda task: task.id)


def named_tasks(*files: Path) -> list[str]:
    """The task ids of split files, whether they exist or not."""
    return [task_id for file in files for _, task_id in _lines(file)]


def read_splits(tasks: dict[str, Task], dev_file: Path, test_file: Path) -> Splits:
    """Read both splits.

    Raises InputError for an unknown or repeated task, an overlap, or an empty dev split.
    """
    dev = _read_split(dev_file, tasks)
    test = _read_split(test_file, tasks)
    if not dev:
        raise InputError(dev_file, "", "no task ids", "at least one")
    for task_id, line in test.items():
        if task_id in dev:
            expected = f"a task that is not in {dev_file.name}"
            raise InputError(test_file, f"line {line}", repr(task_id), expected)
    return Splits(
        tuple(tasks[task_id] for task_id in dev), tuple(tasks[task_id] for task_id in test)
    )


def _read_split(file: Path, tasks: dict[str, Task]) -> dict[str, int]:
    """The task ids of a split and the number of the line each stands on."""
    found: dict[str, int] = {}
    for number, task_id in _lines(file):
        if task_id not in tasks:
            raise InputError(file, f"line {number}", repr(task_id), "the id of an existing task")
        if task_id in found:
            raise InputError(file, f"line {number}", repr(task_id), "each task once")
        found[task_id] = number
    return found


def _lines(file: Path) -> list[tuple[int, str]]:
    """Task ids with their line numbers; blank lines and comments left out."""
    if not file.is_file():
        raise InputError(file, "", "no such file", "task ids, one a line")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(file, "", f"no UTF-8 text ({error})", "task ids, one a line") from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


def check_digests(tasks: Sequence[Task], file: Path) -> dict[str, str]:
    """Hold tasks to the digests pinned in `file`; returns them by task id.

    Raises InputError for a task whose content is not the pinned one.
    """
    if not file.is_file():
        raise InputError(file, "", "no such file", "the digests that `init` pinned")
    try:
        pinned = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(file, "", f"invalid JSON ({error})", "digests by task id") from error
    if not isinstance(pinned, dict):
        raise InputError(file, "", type(pinned).__name__, "digests by task id")
    for task in tasks:
        if pinned.get(task.id) != task.digest():
            raise InputError(
                task.folder,
                "content",
                "files that changed since the splits were drawn",
                f"the digest pinned in {file.name} (draw new splits with `meta-harness init`)",
            )
    return {task.id: pinned[task.id] for task in tasks}
