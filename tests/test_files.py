"""Files are replaced whole, and digests tell different contents apart."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.files import digest_text, write_atomically


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "new" / "state.json"
    write_atomically(file, "old")
    write_atomically(file, "new")
    assert file.read_text() == "new"
    assert [path.name for path in file.parent.iterdir()] == ["state.json"]


def test_a_failed_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state.json"
    write_atomically(file, "old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_written_file_is_readable_by_its_owner(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) & 0o600 == 0o600


@given(st.lists(st.text()), st.lists(st.text()))
def test_two_lists_share_a_digest_only_when_they_are_equal(
    left: list[str], right: list[str]
) -> None:
    assert (digest_text(*left) == digest_text(*right)) == (left == right)
