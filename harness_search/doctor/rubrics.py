"""Criteria of a workspace's tasks that ask for what no judge is shown."""

from collections.abc import Iterable, Mapping

from harness_search.benchmark.splits import Splits
from harness_search.benchmark.tasks import Criterion, Task
from harness_search.doctor.report import Finding, warned

MOST_NAMED = 5
"""Criteria that are listed by name."""
REDLINES = "include_docx_redlines"
"""In `evaluation_options` of a criterion: Harvey LAB shows its judge tracked changes as such."""


def redline_row(splits: Splits) -> Finding | None:
    """Names criteria that ask for tracked changes: every judge reads them as accepted.

    Of the held-out tasks they are counted alone. None where there are none.
    """
    named, held_out = _asking(splits.dev), sum(map(len, _asking(splits.test).values()))
    shown = sum(map(len, named.values()))
    if not shown + held_out:
        return None
    hidden = f", {held_out} of them held out" if held_out else ""
    value = (
        "criteria that ask for tracked changes of Word files, which judges read as accepted, and "
        f"so may never pass: {shown + held_out}{hidden}{_names(named)}"
    )
    fix = f"before a search begins, reword them or take them out of task.json ({REDLINES})"
    return warned("redlines", value, fix)


def _asking(tasks: Iterable[Task]) -> dict[str, list[str]]:
    """Ids of such criteria, by task."""
    return {
        task.id: found
        for task in tasks
        if (found := [item.id for item in task.criteria if _asks_for_redlines(item)])
    }


def _asks_for_redlines(criterion: Criterion) -> bool:
    options = (criterion.model_extra or {}).get("evaluation_options")
    return isinstance(options, Mapping) and options.get(REDLINES) is True


def _names(named: Mapping[str, list[str]]) -> str:
    """The first ones, each task before its own."""
    left, parts = MOST_NAMED, []
    for task, criteria in named.items():
        if left > 0:
            parts.append(f"{task} {', '.join(criteria[:left])}")
            left -= len(criteria)
    more = " and more" if sum(map(len, named.values())) > MOST_NAMED else ""
    return f" ({'; '.join(parts)}{more})" if parts else ""
