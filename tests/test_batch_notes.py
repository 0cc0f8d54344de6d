"""Notes of batches under way: what is found again, and what is forgotten."""

from contextlib import closing
from pathlib import Path

import pytest

from harness_search.errors import InputError
from harness_search.judging.model.batch_notes import SECONDS_KEPT, BatchNotes, Noted
from harness_search.layout import Layout
from harness_search.ledger.store import Ledger
from harness_search.search import set_aside


def test_a_search_that_starts_afresh_keeps_the_batches_under_way(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with BatchNotes(layout.noted_batches) as notes, closing(Ledger(layout.ledger)):
        notes.put("one", {"c0": ["x"]})
    set_aside(layout)
    with BatchNotes(layout.noted_batches) as notes:
        assert notes.batches() == {"one"}


def test_notes_find_questions_wherever_they_were_asked(tmp_path: Path) -> None:
    with BatchNotes(tmp_path / "b") as notes:
        notes.put("one", {"c0": ["x", "y"], "c1": ["z"]})
    with BatchNotes(tmp_path / "b") as notes:
        found = notes.find(["y", "z", "w"])
        assert found == {"y": Noted("one", "c0", 1, 2), "z": Noted("one", "c1", 0, 1)}
        notes.forget(["y"])
        assert notes.find(["x", "y"]).keys() == {"x"}
        notes.forget(["x", "z"])
        assert notes.batches() == frozenset()


def test_notes_forget_what_the_provider_no_longer_keeps(tmp_path: Path) -> None:
    with BatchNotes(tmp_path / "b", now=lambda: 0.0) as notes:
        notes.put("old", {"c0": ["x"]})
    with BatchNotes(tmp_path / "b", now=lambda: SECONDS_KEPT + 1) as notes:
        assert (notes.batches(), notes.find(["x"])) == (frozenset(), {})


def test_another_file_is_not_taken_for_notes(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(InputError, match="no readable notes"):
        BatchNotes(tmp_path / "b")
