"""Commands that need no loop, and what all commands share: opening, printing, exit codes."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from harness_search import options
from harness_search.errors import InputError, SearchStoppedError
from harness_search.ledger.rows import NO_SANDBOX, Split
from harness_search.ledger.store import Ledger, has_begun
from harness_search.rollouts.runner import Harness
from harness_search.search import check_sources, frontier_on_disk
from harness_search.workspace import Workspace, open_workspace, prove_sandbox

if TYPE_CHECKING:
    from harness_search.proposers.session import Proposer
    from harness_search.reports.comparison import Comparison


Result = TypeVar("Result")
UNSAFE = "meta-harness: UNSAFE: no sandbox; harness code can read the files of this machine"
STOPPED = "meta-harness: stopped; the same command goes on from here"


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Turn bad input into one sentence on stderr and its exit code; bugs keep their traceback."""
    try:
        yield
    except (InputError, SearchStoppedError) as error:
        print(f"meta-harness: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        print(f"meta-harness: {error.filename}: {error.strerror}", file=sys.stderr)
        raise SystemExit(InputError.exit_code) from error
    except KeyboardInterrupt as error:
        print(STOPPED, file=sys.stderr)
        raise SystemExit(130) from error


def run_to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Run the loop; SIGTERM ends it as cleanly as Ctrl-C does, with exit code 143."""

    async def main() -> Result:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError as error:
        print(STOPPED, file=sys.stderr)
        raise SystemExit(128 + signal.SIGTERM) from error


def open_to_run(
    root: Path, flags: dict[str, Any], *, unsafe: bool, adopt: bool = True
) -> Workspace:
    """Open a workspace and prove its sandbox; raises InputError before anything is started."""
    opened = prove_sandbox(open_workspace(root, flags, adopt=adopt), unsafe=unsafe, adopt=adopt)
    if opened.sandbox == NO_SANDBOX:
        print(UNSAFE, file=sys.stderr)
    return opened


def choose(workspace: Workspace, names: list[str]) -> list[Harness]:
    """Harnesses by name or file; raises InputError, also for a changed file of the search."""
    searched: set[str] = set()
    if has_begun(workspace.layout.ledger):
        with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
            iterations = ledger.iterations()
        check_sources(workspace.layout, iterations)
        searched = {row.harness for row in iterations}
    return [workspace.measured_alone(workspace.harness(name), searched) for name in names]


def make_proposer(workspace: Workspace) -> "Proposer":
    """The proposer that the settings name."""
    match workspace.settings.search.proposer:
        case "catalogue":
            from harness_search.proposers.catalogue import CatalogueProposer

            return CatalogueProposer()


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def show_frontier(workspace: Workspace, *, json_wanted: bool) -> None:
    """Print the frontier as a table or as JSON."""
    found = frontier_on_disk(workspace)
    if json_wanted:
        print_json(found.to_json())
        return
    from harness_search.reports.tables import console_for_people, print_frontier

    print_frontier(console_for_people(json_wanted=False), found)


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
    from harness_search.reports.status import status_of

    found = status_of(workspace)
    if json_wanted:
        print_json(found.to_json())
        return
    print("\n".join(f"{name:<10} {value}" for name, value in found.lines()))
    if found.warning:
        from harness_search.reports.tables import console_for_people, print_warning

        print_warning(console_for_people(json_wanted=False), found.sandboxes)


# Commands around tasks.

SeedOption = Annotated[int, typer.Option(help="Seed that everything is drawn with.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

tasks_commands = typer.Typer(help="Build or check a benchmark.", no_args_is_help=True)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new workspace.")],
    tasks: Annotated[Path, typer.Option(help="Folder of tasks in LAB's format.")],
    dev: Annotated[int | None, typer.Option(help="Dev tasks.")] = None,
    test: Annotated[int | None, typer.Option(help="Test tasks.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed that the tasks are drawn with.")] = None,
    json: JsonOption = False,
) -> None:
    """Make a workspace: choose dev and test tasks, pin their content, write the default files.

    Splits that lie beside the tasks, as `tasks build` leaves them, are taken unless --dev, --test
    or --seed asks for others.
    """
    from harness_search.benchmark.initialise import initialise

    with ending_cleanly():
        splits = initialise(folder, tasks, dev, test, seed)
    document = {"workspace": str(folder), "dev": len(splits.dev), "test": len(splits.test)}
    if json:
        print_json(document)
    else:
        print(f"Workspace {folder}: {len(splits.dev)} dev and {len(splits.test)} test tasks.")
        print(f"Next: meta-harness run --workspace {folder}")


def doctor(workspace: options.Workspace = Path(), json: JsonOption = False) -> None:
    """Say what works here, what is missing and how to install it."""
    from harness_search.sandbox.doctor import diagnose

    with ending_cleanly():
        found = diagnose(workspace)
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


def new_application() -> typer.Typer:
    """The command line, with the commands that need no loop."""
    application = typer.Typer(
        help="Improves the harness around a frozen model, with evidence for every step.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # plain help is there at once
        pretty_exceptions_enable=False,
    )
    application.add_typer(tasks_commands, name="tasks")
    application.command("init")(init)
    application.command("doctor")(doctor)
    return application
