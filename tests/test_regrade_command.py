"""`meta-harness regrade`: says what it will do and cost before it does anything."""

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Open
from test_regrade import STRICT, Strict, known_judge
from typer.testing import CliRunner

from harness_search.commands import regrade as command
from harness_search.commands.application import new_application
from harness_search.judging.deterministic import JUDGE_VERSION
from harness_search.judging.estimates import Estimate
from harness_search.judging.graders import Grader
from harness_search.judging.judge import Subject
from harness_search.ledger.rows import Usage
from harness_search.workspace import Workspace


@dataclass
class Line:
    """The command line of a workspace whose settings name the strict judge."""

    workspace: Workspace
    judge: Strict

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        root = str(self.workspace.layout.root)
        done = CliRunner().invoke(new_application(), ["regrade", "-w", root, *arguments])
        return done.exit_code, done.stdout, done.stderr


def costly(_: Subject) -> Estimate:
    return Estimate(4, 0, Usage(1_000), 0.25, notes=("Supposed: half.",))


@pytest.fixture
def line(open_measured: Open, monkeypatch: pytest.MonkeyPatch) -> Line:
    judge = Strict()

    @asynccontextmanager
    async def opened() -> Any:
        yield judge

    grader = Grader("strict", STRICT, opened, lambda _: costly)
    monkeypatch.setattr(command, "own_grader", lambda _: grader)
    return Line(open_measured(), judge)


def test_nothing_is_spent_before_a_person_has_agreed(line: Line) -> None:
    code, said, warned = line()
    assert code == 2
    assert "24 verdicts" in said
    assert "6,000 tokens, 1.50 USD" in said
    assert said.count("Supposed: half.") == 1
    assert "--yes" in warned
    assert line.judge.asked == []
    assert known_judge(line.workspace) == JUDGE_VERSION


def test_with_yes_it_goes_on_and_says_what_follows(line: Line) -> None:
    code, said, _ = line("--yes")
    assert code == 0
    assert "6 rollouts graded anew" in said
    assert "Decisions that were taken stand" in said
    code, said, _ = line()
    assert (code, "nothing to do, nothing to pay" in said) == (0, True)
    assert len(line.judge.asked) == 6


def test_a_person_may_say_yes_at_the_terminal(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "agrees", lambda: True)
    assert line()[0] == 0
    assert len(line.judge.asked) == 6


def test_the_document_says_what_the_table_says(line: Line) -> None:
    code, said, _ = line("--json")
    document = json.loads(said)
    assert (code, document["done"]) == (2, None)
    assert document["estimate"] == {
        "verdicts_asked": 24, "verdicts_kept": 0, "verdicts_shared": 0, "tokens": 6_000, "usd": 1.5,
        "notes": ["Supposed: half."],
    }  # fmt: skip
    assert document["ledgers"] == [
        {"of": "dev", "graded_by": JUDGE_VERSION, "reuse": 0, "regrade": 6, "rerun": 0}
    ]
    document = json.loads(line("--json", "--yes")[1])
    assert document["done"]["rollouts"] == 6


def test_the_judge_of_the_settings_is_the_default(open_measured: Open) -> None:
    root = str(open_measured().layout.root)
    done = CliRunner().invoke(new_application(), ["regrade", "-w", root])
    assert (done.exit_code, JUDGE_VERSION in done.stdout) == (0, True)


def test_a_judge_whose_price_is_unknown_is_refused_unless_it_is_allowed(
    open_measured: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To regrade and to calibrate is paid, though no rollout is bought."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    layout = open_measured().layout
    with layout.settings.open("a", encoding="utf-8") as file:
        text = 'model = "unlisted-1"\nbase_url = "http://localhost:9"\n'
        file.write(f"\n[profiles.unlisted]\n{text}")
    regrading = ["regrade", "--judge", "model", "--profile-of-judge", "unlisted"]
    calibrating = ["judge", "calibrate", "--reference", "unlisted"]
    for arguments in (regrading, calibrating):
        command_line = [*arguments, "-w", str(layout.root)]
        done = CliRunner().invoke(new_application(), command_line)
        assert done.exit_code == 2
        assert "unlisted-1: found no price" in done.stderr
        done = CliRunner().invoke(new_application(), [*command_line, "--allow-unpriced"])
        assert "--yes goes on" in done.stderr
        assert "unknown" in done.output


def test_an_unknown_judge_is_refused_in_one_sentence(open_measured: Open) -> None:
    root = str(open_measured().layout.root)
    done = CliRunner().invoke(new_application(), ["regrade", "-w", root, "--judge", "me"])
    assert done.exit_code == 2
    assert "--judge: found 'me'" in done.stderr
