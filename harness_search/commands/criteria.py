"""`meta-harness criteria`: what became of each criterion over the search."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json
from harness_search.errors import InputError
from harness_search.ledger.criteria import (
    FEWEST_ROLLOUTS,
    Count,
    CriterionHistory,
    Habit,
    habits,
)
from harness_search.reports.judged import criterion_titles, history_on_disk
from harness_search.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 30
WIDTH = 100


def criteria(
    habit: Annotated[
        Habit | None, typer.Option(help="Only criteria of this kind, all of them.")
    ] = None,
    show: Annotated[int, typer.Option("--show", min=1, help="Criteria in the table.")] = SHOWN,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Show which criteria always fail, always pass, or are a matter of luck, on the dev tasks.

    Of all scored rollouts of the search: where the harness itself failed, nothing was judged.
    """
    with ending_cleanly():
        opened = open_workspace(workspace, {}, to_run=False)
        history = history_on_disk(opened)
        if not history:
            expected = "a search with scored rollouts (meta-harness run, or noise)"
            raise InputError(opened.layout.ledger, "", "no verdict", expected)
        counts = habits(history)
        chosen = [item for item in history if habit is None or item.habit is habit]
        if json:
            print_json(to_json(opened, chosen, counts))
            return
        from harness_search.reports.tables import console_for_people

        shown = chosen[: show if habit is None else None]
        print_criteria(console_for_people(json_wanted=False), opened, shown, counts)


def print_criteria(
    console: "Console",
    workspace: Workspace,
    shown: Sequence[CriterionHistory],
    counts: dict[Habit, int],
) -> None:
    """One row for each criterion, and how many there are of each kind."""
    from rich.table import Table

    from harness_search.reports.tables import SIMULATED_NOTE, print_lines

    simulated = workspace.settings.profile.simulated
    model, every = " (simulated model)" if simulated else "", sum(counts.values())
    title = f"Criteria{model}, {len(shown)} of {every}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), width=WIDTH)
    table.add_column("kind", no_wrap=True)
    table.add_column("task", overflow="fold", ratio=3)
    table.add_column("criterion", overflow="fold", ratio=4)
    for name in ("passed", "disagree", "flagged"):
        table.add_column(name, justify="right", no_wrap=True)
    titles = criterion_titles(workspace)
    for item in shown:
        named = f"{item.criterion} {titles.get((item.task, item.criterion), '')}".strip()
        disagreement = "-" if item.disagreement is None else f"{item.disagreement:.0%}"
        passed = f"{item.pooled.passed} of {item.pooled.decided}"
        table.add_row(item.habit, item.task, named, passed, disagreement, str(item.flagged or "-"))
    console.print(table)
    print_lines(console, _lines(counts, simulated * [SIMULATED_NOTE]))


def _lines(counts: dict[Habit, int], notes: list[str]) -> list[str]:
    return [
        ", ".join(f"{count} {habit}" for habit, count in counts.items()) + ".",
        "`disagree`: pairs of trials of one harness whose verdicts differ; a coin-flip criterion "
        "does as often as one that passes in 20 to 80 % of trials. "
        f"`too few`: fewer than {FEWEST_ROLLOUTS} rollouts.",
        *notes,
    ]


def to_json(
    workspace: Workspace, chosen: Sequence[CriterionHistory], counts: dict[Habit, int]
) -> dict[str, Any]:
    """Every chosen criterion, with each harness by itself; shares from 0 to 1."""
    titles = criterion_titles(workspace)
    return {
        "simulated": workspace.settings.profile.simulated,
        "kinds": {habit.value: count for habit, count in counts.items()},
        "criteria": [
            {
                "task": item.task,
                "criterion": item.criterion,
                "title": titles.get((item.task, item.criterion), ""),
                "kind": item.habit.value,
                **_count(item.pooled),
                "disagreement": item.disagreement,
                "flagged": item.flagged,
                "harnesses": {name: _count(count) for name, count in item.by_harness.items()},
            }
            for item in chosen
        ],
    }


def _count(count: Count) -> dict[str, float]:
    return {"passed": count.passed, "rollouts": count.decided, "share": count.share}
