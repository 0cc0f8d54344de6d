"""`meta-harness report`: one command, one file, from disk alone."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.pages.folder import candidate_file, rollout_file
from harness_search.reports.own_files import LIST, MARKER, require_own, write_folder


def report(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this process."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(new_application(), ["report", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def unbegun(new_workspace: Path, tmp_path: Path) -> Path:
    """A workspace in which nothing has been run, without its kit."""
    root = tmp_path / "workspace"
    root.mkdir()
    for file in new_workspace.iterdir():
        (root / file.name).symlink_to(file)
    (root / "runs").unlink(missing_ok=True)
    return root


def test_it_writes_one_page_and_says_where_in_one_line(unbegun: Path) -> None:
    done = report(unbegun)
    assert (done.returncode, done.stderr) == (0, "")
    file = unbegun / "runs" / "report.html"
    assert done.stdout == f"runs/report.html  {file.as_uri()}\n"
    assert "The search has not started." in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]


def test_its_own_file_is_written_again(unbegun: Path) -> None:
    for _ in range(2):
        assert report(unbegun, "--format", "md").returncode == 0
    assert (unbegun / "runs" / "report.md").read_text().startswith("# Meta-Harness report")


def test_a_report_of_before_is_replaced_and_any_other_file_is_not(unbegun: Path) -> None:
    mine, ours = unbegun / "mine.html", unbegun / "ours.md"
    mine.write_text("my own page")
    done = report(unbegun, "--output", str(mine))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "mine.html" in done.stderr
    assert mine.read_text() == "my own page"
    for form in ("md", "json", "html", "html"):
        assert report(unbegun, "--format", form, "--output", str(ours)).returncode == 0
    assert ours.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    "text",
    [
        f"My notes on the {MARKER} of today",
        f"# {MARKER}s that I liked\n",
        f"<!doctype html>\n<title>{MARKER}</title>",
        json.dumps({"note": 1, "format": MARKER}, indent=2),
    ],
)
def test_a_file_that_only_speaks_of_reports_is_not_written_over(unbegun: Path, text: str) -> None:
    mine = unbegun / "mine.txt"
    mine.write_text(text)
    assert report(unbegun, "--output", str(mine)).returncode == 2
    assert mine.read_text() == text


def test_what_a_search_needs_is_never_written_over(unbegun: Path) -> None:
    (unbegun / "runs").mkdir()
    log = unbegun / "runs" / "hooks.log"
    log.write_text("what hooks printed")
    assert report(unbegun, "--output", str(log)).returncode == 2
    assert log.read_text() == "what hooks printed"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--format", "pdf"], "pdf"),
        (["--output", "."], "folder"),
        (["--output", "/dev/null"], "/dev/null"),
        (["--output", "meta_harness.toml/report.html"], "meta_harness.toml"),
        (["--plots", "meta_harness.toml"], "meta_harness.toml"),
        (["--plots", "."], "--plots"),
        (["--pages", "p", "--output", "x.html"], "--pages"),
        (["--pages", "p", "--format", "md"], "--pages"),
    ],
)
def test_bad_input_ends_with_code_2_and_writes_nothing(
    unbegun: Path, arguments: list[str], named: str
) -> None:
    before = sorted(unbegun.iterdir())
    done = report(unbegun, *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert sorted(unbegun.iterdir()) == before


def test_a_folder_without_a_workspace_is_bad_input(tmp_path: Path) -> None:
    done = report(tmp_path)
    assert done.returncode == 2
    assert "meta-harness init" in done.stderr


@pytest.mark.parametrize("arguments", [["--json"], ["--format", "json", "--output", "-"]])
def test_the_document_goes_to_standard_output_alone(unbegun: Path, arguments: list[str]) -> None:
    done = report(unbegun, *arguments)
    document = json.loads(done.stdout)
    assert document["format"] == MARKER
    assert document["state"] == "The search has not started."
    assert document["headline"]["confirmation"]["gain"] is None
    assert not (unbegun / "runs").exists()


def test_markdown_goes_to_standard_output_for_a_hyphen(unbegun: Path) -> None:
    done = report(unbegun, "--format", "md", "--output", "-")
    assert "## What the search gained" in done.stdout


def test_every_plot_is_written_as_png_and_svg(unbegun: Path) -> None:
    assert report(unbegun, "--plots", "plots").returncode == 0
    folder = unbegun / "plots"
    names = {file.stem for file in folder.iterdir() if file.suffix}
    assert {"progress", "gains", "lineage", "pareto", "tasks", "cost", "noise"} <= names
    for name in names:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / f"{name}.svg").read_text().startswith("<svg ")
    assert not (unbegun / "runs" / "report.html").exists()


def test_no_page_is_written_through_a_link(unbegun: Path, tmp_path: Path) -> None:
    assert report(unbegun, "--pages", "pages").returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (unbegun / "pages" / "candidates").symlink_to(elsewhere)
    (unbegun / "pages" / "index.html").unlink()
    done = report(unbegun, "--pages", "pages")
    assert done.returncode == 2
    assert "found the link pages/candidates" in done.stderr
    assert not list(elsewhere.iterdir())
    assert not (unbegun / "pages" / "index.html").exists()


def test_files_of_an_earlier_time_are_removed_and_nothing_else(tmp_path: Path) -> None:
    folder, mine = tmp_path / "pages", tmp_path / "mine.html"
    write_folder(folder, [("index.html", b"1"), ("a/b/old.html", b"1"), ("a/new.html", b"1")])
    for file in (mine, folder / "a" / "mine.html"):
        file.touch()
    with (folder / LIST).open("a") as stream:
        stream.write(f"../mine.html\n{mine}\na\n\n..\na/../../mine.html\n")
    require_own("--pages", folder)
    write_folder(folder, [("index.html", b"2"), ("a/new.html", b"2")])
    assert mine.exists()
    left = {file.relative_to(folder).as_posix() for file in folder.rglob("*")}
    assert left == {LIST, "index.html", "a", "a/new.html", "a/mine.html"}
    assert (folder / "index.html").read_bytes() == b"2"


def test_what_a_run_wrote_that_was_cut_off_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "pages"

    def cut_off() -> Iterator[tuple[str, bytes]]:
        yield "candidates/gone.html", b"1"
        raise KeyboardInterrupt

    write_folder(folder, [("old.html", b"1")])
    with pytest.raises(KeyboardInterrupt):
        write_folder(folder, cut_off())
    assert (folder / "old.html").exists()
    assert (folder / "candidates" / "gone.html").exists()
    write_folder(folder, [("index.html", b"1")])
    assert {file.name for file in folder.iterdir()} == {LIST, "index.html"}


# A search with a baseline and one candidate.


@pytest.fixture
def searched(orphaned_workspace: Path) -> Path:
    """Only looked at: reports of it go elsewhere."""
    return orphaned_workspace


def hrefs(page: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', page)


def test_the_single_file_has_every_harness_and_all_its_links_lead_somewhere(
    searched: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    assert report(searched, "--output", str(file)).returncode == 0
    page = file.read_text()
    ids = set(re.findall(r' id="([^"]*)"', page))
    wanted = [link[1:] for link in hrefs(page) if link != "data:,"]
    assert set(wanted) <= ids
    names = [name for name in ids if re.fullmatch(r"candidate-[a-z_0-9]+", name)]
    assert len(names) == 2
    assert "candidate-baseline" in names


def test_all_links_of_the_folder_of_pages_lead_to_pages_of_it(
    searched: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    done = report(searched, "--pages", str(folder))
    assert done.stdout.count("\n") == 1
    assert "index.html" in done.stdout
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) == 1 + 2 + 12, "the report, two harnesses, and their rollouts of six tasks"
    reached = set()
    for page in pages:
        for link in hrefs(page.read_text()):
            path = unquote(urlsplit(link).path)
            if path and link != "data:,":
                target = (page.parent / path).resolve()
                assert target.is_file(), (page, link)
                reached.add(target)
    assert reached == set(pages), "every page can be reached"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", ".", "", "a\0b", "ü\ud83d"])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    for path in (candidate_file(name), rollout_file((name, f"area/{name}", 1))):
        assert ".." not in path.split("/")
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
        (tmp_path / path).unlink()
        assert (tmp_path / path).resolve().is_relative_to(tmp_path)


def test_a_claim_that_cannot_be_read_is_named_and_the_rest_is_reported(
    searched: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    (root / "runs" / "memo.sqlite3").unlink(missing_ok=True)
    broken = json.dumps({"iteration": 1, "candidates": [5]})
    with closing(sqlite3.connect(root / "runs" / "ledger.sqlite3")) as database:
        database.execute("UPDATE iterations SET claim = ? WHERE number = 1", (broken,))
        database.commit()
    done = report(root, "--format", "md", "--output", "-")
    assert "left out of this report: the claim of iteration 1." in done.stdout
    assert "## What the search gained" in done.stdout
    (root / "runs" / "memo.sqlite3").unlink(missing_ok=True)
    refused = CliRunner().invoke(new_application(), ["frontier", "--workspace", str(root)])
    assert refused.exit_code == 2
    assert refused.stderr == (
        "meta-harness: the claim of iteration 1 in the ledger: candidates.0: found 5, expected an "
        "object\n"
    )
