"""The lineage, and what git itself makes of it."""

import os
import subprocess
from pathlib import Path

import pytest

from harness_search.errors import SearchStoppedError
from harness_search.ledger import git_objects, lineage
from harness_search.ledger.frontier import FrontierRow
from harness_search.ledger.lineage import Entry, mirror_lineage, missing_in
from harness_search.ledger.rows import DecisionKind

NAMES = ("baseline", "candidate_1")


def entry_of(name: str) -> Entry:
    number = NAMES.index(name)
    decision = DecisionKind.PROMOTED if number else DecisionKind.BASELINE
    row = FrontierRow(
        iteration=number,
        harness=name,
        parent=NAMES[0] if number else "",
        incumbent=NAMES[0] if number else "",
        mechanism="",
        decision=decision,
        score=None,
        gain=None,
        reason="a reason",
    )
    return Entry(row, f"# {name}\n".encode(), "{}" if number else "")


def mirror(repository: Path) -> None:
    mirror_lineage(repository, NAMES, NAMES[-1], entry_of)


def git(repository: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    return subprocess.run(
        ["git", "-C", str(repository), *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def ids(repository: Path) -> str:
    return git(repository, "for-each-ref", "--format=%(refname) %(objectname)")


def files(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    repository = tmp_path / "lineage.git"
    mirror(repository)
    return repository


def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The repositories that are looked at in full from here on."""
    found: list[Path] = []
    original = lineage.record_lineage

    def told(repository: Path, *others: object) -> int:
        found.append(repository)
        return original(repository, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(lineage, "record_lineage", told)
    return found


def test_git_is_content_with_a_lineage(written: Path) -> None:
    assert git(written, "fsck", "--strict", "--full") == ""
    subjects = git(written, "log", "--all", "--topo-order", "--format=%s").split()
    assert subjects == ["candidate_1", "baseline"]
    assert git(written, "show", "incumbent:harness.py") == "# candidate_1\n"


def test_ids_stay_when_a_lineage_is_brought_up_again(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(written)
    monkeypatch.setattr("time.time", lambda: 4e9)
    mirror(written)
    assert files(written) == before
    (written / "meta_harness_boot").write_text("another start of the machine")
    mirror(written)
    assert files(written) == before


def test_the_users_own_repository_is_never_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    git(own, "init", "--quiet")
    before = files(own)
    monkeypatch.setenv("GIT_DIR", str(own / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(own))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(own / ".git" / "objects"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(own / ".git" / "index"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(own))
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", "reftable")
    repository = tmp_path / "lineage.git"
    mirror(repository)
    assert files(own) == before
    assert git(repository, "fsck", "--strict") == ""
    assert git(repository, "config", "core.repositoryformatversion") == "0\n"


@pytest.mark.parametrize("lock", ["HEAD.lock", "refs/heads/candidate_1.lock", "packed-refs.lock"])
def test_a_lock_that_was_left_moves_nothing_aside(written: Path, lock: str) -> None:
    before = git(written, "rev-parse", "baseline")
    (written / lock).touch()
    (written / "refs" / "heads" / "candidate_1").unlink()
    (written / "HEAD").write_text("")
    mirror(written)
    assert git(written, "rev-parse", "baseline") == before
    assert [path.name for path in written.parent.iterdir()] == [written.name]
    assert missing_in(written, NAMES) == []


def test_an_empty_object_is_none(written: Path) -> None:
    commit = git(written, "rev-parse", "candidate_1").strip()
    blob = git(written, "rev-parse", "candidate_1:harness.py").strip()
    for found in (commit, blob):
        file = written / "objects" / found[:2] / found[2:]
        file.unlink()
        file.touch()
        assert not git_objects.is_there(written, found)
    assert git_objects.store(written, "blob", entry_of("candidate_1").source) == blob
    assert git_objects.is_there(written, blob)


@pytest.mark.parametrize("reboot", [False, True])
def test_what_git_has_packed_is_there(
    written: Path, monkeypatch: pytest.MonkeyPatch, reboot: bool
) -> None:
    before = ids(written)
    git(written, "gc", "--quiet")
    assert not list((written / "refs" / "heads").iterdir())
    assert git_objects.is_there(written, git(written, "rev-parse", "baseline").strip())
    assert not git_objects.is_there(written, "0" * 40)
    if reboot:
        (written / "meta_harness_boot").unlink()
    seen = opened(monkeypatch)
    mirror(written)
    mirror(written)
    assert seen == [written] * reboot
    assert ids(written) == before
    assert not list((written / "refs" / "heads").iterdir())


def test_a_folder_of_branches_that_somebody_made_is_left_alone(written: Path) -> None:
    git(written, "branch", "my/own", "baseline")
    before = git(written, "rev-parse", "refs/heads/baseline")
    (written / "HEAD").write_text("")
    mirror(written)
    assert git(written, "rev-parse", "my/own") == before


@pytest.mark.parametrize("damage", ["packed-refs", "objects", "refs/heads/candidate_1", ""])
def test_something_else_where_a_file_should_be_is_damage(written: Path, damage: str) -> None:
    place = written / damage
    if place.exists():
        place.rename(written.parent / "before")
    if damage in {"objects", ""}:
        place.touch()
    else:
        place.mkdir()
    if damage:
        (written / "HEAD").write_text("")
    mirror(written)
    assert git(written, "fsck", "--strict") == ""
    assert missing_in(written, NAMES) == []
    assert (written.parent / "lineage.git.damaged-1").exists()


def test_a_lineage_that_cannot_be_written_anew_is_one_clear_error(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(repository: Path, *others: object) -> int:
        raise ValueError(str(repository))

    monkeypatch.setattr(lineage, "record_lineage", failing)
    (written / "HEAD").write_text("")
    with pytest.raises(SearchStoppedError, match="nothing was lost"):
        mirror(written)
