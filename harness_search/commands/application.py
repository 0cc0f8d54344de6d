"""The command line: a command's module is imported when that command is asked for."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command as built

from harness_search.commands.home import show_home
from harness_search.commands.table import COMMANDS, GOOD_FOR, PURPOSES, Command


def new_application() -> typer.Typer:
    """The whole command line; none of its commands is imported yet."""
    application = _plain(
        cls=LazyCommands,
        help=GOOD_FOR,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback(invoke_without_command=True)(home)
    return application


def show_version(wanted: bool) -> None:
    """Say which Meta-Harness this is, and end."""
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        typer.echo(f"meta-harness {version('meta-harness')}")
    except PackageNotFoundError:
        typer.echo("meta-harness, of a version that is unknown: it is not installed as a package")
    raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=show_version, is_eager=True, help="Say the version."),
]


def home(context: typer.Context, version: Version = False) -> None:  # noqa: ARG001  see above
    """The home screen, when no command is given."""
    if context.invoked_subcommand is None:
        show_home()


class LazyCommands(TyperGroup):
    """The commands of the table."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  asked by Typer
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  asked by Typer
        command = COMMANDS.get(cmd_name)
        return None if command is None else load(command)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  asked by Typer
        """From the table alone, by purpose."""
        width = max(map(len, COMMANDS))
        for purpose in PURPOSES:
            with formatter.section(purpose.name.capitalize()):
                formatter.write_dl(
                    [(command.name.ljust(width), command.line) for command in purpose.commands]
                )


def load(command: Command) -> Any:
    """What Typer makes of a command's function, or of a family's application."""
    module, name = command.place.split(":")
    found = getattr(import_module(module), name)
    alone = _plain()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=command.name)
        return built(alone).commands[command.name]  # type: ignore[attr-defined]
    more = {"allow_extra_args": command.passes_on, "ignore_unknown_options": command.passes_on}
    alone.command(command.name, context_settings=more)(found)
    return built(alone)


def _plain(**more: Any) -> typer.Typer:
    """Without the rich help and tracebacks, which take long to import."""
    return typer.Typer(
        add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **more
    )
