"""What a search survives beside kills: read-only folders, moves, copies, clocks, torn lines."""

import io
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import git
import pytest
from conftest import Open, copy_workspace, keep_dev_tasks, opener, rollout_row
from protected import without_write_permission
from rich.console import Console
from scripted_proposer import Scripted, decisions, placebo, rollouts, run

from harness_search.files import remove_unfinished, write_atomically
from harness_search.layout import Layout
from harness_search.ledger import store
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter
from harness_search.rollouts.bench import locked, make_runtime, sweep
from harness_search.sandbox.processes import boot_id, start_ticks

# Read-only folders.

LOOKING = """
import sys
from typer.testing import CliRunner
from harness_search.commands.application import new_application
for command in (line.split() for line in sys.argv[2:]):
    done = CliRunner().invoke(new_application(), [*command, "--workspace", sys.argv[1]])
    print(command[0], done.exit_code, " ".join(done.output.split())[-300:])
"""
LOOKS = ("status", "status --json", "frontier", "frontier --json", "decision 1", "logs", "config")


@pytest.fixture
def read_only(orphaned_workspace: Path, tmp_path: Path) -> Iterator[Path]:
    """A searched workspace in which nothing may be written."""
    root = Path(shutil.copytree(orphaned_workspace, tmp_path / "read only", symlinks=True))
    folders = [root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        folder.chmod(0o555)
    yield root
    for folder in folders:
        folder.chmod(0o755)


def test_whoever_only_looks_may_do_so_where_nothing_can_be_written(read_only: Path) -> None:
    command = [sys.executable, "-c", LOOKING, str(read_only), *LOOKS]
    done = subprocess.run(
        without_write_permission(*command), capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    ended = [line.split()[:2] for line in done.stdout.splitlines()]
    assert ended == [[look.split()[0], "0"] for look in LOOKS], done.stdout


def test_a_run_where_nothing_can_be_written_is_refused_in_one_sentence(read_only: Path) -> None:
    command = [sys.executable, "-m", "meta_harness", "run", "--workspace", str(read_only)]
    done = subprocess.run(
        without_write_permission(*command), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("meta-harness: ")
    assert done.stderr.count("\n") == 1
    assert str(read_only) in done.stderr


# A workspace at another place.


class GoneError(Exception):
    """Ends a launch."""


class Stopping(Reporter):
    """Ends the launch, as a kill does, when so many rollouts have ended."""

    def __init__(self, after: int) -> None:
        super().__init__(Console(file=io.StringIO()))
        self.left = after

    def tell(self, event: Any) -> None:
        super().tell(event)
        if event.kind == "rollout":
            self.left -= 1
            if not self.left:
                raise GoneError


def mentions(root: Path, words: str) -> list[str]:
    """Files of a workspace that hold a text, by path."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    found = [path for path in files if words.encode() in path.read_bytes()]
    return sorted(path.relative_to(root).as_posix() for path in found)


def test_a_search_that_was_stopped_goes_on_at_another_place(
    new_workspace: Path, kit: Path, tmp_path: Path, sandbox: str
) -> None:
    old, new = tmp_path / "old place", tmp_path / "new place"
    copy_workspace(new_workspace, old, kit)
    keep_dev_tasks(old, 2)
    with pytest.raises(GoneError):
        run(opener(old, sandbox)(iterations=1, trials=1), Scripted(placebo), Stopping(3))
    finished = {row for row in rollouts(opener(old, sandbox)()) if row[4] == "done"}
    assert len(finished) >= 3  # one beside the third may have ended with it
    old.rename(new)
    moved = opener(new, sandbox)
    run(moved(iterations=2, trials=1), Scripted(placebo))
    after = rollouts(moved())
    assert finished <= set(after)
    assert sorted(row[:3] for row in after if row[4] == "done") == sorted(
        {row[:3] for row in after if row[4] == "done"}
    )
    assert None not in decisions(moved())
    with git.Repo(moved().layout.lineage) as repository:
        repository.git.fsck("--strict")
    assert not old.exists()
    # What a session is told is told anew for each; nothing else knows where the workspace lies.
    assert [name for name in mentions(new, "old place") if not name.endswith("session.md")] == []


def test_a_copy_of_a_workspace_at_work_leaves_the_original_alone(tmp_path: Path) -> None:
    """It has the original's note of a temporary folder, and its rows of rollouts that run."""
    layout = Layout(tmp_path / "copy")
    other = Path(tempfile.mkdtemp(prefix="meta-harness-"))
    with subprocess.Popen(["sleep", "60"]) as scaffold, subprocess.Popen(["sleep", "60"]) as child:
        noted = (other, scaffold.pid, start_ticks(scaffold.pid), boot_id())
        write_atomically(layout.runtime, "\n".join(map(str, noted)))
        with closing(Ledger(layout.ledger)) as ledger:
            ledger.begin(rollout_row().key, child.pid, start_ticks(child.pid), boot_id())
            sweep(ledger, layout.dev_evidence, layout)
            assert ledger.running() == []
        assert child.poll() is None
        assert scaffold.poll() is None
        child.kill()
        mine = make_runtime(layout)
        assert other.is_dir()
        scaffold.kill()
        scaffold.wait()
        write_atomically(layout.runtime, "\n".join(map(str, noted)))
        shutil.rmtree(make_runtime(layout))
        assert not other.exists()
    shutil.rmtree(mine)


# Clocks.


def test_a_clock_that_is_set_back_changes_no_decision_and_no_number(
    open_measured: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two launches and again in the middle of one, where the gate asks for a control that
    begins after the candidate does."""
    days = itertools.count(step=-1)

    def jumping() -> str:
        return (datetime.now(UTC) + timedelta(days=next(days))).isoformat(timespec="milliseconds")

    monkeypatch.setattr(store, "_now", jumping)
    workspace = open_measured(iterations=1, trials=1)
    run(workspace, Scripted(placebo))
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        iterations = ledger.iterations()
        starts = [row.started_at for row in ledger.rows()]
    assert [row.number for row in iterations] == [0, 1]
    assert starts == sorted(set(starts))
    assert all(row.decision for row in iterations)
    assert "inconclusive" not in {str(row.decision) for row in iterations}


def test_each_rollout_begins_after_the_one_before_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(["2026-03-02T10:00:00.000+00:00", "2026-03-01T10:00:00.000+00:00", "2026-03-02"])
    monkeypatch.setattr(store, "_now", lambda: next(times))
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        for trial in (1, 2, 3):
            rollout, _ = ledger.begin(rollout_row(trial=trial).key, 1, 1)
            ledger.finish(rollout, rollout_row(trial=trial), [])
        starts = [row.started_at[17:23] for row in ledger.rows()]
    assert starts == ["00.000", "00.001", "00.002"]


# Torn and unfinished files.


def test_what_a_killed_process_was_writing_is_cleared_away_by_the_next_launch(
    workspace_folder: Path,
) -> None:
    layout = Layout(workspace_folder)
    gone = subprocess.Popen(["true"])
    gone.wait()
    layout.session(3).mkdir(parents=True)
    torn = layout.harnesses / f".x.py.{gone.pid}-0123abcd.part"
    of_session = layout.session(3) / f".audit.json.{gone.pid}-0123abcd.part"
    of_branch = layout.lineage / "refs" / "heads" / f".incumbent.{gone.pid}-0123abcd.part"
    of_object = layout.lineage / "objects" / "0a" / f".{'1' * 38}.{gone.pid}-0123abcd.part"
    others = layout.harnesses / f".x.py.{os.getpid()}-0123abcd.part"
    for file in (torn, of_session, of_branch, of_object, others):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    with locked(layout):
        left = [path for path in layout.root.rglob(".*.part") if path != others]
        assert left == []
        assert others.exists()
    remove_unfinished(tmp := layout.root / "no such folder")
    assert not tmp.exists()


def test_a_file_that_cannot_be_written_whole_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_atomically(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
