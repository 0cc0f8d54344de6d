"""Whatever ran without a sandbox says so, wherever its figures are shown."""

import io
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import rollout_row
from forked import run_forked
from rich.console import Console

from harness_search.files import digest_bytes
from harness_search.ledger.digest import history_digest
from harness_search.ledger.figures import Shape
from harness_search.ledger.frontier import Frontier, frontier
from harness_search.ledger.lineage import Entry, record_lineage
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, RolloutRow, Split
from harness_search.ledger.sandboxes import listed, sandboxes, warning
from harness_search.ledger.scores import Weights
from harness_search.ledger.store import Ledger
from harness_search.reports.comparison import compare
from harness_search.reports.tables import print_comparison, print_frontier
from harness_search.rollouts.jobs import Harness
from harness_search.workspace import Workspace

SENTENCE = "UNSAFE: 2 of 4 rollouts ran without a sandbox"
WIDTH = 95
BOLD_RED = "\x1b[1;31m"


def row(harness: str, trial: int, sandbox: str, outcome: Outcome = Outcome.SCORED) -> RolloutRow:
    return replace(rollout_row(harness, trial=trial, outcome=outcome), sandbox=sandbox)


MIXED = [
    row("b", 1, "bwrap"),
    row("b", 2, "bwrap"),
    row("c", 1, "none"),
    row("c", 2, "none"),
]
SAFE = [replace(item, sandbox="bwrap") for item in MIXED]
ITERATIONS = [
    IterationRow(0, "b", "baseline", "", "", "", "", DecisionKind.BASELINE, ""),
    IterationRow(1, "c", "wild", "baseline", "baseline", "m", "", DecisionKind.PROMOTED, "more"),
]


def derived(rows: Sequence[RolloutRow]) -> Frontier:
    return frontier(ITERATIONS, rows, Shape({"a/t": 2}, 2, Weights()), simulated=False)


def printed(show: Callable[[Console], None], *, terminal: bool = False) -> str:
    """What a table looks like at a narrow terminal's width."""
    text = io.StringIO()
    system = "standard" if terminal else None
    show(
        Console(
            file=text,
            width=WIDTH,
            markup=False,
            force_terminal=terminal,
            color_system=system,
            _environ={},
        )
    )
    return text.getvalue()


# Counting.


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([], {}),
        ([row("h", 1, "bwrap"), row("h", 2, "landlock")], {"bwrap": 1, "landlock": 1}),
        ([row("h", 1, "landlock"), row("h", 1, "bwrap")], {"bwrap": 1}),
        ([row("h", 1, "none", Outcome.INFRA_FAILED), row("h", 1, "bwrap")], {"none": 1}),
        ([row("h", 1, "bwrap", Outcome.INFRA_FAILED), row("h", 1, "none")], {"none": 1}),
        (
            [row("h", 1, "none"), row("h", 2, "bwrap"), row("h", 3, "bwrap")],
            {"bwrap": 2, "none": 1},
        ),
    ],
)
def test_one_attempt_without_a_sandbox_makes_a_rollout_unsafe(
    attempts: list[RolloutRow], expected: dict[str, int]
) -> None:
    assert sandboxes(attempts) == expected


def test_sandboxes_are_listed_with_the_most_used_first() -> None:
    assert list(sandboxes([*MIXED, row("d", 1, "none")])) == ["none", "bwrap"]
    assert listed({"bwrap": 4}) == "bwrap"
    assert listed({"bwrap": 180, "none": 36}) == "bwrap 180, none 36"


def test_nothing_is_said_where_everything_was_sandboxed() -> None:
    assert warning({"bwrap": 3, "landlock": 1}) == ""
    assert warning({}) == ""


# The frontier.


def test_the_frontier_names_the_unsafe_harness_and_their_share() -> None:
    found = derived(MIXED)
    document = found.to_json()
    assert document["sandboxes"] == {"bwrap": 2, "none": 2}
    assert [item["sandboxes"] for item in document["rows"]] == [{"bwrap": 2}, {"none": 2}]
    table = printed(lambda console: print_frontier(console, found))
    assert SENTENCE in table
    assert table.count("unsafe") == 1
    assert "2 unsafe" in table.split("wild")[1]
    assert all(len(line) <= WIDTH for line in table.splitlines() if "UNSAFE" not in line)


def test_a_sandboxed_frontier_is_not_called_unsafe() -> None:
    table = printed(lambda console: print_frontier(console, derived(SAFE)))
    assert "unsafe" not in table.lower()


def test_the_warning_is_bold_and_red_on_a_terminal() -> None:
    table = printed(lambda console: print_frontier(console, derived(MIXED)), terminal=True)
    assert f"{BOLD_RED}{SENTENCE}" in table


def test_rollouts_of_harnesses_outside_the_search_are_not_the_frontiers() -> None:
    assert derived([*SAFE, row("evaluated alone", 1, "none")]).sandboxes == {"bwrap": 4}


def test_a_proposer_hears_of_unsafe_rollouts_and_not_of_what_they_could_read() -> None:
    text = history_digest(derived(MIXED), ITERATIONS)
    assert SENTENCE in text
    assert "could read" not in text
    assert "UNSAFE" not in history_digest(derived(SAFE), ITERATIONS)


def test_the_lineage_says_what_a_harness_ran_in(tmp_path: Path) -> None:
    from git import Repo

    repository = tmp_path / "lineage.git"
    entries = {row.harness: Entry(row, b"# source", "") for row in derived(MIXED).rows}
    record_lineage(repository, list(entries), "wild", entries.__getitem__)
    with Repo(repository) as repo:
        messages = {head.name: str(head.commit.message) for head in repo.heads}
    assert "\nSandbox: bwrap" in messages["baseline"]
    assert "\nSandbox: none" in messages["wild"]


# A comparison.


def compared(workspace: Workspace, sandbox: str) -> tuple[list[Harness], list[RolloutRow]]:
    """The baseline in bwrap and another harness in `sandbox`, each once on each dev task."""
    harnesses = [Harness(name, Path(name), name) for name in ("baseline", "wild")]
    rows = [
        replace(rollout_row(harness.name, task=task.id, total=4), sandbox=used)
        for harness, used in zip(harnesses, ("bwrap", sandbox), strict=True)
        for task in workspace.splits.dev
    ]
    return harnesses, rows


def test_a_comparison_says_which_side_ran_without_a_sandbox(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(trials=1)
    found = compare(workspace, Split.DEV, *compared(workspace, "none"), opening=0)
    document = found.to_json()
    assert document["sandboxes"] == {"bwrap": 6, "none": 6}
    assert [item["sandboxes"] for item in document["rows"]] == [{"bwrap": 6}, {"none": 6}]
    table = printed(lambda console: print_comparison(console, found))
    assert "UNSAFE: 6 of 12 rollouts ran without a sandbox" in table
    assert "6 unsafe" in table
    safe = compare(workspace, Split.DEV, *compared(workspace, "landlock"), opening=0)
    table = printed(lambda console: print_comparison(console, safe))
    assert "unsafe" not in table.lower()


def test_a_harness_without_a_finished_rollout_is_marked_too(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(trials=1)
    (harness, _), rows = compared(workspace, "none")
    lost = [replace(item, outcome=Outcome.INFRA_FAILED, sandbox="none") for item in rows[:6]]
    document = compare(workspace, Split.DEV, [harness], lost, opening=0).to_json()
    assert document["rows"] == [{"harness": "baseline", "coverage": 0.0, "sandboxes": {"none": 6}}]


# The command line, on a ledger on disk.


def command(workspace: Path, *arguments: str) -> str:
    done = run_forked(*arguments, folder=workspace)
    assert done.returncode == 0, done.stderr
    return done.stdout


def searched(workspace: Path, sandbox: str) -> None:
    """A search that has run one rollout of its baseline in a sandbox."""
    digest = digest_bytes([(workspace / "harnesses" / "baseline.py").read_bytes()])
    task = (workspace / "dev_split.txt").read_text().split()[0]
    with closing(Ledger(workspace / "runs" / "ledger.sqlite3")) as ledger:
        ledger.put_iteration(IterationRow(0, digest, "baseline", "", "", "", "", None, ""))
        done = replace(rollout_row(digest, task=task, total=4), sandbox=sandbox)
        rollout, _ = ledger.begin(done.key, 1, 1)
        ledger.finish(rollout, done, [])


def test_status_and_frontier_warn_of_a_search_without_a_sandbox(workspace_folder: Path) -> None:
    searched(workspace_folder, "none")
    share = "UNSAFE: 1 of 1 rollouts ran without a sandbox"
    for name in ("status", "frontier"):
        assert share in command(workspace_folder, name).splitlines()[-1]
        document = json.loads(command(workspace_folder, name, "--json"))
        assert document["sandboxes"] == {"none": 1}


def test_status_names_the_sandbox_of_a_search(workspace_folder: Path) -> None:
    assert "sandbox" not in command(workspace_folder, "status")
    searched(workspace_folder, "landlock")
    said = command(workspace_folder, "status")
    assert "sandbox    landlock" in said
    assert "UNSAFE" not in said
