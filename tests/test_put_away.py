"""What is left of a session once its iteration is closed."""

from pathlib import Path

import pytest
from recorded import SOURCE, small

from harness_search.files import digest_bytes, share
from harness_search.layout import Layout
from harness_search.proposers.feedback import show_sources
from harness_search.proposers.view import clear_view

NAMES = ("baseline", "lander", "breaker")
KNOWN = {name: digest_bytes([SOURCE.format(name).encode()]) for name in NAMES}


@pytest.fixture
def view(tmp_path: Path) -> Path:
    (tmp_path / "SKILL.md").write_text("the contract")
    found = small(tmp_path).show().view
    (found / "harnesses" / "candidate.py").write_text("its own")
    (found / "notes").mkdir()
    (found / "notes" / "digest.md").write_text("its own, too")
    (found / "pending_eval.json").write_text("{}")
    return found


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_a_session_wrote_stays_and_what_it_was_given_goes(view: Path) -> None:
    for _ in range(2):  # a crash in between does it again
        clear_view(view, KNOWN)
        assert files(view) == {"harnesses/candidate.py", "notes/digest.md", "pending_eval.json"}


def test_a_source_that_a_session_has_changed_stays(view: Path) -> None:
    (view / "harnesses" / "lander.py").write_text("changed by the session")
    clear_view(view, KNOWN)
    assert (view / "harnesses" / "lander.py").read_text() == "changed by the session"
    assert not (view / "harnesses" / "breaker.py").exists()


def test_what_a_session_put_in_the_place_of_the_given_goes_without_being_followed(
    view: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.py").write_text("")
    (view / "digest.md").unlink()
    (view / "digest.md").symlink_to(outside, target_is_directory=True)
    (view / "SKILL.md").unlink()
    (view / "SKILL.md").mkdir()
    clear_view(view, {"kept": digest_bytes([b""])})
    assert not (view / "digest.md").exists()
    assert not (view / "SKILL.md").exists()
    assert (outside / "kept.py").is_file()


def test_the_same_content_takes_its_place_on_disk_once(tmp_path: Path) -> None:
    kept, file, other = (tmp_path / name for name in ("kept.py", "file.py", "other.py"))
    for path, text in ((kept, "same"), (file, "same"), (other, "another")):
        path.write_text(text)
    share(kept, other)
    assert (kept.read_text(), kept.stat().st_nlink) == ("same", 1)
    share(kept, file)
    assert kept.samefile(file)
    share(kept, file)
    share(kept, tmp_path / "none")
    assert files(tmp_path) == {"kept.py", "file.py", "other.py"}


def test_a_link_is_never_made_the_same_as_a_file(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("same")
    link.symlink_to(file)
    share(link, file)
    assert link.is_symlink()


def test_sources_are_shown_beside_their_evidence_once(tmp_path: Path) -> None:
    layout, shown = Layout(tmp_path), tmp_path / "shown"
    layout.harnesses.mkdir()
    layout.candidate("one").write_text("as it was")
    for _ in range(2):
        show_sources(shown, layout, ["one", "gone"])
        (found,) = shown.rglob("*.py")
        assert (found.parent.name, found.read_text()) == ("one", "as it was")
        layout.candidate("one").unlink(missing_ok=True)
    assert not (shown / "gone").exists()
