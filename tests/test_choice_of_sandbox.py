"""Which sandbox a command takes, and that it never takes a weaker one by itself."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from forked import run_forked

from harness_search.errors import InputError
from harness_search.ledger.store import Ledger
from harness_search.sandbox import choice
from harness_search.sandbox.box import Box, Capabilities, Handle
from harness_search.sandbox.choice import BWRAP, LANDLOCK, NONE, choose, make_sandbox
from harness_search.workspace import open_workspace, prove_sandbox

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def evaluate(workspace_folder: Path) -> Command:
    """The real command, one trial of the baseline."""

    def run(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        return run_forked(
            *("evaluate", "baseline", "-k", "1", *arguments),
            folder=workspace_folder,
            environment={**os.environ, "PATH": path} if path else None,
        )

    return run


class Answering:
    """A sandbox that knows without trying whether it works."""

    isolated = True

    def __init__(self, name: str, usable: bool) -> None:
        self.name, self._usable = name, usable

    def probe(self) -> Capabilities:
        return Capabilities(self._usable, "it is broken", "mend it")

    async def start(self, box: Box) -> Handle:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("wanted", "working", "taken"),
    [
        ("auto", {BWRAP, LANDLOCK}, BWRAP),
        ("auto", {LANDLOCK}, LANDLOCK),
        ("auto", set(), None),
        (BWRAP, {BWRAP, LANDLOCK}, BWRAP),
        (BWRAP, {LANDLOCK}, None),
        (LANDLOCK, {BWRAP, LANDLOCK}, LANDLOCK),
        (LANDLOCK, {BWRAP}, None),
    ],
)
def test_the_strongest_that_works_is_taken_and_no_weaker_one_than_was_asked_for(
    wanted: str, working: set[str], taken: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "make_sandbox", lambda name: Answering(name, name in working))
    if taken is not None:
        assert choose(wanted, unsafe=False, file=Path("meta_harness.toml")) == taken
        return
    with pytest.raises(InputError, match=r"meta_harness\.toml: sandbox\.backend") as refusal:
        choose(wanted, unsafe=False, file=Path("meta_harness.toml"))
    assert "it is broken (mend it)" in str(refusal.value)
    assert "--unsafe-no-sandbox" in str(refusal.value)


def test_a_missing_sandbox_is_one_sentence_and_starts_nothing(
    evaluate: Command, workspace_folder: Path, tmp_path: Path
) -> None:
    settings = workspace_folder / "meta_harness.toml"
    text = settings.read_text()
    settings.write_text(text.replace('backend = "auto"', 'backend = "bwrap"'))
    git = shutil.which("git")
    assert git
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(git)
    done = evaluate(path=str(tmp_path / "bin"))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "bubblewrap is not installed" in done.stderr
    assert not (workspace_folder / "runs" / "ledger.sqlite3").exists()


@pytest.mark.parametrize("backend", ["none", "docker"])
def test_a_file_can_ask_for_no_other_sandbox(
    evaluate: Command, workspace_folder: Path, backend: str
) -> None:
    settings = workspace_folder / "meta_harness.toml"
    text = settings.read_text()
    settings.write_text(text.replace('backend = "auto"', f'backend = "{backend}"'))
    done = evaluate()
    assert done.returncode == 2
    assert f"sandbox.backend: found '{backend}', expected 'auto', 'bwrap' or" in done.stderr


def test_to_run_without_a_sandbox_is_said_and_marked_and_no_habit(
    evaluate: Command, workspace_folder: Path, sandbox: str
) -> None:
    if sandbox == NONE:
        pytest.skip("no sandbox works here")
    done = evaluate("--unsafe-no-sandbox")
    assert done.returncode == 0, done.stderr
    assert "UNSAFE" in done.stderr
    assert "UNSAFE" in done.stdout
    again = evaluate()
    assert again.returncode == 2
    assert "sandbox: found a search that was started with 'none'" in again.stderr


def test_a_search_keeps_the_sandbox_that_it_began_with(workspace_folder: Path) -> None:
    if not make_sandbox(LANDLOCK).probe().usable:
        pytest.skip("landlock does not work here")
    opened = open_workspace(workspace_folder, {})
    ledger = Ledger(opened.layout.ledger)
    ledger.set_identity({"sandbox": LANDLOCK})
    ledger.close()
    assert prove_sandbox(opened).sandbox == LANDLOCK


def test_an_unknown_sandbox_is_no_sandbox_at_all() -> None:
    with pytest.raises(ValueError, match="no sandbox is called"):
        make_sandbox("")
