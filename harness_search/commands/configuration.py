"""`meta-harness config`, and `--print-config` of the other commands."""

from pathlib import Path
from typing import Annotated, Any

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json


def config(
    defaults: Annotated[
        bool,
        typer.Option("--defaults", help="Print a new settings file with all that can be set."),
    ] = False,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Print the settings that count here, and where each comes from; nothing is started.

    Flag beats what the search was begun with, that beats META_HARNESS_<SECTION>_<FIELD>, that the
    file. What is printed is a settings file itself. Keys are never shown.
    """
    if defaults:
        from harness_search.configuration.template import default_file

        print(default_file(), end="")
        return
    with ending_cleanly():
        show_configuration(workspace, {}, json_wanted=json)


def end_with_configuration(
    root: Path, flags: dict[str, Any], *, wanted: bool, adopt: bool = True, json_wanted: bool
) -> None:
    """Where `--print-config` is given: print what the command would work with, and end it."""
    if wanted:
        show_configuration(root, flags, adopt=adopt, json_wanted=json_wanted)
        raise SystemExit(0)


def show_configuration(
    root: Path, flags: dict[str, Any], *, adopt: bool = True, json_wanted: bool
) -> None:
    """Print the configuration of a command in a workspace; raises InputError."""
    import os

    from harness_search.configuration.printing import to_json, to_toml
    from harness_search.layout import Layout
    from harness_search.workspace import configuration_of

    layout = Layout(root.resolve())
    found = configuration_of(layout, flags, adopt=adopt)
    if json_wanted:
        print_json(to_json(found, layout, os.environ))
    else:
        print(to_toml(found, layout, os.environ), end="")
