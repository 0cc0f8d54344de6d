"""`export`, as a person and a program meet it: files of rows, what is in them, what is refused."""

import csv
import json
import os
import re
import shutil
import subprocess
import tracemalloc
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_workspace, rollout_row
from rows_on_disk import write
from test_command_line import COMMAND, meta_harness

from harness_search.ledger.openings import log_opening
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, Purpose, Usage
from harness_search.ledger.store import Ledger
from harness_search.reports.export import COLUMNS, What, exported
from harness_search.reports.rows_as_text import Format, safe_cell, write_rows
from harness_search.workspace import open_workspace

HOSTILE = '=HYPERLINK("http://x","y")\r\n\x1b[2J\x00 \u202eevil\u2028,";'
CANDIDATE = IterationRow(
    1, "c" * 64, "candidate_1", "baseline", "baseline", "second_look", "", None, "@reason"
)
CLAIM = {
    "hypothesis": HOSTILE + "\ud800",
    "changes": 7,
    "fix_tasks": ["=a/t", "b/t", 3],
    "aim": "cost",
}
GAIN = {
    "difference": -1.5,
    "fixed_task_error": 0.5,
    "clustered_error": None,
    "interval": [-2.5, -0.5],
    "chance": 0.25,
    "shrunken": -1.0,
}
DOCUMENT = {
    "iteration": 1,
    "verdict": "reject",
    "stage": "1 trial",
    "reason": "no gain",
    "notes": ["-a note"],
    "remarks": [],
    "coverage": float("nan"),
    "rollouts": {"candidate": 6, "incumbent": 0},
    "gain": GAIN,
    "tasks": [],
}


def dev_task(workspace: Path) -> str:
    return read_split(workspace / "dev_split.txt")[0]


def read_split(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


@pytest.fixture(scope="module")
def searched(new_workspace: Path, kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search that was left in the middle of its first candidate; to be looked at only."""
    root = copy_workspace(new_workspace, tmp_path_factory.mktemp("searched") / "workspace", kit)
    task, claim = dev_task(root), json.dumps({"iteration": 1, "candidates": [CLAIM]})
    with closing(Ledger(root / "runs" / "ledger.sqlite3")) as ledger:
        baseline = IterationRow(
            0, "b" * 64, "baseline", "", "", "", "", DecisionKind.BASELINE, "where it starts"
        )
        ledger.put_iteration(baseline)
        ledger.put_iteration(replace(CANDIDATE, claim=claim, decision=DecisionKind.ORPHAN))
        scored = replace(
            rollout_row("b" * 64, task, 1, 1, total=4),
            reason=HOSTILE,
            usage=Usage(1, 2, 3, 4),
            cost_usd=0.125,
            paid=Usage(5, 6, 7, 8),
            served_model="+model",
        )
        rollout, _ = ledger.begin(scored.key, 1, 1)
        ledger.finish(rollout, scored, [("C-001", "pass", "-1 is said"), ("C-002", "fail", "")])
        ledger.settle(scored, "second-1", [("C-002", "pass", HOSTILE)])
        lost = rollout_row("c" * 64, task, 1, 0, outcome=Outcome.INFRA_FAILED)
        rollout, _ = ledger.begin(lost.key, 1, 1)
        ledger.finish(rollout, lost, [])
        rollout, _ = ledger.begin(lost.key, 1, 1)
        ledger.mark_interrupted(rollout)
        ledger.begin(lost.key, 1, 1)
    folder = root / "runs" / "iterations" / "001"
    folder.mkdir(parents=True)
    (folder / "decision.json").write_text(json.dumps({**DOCUMENT, "coverage": 1.0}))
    return root


def lines_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines; raises ValueError for what JSON does not have."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    text = file.read_text(encoding="ascii")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def rows_of(searched: Path, folder: Path, what: What, *more: str) -> list[dict[str, Any]]:
    target = folder / f"{what}.jsonl"
    done = meta_harness(
        *("export", "-w", str(searched), "--what", what, "-o", str(target), "--force", *more),
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    return lines_of(target)


def test_all_tables_are_written_and_csv_says_what_json_lines_say(
    searched: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    for kind in Format:
        words = ("export", "-w", str(root), "--format", kind)
        done = meta_harness(*words, folder=tmp_path)
        assert "runs/export/rollouts." in done.stdout
        assert "Simulated: these figures show" in done.stdout
    for what in What:
        with (root / "runs" / "export" / f"{what}.csv").open(
            encoding="utf-8", newline=""
        ) as stream:
            in_csv = list(csv.DictReader(stream))
        in_json = lines_of(root / "runs" / "export" / f"{what}.jsonl")
        assert [tuple(row) for row in in_csv] == [COLUMNS[what]] * len(in_json)
        assert [tuple(row) for row in in_json] == [COLUMNS[what]] * len(in_json)
        for said, meant in zip(in_csv, in_json, strict=True):
            assert said == {name: as_cell(value) for name, value in meant.items()}


def as_cell(value: Any) -> str:
    """What `docs/reports.md` says of cells."""
    if isinstance(value, str):
        return safe_cell(value)
    if isinstance(value, bool | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def test_every_attempt_is_a_row_and_says_whether_it_counts(searched: Path, tmp_path: Path) -> None:
    rows = rows_of(searched, tmp_path, What.ROLLOUTS)
    shown = [(row["harness"], row["attempt"], row["status"], row["counts"]) for row in rows]
    assert shown == [
        ("baseline", 1, "done", True),
        ("candidate_1", 1, "done", False),
        ("candidate_1", 2, "interrupted", False),
        ("candidate_1", 3, "running", False),
    ]
    assert rows[3]["seconds"] is None
    first = rows[0]
    assert first["practice_area"] == dev_task(searched).split("/")[0]
    assert (first["criteria_passed"], first["criteria_total"]) == (2, 4)
    assert [first[f"tokens_{kind}"] for kind in ("input", "cache_read")] == [1, 4]
    assert [first[f"paid_tokens_{kind}"] for kind in ("input", "cache_read")] == [5, 8]
    assert (first["cost_usd"], first["reason"], first["simulated"]) == (0.125, HOSTILE, True)


def test_a_verdict_has_its_title_its_reason_and_what_the_first_judge_said(
    searched: Path, tmp_path: Path
) -> None:
    first, second = rows_of(searched, tmp_path, What.VERDICTS)
    assert first["title"].startswith("Secret criterion title")
    assert (first["harness"], first["verdict"], first["reason"]) == (
        "baseline",
        "pass",
        "-1 is said",
    )
    assert (first["first_verdict"], first["settled_by"]) == (None, None)
    assert (second["verdict"], second["reason"]) == ("pass", HOSTILE)
    assert (second["first_verdict"], second["settled_by"]) == ("fail", "second-1")


def test_a_decision_has_the_figures_of_the_gate_and_the_claim(
    searched: Path, tmp_path: Path
) -> None:
    baseline, candidate = rows_of(searched, tmp_path, What.DECISIONS)
    assert (baseline["decision"], baseline["gate_document"]) == ("baseline", "none")
    assert candidate["decision"] == "orphan"
    figures = ("difference", "interval_low", "interval_high", "shrunken")
    assert [candidate[f"{name}_points"] for name in figures] == [-1.5, -2.5, -0.5, -1.0]
    assert (candidate["chance"], candidate["rollouts_candidate"]) == (0.25, 6)
    assert candidate["hypothesis"] == f"{HOSTILE}\ufffd"
    assert (candidate["changes"], candidate["fix_tasks"]) == (None, ["=a/t", "b/t"])


@pytest.mark.parametrize("damage", [json.dumps(DOCUMENT), "[]", "{", '{"iteration": 1}'])
def test_a_damaged_document_of_the_gate_leaves_the_row_and_says_so(
    searched: Path, tmp_path: Path, damage: str
) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    (root / "runs" / "iterations" / "001" / "decision.json").write_text(damage)
    _, candidate = rows_of(root, tmp_path, What.DECISIONS)
    assert (candidate["gate_document"], candidate["difference_points"]) == ("damaged", None)
    assert candidate["decision"] == "orphan"


def test_nothing_is_overwritten_unasked(searched: Path, tmp_path: Path) -> None:
    (tmp_path / "decisions.csv").write_text("mine")
    words = ("export", "-w", str(searched), "--output", str(tmp_path))
    refused = meta_harness(*words, folder=tmp_path)
    assert refused.returncode == 2
    assert "decisions.csv: found a file that is there" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["decisions.csv"]
    document = json.loads(meta_harness(*words, "--force", "--json", folder=tmp_path).stdout)
    assert [item["rows"] for item in document["files"]] == [4, 2, 2]
    assert document["simulated"]
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / "decisions.csv").read_text() != "mine"


def test_a_device_is_replaced_at_nobodys_wish(searched: Path, tmp_path: Path) -> None:
    device = tmp_path / "decisions.csv"
    os.mkfifo(device)
    words = ("export", "-w", str(searched), "--what", "decisions", "-o", str(device), "--force")
    refused = meta_harness(*words, folder=tmp_path)
    assert (refused.returncode, "no regular file" in refused.stderr) == (2, True)
    assert device.is_fifo()


def test_what_breaks_on_the_way_leaves_no_file(searched: Path, tmp_path: Path) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    with closing(Ledger(root / "runs" / "ledger.sqlite3")) as ledger, ledger._transaction() as rows:
        rows.execute("UPDATE rollouts SET reason = CAST(x'ff' AS TEXT) WHERE id = 2")
    done = meta_harness("export", "-w", str(root), "-o", "out/", folder=tmp_path)
    assert done.returncode == 2
    assert "no readable ledger" in done.stderr
    assert not list((tmp_path / "out").iterdir())


def test_standard_output_takes_one_table(searched: Path, tmp_path: Path) -> None:
    words = ("export", "-w", str(searched), "--output", "-")
    done = meta_harness(*words, "--what", "verdicts", "--format", "jsonl", folder=tmp_path)
    assert [json.loads(line)["criterion"] for line in done.stdout.splitlines()] == [
        "C-001",
        "C-002",
    ]
    for more in ((), ("--what", "verdicts", "--json")):
        refused = meta_harness(*words, *more, folder=tmp_path)
        assert (refused.returncode, refused.stdout) == (2, "")
    several = meta_harness(*words[:-1], "all.csv", folder=tmp_path)
    assert "expected a folder for 3 tables, or one --what" in several.stderr
    assert not list(tmp_path.iterdir())


def test_whoever_reads_may_go(searched: Path, tmp_path: Path) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    write(root / "runs" / "ledger.sqlite3", "d" * 64, ["a/t" * 9_000] * 30, 1)
    words = ["export", "-w", "copy", "--what", "rollouts", "-o", "-"]
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("split,")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_a_workspace_without_a_search_says_so_in_a_sentence(
    workspace_folder: Path, tmp_path: Path
) -> None:
    for more in ((), ("--split", "ab"), ("--split", "test")):
        done = meta_harness("export", "-w", str(workspace_folder), *more, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert "found no rollouts, expected" in done.stderr
        assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["workspace"]


def test_decisions_are_of_the_searchs_own_rollouts(searched: Path, tmp_path: Path) -> None:
    words = ("export", "-w", str(searched), "--split", "ab", "--what", "decisions")
    done = meta_harness(*words, folder=tmp_path)
    assert done.returncode == 2
    assert "found decisions, expected rollouts or verdicts with --split ab" in done.stderr


def test_the_test_split_is_exported_once_it_was_opened_and_is_whole(
    searched: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    ledger, tasks = root / "runs" / "test" / "ledger.sqlite3", read_split(root / "test_split.txt")
    write(ledger, "b" * 64, tasks, 1)
    words = ("export", "-w", str(root), "--split", "test", "-o", "out/")
    assert meta_harness(*words, folder=tmp_path).returncode == 2
    log_opening(root / "runs" / "test_openings.jsonl", ["baseline"], "simulated")
    refused = meta_harness(*words, folder=tmp_path)
    assert refused.returncode == 3
    assert "not fully covered (baseline 2 of 6 rollouts)" in refused.stderr
    assert not (tmp_path / "out").exists()
    for trial in (2, 3):
        write(ledger, "b" * 64, tasks, 1, trial)
    assert meta_harness(*words, folder=tmp_path).returncode == 0
    with (tmp_path / "out" / "rollouts-test.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {(row["split"], row["harness"]) for row in rows} == {("test", "baseline")}
    assert len(rows) == 6
    assert {row["split"] for row in rows_of(root, tmp_path, What.ROLLOUTS)} == {"dev"}


def test_an_export_is_of_one_moment_whatever_is_written_meanwhile(
    searched: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    with exported(open_workspace(root, {}, to_run=False), Purpose.SEARCH) as source:
        write(root / "runs" / "ledger.sqlite3", "d" * 64, ["a/t"], 1)
        assert len(list(source.rows(What.ROLLOUTS))) == 4


def test_a_ledger_of_any_length_passes_in_little_memory(searched: Path, tmp_path: Path) -> None:
    root = shutil.copytree(searched, tmp_path / "copy", symlinks=True)
    task, text = dev_task(root), "x" * 1_000_000
    with closing(Ledger(root / "runs" / "ledger.sqlite3")) as ledger:
        row = rollout_row("b" * 64, task, 2, 1, total=4)
        rollout, _ = ledger.begin(row.key, 1, 1)
        ledger.finish(rollout, row, [(f"C-{number}", "pass", text) for number in range(30)])
    workspace = open_workspace(root, {}, to_run=False)
    tracemalloc.start()
    try:
        with (
            exported(workspace, Purpose.SEARCH) as source,
            (tmp_path / "verdicts.csv").open("w") as stream,
        ):
            columns, rows = COLUMNS[What.VERDICTS], source.rows(What.VERDICTS)
            assert write_rows(stream, Format.CSV, columns, rows) == 32
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000


def test_the_page_names_every_column(repository: Path) -> None:
    page = (repository / "docs" / "reports.md").read_text(encoding="utf-8")
    for what in What:
        _, _, section = page.partition(f"\n### {what.value}\n")
        rows = re.findall(r"^\| (`[^|]+) \|", section.partition("\n### ")[0], re.MULTILINE)
        named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
        assert named == list(COLUMNS[what])


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--output", "/proc/nowhere/"),
        ("report", "--output", "/proc/nowhere/report.html"),
        ("report", "--pages", "/proc/nowhere"),
    ],
)
def test_where_nothing_can_be_made_is_one_sentence(
    searched: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    refused = meta_harness(*words, "-w", str(searched), folder=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == "meta-harness: /proc/nowhere: nothing can be made in this folder\n"
