"""A search whose ledger is gone is not begun anew over its own evidence."""

import json
import shutil
from pathlib import Path

import pytest

from harness_search.commands.opening import open_to_run
from harness_search.errors import InputError
from harness_search.layout import Layout
from harness_search.lost_ledger import require_ledger
from harness_search.search import set_aside


@pytest.fixture
def lost(measured_workspace: Path, tmp_path: Path) -> Layout:
    """A measured workspace, with a candidate, whose ledger was emptied."""
    root = shutil.copytree(measured_workspace, tmp_path / "lost", symlinks=True)
    layout = Layout(Path(root))
    shutil.copy(layout.baseline, layout.candidate("iteration_001"))
    shutil.copy(layout.baseline, layout.candidate("mine"))
    (layout.dev_evidence / "iteration_001").mkdir()
    open_to_run(layout.root, {}, unsafe=False)
    for file in layout.runs.glob("ledger.sqlite3*"):
        file.write_bytes(b"") if file == layout.ledger else file.unlink()
    return layout


@pytest.mark.parametrize("found", ["an empty file", "no such file"])
def test_evidence_without_its_ledger_keeps_a_run_from_starting(lost: Layout, found: str) -> None:
    if found == "no such file":
        lost.ledger.unlink()
    before = sorted(lost.runs.rglob("*"))
    with pytest.raises(InputError, match=f"{found} beside rollouts in runs/dev.*--fresh") as error:
        open_to_run(lost.root, {}, unsafe=False)
    assert error.value.exit_code == 2
    assert sorted(lost.runs.rglob("*")) == before


@pytest.mark.parametrize("content", [None, b"", b"x" * 9_000])
def test_fresh_sets_the_evidence_aside_whatever_became_of_the_ledger(
    lost: Layout, content: bytes | None
) -> None:
    lost.ledger.unlink()
    if content is not None:
        lost.ledger.write_bytes(content)
    open_to_run(lost.root, {}, unsafe=False, adopt=False)
    set_aside(lost)
    assert not lost.dev_evidence.exists()
    assert not lost.ledger.exists()
    kept = lost.archive / "search-1"
    assert (kept / "dev" / "baseline").is_dir()
    assert [file.name for file in (kept / "harnesses").iterdir()] == ["iteration_001.py"]
    assert {file.stem for file in lost.harnesses.glob("*.py")} == {"baseline", "mine"}
    open_to_run(lost.root, {}, unsafe=False)


@pytest.mark.parametrize("left", ["iteration", "incumbent", "sessions"])
def test_each_trace_of_a_search_counts(tmp_path: Path, left: str) -> None:
    layout = Layout(tmp_path)
    if left == "sessions":
        layout.session(3).mkdir(parents=True)
    else:
        state = {"iteration": 2 if left == "iteration" else 0}
        state |= {"incumbent": "baseline"} if left == "incumbent" else {}
        layout.loop_state.write_text(json.dumps(state))
    with pytest.raises(InputError, match="no such file"):
        require_ledger(layout)


def test_what_a_kill_in_the_first_moments_leaves_is_no_search(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    require_ledger(layout)
    layout.session(0).mkdir(parents=True)
    layout.dev_evidence.mkdir()
    for file in (layout.ledger, layout.lock, layout.heartbeat, layout.events, layout.loop_state):
        file.touch()
    require_ledger(layout)
