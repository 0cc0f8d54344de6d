"""The commands around the gate, as a user meets them: what they print, and what they refuse."""

import errno
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import copy_workspace, opener
from scripted_proposer import Scripted, delivers_nothing, placebo, run
from typer.testing import CliRunner, Result

from harness_search.benchmark.initialise import initialise
from harness_search.commands.application import new_application
from harness_search.configuration.reading import read_settings
from harness_search.workspace import Workspace

REAL = """
[profiles.real]
base_url = "http://127.0.0.1:9"
model = "some-model"
price = {input = 1.0, output = 1.0}
"""


def meta(*arguments: str | Path) -> Result:
    return CliRunner().invoke(new_application(), [str(item) for item in arguments])


@pytest.fixture(scope="module")
def searched(
    new_workspace: Path, kit: Path, sandbox: str, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A search with one orphan, and a harness that it may have promoted and confirmed; to be looked
    at only."""
    root = copy_workspace(new_workspace, tmp_path_factory.mktemp("searched") / "workspace", kit)
    settings = root / "meta_harness.toml"
    settings.write_text(settings.read_text().replace("min_delta = 1.0", "min_delta = 0.0"))
    workspace = opener(root, sandbox)(iterations=2, trials=1)
    run(workspace, Scripted(delivers_nothing, placebo))
    return workspace


def test_the_frontier_document_tells_of_gate_ceiling_and_confirmation(searched: Workspace) -> None:
    document = json.loads(meta("frontier", "--json", "-w", searched.layout.root).stdout)
    assert document["gate"]["preset"] == "standard"
    assert document["gate"]["overrides"] == {"min_delta": 0.0}
    shown = " ".join(meta("frontier", "-w", searched.layout.root).stdout.split())
    assert "Gate `standard` with min_delta 0" in shown
    assert document["ceiling"]["criteria"] == 24
    promoted = [row["decision"] for row in document["rows"]].count("promoted")
    assert document["gate"]["promotions"] == promoted
    assert (document["confirmation"] is not None) == bool(promoted)
    assert all(row["rollouts"] == 6 for row in document["rows"])


def test_a_decision_can_be_looked_at_task_by_task(searched: Workspace) -> None:
    shown = meta("decision", "1", "-w", searched.layout.root)
    assert "Iteration 1: candidate_1" in shown.stdout
    assert "Stage: 1 trial" in shown.stdout
    document = json.loads(meta("decision", "1", "--json", "-w", searched.layout.root).stdout)
    assert document["verdict"] == "reject"
    assert (document["gate"]["name"], document["gate"]["min_delta"]) == ("standard", 0.0)
    assert len(document["tasks"]) == 6
    differences = [task["difference"] for task in document["tasks"]]
    assert differences == sorted(differences, reverse=True)
    assert sum(differences) / 6 == pytest.approx(document["gain"]["difference"], abs=1e-3)


def test_a_decision_goes_by_the_name_of_its_harness_too(searched: Workspace) -> None:
    by_name, by_number = (
        meta("decision", name, "--json", "-w", searched.layout.root).stdout
        for name in ("candidate_1", "1")
    )
    assert by_name == by_number != ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("baseline", "one that the gate has decided on"), ("7", "an iteration from 0 to")],
)
def test_a_decision_that_was_not_made_is_refused(
    searched: Workspace, name: str, expected: str
) -> None:
    refused = meta("decision", name, "-w", searched.layout.root)
    assert refused.exit_code == 2
    assert expected in refused.stderr


@pytest.fixture
def kept(searched: Workspace) -> Iterator[Path]:
    """The decision of the first iteration, to be damaged; it is as it was afterwards."""
    file = searched.layout.decision(1)
    text = file.read_text()
    yield file
    if file.is_symlink():
        file.unlink()
    file.write_text(text)


DAMAGED = (
    (b'{"bad', "damaged JSON"),
    (b"", "damaged JSON (line 1, column 1)"),
    (b"\xff\xfe", "text that is not UTF-8"),
    (b"[" * 100_000, "JSON that is nested too deeply"),
    (b"[1, 2]", "no JSON object"),
    (b"{}", "no decision"),
    (b'{"iteration": NaN}', "the number NaN"),
    (b'{"iteration": 2}', "no decision"),
)


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize(("content", "words"), DAMAGED, ids=[str(at) for at in range(len(DAMAGED))])
def test_a_damaged_decision_is_said_in_words(
    searched: Workspace, kept: Path, content: bytes, words: str, more: tuple[str, ...]
) -> None:
    kept.write_bytes(content)
    refused = meta("decision", "1", *more, "-w", searched.layout.root)
    assert refused.exit_code == 2
    assert isinstance(refused.exception, SystemExit), "not a traceback"
    assert refused.stdout == ""
    said = refused.stderr
    assert said.startswith(f"meta-harness: {kept}: found ")
    assert words in said
    assert said.endswith("expected the decision of iteration 1, as the gate left it\n")


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_decision_that_cannot_be_read_is_said_in_words(
    searched: Workspace, kept: Path, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, **_: object) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(Path, "read_text", broken_for(kept, broken))
    refused = meta("decision", "1", *more, "-w", searched.layout.root)
    assert refused.exit_code == 2
    assert f"{kept}: found a file that cannot be read (input/output error)" in refused.stderr


def broken_for(file: Path, broken: Callable[..., str]) -> Callable[..., str]:
    """`Path.read_text`, but for one file."""
    usual = Path.read_text
    return lambda path, **how: (broken if path == file else usual)(path, **how)


@pytest.mark.parametrize(
    "changed", [{"harness": None}, {"gain": {"interval": [0.0, 1.0], "chance": None}}]
)
def test_a_decision_that_lacks_a_figure_is_shown_without_it(
    searched: Workspace, kept: Path, changed: dict[str, Any]
) -> None:
    document = json.loads(kept.read_text())
    for name, value in changed.items():
        if value is None:
            del document[name]
        else:
            document[name] = {**document[name], **value}
    kept.write_text(json.dumps(document))
    shown = meta("decision", "1", "-w", searched.layout.root)
    assert shown.exit_code == 0
    assert "Iteration 1: candidate_1" in shown.stdout
    assert "Stage: 1 trial" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--iterations", "1", "-k", "3"), "`meta-harness noise` first, or --waive-noise"),
        (("--iterations", "1", "-k", "3", "--fresh"), "`meta-harness noise --fresh`"),
        (("--iterations", "1", "-k", "2", "--waive-noise"), "at least 3 (36 tasks go with 2"),
        (
            (
                "--preset",
                "strictest",
            ),
            "--preset",
        ),
    ],
)
def test_a_real_model_is_not_searched_in_unknown_noise_or_by_too_few_rollouts(
    workspace_folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    with (workspace_folder / "meta_harness.toml").open("a") as settings:
        settings.write(REAL)
    refused = meta("run", "--profile", "real", *arguments, "-w", workspace_folder)
    assert refused.exit_code == 2, refused.output
    assert words in refused.stderr
    assert not (workspace_folder / "runs" / "ledger.sqlite3").exists()


@pytest.mark.parametrize(
    ("promotion", "words"),
    [
        ("preset = 'brave'", ["promotion.preset", "'brave'"]),
        ("sure_chance = 1.0", ["promotion.sure_chance", "1.0"]),
        ("most_trials = 0", ["promotion.most_trials", "0"]),
        ("gate = 'nowhere'", ["promotion.gate", "'nowhere'"]),
        ("gate = 'no_such_module:Gate'", ["promotion.gate", "no_such_module"]),
    ],
)
def test_a_wrong_number_of_the_gate_is_named(
    workspace_folder: Path, promotion: str, words: list[str]
) -> None:
    file = workspace_folder / "meta_harness.toml"
    text = (
        file.read_text()
        .replace('preset = "standard"', "")
        .replace("[promotion]", f"[promotion]\n{promotion}")
    )
    file.write_text(text)
    refused = meta("run", "--iterations", "0", "-w", workspace_folder)
    assert refused.exit_code == 2, refused.output
    assert all(word in refused.stderr for word in words), refused.stderr
    assert not (workspace_folder / "runs" / "ledger.sqlite3").exists()


def test_a_shape_sets_dev_tasks_and_trials(workspace_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    tasks = workspace_folder / "tasks"
    done = meta("init", folder, "--tasks", tasks, "--shape", "4x2", "--test", "1", "--json")
    assert json.loads(done.stdout) == {"workspace": str(folder), "dev": 4, "test": 1}
    assert read_settings(folder / "meta_harness.toml", {}).search.trials == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--shape", "24"], "for example 24x3"),
        (["--shape", "0x3"], "for example 24x3"),
        (["--shape", "24x3", "--dev", "24"], "none beside --shape"),
        (["--shape", "500x3"], "500"),
    ],
)
def test_a_shape_that_is_none_makes_no_workspace(
    workspace_folder: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    refused = meta("init", tmp_path / "new", "--tasks", workspace_folder / "tasks", *options)
    assert refused.exit_code == 2, refused.output
    assert words in refused.stderr
    assert not (tmp_path / "new").exists()


def test_presets_scale_with_the_number_of_trials(workspace_folder: Path) -> None:
    def rules(flags: dict[str, Any]) -> tuple[int, int, int]:
        found = read_settings(workspace_folder / "meta_harness.toml", flags).rules
        return found.trials, found.most_trials, found.incumbent_trials

    assert rules({}) == (3, 6, 0)
    assert rules({"preset": "seed"}) == (3, 3, 0)
    assert rules({"preset": "strict", "trials": 2}) == (2, 4, 4)
    assert rules({"trials": 1}) == (1, 2, 0)


def test_initialise_leaves_trials_alone_without_a_shape(
    workspace_folder: Path, tmp_path: Path
) -> None:
    initialise(tmp_path / "new", workspace_folder / "tasks", dev=4, test=1, seed=0)
    assert read_settings(tmp_path / "new" / "meta_harness.toml", {}).search.trials == 3


def test_a_search_keeps_the_gate_it_began_with(searched: Workspace) -> None:
    other, text = searched.layout.settings, searched.layout.settings.read_text()
    other.write_text(text.replace('preset = "standard"', 'preset = "seed"'))
    try:
        document = json.loads(meta("frontier", "--json", "-w", searched.layout.root).stdout)
    finally:
        other.write_text(text)
    assert document["gate"]["preset"] == "standard"
    refused = meta("run", "--preset", "strict", "-w", searched.layout.root)
    assert refused.exit_code == 2
    assert "preset" in refused.stderr
    assert "'standard'" in refused.stderr


def test_the_status_tells_of_the_gate(searched: Workspace) -> None:
    assert "Gate `standard`" in meta("status", "-w", searched.layout.root).stdout
    document = json.loads(meta("status", "--json", "-w", searched.layout.root).stdout)
    assert document["gate"]["promotions"] in {0, 1}
