"""`gate simulate`: what it prints, writes and refuses."""

import json
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from conftest import rollout_row
from typer.testing import CliRunner

from harness_search.commands.gate import gate_commands
from harness_search.ledger.replicates import NOISE_IS_KNOWN
from harness_search.ledger.rows import Role, RolloutKey, Split, Usage
from harness_search.ledger.store import Ledger
from harness_search.promotion.rules import PRESETS
from harness_search.search import record_baseline
from harness_search.workspace import Workspace

application = typer.Typer()
application.add_typer(gate_commands, name="gate")
FEW = ["--searches", "20", "--iterations", "3"]


def simulate(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(application, ["gate", "simulate", *FEW, *arguments])
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


@pytest.fixture
def workspace(repository: Path, tmp_path: Path) -> Path:
    """One with a gate of its own numbers."""
    text = (repository / "meta_harness.toml").read_text(encoding="utf-8")
    text = text.replace('preset = "standard"', 'preset = "economy"')
    text = text.replace("min_delta = 1.0", "min_delta = 2.5")
    (tmp_path / "meta_harness.toml").write_text(text, encoding="utf-8")
    for name in ("dev_split.txt", "test_split.txt", "tasks"):
        (tmp_path / name).symlink_to(repository / name)
    return tmp_path


def test_all_presets_are_compared_when_none_is_named() -> None:
    text = simulate()
    assert all(f"\n{name} " in text for name in PRESETS)
    assert "nothing about any language model" in text


def test_the_document_names_what_was_simulated_and_every_figure() -> None:
    document = json.loads(simulate("--preset", "seed", "--preset", "standard", "--json"))
    assert document["simulated"] is True
    assert (document["searches"], document["iterations"], document["noise"]) == (20, 3, "reference")
    assert list(document["gates"]) == ["seed", "standard"]
    assert document["gates"]["seed"]["rollouts"] == 4 * 72
    assert set(document["gates"]["seed"]) >= {
        "gain", "promoted", "false", "harmful", "missed", "inflation", "gain_per_thousand",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_document() -> None:
    first, again, other = (simulate("--json", "--seed", seed) for seed in ("5", "5", "6"))
    assert first == again != other


def test_other_shapes_of_a_dev_split_are_simulated() -> None:
    document = json.loads(simulate("--json", "--preset", "seed", "--tasks", "36", "--trials", "2"))
    assert document["gates"]["seed"]["rollouts"] == 4 * 72


@pytest.mark.parametrize(
    ("suffix", "beginning"), [(".png", b"\x89PNG"), (".svg", b"<svg")], ids=["png", "svg"]
)
def test_a_picture_is_written(tmp_path: Path, suffix: str, beginning: bytes) -> None:
    file = tmp_path / f"gates{suffix}"
    simulate("--preset", "seed", "--plot", str(file))
    assert file.read_bytes().startswith(beginning)


def test_a_picture_names_every_gate_and_says_what_it_is_of(tmp_path: Path) -> None:
    file = tmp_path / "gates.svg"
    simulate("--plot", str(file))
    text = " ".join(ElementTree.fromstring(file.read_text()).itertext())
    assert all(name in text for name in PRESETS)
    assert "SIMULATED" in text
    assert "95 % intervals of the mean over searches" in text


def test_a_single_search_has_no_interval() -> None:
    few = ("--searches", "1", "--preset", "seed")
    assert "±" not in simulate(*few).split("\n\n")[0].partition("Means of a search")[0]
    assert json.loads(simulate(*few, "--json"))["gates"]["seed"]["gain_half_width"] is None


def test_a_workspace_s_own_gate_is_compared_with_the_presets(workspace: Path) -> None:
    document = json.loads(simulate("--json", "--workspace", str(workspace)))
    assert list(document["gates"]) == [*PRESETS, "configured"]
    configured, economy = (document["gates"][name] for name in ("configured", "economy"))
    assert configured["promoted"] < economy["promoted"]


def test_a_project_without_a_noise_run_is_told_to_make_one(workspace: Path) -> None:
    text = simulate("--noise", "project", "--workspace", str(workspace), code=2)
    assert "meta-harness noise" in text


def test_a_project_s_noise_is_that_of_its_a_a_run(
    workspace_folder: Path, open_tiny: Callable[..., Workspace]
) -> None:
    measured(open_tiny())
    text = simulate("--json", "--noise", "project", "--workspace", str(workspace_folder))
    document = json.loads(text)
    assert (document["noise"], document["tasks"], document["trials"]) == ("project", 6, 3)
    assert document["gates"]["seed"]["rollouts"] == 6 * (6 + 3 * 3)  # the A/A run, and candidates
    refused = simulate(
        "--noise", "project", "--tasks", "9", "--workspace", str(workspace_folder), code=2
    )
    assert "--tasks" in refused


def costs(*arguments: str) -> tuple[float | None, list[float | None]]:
    """Of a rollout, and of a search under each gate."""
    document = json.loads(simulate("--json", "--preset", "seed", *arguments))
    return document["usd_per_rollout"], [gate["usd"] for gate in document["gates"].values()]


def test_a_search_costs_its_rollouts_at_the_price_given() -> None:
    assert costs("--usd-per-rollout", "0.25") == (0.25, [4 * 72 * 0.25])
    text = simulate("--preset", "seed", "--usd-per-rollout", "0.25")
    assert " 72.00 " in text
    assert "USD: 0.2500 for each rollout, judge included" in text


def test_without_a_price_no_cost_is_made_up(workspace: Path) -> None:
    assert costs() == (None, [None])
    assert costs("--workspace", str(workspace)) == (None, [None])
    text = simulate("--preset", "seed")
    row = next(line for line in text.splitlines() if line.startswith("seed "))
    assert "288 - " in " ".join(row.split())
    assert "--usd-per-rollout" in text


@pytest.mark.parametrize("noise", ["reference", "project"])
def test_a_project_s_price_is_what_rollouts_and_judge_have_paid(
    workspace_folder: Path, open_tiny: Callable[..., Workspace], noise: str
) -> None:
    workspace = open_tiny()
    measured(workspace, paid_usd=0.10)  # 36 rollouts
    arguments = ("--noise", noise, "--workspace", str(workspace_folder))
    assert costs(*arguments)[0] is None  # no price is known to the search
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        ledger.set_identity({"price": "known"})
        ledger.record_spending(Role.JUDGE, "grading", Usage(), 1.80)
        ledger.record_spending(Role.PROPOSER, "session", Usage(), 9.0)
    price, (usd,) = costs(*arguments)
    assert price == pytest.approx(0.15)
    rollouts = 6 * (6 + 3 * 3) if noise == "project" else 4 * 72
    assert usd == pytest.approx(rollouts * 0.15)
    assert costs(*arguments, "--usd-per-rollout", "2")[0] == 2


def test_a_picture_says_what_a_search_costs(tmp_path: Path) -> None:
    file = tmp_path / "gates.svg"
    simulate("--preset", "seed", "--usd-per-rollout", "0.5", "--plot", str(file))
    text = " ".join(ElementTree.fromstring(file.read_text()).itertext())
    assert "144 USD" in text


def measured(workspace: Workspace, paid_usd: float = 0.0) -> None:
    """Put a complete A/A run into the ledger."""
    chances = random.Random(0)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        record_baseline(workspace, ledger)
        ledger.set_identity({NOISE_IS_KNOWN: "2 x 3 trials"})
        for task in workspace.tasks(Split.DEV):
            for trial in range(1, 7):
                digest = workspace.digests[task.id]
                key = RolloutKey(workspace.baseline.digest, task.id, digest, trial, "simulated")
                rollout, _ = ledger.begin(key, 1, 1)
                row = rollout_row(passed=chances.randint(20, 30), total=40)
                ledger.finish(rollout, replace(row, key=key, paid_usd=paid_usd), [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--preset", "bold"), "one of: seed, standard, economy, strict, explore, configured"),
        (("--searches", "0"), "--searches: found 0"),
        (("--iterations", "0"), "--iterations: found 0"),
        (("--tasks", "0"), "--tasks: found 0"),
        (("--trials", "0"), "--trials: found 0"),
        (("--recall", "1.5"), "--recall: found 1.5"),
        (("--recall", "nan"), "--recall: found nan"),
        (("--usd-per-rollout", "-1"), "--usd-per-rollout: found -1"),
        (("--usd-per-rollout", "nan"), "--usd-per-rollout: found nan"),
        (("--seed", "-1"), "--seed: found -1"),
        (("--plot", "gates.gif"), "ending in .png or .svg"),
        (("--plot", "/no/such/folder/gates.png"), "one that exists"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_sentence_and_code_2(arguments: tuple[str, ...], said: str) -> None:
    text = simulate(*arguments, code=2)
    assert said in text
    assert len(text.splitlines()) == 1
