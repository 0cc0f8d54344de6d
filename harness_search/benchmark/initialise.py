"""Makes a new workspace around a folder of tasks."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from harness_search.benchmark.canaries import Canaries
from harness_search.benchmark.splits import (
    Splits,
    draw_splits,
    read_splits,
    sorted_by_id,
    write_splits,
)
from harness_search.benchmark.tasks import Task, discover
from harness_search.errors import InputError
from harness_search.files import write_atomically
from harness_search.layout import Layout

IGNORED = "/runs/\n/loop_state.json\n/.canary_seed\n/harnesses/*\n!/harnesses/baseline.py\n"
DEV_SHARE = 0.6


def initialise(
    root: Path, tasks: Path, dev: int | None = None, test: int | None = None,
    seed: int | None = None, trials: int | None = None,
) -> Splits:  # fmt: skip
    """Write a workspace into `root`; raises InputError before anything is written.

    Without sizes and seed, splits that lie beside the folder of tasks are taken as they are, as
    `tasks build` leaves them there. Else they are drawn: without sizes, three fifths of the tasks
    become dev tasks, at most 24, and the rest test tasks, at most 100. `trials` goes into the
    settings.
    """
    layout, beside = Layout(root.resolve()), Layout(tasks.resolve().parent)
    if layout.settings.exists():
        raise InputError(layout.settings, "", "an existing workspace", "a folder without one")
    found = discover(tasks.resolve())
    if (dev, test, seed) == (None, None, None) and beside.dev_split.is_file():
        splits = read_splits(found, beside.dev_split, beside.test_split)
    else:
        splits = _drawn(sorted_by_id(found.values()), dev, test, seed or 0)
    layout.root.mkdir(parents=True, exist_ok=True)
    canaries = Canaries.of(layout)
    write_splits(splits, layout.dev_split, layout.test_split, layout.task_digests, canaries)
    _write_templates(layout, tasks.resolve(), trials)
    return splits


def _drawn(tasks: Sequence[Task], dev: int | None, test: int | None, seed: int) -> Splits:
    dev_count = dev if dev is not None else min(24, max(1, round(len(tasks) * DEV_SHARE)))
    test_count = test if test is not None else max(0, min(100, len(tasks) - dev_count))
    return draw_splits(tasks, dev_count, test_count, seed)


def _write_templates(layout: Layout, tasks: Path, trials: int | None) -> None:
    templates = files("harness_search.templates")
    inside = tasks.is_relative_to(layout.root)
    place = tasks.relative_to(layout.root) if inside else tasks
    settings = templates.joinpath("meta_harness.toml").read_text(encoding="utf-8")
    if trials is not None:
        settings = settings.replace("trials = 3", f"trials = {trials}", 1)
    copies = {
        "baseline.py": layout.baseline,
        "SKILL.md": layout.skill,
        "benchmark.md": layout.skill.with_name("benchmark.md"),
        "prices.toml": layout.prices,
    }
    for name, target in copies.items():
        if not target.exists():
            write_atomically(target, templates.joinpath(name).read_text(encoding="utf-8"))
    ignore = layout.root / ".gitignore"
    if not ignore.exists():
        write_atomically(ignore, IGNORED)
    # Last, because it is what makes the folder a workspace.
    write_atomically(layout.settings, settings.replace('"tasks"', json.dumps(place.as_posix()), 1))
