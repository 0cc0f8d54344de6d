"""`replay`: a candidate on its parent's transcripts, at no model token."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_search import options
from harness_search.commands.configuration import end_with_configuration
from harness_search.commands.opening import open_to_run
from harness_search.commands.shared import ending_cleanly, print_json, run_to_the_end
from harness_search.commands.subjects import Parent, choose_subject

if TYPE_CHECKING:
    from rich.console import Console

    from harness_search.experiments.replay import Replay

FIRST_TRIALS = "Only the parent's first so many rollouts of each task."
MOST_SHOWN = 5
"""Rollouts that could not be replayed, by name; `--json` has them all."""


def replay(
    candidate: Annotated[str, typer.Argument(help="Name of a candidate, or a file.")],
    parent: Parent = None,
    trials: Annotated[int | None, typer.Option("--trials", "-k", min=1, help=FIRST_TRIALS)] = None,
    concurrency: options.Concurrency = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    workspace: options.Workspace = Path(),
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Run a candidate on what its parent's model said: no provider is asked, nothing is promoted.

    Shows what a mechanism that acts after the last call changes, and notes it in the claim.
    """
    from harness_search.experiments.replay import replay as replayed
    from harness_search.reports.progress import Reporter
    from harness_search.reports.tables import console_for_people

    # No token is bought, so an unknown price is no obstacle.
    flags: dict[str, object] = {"concurrency": concurrency, "allow_unpriced": True}
    with ending_cleanly():
        end_with_configuration(workspace, flags, wanted=print_config, json_wanted=json)
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox)
        subject = choose_subject(opened, candidate, parent)
        console = console_for_people(json_wanted=json)
        found = run_to_the_end(replayed(opened, subject, trials, Reporter(console)))
        if json:
            print_json(found.to_json())
        else:
            print_replay(console, found)


def print_replay(console: "Console", found: "Replay") -> None:
    """The table by task, the difference, and what was left out."""
    from rich.table import Table

    from harness_search.reports.tables import print_warning

    model = " (simulated model)" if found.simulated else ""
    title = f"Replay of {found.candidate} on {found.parent}{model}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("task", overflow="fold")
    for name in ("replayed", "changed", "pooled before", "after"):
        table.add_column(name, justify="right")
    for item in found.tasks:
        ends = ("-" if rate is None else f"{rate:.1f}" for rate in (item.before, item.after))
        table.add_row(item.task, f"{item.replayed}/{item.stored}", str(item.changed), *ends)
    console.print(table)
    for line in _lines(found):
        console.print(line, highlight=False, soft_wrap=True)
    print_warning(console, found.sandboxes)


def _lines(found: "Replay") -> list[str]:
    lines = [
        f"{len(found.pairs)} of {found.stored} rollouts replayed, {found.changed} outputs changed, "
        f"{found.diverged} diverged; 0 model tokens.",
    ]
    if found.before is not None and found.after is not None:
        before, after = found.before, found.after
        lines.append(
            f"Difference in points: pooled {after.pooled - before.pooled:+.2f}, "
            f"all-pass {after.all_pass - before.all_pass:+.2f}, "
            f"blended {after.blended - before.blended:+.2f}. Both had the same replies: there is "
            "no trial noise in it, and so no interval."
        )
    elif found.diverged == found.stored:
        lines.append("The mechanism is not post-solve: a replay can say nothing about it.")
    else:
        lines.append("Nothing was replayed.")
    shown = found.left_out[:MOST_SHOWN]
    lines += [f"Not replayed: {item.task}, trial {item.trial} ({item.reason})" for item in shown]
    if left := len(found.left_out) - len(shown):
        lines.append(f"... and {left} more")
    return [*lines, noted_line(found.noted)]


def noted_line(noted: bool) -> str:
    """Whether the result was written down."""
    if noted:
        return "Noted in the candidate's claim, under `observed`."
    return "Written down nowhere: this file is no candidate of the search, and has no claim."
