"""`meta-harness diff`: what one harness of the search has that another has not."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json
from harness_search.errors import InputError
from harness_search.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from rich.text import Text

    from harness_search.reports.hunks import TextDifference
    from harness_search.reports.sources import Source

WHICH = "Name of a harness, number of an iteration, `incumbent` or `baseline`."
MOST_LINES = 5_000
"""Of a diff on a terminal."""
LONGEST_LINE = 1_000  # characters
STYLES = {"+": "green", "-": "red", "@": "cyan"}


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=WHICH)],
    second: Annotated[str | None, typer.Argument(metavar="[B]", help=WHICH)] = None,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Show how to get from harness A to harness B, as a unified diff; of A alone, from its parent.

    What is written to a file or a pipe is exact: `patch` takes it.
    """
    with ending_cleanly():
        opened = open_workspace(workspace, {}, to_run=False)
        old, new = sources_of(opened, first, second)
        for source in (old, new):
            if source.remark:
                print(f"meta-harness: {source.remark}", file=sys.stderr)
        show_difference(old, new, json_wanted=json)


def sources_of(workspace: Workspace, first: str, second: str | None) -> "tuple[Source, Source]":
    """The two harnesses, the older one first where only one is named.

    Raises InputError for an unknown one, for one without a source, and for one without a parent.
    """
    from harness_search.experiments.subject import iterations_on_disk
    from harness_search.reports.candidate import parent_of, row_of, shown
    from harness_search.reports.sources import source_of

    iterations = iterations_on_disk(workspace.layout)
    given = row_of(iterations, first, "A")
    if second is None:
        rows = (parent_of(iterations, given), given)
    else:
        rows = (given, row_of(iterations, second, "B"))
    if rows[0] is None:
        found = f"{shown(first)}, which has no parent"
        raise InputError("command line", "B", found, "a harness to hold it against")
    sources = [source_of(workspace.layout, row) for row in rows if row is not None]
    for row, source in zip(rows, sources, strict=True):
        if row is not None and source is None:
            found = f"iteration {row.number}, of which no source is left"
            raise InputError("command line", "A or B", found, "a harness with a source")
    old, new = (source for source in sources if source is not None)
    return old, new


def show_difference(old: "Source", new: "Source", *, json_wanted: bool) -> None:
    """Print it in colours on a terminal, byte by byte to a file, or as JSON."""
    from harness_search.reports.hunks import TextDifference

    if json_wanted:
        print_json(to_json(old, new, TextDifference.of(old.text, new.text)))
    elif sys.stdout.isatty():
        print_for_people(old, new, TextDifference.of(old.text, new.text))
    else:
        write_exactly(old, new, TextDifference.of(old.exact, new.exact))


def to_json(old: "Source", new: "Source", found: "TextDifference") -> dict[str, Any]:
    """The object of `diff --json`."""
    return {
        "from": old.name,
        "to": new.name,
        "remarks": [source.remark for source in (old, new) if source.remark],
        "added": found.added,
        "removed": found.removed,
        "unified": "".join(found.unified(*_files(old, new))),
    }


def write_exactly(old: "Source", new: "Source", found: "TextDifference") -> None:
    """A unified diff as `patch` takes it, whatever bytes the sources hold."""
    sys.stdout.flush()
    for line in found.unified(*_files(old, new)):
        sys.stdout.buffer.write(line.encode(errors="surrogateescape"))
    sys.stdout.buffer.flush()


def print_for_people(old: "Source", new: "Source", found: "TextDifference") -> None:
    """The same for a terminal: what could change the terminal or the order of reading is shown by a
    mark, and what is too long is cut."""
    from rich.text import Text

    from harness_search.reports.tables import console_for_people

    console = console_for_people(json_wanted=False)
    if not found.hunks:
        console.print(Text(f"{old.name} and {new.name} have the same source."))
        return
    lines = _styled(found, *_files(old, new))
    for line in islice(lines, MOST_LINES):
        console.print(line, highlight=False, soft_wrap=True)
    if next(lines, None) is not None:
        said = f"Only the first {MOST_LINES:,} lines are shown; write it to a file for all."
        console.print(said, style="yellow", highlight=False)


def _styled(found: "TextDifference", old_file: str, new_file: str) -> "Iterator[Text]":
    from rich.text import Text

    from harness_search.visible import visible

    for place, line in enumerate(found.unified(old_file, new_file)):
        shown = visible(line.strip("\n"), LONGEST_LINE)
        style = "bold" if place < 2 else STYLES.get(line[:1], "")
        yield Text(shown, style=style)


def _files(old: "Source", new: "Source") -> tuple[str, str]:
    """Names as `patch -p1` takes them in a workspace; those of harnesses are letters and digits,
    unless somebody has changed the ledger."""
    from harness_search.visible import one_line

    return f"a/harnesses/{one_line(old.name)}.py", f"b/harnesses/{one_line(new.name)}.py"
