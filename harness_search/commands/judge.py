"""`meta-harness judge`: what the judge of a search is worth."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_search import options
from harness_search.commands.configuration import end_with_configuration
from harness_search.commands.shared import agrees, ending_cleanly, print_json, run_to_the_end
from harness_search.errors import InputError
from harness_search.judging.choice import judge_price
from harness_search.judging.graders import grader_of, own_grader
from harness_search.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from harness_search.experiments.calibration import Calibration, Plan

SAMPLE = 200
"""Rollouts (facts on the judge, section 5: the agreement check of a project)."""
AGAIN = 0.1
NOT_AGREED = "meta-harness: nothing was asked; the same command with --yes goes on"

judge_commands = typer.Typer(help="Say what the judge is worth.", no_args_is_help=True)


@judge_commands.callback()
def _group() -> None:
    """Say what the judge is worth."""


@judge_commands.command("calibrate")
def calibrate(
    reference: Annotated[
        str, typer.Option(help="Profile to hold the judge against, or `checks`.", metavar="PROFILE")
    ],
    sample: Annotated[int, typer.Option(help="Stored rollouts that both judge.")] = SAMPLE,
    repeat: Annotated[float, typer.Option(help="Share of them that both judge twice.")] = AGAIN,
    seed: Annotated[int, typer.Option(help="Seed that the sample is drawn with.")] = 0,
    allow_unpriced: options.AllowUnpriced = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go on without asking.")] = False,
    workspace: options.Workspace = Path(),
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Hold the judge against another on stored rollouts: may it decide promotions?

    Says first what that costs. Nothing is run, and no verdict of the search changes.
    """
    from harness_search.experiments.calibration import plan_calibration
    from harness_search.reports.calibration import print_calibration, print_sample, to_json
    from harness_search.reports.tables import console_for_people
    from harness_search.rollouts.bench import locked

    with ending_cleanly():
        flags: dict[str, object] = {"allow_unpriced": allow_unpriced}
        end_with_configuration(workspace, flags, wanted=print_config, json_wanted=json)
        opened = open_workspace(workspace, flags)
        graders = (own_grader(opened), grader_of(opened, reference))
        if reference in opened.settings.profiles:  # the judge of the search is priced by now
            judge_price(opened.layout, opened.settings, reference)
        console = console_for_people(json_wanted=json)
        with locked(opened.layout):
            plan = plan_calibration(opened, *graders, sample, repeat, seed)
            print_sample(console, plan)
            if not (yes or plan.estimate.asked == 0 or agrees()):
                print(NOT_AGREED, file=sys.stderr)
                raise SystemExit(InputError.exit_code)
            found = run_to_the_end(_carried_out(opened, plan))
        if json:
            print_json(to_json(found))
        else:
            print_calibration(console, found)


async def _carried_out(workspace: Workspace, plan: "Plan") -> "Calibration":
    """Judge, show how far it is, and keep the result."""
    from harness_search.experiments.calibration import calibrate as calibrated
    from harness_search.files import to_json as stored
    from harness_search.files import write_atomically
    from harness_search.reports.calibration import to_json
    from harness_search.reports.progress import Reporter
    from harness_search.service.launch import at_work

    async with at_work("judge calibrate", workspace, Reporter(None)) as conduct:
        with _progress(plan.gradings) as advance:
            found = await calibrated(plan, advance, conduct)
    write_atomically(workspace.layout.calibration, stored(to_json(found)))
    return found


@contextmanager
def _progress(gradings: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn("gradings"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=gradings)
        yield lambda: progress.advance(task)
