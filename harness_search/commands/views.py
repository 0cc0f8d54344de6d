"""What commands print of a search, as a table or as one JSON document."""

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json
from harness_search.current import frontier_on_disk
from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments.confirmed import confirmation_of
from harness_search.ledger.rows import Split
from harness_search.workspace import Workspace, open_workspace

WIDTH_OF_A_FILE = 100
"""Characters in a line of plain text, on the widest terminal too."""
WIDTH_OF_A_NAME = 11

if TYPE_CHECKING:
    from harness_search.reports.comparison import Comparison
    from harness_search.reports.status import Status


def show_frontier(workspace: Workspace, *, json_wanted: bool, everything: bool = False) -> None:
    """Print the frontier as a table or as JSON, and what was confirmed of it; of a long search the
    table has the lineage and the last iterations, unless `everything` is wanted."""
    from harness_search.reports.confirmation import headline, to_json

    found, confirmed = frontier_on_disk(workspace), confirmation_of(workspace)
    if json_wanted:
        print_json({**found.to_json(), "confirmation": to_json(confirmed, found.incumbent)})
        return
    from harness_search.reports.tables import console_for_people, print_frontier, print_lines

    console = console_for_people(json_wanted=False)
    print_frontier(console, found, everything=everything)
    if said := headline(confirmed, found.incumbent):
        print_lines(console, [said])


def frontier(
    every: Annotated[
        bool, typer.Option("--all", help="Every iteration, of a long search too.")
    ] = False,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Show every iteration with its scores, recomputed from raw rows."""
    with ending_cleanly():
        opened = open_workspace(workspace, {}, to_run=False)
        show_frontier(opened, json_wanted=json, everything=every)


def status(workspace: options.Workspace = Path(), json: options.Json = False) -> None:
    """Say where the search stands, from disk alone."""
    with ending_cleanly():
        show_status(open_workspace(workspace, {}, to_run=False), json_wanted=json)


def decision(
    candidate: Annotated[
        str, typer.Argument(help="Name of a harness, number of an iteration, or `incumbent`.")
    ],
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Show what the gate decided about a candidate, with the tasks that gained and lost most."""
    with ending_cleanly():
        opened = open_workspace(workspace, {}, to_run=False)
        show_decision(opened, candidate, json_wanted=json)


def show_decision(workspace: Workspace, candidate: str, *, json_wanted: bool) -> None:
    """Print a kept decision; raises InputError when the gate has not decided on that candidate, and
    for a damaged document."""
    from harness_search.experiments.subject import iterations_on_disk
    from harness_search.reports.candidate import row_of

    row = row_of(iterations_on_disk(workspace.layout), candidate)
    file = workspace.layout.decision(row.number)
    if not file.is_file():
        found = f"{row.name} of iteration {row.number}"
        raise InputError("command line", "CANDIDATE", found, "one that the gate has decided on")
    from harness_search.reports.decisions import print_decision, with_names
    from harness_search.reports.document.kept import kept_decision

    document = {"harness": row.name, **kept_decision(workspace.layout, row.number)}
    simulated = workspace.settings.profile.simulated
    if json_wanted:
        print_json({**with_names(document), "simulated": simulated})
        return
    from harness_search.reports.tables import SIMULATED_NOTE, console_for_people, print_lines

    console = console_for_people(json_wanted=False)
    print_decision(console, document)
    if simulated:
        print_lines(console, [SIMULATED_NOTE])


def show_comparison(comparison: "Comparison", *, json_wanted: bool) -> None:
    """Print measured scores; raises SearchStoppedError for a test split below full coverage."""
    if comparison.split is Split.TEST and not comparison.complete:
        covered = ", ".join(
            f"{name} {float(item.coverage):.0%}" if item else f"{name} 0 %"
            for name, item in comparison.scores
        )
        raise SearchStoppedError(
            f"the test split is not fully covered ({covered}): no figure is shown before it is. "
            "Run the same command again when the provider answers."
        )
    if json_wanted:
        print_json(comparison.to_json())
        stop_if_incomplete(comparison)
        return
    from harness_search.reports.tables import console_for_people, print_comparison

    print_comparison(console_for_people(json_wanted=False), comparison)
    stop_if_incomplete(comparison)


def stop_if_incomplete(comparison: "Comparison") -> None:
    """Raise SearchStoppedError when rollouts are missing: a person has to look at the provider."""
    if not comparison.complete:
        raise SearchStoppedError("rollouts are missing; run the same command again for them")


def show_status(workspace: Workspace, *, json_wanted: bool) -> None:
    """Print where the search stands, from disk alone."""
    from harness_search.reports.looking import status_of

    found = status_of(workspace)
    if json_wanted:
        print_json(found.to_json())
        return
    print_status(found, shutil.get_terminal_size((WIDTH_OF_A_FILE, 24)).columns)


def print_status(found: "Status", width: int) -> None:
    """Print it as plain text, in lines that are no longer than the terminal is wide."""
    indent = " " * WIDTH_OF_A_NAME
    for name, value in found.lines():
        room = max(40, min(width, WIDTH_OF_A_FILE) - WIDTH_OF_A_NAME)
        first, *rest = textwrap.wrap(value, room, break_on_hyphens=False) or [""]
        print(f"{name:<{WIDTH_OF_A_NAME}}{first}", *(indent + line for line in rest), sep="\n")
    if found.warning:
        loud = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(f"\x1b[1;31m{found.warning}\x1b[0m" if loud else found.warning)
