"""`meta-harness regrade`: the stored rollouts under another judge."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness_search import options
from harness_search.commands.configuration import end_with_configuration
from harness_search.commands.shared import agrees, ending_cleanly, print_json, run_to_the_end
from harness_search.configuration.reading import read_settings
from harness_search.errors import InputError
from harness_search.judging.graders import Grader, own_grader
from harness_search.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from rich.console import Console

    from harness_search.experiments.regrade import Plan, Regraded

NOT_AGREED = "meta-harness: nothing was changed; the same command with --yes goes on"


def regrade(
    judge: Annotated[str | None, typer.Option(help="checks, or model. Default: as set.")] = None,
    profile_of_judge: Annotated[
        str | None, typer.Option(help="Profile of the model that judges. Default: as set.")
    ] = None,
    concurrency: options.Concurrency = None,
    allow_unpriced: options.AllowUnpriced = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go on without asking.")] = False,
    workspace: options.Workspace = Path(),
    print_config: options.PrintConfig = False,
    json: options.Json = False,
) -> None:
    """Grade all stored rollouts with the judge of the settings; says first what it will cost.

    Nothing is run. Rollouts whose evidence is gone or altered are set aside, to be run again.
    """
    from harness_search.experiments.regrade import planned
    from harness_search.reports.regrade import print_plan, print_regraded, to_json
    from harness_search.reports.tables import console_for_people
    from harness_search.rollouts.bench import locked

    flags: dict[str, Any] = {"judge": judge, "profile_of_judge": profile_of_judge}
    flags |= {"concurrency": concurrency, "allow_unpriced": allow_unpriced}
    with ending_cleanly():
        end_with_configuration(workspace, flags, wanted=print_config, json_wanted=json)
        opened = open_workspace(workspace, flags)
        grader = own_grader(opened)
        console = console_for_people(json_wanted=json)
        with locked(opened.layout):
            plan = planned(opened, grader.version, grader.estimator(0))
            print_plan(console, plan)
            agreed = plan.nothing_to_do or yes or agrees()
            done = None
            if agreed and not plan.nothing_to_do:
                done = run_to_the_end(_carried_out(opened, grader, plan, console))
        if json:
            print_json(to_json(plan, done))
        if not agreed:
            print(NOT_AGREED, file=sys.stderr)
            raise SystemExit(InputError.exit_code)
        if done is not None:
            print_regraded(console, plan, done)
            _remind(opened, console)


async def _carried_out(
    workspace: Workspace, grader: Grader, plan: "Plan", console: "Console"
) -> "Regraded":
    from harness_search.experiments.regrade import regrade as regraded
    from harness_search.reports.progress import Reporter
    from harness_search.service.launch import at_work

    concurrency, reporter = workspace.settings.search.concurrency, Reporter(console)
    async with (
        at_work("regrade", workspace, reporter) as conduct,
        grader.opened() as judge,
    ):
        return await regraded(workspace, judge, plan, concurrency, reporter, conduct)


def _remind(workspace: Workspace, console: "Console") -> None:
    """Say so when the settings still name another judge than the flags did."""
    file = workspace.layout.settings
    if read_settings(file, {}).judge != workspace.settings.judge:
        said = f"Put this judge into [judge] of {file.name}: a search goes on with it alone."
        console.print(said, highlight=False, soft_wrap=True)
