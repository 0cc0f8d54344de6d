"""`ab`: a candidate against its parent on the tasks of its claim."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_search import options
from harness_search.commands.configuration import end_with_configuration
from harness_search.commands.opening import open_to_run
from harness_search.commands.replay import noted_line
from harness_search.commands.shared import ending_cleanly, print_json, run_to_the_end
from harness_search.commands.subjects import Parent, choose_subject
from harness_search.errors import SearchStoppedError

if TYPE_CHECKING:
    from rich.console import Console

    from harness_search.experiments.ab import SliceComparison

FIX = "Tasks that the mechanism should mend, with commas between. Default: those of the claim."
REGRESS = "Tasks that it should leave alone, likewise."


def ab(
    candidate: Annotated[str, typer.Argument(help="Name of a candidate, or a file.")],
    fix: Annotated[list[str] | None, typer.Option("--fix", metavar="TASK,...", help=FIX)] = None,
    regress: Annotated[
        list[str] | None, typer.Option("--regress", metavar="TASK,...", help=REGRESS)
    ] = None,
    parent: Parent = None,
    profile: options.Profile = None,
    seed: options.Seed = None,
    trials: options.Trials = None,
    concurrency: options.Concurrency = None,
    budget_usd: options.BudgetUsd = None,
    allow_unpriced: options.AllowUnpriced = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    workspace: options.Workspace = Path(),
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Compare a candidate with its parent on fix and regression tasks, by fresh rollouts of both.

    No decision uses them. The result is noted in the claim.
    """
    from harness_search.experiments.ab import chosen_slices, compare_slices
    from harness_search.reports.progress import Reporter
    from harness_search.reports.tables import console_for_people

    flags: dict[str, object] = {"profile": profile, "seed": seed, "trials": trials}
    flags |= {"concurrency": concurrency}
    flags |= {"budget_usd": budget_usd, "allow_unpriced": allow_unpriced}
    with ending_cleanly():
        end_with_configuration(workspace, flags, wanted=print_config, json_wanted=json)
        opened = open_to_run(workspace, flags, unsafe=unsafe_no_sandbox)
        subject = choose_subject(opened, candidate, parent)
        slices = chosen_slices(opened, subject, _ids(fix), _ids(regress))
        console = console_for_people(json_wanted=json)
        found = run_to_the_end(compare_slices(opened, subject, slices, Reporter(console)))
        if json:
            print_json(found.to_json())
        else:
            print_slices(console, found)
        if not found.complete:
            raise SearchStoppedError("rollouts are missing; run the same command again for them")


def _ids(given: list[str] | None) -> list[str]:
    """Of options that may be repeated, too."""
    return [name for item in given or () for name in item.split(",") if name]


def print_slices(console: "Console", found: "SliceComparison") -> None:
    """One row for each slice, with the intervals of trial noise."""
    from rich.table import Table

    from harness_search.reports.tables import SIMULATED_NOTE, gain_text, print_warning

    model = " (simulated model)" if found.simulated else ""
    title = f"{found.candidate} against {found.parent}, {found.trials} trials{model}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("slice")
    for name in ("tasks", "pooled before", "after", "difference", "blended"):
        table.add_column(name, justify="right")
    for item in found.slices:
        ends = (f"{side.pooled:.1f}" if side else "-" for side in (item.before, item.after))
        gains = (gain_text(item.pooled), gain_text(item.blended))
        table.add_row(item.name, str(len(item.tasks)), *ends, *gains)
    console.print(table)
    lines = ["Differences in points, ± the 95 % interval of trial noise on these very tasks."]
    if found.sentence:
        lines += [found.sentence, noted_line(found.noted)]
    for line in [*lines, *([SIMULATED_NOTE] if found.simulated else [])]:
        console.print(line, highlight=False, soft_wrap=True)
    print_warning(console, found.sandboxes)
