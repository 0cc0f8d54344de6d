"""The home screen: there at once, for every folder, however broken."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest
from launched import leave

from harness_search.commands.home import home_lines, look
from harness_search.commands.table import COMMANDS
from harness_search.layout import Layout

COMMAND = (sys.executable, "-m", "harness_search.commands.entry")


def in_a_process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    repository = str(Path(__file__).resolve().parent.parent)
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": repository, "NO_COLOR": "1"},
    )


def searched(folder: Path, **state: object) -> Path:
    """A folder whose files say that a search has begun."""
    layout = Layout(folder)
    layout.settings.touch()
    layout.runs.mkdir(exist_ok=True)
    layout.ledger.touch()
    layout.loop_state.write_text(json.dumps(state))
    return folder


def step_of(folder: Path) -> str:
    """The line of the golden path that the home screen points at."""
    (line,) = [line for line in home_lines(look(folder)) if line.startswith("  > ")]
    return line


def test_it_is_printed_without_arguments_and_fits_a_terminal(tmp_path: Path) -> None:
    done = in_a_process(folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout
    for name in COMMANDS:
        assert any(line[9:].startswith(f"{name} ") for line in lines), name


def test_the_next_step_is_that_of_the_folder(workspace_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "meta-harness tasks build" in step_of(tmp_path / "empty")
    assert "meta-harness start" in step_of(workspace_folder)
    searched(workspace_folder, phase="evaluate", iteration=3)
    assert "meta-harness start" in step_of(workspace_folder)
    assert "not running, iteration 3" in home_lines(look(workspace_folder))[1]
    searched(workspace_folder, phase="finished", iteration=6)
    assert "meta-harness frontier" in step_of(workspace_folder)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"uptime": 0.0}, "the search hangs, iteration 3: `status`"),
        ({"pid_started": 1}, "the search was cut off, iteration 3"),
        ({"exit_code": 3}, "the search needs a person, iteration 3: `status`"),
        ({"paused": True}, "the search is paused, iteration 3: `resume`"),
        ({"command": "noise"}, "`noise` is running"),
        ({"exit_code": 0}, "a search that has finished, iteration 3"),
    ],
)
def test_each_state_has_a_phrase_even_where_the_loop_had_finished_before(
    tmp_path: Path, parts: dict[str, object], said: str
) -> None:
    searched(tmp_path, phase="finished", iteration=3)
    leave(tmp_path, **parts)
    assert said in home_lines(look(tmp_path))[1]
    assert max(map(len, home_lines(look(tmp_path)))) <= 80


def test_settings_and_ledgers_that_cannot_be_read_point_to_the_doctor(tmp_path: Path) -> None:
    layout = Layout(searched(tmp_path, phase="finished", iteration=3))
    with closing(sqlite3.connect(layout.ledger)) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    assert "newer Meta-Harness" in home_lines(look(tmp_path))[1]
    assert "meta-harness doctor" in step_of(tmp_path)
    layout.ledger.write_text("no ledger")
    assert "meta-harness doctor" in step_of(tmp_path)
    layout.ledger.unlink()
    layout.settings.write_text("[search\n")
    assert "meta_harness.toml cannot be read" in home_lines(look(tmp_path))[1]
    assert "meta-harness doctor" in step_of(tmp_path)


def test_evidence_without_its_ledger_is_no_new_beginning(tmp_path: Path) -> None:
    layout = Layout(searched(tmp_path, phase="finished", iteration=3))
    layout.ledger.unlink()
    assert "ledger is gone" in home_lines(look(tmp_path))[1]
    assert "meta-harness doctor" in step_of(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"iteration": "x"}', "[" * 100_000, '{"pid": -1}', "\0\xff"]
)
def test_broken_files_say_nothing_and_stop_nothing(tmp_path: Path, content: str) -> None:
    layout = Layout(searched(tmp_path))
    for file in (layout.settings, layout.ledger, layout.loop_state, layout.heartbeat):
        file.write_text(content, encoding="latin-1")
    assert in_a_process(folder=tmp_path).returncode == 0
    step = "meta-harness doctor" if content else "meta-harness start"
    assert step in step_of(tmp_path)


def test_odd_folders_have_a_home_screen_too(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9 " + b"x" * 100)
    odd.mkdir()
    assert in_a_process(folder=odd).returncode == 0
    (tmp_path / "runs").write_text("a file")
    (tmp_path / "meta_harness.toml").mkdir()
    assert in_a_process(folder=tmp_path).returncode == 0


def test_a_folder_that_was_deleted_has_a_home_screen_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    shutil.rmtree(gone)
    assert "no workspace here yet" in home_lines(look(Path()))[1]


# What makes the command line fast: commands are found when they are asked for.


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_where_the_table_says(name: str) -> None:
    module, function = COMMANDS[name].place.split(":")
    assert callable(getattr(import_module(module), function))


LOOP = {"meta_harness", "harness_search.search", "harness_search.rollouts.runner", "asyncio"}
SLOW = {"aiohttp", "anthropic", "docx", "git", "matplotlib", "numpy", "openpyxl", "psutil"}


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        ([], {"typer", "pydantic", "sqlite3"}),
        (["--help"], {"pydantic", "rich", "sqlite3"}),
        (["logs", "--help"], {"rich", "sqlite3", "harness_search.settings"}),
        (["status"], {"rich", "filelock", "harness_search.auditing"}),
        (["frontier", "--json"], {"rich", "filelock", "harness_search.auditing"}),
        (["frontier"], {"filelock", "harness_search.auditing"}),
    ],
)
def test_what_only_looks_imports_neither_the_loop_nor_slow_libraries(
    workspace_folder: Path, arguments: list[str], more: Iterable[str]
) -> None:
    loaded = loaded_by(arguments, workspace_folder)
    assert not loaded & (LOOP | SLOW | {*more})


def loaded_by(arguments: list[str], folder: Path) -> set[str]:
    """Every module that a command has imported by its end."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from harness_search.commands.entry import main\n"
        f"sys.argv = ['meta-harness', *{arguments!r}]\n"
        "main()"
    )
    repository = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": repository},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())
