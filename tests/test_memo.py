"""What is derived is kept for as long as its rows stay, and never for a moment longer."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conftest import rollout_row
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.ledger.bills import bills_of
from harness_search.ledger.derived import Derived, source_of
from harness_search.ledger.figures import Shape
from harness_search.ledger.frontier import Frontier, frontier, frontier_of
from harness_search.ledger.gains import Variance
from harness_search.ledger.kept import Kept
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome
from harness_search.ledger.scores import Weights
from harness_search.ledger.store import MEMO, Ledger

CRITERIA = {"a/t": 2, "a/u": 3}
KINDS = (DecisionKind.PROMOTED, DecisionKind.ORPHAN, DecisionKind.INCONCLUSIVE, None)
TRIALS = (1, 2, 1_001, 2_001)

Change = Callable[[Ledger], None]


def finished(ledger: Ledger, number: int, task: str, trial: int, passed: int, lost: bool) -> None:
    outcome = Outcome.INFRA_FAILED if lost else Outcome.SCORED
    row = rollout_row(f"digest-{number}", task, trial, min(passed, CRITERIA[task]), CRITERIA[task])
    rollout, _ = ledger.begin(row.key, 1, 1)
    ledger.finish(rollout, replace(row, outcome=outcome), [("C-1", "pass", "")])


def changed(ledger: Ledger, statement: str, number: int) -> None:
    """By somebody else, who knows nothing of memos."""
    with closing(sqlite3.connect(ledger.file)) as database, database:
        database.execute(statement, (f"digest-{number}",))


def decided(ledger: Ledger, number: int, kind: DecisionKind | None) -> None:
    name, incumbent = f"h{number}", f"h{max(0, number - 1)}" if number else ""
    kind = kind if number else DecisionKind.BASELINE
    ledger.put_iteration(
        IterationRow(number, f"digest-{number}", name, incumbent, incumbent, "m", "{}", kind, "")
    )


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """One thing that happens to a ledger."""
    number = draw(st.integers(0, 2))
    match draw(st.integers(0, 4)):
        case 0 | 1:
            task, trial = draw(st.sampled_from(sorted(CRITERIA))), draw(st.sampled_from(TRIALS))
            passed, lost = draw(st.integers(0, 3)), draw(st.booleans())
            return lambda ledger: finished(ledger, number, task, trial, passed, lost)
        case 2:
            kind = draw(st.sampled_from(KINDS))
            return lambda ledger: decided(ledger, number, kind)
        case 3:
            edit = "UPDATE rollouts SET passed = (passed + 1) % total WHERE harness = ?"
            return lambda ledger: changed(ledger, edit, number)
        case _:
            edit = "UPDATE rollouts SET status = 'interrupted' WHERE harness = ? AND trial = 1"
            return lambda ledger: changed(ledger, edit, number)


def begun(file: Path) -> Ledger:
    """A baseline, an orphan and a promoted harness with one rollout of each task."""
    ledger = Ledger(file)
    for number, kind in enumerate((None, DecisionKind.ORPHAN, DecisionKind.PROMOTED)):
        decided(ledger, number, kind)
        for task in CRITERIA:
            finished(ledger, number, task, 1, number, lost=False)
    return ledger


def anew(ledger: Ledger, shape: Shape) -> Frontier:
    return frontier(ledger.iterations(), ledger.rows(), shape, simulated=True)


def remembered(ledger: Ledger, shape: Shape) -> Frontier:
    derived = Derived(source_of(ledger), shape, ledger.memo)
    return frontier_of(ledger.iterations(), derived, simulated=True)


SHAPES = st.builds(
    Shape,
    st.just(CRITERIA),
    st.integers(1, 2),
    st.builds(Weights, st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 0.5])),
    st.sampled_from([None, 3]),
    st.sampled_from([None, Variance(9.0, 4), Variance(25.0, 4)]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(changes(), SHAPES, st.booleans()), min_size=4, max_size=12))
def test_what_is_remembered_is_what_would_be_derived_anew(
    steps: list[tuple[Change, Shape, bool]],
) -> None:
    """Whatever becomes of rows, decisions and weights, also across processes."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.sqlite3"
        ledger = begun(file)
        for change, shape, is_new_process in steps:
            change(ledger)
            assert remembered(ledger, shape) == anew(ledger, shape)
            if is_new_process:
                ledger.memo.save()
                ledger.close()
                ledger = Ledger(file)
        ledger.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A ledger with a memo of what its two harnesses come to."""
    file = tmp_path / "ledger.sqlite3"
    with closing(Ledger(file)) as ledger:
        for number, passed in enumerate((1, 2)):
            decided(ledger, number, DecisionKind.ORPHAN)
            for task in CRITERIA:
                finished(ledger, number, task, 1, passed, lost=False)
        remembered(ledger, SHAPE)
        ledger.memo.save()
    yield file
    with closing(Ledger(file)) as ledger:
        assert remembered(ledger, SHAPE) == anew(ledger, SHAPE)


SHAPE = Shape(CRITERIA, 1, Weights())


def test_another_process_need_not_read_what_has_not_changed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Ledger(file, read_only=True)) as ledger:
        expected = anew(ledger, SHAPE)
        monkeypatch.setattr(Ledger, "rows", None)
        assert remembered(ledger, SHAPE) == expected
    monkeypatch.undo()


@pytest.mark.parametrize("edit", ["replace(value, '2', '1')", "'[]'", "'no json'", "NULL"])
def test_a_value_that_somebody_has_touched_is_not_used(file: Path, edit: str) -> None:
    with closing(sqlite3.connect(file.with_name(MEMO))) as database, database:
        database.execute("CREATE TABLE other AS SELECT * FROM kept")
        database.execute("DROP TABLE kept")
        database.execute("ALTER TABLE other RENAME TO kept")
        assert database.execute(f"UPDATE kept SET value = {edit}").rowcount > 2


@pytest.mark.parametrize("content", [b"", b"no database at all, only some text" * 40])
def test_a_memo_that_is_no_memo_is_no_error(file: Path, content: bytes) -> None:
    file.with_name(MEMO).write_bytes(content)


def test_a_ledger_put_back_and_gone_on_otherwise_finds_nothing_of_its_other_future(
    file: Path,
) -> None:
    with closing(Ledger(file)) as ledger, closing(sqlite3.connect(":memory:")) as backup:
        ledger._database.backup(backup)
        finished(ledger, 1, "a/t", 2, 2, lost=False)
        remembered(ledger, replace(SHAPE, trials=2))
        remembered(ledger, SHAPE)
        ledger.memo.save()
        backup.backup(ledger._database)
    with closing(Ledger(file)) as ledger:
        finished(ledger, 1, "a/t", 2, 0, lost=False)
        assert remembered(ledger, replace(SHAPE, trials=2)) == anew(
            ledger, replace(SHAPE, trials=2)
        )


def test_where_nothing_may_be_written_nothing_is_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "no such folder" / MEMO)
    kept.put("figures", "state", [1])
    kept.save()
    assert Kept(tmp_path / "no such folder" / MEMO).find("figures", "state") is None


def test_bills_are_added_up_again_when_a_row_has_changed(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        finished(ledger, 0, "a/t", 1, 1, lost=False)
        with closing(Ledger(ledger.file, read_only=True)) as reader:
            assert bills_of(reader) is bills_of(reader)
            changed(ledger, "UPDATE rollouts SET paid_usd = 2 WHERE harness = ?", 0)
            assert [bill.paid.usd for bill in bills_of(reader)] == [2.0]
