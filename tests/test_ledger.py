"""The ledger keeps what happened, once."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import rollout_row

from harness_search.errors import InputError
from harness_search.ledger.openings import log_opening
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, Role, RolloutRow, Usage
from harness_search.ledger.spending import spent_by_role
from harness_search.ledger.store import Ledger, read_identity


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3")


def run(ledger: Ledger, row: RolloutRow) -> int:
    rollout, attempt = ledger.begin(row.key, pid=1, pid_started=1)
    ledger.finish(rollout, row, [("C-1", "pass", "found")])
    return attempt


def test_a_finished_rollout_is_read_back_as_it_was_written(ledger: Ledger) -> None:
    row = replace(rollout_row(tokens=7), sandbox="bwrap")
    run(ledger, row)
    (found,) = ledger.rows()
    assert found == replace(row, started_at=found.started_at)
    assert datetime.fromisoformat(found.started_at).tzinfo is UTC
    assert ledger.rows("another harness") == []


def test_verdicts_are_read_back_by_rollout_and_criterion(ledger: Ledger) -> None:
    verdicts = [("C-002", "fail", "no"), ("C-001", "pass", "yes")]
    rollout, _ = ledger.begin(rollout_row().key, 1, 1)
    ledger.finish(rollout, rollout_row(), verdicts)
    lost, _ = ledger.begin(rollout_row(trial=2).key, 1, 1)
    ledger.finish(lost, rollout_row(trial=2, outcome=Outcome.INFRA_FAILED, passed=0), verdicts)
    assert ledger.verdicts("h") == {rollout_row().key: {"C-001": "pass", "C-002": "fail"}}
    assert ledger.verdicts("another harness") == {}


def test_a_running_rollout_is_no_row_yet_and_survives_a_crash_as_an_attempt(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ledger.sqlite3"
    crashed = Ledger(file)
    crashed.begin(rollout_row().key, pid=42, pid_started=4711)
    again = Ledger(file)
    assert again.rows() == []
    (process,) = again.running()
    assert (process.pid, process.pid_started) == (42, 4711)
    assert (process.key, process.attempt) == (rollout_row().key, 1)
    again.mark_interrupted(process.rollout)
    assert again.running() == []
    assert run(again, rollout_row(attempt=2)) == 2


def test_earlier_attempts_of_a_rollout_are_known_however_they_ended(ledger: Ledger) -> None:
    key = rollout_row().key
    assert ledger.attempts(key) == []
    interrupted, _ = ledger.begin(key, 1, 1)
    ledger.mark_interrupted(interrupted)
    run(ledger, rollout_row(outcome=Outcome.INFRA_FAILED, passed=0, attempt=2))
    ledger.begin(key, 1, 1)
    ledger.begin(rollout_row(trial=2).key, 1, 1)
    assert ledger.attempts(key) == [1, 2, 3]


def test_an_ended_attempt_is_not_interrupted_afterwards(ledger: Ledger) -> None:
    rollout, _ = ledger.begin(rollout_row().key, 1, 1)
    ledger.finish(rollout, rollout_row(), [])
    ledger.mark_interrupted(rollout, Usage(input=9), 9.0)
    (found,) = ledger.rows()
    assert (found.key, found.paid, found.paid_usd) == (rollout_row().key, Usage(), 0.0)


def test_every_attempt_of_a_lost_rollout_is_kept(ledger: Ledger) -> None:
    lost = rollout_row(outcome=Outcome.INFRA_FAILED, passed=0)
    assert run(ledger, lost) == 1
    assert run(ledger, rollout_row(attempt=2)) == 2
    assert [row.outcome for row in ledger.rows()] == [Outcome.INFRA_FAILED, Outcome.SCORED]


def test_an_ended_attempt_is_not_written_over(ledger: Ledger) -> None:
    rollout, _ = ledger.begin(rollout_row().key, 1, 1)
    ledger.finish(rollout, rollout_row(passed=1), [])
    ledger.finish(rollout, rollout_row(passed=2), [])
    assert ledger.rows()[0].passed == 1


def test_an_iteration_is_opened_and_then_decided(ledger: Ledger) -> None:
    opened = IterationRow(1, "digest", "name", "baseline", "baseline", "m", "{}", None, "")
    ledger.put_iteration(opened)
    assert ledger.iterations() == [opened]
    decided = IterationRow(
        1, "digest", "name", "baseline", "baseline", "m", "{}", DecisionKind.ORPHAN, "too little"
    )
    ledger.put_iteration(decided)
    assert ledger.iterations() == [decided]


def test_openings_of_the_test_split_are_counted_across_a_torn_line(tmp_path: Path) -> None:
    file = tmp_path / "openings.jsonl"
    assert log_opening(file, ["baseline", "x"], "simulated") == 1
    with file.open("a") as stream:
        stream.write('{"opened_at": "2026')
    assert log_opening(file, ["baseline"], "simulated") == 3
    assert log_opening(file, ["baseline"], "simulated") == 4


@pytest.mark.parametrize("content", [b"", b"no database at all, only some text" * 40])
def test_a_damaged_ledger_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ledger.sqlite3"
    file.write_bytes(content)
    with pytest.raises(InputError, match="no readable ledger"):
        Ledger(file, read_only=True)


def test_a_reader_learns_what_the_search_is_without_writing(tmp_path: Path) -> None:
    file = tmp_path / "odd # name ?.sqlite3"
    Ledger(file).set_identity({"seed": "3"})
    assert read_identity(file) == {"seed": "3"}


PAID = ("paid_input", "paid_output", "paid_cache_write", "paid_cache_read", "paid_usd")
BEFORE_THE_SANDBOX = ("sandbox",)
BEFORE_REPLAYS = (*PAID, *BEFORE_THE_SANDBOX)
EACH_AGE = pytest.mark.parametrize("lacking", [BEFORE_THE_SANDBOX, BEFORE_REPLAYS], ids=len)


def older_ledger(file: Path, lacking: tuple[str, ...]) -> None:
    """A ledger as it was before it had some columns, with one row of each kind."""
    ledger = Ledger(file)
    counted = replace(rollout_row(tokens=70), cost_usd=0.5, sandbox="bwrap")
    run(ledger, replace(counted, paid=Usage(input=60), paid_usd=0.25))
    interrupted, _ = ledger.begin(rollout_row(trial=2).key, 1, 1)
    ledger.mark_interrupted(interrupted)
    ledger.begin(rollout_row(trial=3).key, 1, 1)
    ledger.record_spending(Role.JUDGE, "rollout", Usage(output=5), 0.125)
    ledger.close()
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 0")
        for column in lacking:
            database.execute(f"ALTER TABLE rollouts DROP COLUMN {column}")
        if lacking == BEFORE_REPLAYS:
            database.execute("DROP TABLE spending")
    database.close()


@EACH_AGE
def test_reader_and_writer_see_the_same_in_an_older_ledger(
    tmp_path: Path, lacking: tuple[str, ...]
) -> None:
    file = tmp_path / "ledger.sqlite3"
    older_ledger(file, lacking)
    reader = Ledger(file, read_only=True)
    seen = (reader.rows(), spent_by_role(reader))
    reader.close()
    writer = Ledger(file)
    assert (writer.rows(), spent_by_role(writer)) == seen
    (process,) = writer.running()
    assert process.key.trial == 3
    writer.mark_interrupted(process.rollout, Usage(output=1), 0.25)
    run(writer, replace(rollout_row(trial=4), sandbox="landlock", paid_usd=2.0))
    writer.close()
    again = Ledger(file)
    assert [item.sandbox for item in again.rows()] == ["none", "landlock"]
    assert [item.paid_usd for item in again.rows()] == [seen[0][0].paid_usd, 2.0]
    assert spent_by_role(again) != seen[1]


def test_a_ledger_from_before_replays_has_paid_what_it_counted(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    older_ledger(file, BEFORE_REPLAYS)
    (row,) = Ledger(file, read_only=True).rows()
    assert (row.paid, row.paid_usd, row.cost_usd) == (Usage(input=70), 0.5, 0.5)


def test_a_ledger_from_before_the_sandbox_keeps_what_was_paid(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite3"
    older_ledger(file, BEFORE_THE_SANDBOX)
    reader = Ledger(file, read_only=True)
    (row,) = reader.rows()
    assert (row.paid, row.paid_usd, row.sandbox) == (Usage(input=60), 0.25, "none")
    assert spent_by_role(reader)[Role.JUDGE].usd == 0.125


@EACH_AGE
def test_a_reader_leaves_an_older_ledger_as_it_is(tmp_path: Path, lacking: tuple[str, ...]) -> None:
    file = tmp_path / "ledger.sqlite3"
    older_ledger(file, lacking)
    Ledger(file, read_only=True).close()
    with sqlite3.connect(file) as database:
        columns = {row[1] for row in database.execute("PRAGMA table_info(rollouts)")}
    database.close()
    assert not columns & set(lacking)


def test_the_ledger_is_durable_by_its_settings(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    database = ledger._database
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
