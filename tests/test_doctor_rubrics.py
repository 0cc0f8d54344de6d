"""The doctor names criteria that no judge here is shown what they ask for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judge_api import rubric_task

from harness_search.benchmark.splits import Splits
from harness_search.benchmark.tasks import Task
from harness_search.doctor.rubrics import redline_row


def task_with(root: Path, *options: Any) -> Task:
    """A task with a criterion of each `evaluation_options`, a sound one before them."""
    task = rubric_task(root, "Sound", *(f"Redline {n}" for n, _ in enumerate(options)))
    first, *others = task.criteria
    changed = [
        item.model_copy(update={"evaluation_options": found})
        for item, found in zip(others, options, strict=True)
    ]
    content = task.content.model_copy(update={"criteria": (first, *changed)})
    return replace(task, content=content)


def test_criteria_that_ask_for_tracked_changes_are_named_and_held_out_ones_counted(
    tmp_path: Path,
) -> None:
    asks = task_with(tmp_path, {"include_docx_redlines": True}, {"include_docx_redlines": True})
    found = redline_row(Splits((asks,), (replace(asks, id="tax/held-out"),)))
    assert found is not None
    assert found.state == "warn"
    assert "tracked changes" in found.value
    assert "4, 2 of them held out (tax/secret-task-name C-002, C-003)" in found.value
    assert "held-out" not in found.value
    assert "task.json" in found.fix


@pytest.mark.parametrize("options", [{}, {"include_docx_redlines": False}, None, ["x"], "true"])
def test_others_are_no_matter(tmp_path: Path, options: Any) -> None:
    assert redline_row(Splits((task_with(tmp_path, options),), ())) is None


@pytest.mark.parametrize("tasks", [1, 2])
def test_many_are_not_listed_whole(tmp_path: Path, tasks: int) -> None:
    asks = task_with(tmp_path, *[{"include_docx_redlines": True}] * (6 - tasks + 1))
    found = redline_row(Splits(tuple(replace(asks, id=f"tax/{n}") for n in range(tasks)), ()))
    assert found is not None
    assert found.value.endswith("C-002, C-003, C-004, C-005, C-006 and more)")
