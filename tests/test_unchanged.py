"""A file that has changed is read again, whatever its times and its size say."""

import os
from pathlib import Path

import pytest

from harness_search.audit import unchanged
from harness_search.audit.unchanged import Digests, state_of, states_below


def taken(known: Digests, file: Path) -> str:
    return known.of("it", [state_of(file)], lambda: file.read_text(encoding="utf-8"))


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the files of a test had not been changed for a long time."""
    monkeypatch.setattr(unchanged, "RECENT", -(10**18))


def test_a_file_changed_a_moment_ago_is_read_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of a file system may be too coarse to tell two changes apart."""
    file, known = tmp_path / "f", Digests()
    file.write_text("one")
    frozen = state_of(file)
    assert taken(known, file) == "one"
    file.write_text("two")  # of the same size
    monkeypatch.setattr("test_unchanged.state_of", lambda _: frozen)
    assert taken(known, file) == "two"


@pytest.mark.usefixtures("long_ago")
def test_nothing_is_read_again_while_it_stays(tmp_path: Path) -> None:
    file, known, read = tmp_path / "f", Digests(), list[str]()
    file.write_text("one")
    for _ in range(3):
        known.of("it", [state_of(file)], lambda: read.append("once"))
    assert read == ["once"]


@pytest.mark.usefixtures("long_ago")
@pytest.mark.parametrize("way", ["in place", "replaced"])
def test_a_change_with_the_old_size_and_the_old_times_is_seen(tmp_path: Path, way: str) -> None:
    """As an editor leaves it that keeps the times of a file, or `cp -p`."""
    file, known = tmp_path / "f", Digests()
    file.write_text("one")
    before = file.stat()
    assert taken(known, file) == "one"
    if way == "replaced":
        (tmp_path / "g").write_text("two")
        (tmp_path / "g").replace(file)
    else:
        while file.stat().st_ctime_ns == before.st_ctime_ns:  # a coarse clock
            file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert taken(known, file) == "two"


@pytest.mark.usefixtures("long_ago")
def test_a_file_more_or_less_is_another_state(tmp_path: Path) -> None:
    folder, known = tmp_path / "folder", Digests()
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.py").write_text("")

    def names() -> list[str]:
        states = tuple(states_below(folder, (".py",)))
        return known.of("it", states, lambda: sorted(Path(state[0]).name for state in states))

    assert names() == ["a.py"]
    (folder / "b.py").write_text("")
    (folder / "b.txt").write_text("")
    assert names() == ["a.py", "b.py"]
    (folder / "deep" / "a.py").unlink()
    assert names() == ["b.py"]
