"""`meta-harness export`: rollouts, verdicts and decisions for other programs."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly, print_json
from harness_search.errors import InputError
from harness_search.files import is_regular, replacing
from harness_search.ledger.rows import Purpose
from harness_search.reports.export import COLUMNS, Source, What, exported
from harness_search.reports.rows_as_text import Format, write_rows
from harness_search.workspace import open_workspace

STANDARD_OUTPUT = "-"
LINE = "command line"


def export(
    how: Annotated[
        Format | None,
        typer.Option("--format", help="Default: as the file's name ends, else csv."),
    ] = None,
    what: Annotated[
        list[What] | None, typer.Option(help="May be repeated. Default: all of them.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE|-",
            help="A folder (default: runs/export); a file or - (standard output) for one --what.",
        ),
    ] = None,
    split: Annotated[
        Literal["dev", "confirmation", "ab", "replay", "test"],
        typer.Option(help="Which rollouts; test only once it was opened."),
    ] = "dev",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Write rollouts, verdicts and decisions as tables for other programs; changes nothing else.

    The columns are named in docs/reports.md.
    """
    with ending_cleanly():
        opened, purpose = open_workspace(workspace, {}, to_run=False), Purpose(split)
        chosen = _chosen(what, purpose)
        if output == STANDARD_OUTPUT:
            _require_one(chosen, json_wanted=json)
            with exported(opened, purpose) as source, _standard_output() as stream:
                _write(source, Target(chosen[0], Path(), how or Format.CSV), stream)
            return
        targets = _targets(chosen, output or f"{opened.layout.export}/", how, purpose)
        _require_free(targets, force=force)
        with exported(opened, purpose) as source:
            counts = [_write_file(source, target) for target in targets]
            simulated = source.simulated
        _say(targets, counts, simulated=simulated, json_wanted=json)


@dataclass(frozen=True, slots=True)
class Target:
    """One table, and where it is written."""

    what: What
    file: Path
    how: Format


def _chosen(what: list[What] | None, purpose: Purpose) -> list[What]:
    """The tables that are wanted, each once. Decisions are of the search's own rollouts alone."""
    others = [item for item in What if item is not What.DECISIONS]
    if purpose is Purpose.SEARCH:
        return list(dict.fromkeys(what or What))
    if What.DECISIONS in (what or ()):
        expected = f"rollouts or verdicts with --split {purpose.value}: the search decides on dev"
        raise InputError(LINE, "--what", What.DECISIONS.value, expected)
    return list(dict.fromkeys(what or others))


def _require_one(chosen: list[What], *, json_wanted: bool) -> None:
    if len(chosen) > 1:
        found = f"{STANDARD_OUTPUT} for {len(chosen)} tables"
        raise InputError(LINE, "--output", found, "a folder, or one --what")
    if json_wanted:
        raise InputError(LINE, "--json", "it with --output -", "a file or a folder as --output")


def _targets(chosen: list[What], output: str, how: Format | None, purpose: Purpose) -> list[Target]:
    """A file for each table; raises InputError for one file where there are several."""
    place = Path(output)
    is_file = place.exists() or place.suffix[1:] in set(Format)
    if place.is_dir() or output.endswith("/") or not (is_file or place.suffix):
        of = "" if purpose is Purpose.SEARCH else f"-{purpose.value}"
        kind = how or Format.CSV
        return [Target(item, place / f"{item.value}{of}.{kind.value}", kind) for item in chosen]
    if len(chosen) > 1:
        raise InputError(
            LINE, "--output", output, f"a folder for {len(chosen)} tables, or one --what"
        )
    named = Format.JSONL if place.suffix == f".{Format.JSONL.value}" else Format.CSV
    return [Target(chosen[0], place, how or named)]


def _require_free(targets: Iterable[Target], *, force: bool) -> None:
    """Raise InputError for a file that is there; a device is replaced by nobody's wish."""
    for target in targets:
        if not os.path.lexists(target.file):
            continue
        if not is_regular(target.file):
            found = "something that is no regular file"
            raise InputError(target.file, "", found, "a file, or - for standard output")
        if not force:
            raise InputError(target.file, "", "a file that is there", "none (or say --force)")


def _write_file(source: Source, target: Target) -> int:
    with replacing(target.file) as raw:
        stream = TextIOWrapper(raw, encoding="utf-8", newline="")
        try:
            return _write(source, target, stream)
        finally:
            stream.detach()


def _write(source: Source, target: Target, stream: TextIO) -> int:
    return write_rows(stream, target.how, COLUMNS[target.what], source.rows(target.what))


@contextmanager
def _standard_output() -> Iterator[TextIO]:
    """Standard output, whatever letters its terminal has; whoever reads may go at any time."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:  # what is still buffered would fail once more at Python's end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(
    targets: Sequence[Target], counts: Sequence[int], *, simulated: bool, json_wanted: bool
) -> None:
    """Which files there are now, with how many rows."""
    if json_wanted:
        files = [
            {"what": item.what.value, "file": str(item.file), "rows": number}
            for item, number in zip(targets, counts, strict=True)
        ]
        print_json({"simulated": simulated, "files": files})
        return
    for target, number in zip(targets, counts, strict=True):
        print(f"{target.file}  {number:,} {target.what.value}")
    if simulated:
        from harness_search.reports.tables import SIMULATED_NOTE

        print(SIMULATED_NOTE)
