"""The ledger keeps every run of a proposer session, with what it paid."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness_search.ledger.rows import Usage
from harness_search.ledger.sessions import SessionOutcome, SessionResult, SessionRow, SessionStart
from harness_search.ledger.store import Ledger

START = SessionStart(3, "0b2f", "claude", "claude-opus-5-5")
PAID = SessionResult(SessionOutcome.WAITING, "the limit", Usage(1, 2, 3, 4), 0.25)


def older_ledger(file: Path) -> None:
    """A ledger from before there were sessions."""
    Ledger(file).close()
    with sqlite3.connect(file) as database:
        database.execute("DROP TABLE sessions")
        database.execute("PRAGMA user_version = 0")
    database.close()


def test_a_run_of_a_session_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    begun = ledger.begin_session(START)
    assert ledger.sessions() == [begun]
    assert begun.result is None
    assert not begun.ended_at
    ledger.end_session(begun.id, PAID)
    (ended,) = ledger.sessions(3)
    assert (ended.start, ended.attempt, ended.result) == (START, 1, PAID)
    assert datetime.fromisoformat(begun.started_at) <= datetime.fromisoformat(ended.ended_at)
    assert datetime.fromisoformat(ended.ended_at).tzinfo is UTC


def test_runs_are_counted_within_their_iteration(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    another = SessionStart(4, "77aa", "claude", "m")
    assert [ledger.begin_session(start).attempt for start in (START, another, START)] == [1, 1, 2]
    assert [row.attempt for row in ledger.sessions(3)] == [1, 2]
    assert ledger.sessions(5) == []


def test_a_run_that_has_ended_is_not_written_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    begun = ledger.begin_session(START)
    ledger.end_session(begun.id, PAID)
    ledger.end_session(begun.id, SessionResult(SessionOutcome.LOST, "later"))
    assert ledger.sessions()[0].result == PAID


@pytest.mark.parametrize("read_first", [True, False])
def test_a_ledger_from_before_the_sessions_has_none_and_takes_some(
    tmp_path: Path, *, read_first: bool
) -> None:
    file = tmp_path / "ledger.sqlite3"
    older_ledger(file)
    if read_first:
        reader = Ledger(file, read_only=True)
        assert reader.sessions() == reader.sessions(3) == []
        reader.close()
        with sqlite3.connect(file) as database:
            assert not list(database.execute("PRAGMA table_info(sessions)"))
        database.close()
    writer = Ledger(file)
    writer.end_session(writer.begin_session(START).id, PAID)
    writer.close()
    assert [row.result for row in Ledger(file, read_only=True).sessions()] == [PAID]


def test_a_follower_is_shown_each_run_once_when_it_is_on_disk(tmp_path: Path) -> None:
    file, shown = tmp_path / "ledger.sqlite3", list[SessionRow]()
    with closing(Ledger(file)) as ledger, closing(Ledger(file, read_only=True)) as reader:

        def follow(row: SessionRow) -> None:
            assert reader.sessions() == [row]
            shown.append(row)

        with ledger.following_sessions(follow):
            begun = ledger.begin_session(START)
            for _ in range(2):
                ledger.end_session(begun.id, PAID)
        ledger.begin_session(START)
        assert shown == [begun, ledger.sessions()[0]]
