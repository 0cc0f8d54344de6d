"""The command line as a newcomer meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import write_task


def meta_harness(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "meta_harness", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def test_help_names_every_command() -> None:
    done = meta_harness("--help")
    assert done.returncode == 0
    for name in ("run", "evaluate", "frontier", "status", "test", "tasks", "init"):
        assert name in done.stdout


def test_a_search_from_init_to_the_held_out_comparison(tmp_path: Path) -> None:
    for number in range(8):
        write_task(tmp_path / "my tasks", number)
    done = meta_harness(
        *("init", "place", "--tasks", "my tasks", "--dev", "6", "--test", "2", "--json"),
        folder=tmp_path,
    )
    assert json.loads(done.stdout) == {"workspace": "place", "dev": 6, "test": 2}
    place = tmp_path / "place"
    assert "none yet" in meta_harness("status", folder=place).stdout
    done = meta_harness("run", "--iterations", "1", "-k", "1", "-n", "3", "--json", folder=place)
    assert done.returncode == 0, done.stderr
    frontier = json.loads(done.stdout)
    assert frontier["iteration"] == 1
    assert frontier["simulated"] is True
    assert [row["iteration"] for row in frontier["rows"]] == [0, 1]
    assert frontier["rows"][0]["coverage"] == 1.0
    assert json.loads(meta_harness("frontier", "--json", folder=place).stdout) == frontier
    table = meta_harness("frontier", folder=place).stdout
    assert "simulated" in table
    assert frontier["incumbent"] in table
    status = json.loads(meta_harness("status", "--json", folder=place).stdout)
    assert (status["iteration"], status["incumbent"]) == (1, frontier["incumbent"])
    held_out = meta_harness("test", folder=place)
    progress, table = held_out.stdout.split("Held-out test split")
    assert "pooled" not in progress
    assert "pooled" in table
    one = json.loads(meta_harness("evaluate", "baseline", "--json", folder=place).stdout)
    assert one["rows"][0]["pooled"] == frontier["rows"][0]["pooled"]
    for opening in (2, 3):
        test = json.loads(meta_harness("test", "--json", folder=place).stdout)
        assert test["opening"] == opening
        assert test["split"] == "test"
        assert all(row["coverage"] == 1.0 for row in test["rows"])
    fresh = meta_harness(
        *("run", "--fresh", "--seed", "5", "--iterations", "0", "-k", "1"), folder=place
    )
    assert fresh.returncode == 0, fresh.stderr
    assert (place / "runs" / "archive" / "search-1" / "ledger.sqlite3").is_file()
    assert json.loads(meta_harness("frontier", "--json", folder=place).stdout)["iteration"] == 0
    assert json.loads(meta_harness("test", "--json", folder=place).stdout)["opening"] == 4


def test_a_harness_of_ones_own_is_evaluated_by_its_file(
    workspace_folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def solve(task, model):\n    pass\n")
    done = meta_harness("evaluate", str(file), "-k", "1", "--json", folder=workspace_folder)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert row["harness"].startswith("mine-")
    assert row["pooled"] == 0


def broken(folder: Path, file: str, content: str) -> None:
    (folder / file).write_text(content)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("meta_harness.toml", "[search]\nsed = 3\n", ["meta_harness.toml", "search.sed"]),
        ("dev_split.txt", "tax/no-such-task\n", ["dev_split.txt", "line 1", "no-such-task"]),
        ("dev_split.txt", "", ["dev_split.txt", "at least one"]),
    ],
)
def test_bad_input_is_one_sentence_and_starts_nothing(
    workspace_folder: Path, file: str, content: str, words: list[str]
) -> None:
    broken(workspace_folder, file, content)
    done = meta_harness("run", folder=workspace_folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in done.stderr
    assert not (workspace_folder / "runs").exists()


def test_an_overlap_of_dev_and_test_is_refused(workspace_folder: Path) -> None:
    first = (workspace_folder / "dev_split.txt").read_text().splitlines()[0]
    broken(workspace_folder, "test_split.txt", f"{first}\n")
    done = meta_harness("run", folder=workspace_folder)
    assert done.returncode == 2
    assert "test_split.txt" in done.stderr
    assert first in done.stderr


def test_a_task_that_changed_since_the_splits_were_drawn_is_refused(workspace_folder: Path) -> None:
    first = (workspace_folder / "dev_split.txt").read_text().splitlines()[0]
    (workspace_folder / "tasks" / first / "documents" / "lease.txt").write_text("other")
    done = meta_harness("run", folder=workspace_folder)
    assert done.returncode == 2
    assert first in done.stderr


def test_a_malformed_task_is_refused_by_file_and_field(workspace_folder: Path) -> None:
    first = (workspace_folder / "dev_split.txt").read_text().splitlines()[0]
    file = workspace_folder / "tasks" / first / "task.json"
    content = json.loads(file.read_text())
    content["criteria"][1]["id"] = "C-001"
    file.write_text(json.dumps(content))
    done = meta_harness("run", folder=workspace_folder)
    assert done.returncode == 2
    assert "task.json" in done.stderr
    assert "criteria.1.id" in done.stderr


@pytest.mark.parametrize("arguments", [["run"], ["status"], ["frontier"], ["test"]])
def test_a_folder_without_a_workspace_says_what_to_do(tmp_path: Path, arguments: list[str]) -> None:
    done = meta_harness(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "meta-harness init" in done.stderr


def test_an_unknown_harness_is_answered_with_the_known_ones(workspace_folder: Path) -> None:
    done = meta_harness("evaluate", "no_such_one", folder=workspace_folder)
    assert done.returncode == 2
    assert "baseline" in done.stderr


def test_a_name_with_a_path_in_it_is_a_file_or_nothing(
    workspace_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("def solve(task, model):\n    pass\n")
    done = meta_harness("evaluate", str(tmp_path / "mine"), folder=workspace_folder)
    assert done.returncode == 2
    assert not (workspace_folder / "runs").exists()


def test_two_versions_of_a_harness_keep_their_own_evidence(workspace_folder: Path) -> None:
    file = workspace_folder / "harnesses" / "mine.py"
    for version in (1, 2):
        file.write_text(f"def solve(task, model):\n    print({version})\n")
        done = meta_harness("evaluate", "mine", "-k", "1", "--json", folder=workspace_folder)
        assert done.returncode == 0, done.stderr
    logs = list((workspace_folder / "runs" / "dev").rglob("harness.log"))
    assert sorted({log.read_text().strip() for log in logs}) == ["1", "2"]
    assert len(logs) == 12


def test_a_reader_that_goes_away_does_not_stop_a_search(workspace_folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "meta_harness", "run", "--iterations", "0", "-k", "1"],
        cwd=workspace_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait()
    status = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert (status["rollouts_done"], status["open"]) == (6, None)


def test_sigterm_ends_a_run_cleanly(workspace_folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "meta_harness", "run", "--iterations", "0"],
        cwd=workspace_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    _, errors = process.communicate()
    assert process.returncode == 143
    assert errors.strip() == "meta-harness: stopped; the same command goes on from here"
    runtime = Path((workspace_folder / "runs" / "runtime").read_text())
    assert not runtime.exists()


def test_init_refuses_to_write_over_a_workspace(workspace_folder: Path) -> None:
    done = meta_harness("init", ".", "--tasks", "tasks", folder=workspace_folder)
    assert done.returncode == 2
    assert "existing workspace" in done.stderr


def test_tasks_are_built_and_checked(tmp_path: Path) -> None:
    done = meta_harness("tasks", "build", "--seed", "3", "--out", "b", "--json", folder=tmp_path)
    assert len(json.loads(done.stdout)["tasks"]) == 20
    done = meta_harness("tasks", "check", "b", folder=tmp_path)
    assert done.returncode == 0
    assert "20 tasks" in done.stdout
    task = next((tmp_path / "b").rglob("task.json"))
    task.write_text(task.read_text().replace('"id": "C-002"', '"id": "C-001"'))
    done = meta_harness("tasks", "check", "b", folder=tmp_path)
    assert done.returncode == 2
