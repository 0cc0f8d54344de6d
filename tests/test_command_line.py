"""The command line as a newcomer meets it."""

import contextlib
import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import is_untouched, keep_dev_tasks, rollout_row, write_task
from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.files import digest_bytes
from harness_search.gateway.prices import FREE
from harness_search.ledger.rows import IterationRow, Role, Usage
from harness_search.ledger.store import Ledger

COMMAND = (sys.executable, "-m", "meta_harness")


def in_a_process(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=folder
    )


def meta_harness(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the same command in this process, which has imported it already."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(new_application(), arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def test_help_names_every_command() -> None:
    done = in_a_process("--help")
    assert done.returncode == 0
    for name in ("run", "evaluate", "frontier", "status", "test", "tasks", "init", "doctor"):
        assert name in done.stdout


def test_a_search_from_init_to_the_held_out_comparison(tmp_path: Path) -> None:
    for number in range(5):
        write_task(tmp_path / "my tasks", number)
    done = meta_harness(
        *("init", "place", "--tasks", "my tasks", "--dev", "3", "--test", "2", "--json"),
        folder=tmp_path,
    )
    assert json.loads(done.stdout) == {"workspace": "place", "dev": 3, "test": 2}
    place = tmp_path / "place"
    assert "none yet" in meta_harness("status", folder=place).stdout
    done = in_a_process("run", "--iterations", "1", "-k", "1", "-n", "3", "--json", folder=place)
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
    held_out = in_a_process("test", folder=place)
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


def ledger_with_one_rollout(workspace: Path) -> None:
    """A search that has paid for one of six rollouts of its baseline, and for a judge."""
    digest = digest_bytes([(workspace / "harnesses" / "baseline.py").read_bytes()])
    with closing(Ledger(workspace / "runs" / "ledger.sqlite3")) as ledger:
        row = IterationRow(0, digest, "baseline", "", "", "", "", None, "")
        ledger.put_iteration(row)
        done = rollout_row(digest, task=(workspace / "dev_split.txt").read_text().split()[0])
        rollout, _ = ledger.begin(done.key, 1, 1)
        ledger.finish(rollout, replace(done, paid=Usage(40_000), paid_usd=0.5), [])
        ledger.record_spending(Role.JUDGE, "rollout", Usage(output=2_000), 0.25)
    with closing(Ledger(workspace / "runs" / "test" / "ledger.sqlite3")) as ledger:
        rollout, _ = ledger.begin(done.key, 1, 1)
        ledger.mark_interrupted(rollout, Usage(output=1_000), 0.125)


def set_budget(workspace: Path, text: str) -> None:
    file = workspace / "meta_harness.toml"
    file.write_text(file.read_text().replace("[budget]", f"[budget]\n{text}", 1))


def mirror(workspace: Path, pid: int, **more: object) -> None:
    state: dict[str, object] = {
        **more,
        "pid": pid,
        "reserved_usd": 0.5,
        "reserved_tokens": 9_000,
        "in_flight": 2,
    }
    state |= {"limit": 20, "throttled": 0, "written_at": "2026-01-01T00:00:00", "state": "running"}
    (workspace / "runs" / "account.json").write_text(json.dumps(state))


def test_status_shows_who_spent_what_is_left_and_what_is_to_come(workspace_folder: Path) -> None:
    ledger_with_one_rollout(workspace_folder)
    set_budget(workspace_folder, "usd = 4.0\nrollout_tokens = 50_000")
    mirror(workspace_folder, os.getpid())
    status = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert status["spent"]["usd"] == 0.875
    assert status["spent"]["tokens"] == 43_000
    assert status["spent"]["by_role"]["judge"]["usd"] == 0.25
    assert status["spent"]["by_role"]["rollout"]["tokens"]["input"] == 40_000
    assert status["spent"]["test_split"]["usd"] == 0.125
    assert status["reserved"] == {"usd": 0.5, "tokens": 9_000}
    assert status["gateway"]["in_flight"] == 2
    assert (status["budget"]["usd"], status["budget"]["usd_left"]) == (4.0, 2.625)
    assert status["budget"]["tokens_left"] is None
    trials = 3
    expected = status["forecast"]
    assert expected["open"] == {"usd": 6 * trials * 0.5, "tokens": 6 * trials * 40_000}
    assert expected["iteration"]["usd"] == 6 * trials * 0.5 + 0.25
    assert expected["over_budget"] is True


def test_status_of_a_running_scaffold_shows_the_budget_that_it_was_given(
    workspace_folder: Path,
) -> None:
    ledger_with_one_rollout(workspace_folder)
    mirror(workspace_folder, os.getpid(), budget={"usd": 2.0})
    status = json.loads(meta_harness("status", "--json", folder=workspace_folder).stdout)
    assert (status["budget"]["usd"], status["budget"]["usd_left"]) == (2.0, 0.625)


def test_status_is_short_and_fits_a_terminal(workspace_folder: Path) -> None:
    ledger_with_one_rollout(workspace_folder)
    set_budget(workspace_folder, "usd = 4.0\ntokens = 90_000_000\nrollout_tokens = 50_000")
    mirror(workspace_folder, os.getpid())
    lines = meta_harness("status", folder=workspace_folder).stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 18
    text = "\n".join(lines)
    for words in ("0.88 USD, 43 k tokens", "judge 0.25 USD", "test split 0.12 USD", "OVER BUDGET"):
        assert words in text
    assert "4.00 USD (2.62 USD left)" in text


def test_status_forgets_what_a_dead_scaffold_held(workspace_folder: Path) -> None:
    ledger_with_one_rollout(workspace_folder)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mirror(workspace_folder, dead.pid)
    ended = json.dumps({"pid": os.getpid(), "reserved_usd": 1.0, "state": "ended"})
    for content in (None, "{", '{"pid": "x"}', "[]", '{"pid": -1}', ended):
        if content is not None:
            (workspace_folder / "runs" / "account.json").write_text(content)
        done = meta_harness("status", "--json", folder=workspace_folder)
        status = json.loads(done.stdout)
        assert status["reserved"] == {"usd": 0.0, "tokens": 0}
        assert status["gateway"] is None


def test_status_of_an_unpriced_model_shows_no_dollars(workspace_folder: Path) -> None:
    with (workspace_folder / "meta_harness.toml").open("a") as stream:
        stream.write("\n[profiles.odd]\nbase_url = 'http://localhost:1'\nmodel = 'odd-1'\n")
    file = workspace_folder / "meta_harness.toml"
    file.write_text(file.read_text().replace('profile = "simulated"', 'profile = "odd"'))
    done = meta_harness("status", folder=workspace_folder)
    assert "USD unknown (no price), 0 tokens" in done.stdout
    with closing(Ledger(workspace_folder / "runs" / "ledger.sqlite3")) as ledger:
        ledger.set_identity({"price": FREE.model_dump_json()})
    done = meta_harness("status", folder=workspace_folder)
    assert "0.00 USD, 0 tokens" in done.stdout


def test_a_new_workspace_has_a_table_of_prices_of_its_own(
    workspace_folder: Path, repository: Path
) -> None:
    copied = workspace_folder / "prices.toml"
    assert copied.read_text() == (repository / "prices.toml").read_text()
    copied.write_text("[models.x]\ninput = 'much'\noutput = 1\n")
    done = meta_harness("status", folder=workspace_folder)
    assert done.returncode == 2
    assert "prices.toml: models.x.input" in done.stderr


def test_a_harness_of_ones_own_is_evaluated_by_its_file(
    workspace_folder: Path, tmp_path: Path
) -> None:
    keep_dev_tasks(workspace_folder, 2)
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
    assert is_untouched(workspace_folder / "runs")


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
    assert is_untouched(workspace_folder / "runs")


def test_two_versions_of_a_harness_keep_their_own_evidence(workspace_folder: Path) -> None:
    keep_dev_tasks(workspace_folder, 2)
    file = workspace_folder / "harnesses" / "mine.py"
    for version in (1, 2):
        file.write_text(f"def solve(task, model):\n    print({version})\n")
        done = meta_harness("evaluate", "mine", "-k", "1", "--json", folder=workspace_folder)
        assert done.returncode == 0, done.stderr
    logs = list((workspace_folder / "runs" / "dev").rglob("harness.log"))
    assert sorted({log.read_text().strip() for log in logs}) == ["1", "2"]
    assert len(logs) == 4


def test_a_reader_that_goes_away_does_not_stop_a_search(workspace_folder: Path) -> None:
    keep_dev_tasks(workspace_folder, 4)
    process = subprocess.Popen(
        [*COMMAND, "run", "--iterations", "0", "-k", "1"],
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
    assert (status["rollouts_done"], status["open"]) == (4, None)


def test_sigterm_ends_a_run_cleanly(workspace_folder: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", "--iterations", "0"],
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
    size = ("--dev", "3", "--test", "1")
    done = meta_harness(
        "tasks", "build", "--seed", "3", "--out", "b", *size, "--json", folder=tmp_path
    )
    built = json.loads(done.stdout)
    assert (len(built["dev"]), len(built["test"])) == (3, 1)
    done = meta_harness("tasks", "check", "b", folder=tmp_path)
    assert done.returncode == 0
    assert "4 tasks" in done.stdout
    task = next((tmp_path / "b").rglob("task.json"))
    task.write_text(task.read_text().replace('"id": "C-002"', '"id": "C-001"'))
    done = meta_harness("tasks", "check", "b", folder=tmp_path)
    assert done.returncode == 2
