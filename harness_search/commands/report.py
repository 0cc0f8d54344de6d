"""`meta-harness report`: what a search found, as one page to look at."""

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness_search import options
from harness_search.commands.shared import ending_cleanly
from harness_search.errors import InputError
from harness_search.files import write_atomically
from harness_search.reports.own_files import MARKER, require_own, write_folder
from harness_search.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from harness_search.reports.document.material import Material
    from harness_search.reports.document.report import Report

BEGINNINGS = (
    f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    f'<meta name="generator" content="{MARKER}">\n',
    f"# {MARKER}: ",
    f'{{\n  "format": "{MARKER}",\n',
)
"""Of every file that this command writes, as html, md and json, and may write again."""
STANDARD_OUTPUT = Path("-")


class Format(StrEnum):
    """What a report can be had as."""

    HTML = "html"
    MD = "md"
    JSON = "json"


def report(
    form: Annotated[
        Format, typer.Option("--format", help="One page (html), a text (md), or figures (json).")
    ] = Format.HTML,
    output: Annotated[
        Path | None,
        typer.Option(help="File to write, - for standard output. Default: runs/report.html."),
    ] = None,
    pages: Annotated[
        Path | None,
        typer.Option(help="Folder to write the report to, with a page for each rollout."),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Folder to write every plot to, as PNG and SVG.")
    ] = None,
    workspace: options.Workspace = Path(),
    json: options.Json = False,
) -> None:
    """Write what the search found as one page: gains, their certainty, cost, and what to try next.

    From disk alone, and at any time: of a search at work too. A file or folder that this command
    has not written is never written over.
    """
    with ending_cleanly():
        opened = open_workspace(workspace, {}, to_run=False)
        if json:
            form, output = Format.JSON, output or STANDARD_OUTPUT
        _check(form, output, pages, plots)
        wanted = output is not None or not (pages or plots)
        own = opened.layout.report.with_suffix(f".{form.value}")
        file = output or own
        _require_free(file, own)
        _write_all(opened, form, file if wanted else None, pages, plots)


def _check(form: Format, output: Path | None, pages: Path | None, plots: Path | None) -> None:
    if pages and (form is not Format.HTML or output):
        raise InputError("command line", "--pages", "--format or --output", "neither beside it")
    for name, folder in (("--pages", pages), ("--plots", plots)):
        if folder is not None:
            require_own(name, folder)


def _require_free(file: Path, own: Path) -> None:
    """Raise InputError where a file would be lost that this command has not written."""
    if file == STANDARD_OUTPUT or not file.exists():
        return
    if not file.is_file():
        found = f"the folder {file}" if file.is_dir() else f"{file}, no regular file"
        raise InputError("command line", "--output", found, "a file, or - for standard output")
    if file.resolve() == own.resolve():
        return
    with file.open("rb") as stream:
        if not stream.read(2_000).startswith(tuple(text.encode() for text in BEGINNINGS)):
            expected = "a new file, or a report of before"
            raise InputError("command line", "--output", f"{file}, something else", expected)


def _write_all(
    workspace: Workspace, form: Format, file: Path | None, pages: Path | None, plots: Path | None
) -> None:
    from harness_search.reports.document.material import reading
    from harness_search.reports.document.report import make_report

    with reading(workspace) as material:
        found = make_report(material)
        if file is not None:
            _write(file, _as_text(material, found, form))
        if pages is not None:
            from harness_search.pages.folder import pages_of

            _write_folder(pages, pages_of(material, found), first="index.html")
        if plots is not None:
            _write_folder(plots, _pictures(found))


def _as_text(material: "Material", found: "Report", form: Format) -> str:
    if form is Format.JSON:
        from json import dumps

        from harness_search.visible import escaped_json

        document = {"format": MARKER, **found.to_json()}
        return escaped_json(dumps(document, indent=2, ensure_ascii=False)) + "\n"
    if form is Format.MD:
        from harness_search.reports.markdown import markdown

        return markdown(found)
    from harness_search.pages.report import single_file

    return single_file(material, found)


def _write(file: Path, text: str) -> None:
    content = text.encode(errors="replace")
    if file == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_atomically(file, content, durable=False)
    _say(file)


def _pictures(found: "Report") -> Iterator[tuple[str, bytes]]:
    from harness_search.pages.pictures import plots_of
    from harness_search.pages.site import Within

    for name, plot in plots_of(found, Within()).items():
        yield f"{name}.svg", plot.drawing.svg(name).encode()
        yield f"{name}.png", plot.drawing.png()


def _write_folder(folder: Path, files: Iterable[tuple[str, bytes]], first: str = "") -> None:
    write_folder(folder, files)
    _say(folder / first)


def _say(path: Path) -> None:
    """One line: the path, and the same as a link for terminals that follow one."""
    whole, here = path.resolve(), Path.cwd()
    print(f"{whole.relative_to(here) if whole.is_relative_to(here) else path}  {whole.as_uri()}")
