"""Commands that make or check what a search works on: workspaces, tasks, this machine."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json
from harness_search.errors import InputError

SeedOption = Annotated[int, typer.Option(help="Seed that everything is drawn with.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

tasks_commands = typer.Typer(help="Build or check a benchmark.", no_args_is_help=True)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new workspace.")],
    tasks: Annotated[Path, typer.Option(help="Folder of tasks in LAB's format.")],
    dev: Annotated[int | None, typer.Option(help="Dev tasks.")] = None,
    test: Annotated[int | None, typer.Option(help="Test tasks.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed that the tasks are drawn with.")] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="Dev tasks x rollouts of each: 24x3 or, for a cheap judge, 36x2, 72x1."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a workspace: choose dev and test tasks, pin their content, write the default files.

    Splits that lie beside the tasks, as `tasks build` leaves them, are taken unless --dev, --test,
    --seed or --shape asks for others.
    """
    from harness_search.benchmark.initialise import initialise

    with ending_cleanly():
        trials = None
        if shape is not None:
            dev, trials = _shape(shape, dev)
        splits = initialise(folder, tasks, dev, test, seed, trials)
    document = {"workspace": str(folder), "dev": len(splits.dev), "test": len(splits.test)}
    if json:
        print_json(document)
    else:
        print(f"Workspace {folder}: {len(splits.dev)} dev and {len(splits.test)} test tasks.")
        print(f"Next: meta-harness run --workspace {folder}")


def _shape(text: str, dev: int | None) -> tuple[int, int]:
    """Dev tasks and rollouts of each; raises InputError."""
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d?)", text)
    if found is None:
        raise InputError("command line", "--shape", repr(text), "for example 24x3, 36x2 or 72x1")
    if dev is not None:
        raise InputError("command line", "--dev", dev, f"none beside --shape {text}")
    return int(found[1]), int(found[2])


def doctor(
    calls: Annotated[
        bool, typer.Option(help="Ask one token of each model that may be used.")
    ] = True,
    workspace: options.Workspace = Path(),
    json: JsonOption = False,
) -> None:
    """Say what works here, what is missing and how to get it. Exit code 2: no run can start.

    Models that the settings use, or whose key is set, are asked for one token. Keys are not shown.
    """
    from harness_search.doctor.diagnosis import diagnose

    with ending_cleanly():
        found = diagnose(workspace, calls=calls)
    if json:
        print_json(found.to_json())
    else:
        print("\n".join(found.lines()))
    if found.refusal:
        print(f"meta-harness: no run can start here: {found.refusal}", file=sys.stderr)
        raise SystemExit(InputError.exit_code)


@tasks_commands.command("build")
def build(
    out: Annotated[Path, typer.Option(help="Folder to write the tasks into.")] = Path("tasks"),
    seed: SeedOption = 0,
    dev: Annotated[int, typer.Option(help="Dev tasks.")] = 24,
    test: Annotated[int, typer.Option(help="Test tasks.")] = 24,
    json: JsonOption = False,
) -> None:
    """Generate the simulated benchmark, its splits beside it; a seed always gives the same."""
    from harness_search.simulated.tasks.build import build_with_splits

    with ending_cleanly():
        built = build_with_splits(out, seed, dev, test)
    if json:
        print_json(
            {"folder": str(out), "seed": seed, "dev": list(built.dev), "test": list(built.test)}
        )
    else:
        print(
            f"{out}: {len(built.dev)} dev and {len(built.test)} test tasks, simulated, "
            f"seed {seed}; their splits lie beside the folder."
        )


@tasks_commands.command("check")
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of tasks.")],
    json: JsonOption = False,
) -> None:
    """Validate a folder of tasks; prove that generated ones can be solved."""
    from harness_search.simulated.tasks.check import check_benchmark

    with ending_cleanly():
        report = check_benchmark(folder)
    if json:
        print_json(report.to_json())
    else:
        print("\n".join(report.lines()))
    if not report.sound:
        raise SystemExit(2)
