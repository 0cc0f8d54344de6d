"""The candidate that a command was given, and the parent to hold it against."""

from typing import Annotated

import typer

from harness_search.commands.opening import choose
from harness_search.current import frontier_on_disk
from harness_search.errors import InputError
from harness_search.experiments.subject import Subject, iteration_of, iterations_on_disk
from harness_search.workspace import Workspace

Parent = Annotated[
    str | None,
    typer.Option(help="Harness to hold it against. Default: the one that it was copied from."),
]


def choose_subject(workspace: Workspace, name: str, parent: str | None) -> Subject:
    """A candidate by name or file. Its parent is the one given, else the one that it was copied
    from, else the incumbent.

    Raises InputError for an unknown harness, and for one that has no parent but itself.
    """
    (candidate,) = choose(workspace, [name])
    row = iteration_of(iterations_on_disk(workspace.layout), candidate)
    if parent is None and candidate.digest == workspace.baseline.digest:
        expected = "a candidate, which has a parent (or say --parent)"
        raise InputError("command line", "CANDIDATE", f"{name!r}, the baseline", expected)
    copied_from = row.parent if row is not None else ""
    incumbent = frontier_on_disk(workspace).incumbent or "baseline"
    (other,) = choose(workspace, [parent or copied_from or incumbent])
    if other.digest == candidate.digest:
        found = f"{name!r}, the same as {other.name}"
        raise InputError("command line", "CANDIDATE", found, "another harness than its parent")
    return Subject(candidate, other, row)
