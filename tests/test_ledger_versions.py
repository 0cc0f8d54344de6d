"""A ledger of another version: an older one is copied and brought up to date, a newer refused."""

import itertools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import rollout_row
from hypothesis import given, settings
from hypothesis import strategies as st
from protected import without_write_permission

from harness_search.errors import InputError
from harness_search.judging.model.batch_notes import BatchNotes
from harness_search.ledger import database, versions
from harness_search.ledger.rows import IterationRow, Role, RolloutRow, Usage
from harness_search.ledger.spending import spent_by_role
from harness_search.ledger.store import Ledger

COLUMNS = tuple(versions._ADDED)
TABLES = ("spending", "sessions", "probes", "settled", "earlier_verdicts")
PLENTY = settings(max_examples=12, deadline=None)


def old_ledger(
    file: Path, rows: list[RolloutRow], columns: tuple[str, ...], tables: tuple[str, ...]
) -> None:
    """A ledger from before versions were counted, which lacks some columns and tables."""
    with closing(Ledger(file)) as ledger:
        ledger.set_identity({"seed": "3"})
        ledger.put_iteration(IterationRow(0, "h", "baseline", "", "", "", "", None, ""))
        for row in rows:
            rollout, attempt = ledger.begin(row.key, 1, 1)
            ledger.finish(rollout, replace(row, attempt=attempt), [("C-001", "pass", "it is")])
        ledger.begin(replace(rollout_row().key, trial=99), 1, 1)
        ledger.record_spending(Role.JUDGE, "rollout", Usage(output=5), 0.125)
    with closing(sqlite3.connect(file)) as opened:
        for name, kind in opened.execute("SELECT name, type FROM sqlite_master").fetchall():
            if kind == "trigger" or name.startswith("revision"):
                opened.execute(f"DROP {kind} IF EXISTS {name}")
        for column in columns:
            opened.execute(f"ALTER TABLE rollouts DROP COLUMN {column}")
        for table in tables:
            opened.execute(f"DROP TABLE {table}")
        opened.execute("PRAGMA user_version = 0")
        opened.commit()


def shown(ledger: Ledger) -> tuple[Any, ...]:
    """All that a reader learns from a ledger."""
    rows = ledger.rows()
    return (
        ledger.identity(),
        rows,
        ledger.iterations(),
        spent_by_role(ledger),
        [ledger.verdicts(row.key.harness) for row in rows],
        ledger.sessions(),
        ledger.probes("h"),
        ledger.settled("h"),
    )


def seen(file: Path, *, read_only: bool = True) -> tuple[Any, ...]:
    with closing(Ledger(file, read_only=read_only)) as ledger:
        return shown(ledger)


def version_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as opened:
        (version,) = opened.execute("PRAGMA user_version").fetchone()
    return int(version)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows_of(counts: list[int]) -> list[RolloutRow]:
    return [
        replace(rollout_row(trial=trial, tokens=tokens), cost_usd=tokens / 8)
        for trial, tokens in enumerate(counts, start=1)
    ]


COPY = "ledger.sqlite3.before-v1"


@PLENTY
@given(
    counts=st.lists(st.integers(0, 10**6), max_size=4),
    columns=st.sets(st.sampled_from(COLUMNS)),
    tables=st.sets(st.sampled_from(TABLES)),
)
def test_what_an_older_ledger_showed_its_reader_it_shows_after_the_migration(
    tmp_path_factory: pytest.TempPathFactory,
    counts: list[int],
    columns: set[str],
    tables: set[str],
) -> None:
    file = tmp_path_factory.mktemp("old") / "ledger.sqlite3"
    old_ledger(file, rows_of(counts), tuple(columns), tuple(tables))
    before = seen(file)
    assert version_of(file) == 0
    assert seen(file, read_only=False) == before
    assert version_of(file) == versions.VERSION
    assert seen(file) == before
    assert seen(file.with_name(COPY)) == before
    assert version_of(file.with_name(COPY)) == 0


def test_a_new_ledger_has_todays_version_and_no_copy(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    Ledger(file).close()
    assert version_of(file) == versions.VERSION
    assert names_in(tmp_path) == ["ledger.sqlite3"]


class Dying(sqlite3.Connection):
    """Kills its process at one of its statements, or at one of the pages that it copies."""

    ticks: Iterator[int]
    last: int

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.set_trace_callback(self.tick)

    def tick(self, *_: object) -> None:
        if next(self.ticks) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def backup(self, target: sqlite3.Connection, **_: Any) -> None:
        super().backup(target, pages=1, progress=self.tick)


def survives_opening(file: Path, last: int) -> bool:
    """Open a ledger to write in a process that kills itself at a certain point; whether it came
    through because that point lies behind the end."""
    child = os.fork()
    if not child:
        Dying.ticks, Dying.last = itertools.count(), last
        real = sqlite3.connect
        sqlite3.connect = lambda *some, **more: real(*some, factory=Dying, **more)  # type: ignore
        Ledger(file)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def test_a_migration_killed_at_any_statement_or_page_is_done_again(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    old_ledger(old, rows_of([3, 5]), ("boot", "served_model"), ("probes",))
    before, content = seen(old), old.read_bytes()
    kills = 0
    for last in itertools.count():
        file = tmp_path / str(last) / "ledger.sqlite3"
        file.parent.mkdir()
        shutil.copy(old, file)
        through = survives_opening(file, last)
        copy = file.with_name(COPY)
        assert version_of(file) == versions.VERSION or file.read_bytes() == content
        assert not copy.exists() or seen(copy) == before
        assert seen(file) == before
        assert seen(file, read_only=False) == before
        assert seen(copy) == before
        assert names_in(file.parent) == ["ledger.sqlite3", COPY]
        if through:
            break
        kills += 1
    assert kills > 20


def test_a_copy_that_says_something_else_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    old_ledger(file, rows_of([1]), (), ())
    (tmp_path / COPY).write_bytes(b"of an earlier search")
    seen(file, read_only=False)
    assert (tmp_path / COPY).read_bytes() == b"of an earlier search"
    assert seen(tmp_path / f"{COPY}-1") == seen(file)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_ledger_is_refused_and_stays_as_it_is(tmp_path: Path, read_only: bool) -> None:
    file = tmp_path / "ledger.sqlite3"
    Ledger(file).close()
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA user_version = 7")
    before = file.read_bytes()
    with pytest.raises(InputError) as refused:
        Ledger(file, read_only=read_only)
    assert refused.value.exit_code == 2
    assert str(refused.value) == (
        f"{file}: version of its tables: found 7, expected at most {versions.VERSION}: a newer "
        "Meta-Harness wrote it; install that one to go on with it"
    )
    assert file.read_bytes() == before
    assert not list(tmp_path.glob("*before*"))


def test_notes_of_batches_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "batches.sqlite3"
    BatchNotes(file).close()
    assert version_of(file) == 1
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("PRAGMA user_version = 2")
    with pytest.raises(InputError, match="version 2, from a newer Meta-Harness"):
        BatchNotes(file)


def test_another_programs_database_is_no_ledger_to_write_into(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("CREATE TABLE places (url)")
    with pytest.raises(InputError, match="another program's database"):
        Ledger(file)


READING = """
import sys
from contextlib import closing
from pathlib import Path
from harness_search.ledger.store import Ledger, has_begun
file = Path(sys.argv[1])
with closing(Ledger(file, read_only=True)) as ledger:
    print(has_begun(file), len(ledger.rows()))
"""


@pytest.fixture
def write_protected(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Take a folder's write permission away; it is given back at the end."""
    folder = tmp_path / "protected"
    folder.mkdir()

    def protect() -> Path:
        folder.chmod(0o555)
        return folder

    yield protect
    folder.chmod(0o755)


@pytest.mark.parametrize("left", ["closed", "log", "log and index"])
def test_a_ledger_in_a_read_only_folder_shows_all_that_was_committed(
    tmp_path: Path, write_protected: Callable[[], Path], left: str
) -> None:
    """`immutable=1` alone would leave out what is still in the log."""
    source, target = tmp_path / "ledger.sqlite3", tmp_path / "protected" / "ledger.sqlite3"
    with closing(Ledger(source)) as ledger:
        rollout, _ = ledger.begin(rollout_row().key, 1, 1)
        ledger.finish(rollout, rollout_row(), [])
        suffixes = {"closed": (), "log": ("", "-wal"), "log and index": ("", "-wal", "-shm")}
        for suffix in suffixes[left]:
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")
    if left == "closed":
        shutil.copy(source, target)
    folder = write_protected()
    names = names_in(folder)
    command = without_write_permission(sys.executable, "-c", READING, str(target))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True 1\n", "")
    assert names_in(folder) == names


def test_a_log_of_which_nothing_may_be_written_leaves_no_copy_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a.sqlite3", tmp_path / "b.sqlite3"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with closing(Ledger(source)) as ledger:
        ledger.set_identity({"seed": "3"})
        shutil.copy(source, target)
        shutil.copy(f"{source}-wal", f"{target}-wal")
    monkeypatch.setattr(database.tempfile, "tempdir", str(temporary))
    with closing(database._connected_where_nothing_is_written(target)) as opened:
        assert names_in(temporary) == []
        assert opened.execute("SELECT value FROM search").fetchall() == [("3",)]
