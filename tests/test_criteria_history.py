"""What became of each criterion over a search."""

import json
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Open
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from harness_search.commands.application import new_application
from harness_search.judging.verdicts import NOT_JUDGED
from harness_search.ledger.criteria import (
    COIN_FLIP,
    Count,
    Habit,
    Tally,
    habits,
    history_of,
)


def verdicts(criterion: str, **by_harness: str) -> list[Tally]:
    """Verdicts of each harness, one letter for a trial: p or f."""
    return [
        Tally(harness, "tax/a", criterion, letters.count("p"), len(letters))
        for harness, letters in by_harness.items()
    ]


@pytest.mark.parametrize(
    ("by_harness", "habit"),
    [
        ({"one": "ppp"}, Habit.ALWAYS_PASS),
        ({"one": "fff", "two": "f"}, Habit.ALWAYS_FAIL),
        ({"one": "pfpf"}, Habit.COIN_FLIP),
        # Every harness is sure of itself: a mechanism makes the difference, and no luck.
        ({"one": "ppp", "two": "fff"}, Habit.MIXED),
        ({"one": "pppppppppf"}, Habit.MIXED),
        # One harness in five trials passes twice, two others never.
        ({"one": "ppfff", "two": "fffff", "three": "fffff"}, Habit.MIXED),
        # No harness has two trials, so that luck and harness cannot be told apart.
        ({"one": "p", "two": "f", "three": "p"}, Habit.MIXED),
        ({"one": "pf"}, Habit.TOO_FEW),
    ],
)
def test_habits_as_a_table(by_harness: dict[str, str], habit: Habit) -> None:
    (found,) = history_of(verdicts("C-001", **by_harness))
    assert found.habit is habit


def test_harnesses_are_counted_apart_and_together() -> None:
    (found,) = history_of(verdicts("C-001", one="ppp", two="f"))
    assert found.pooled == Count(3, 4)
    assert found.by_harness == {"one": Count(3, 3), "two": Count(0, 1)}
    assert history_of([]) == ()


def test_disagreement_is_the_share_of_pairs_of_one_harness() -> None:
    (found,) = history_of(verdicts("C-001", one="ppf", two="ff", three="p"))
    assert found.disagreement == pytest.approx(2 / 4)
    (alone,) = history_of(verdicts("C-001", one="p", two="f"))
    assert alone.disagreement is None


def test_the_bound_is_what_a_criterion_passed_in_a_fifth_of_trials_comes_to() -> None:
    chance = random.Random(0)
    letters = "".join("p" if chance.random() < 0.2 else "f" for _ in range(4_000))
    (found,) = history_of(verdicts("C-001", one=letters))
    assert found.disagreement == pytest.approx(COIN_FLIP, abs=0.02)


def test_the_most_interesting_come_first() -> None:
    found = history_of(
        [
            *verdicts("passed", one="ppp"),
            *verdicts("few", one="p"),
            *verdicts("mixed", one="ppp", two="fff"),
            *verdicts("failed", one="fff"),
            *verdicts("wavering", one="pffff"),
            *verdicts("flipping", one="ppff"),
        ]
    )
    names = ["flipping", "wavering", "failed", "mixed", "passed", "few"]
    assert [item.criterion for item in found] == names
    assert habits(found)[Habit.COIN_FLIP] == 2
    assert sum(habits(found).values()) == len(names)


def test_what_the_judge_could_not_judge_is_counted() -> None:
    (found,) = history_of([Tally("one", "tax/a", "C-001", 0, 5, flagged=2)])
    assert (found.flagged, found.habit) == (2, Habit.ALWAYS_FAIL)


def tally(harness: str, task: str, criterion: str, passed: int, failed: int) -> Tally:
    return Tally(harness, task, criterion, passed, passed + failed)


items = st.lists(
    st.builds(
        tally,
        st.sampled_from("abc"),
        st.sampled_from(["tax/a", "tax/b"]),
        st.sampled_from(["C-1", "C-2"]),
        st.integers(0, 9),
        st.integers(1, 9),
    ),
    max_size=60,
)


@given(items, st.randoms(use_true_random=False))
def test_every_verdict_counts_once_in_whatever_order(
    found: list[Tally], chance: random.Random
) -> None:
    history = history_of(found)
    assert sum(item.pooled.decided for item in history) == sum(item.decided for item in found)
    assert sum(item.pooled.passed for item in history) == sum(item.passed for item in found)
    assert all(item.disagreement is None or 0 <= item.disagreement <= 1 for item in history)
    shuffled = history_of(chance.sample(found, len(found)))
    assert [(item.task, item.criterion, item.habit) for item in shuffled] == [
        (item.task, item.criterion, item.habit) for item in history
    ]


# On the command line.


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(
        new_application(), ["criteria", "--workspace", str(folder), *arguments]
    )
    return done.exit_code, done.stdout, done.stderr


def change(ledger: Path, statements: Iterable[str]) -> None:
    with closing(sqlite3.connect(ledger)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def test_the_command_shows_each_criterion_of_the_search(open_measured: Open) -> None:
    layout = open_measured().layout
    said = f"UPDATE verdicts SET verdict = 'fail', reason = '{NOT_JUDGED}: no word on it'"
    change(layout.ledger, [f"{said} WHERE criterion = 'C-004'"])
    code, out, err = run(layout.root, "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["simulated"] is True
    assert document["kinds"]["too few"] == len(document["criteria"]) == 24
    flagged = {item["criterion"]: item["flagged"] for item in document["criteria"]}
    assert flagged == {"C-001": 0, "C-002": 0, "C-003": 0, "C-004": 1}
    assert {name for item in document["criteria"] for name in item["harnesses"]} == {"baseline"}
    assert document["criteria"][0]["title"].startswith("Secret criterion title")
    code, table, _ = run(layout.root, "--show", "3")
    assert code == 0
    assert "Criteria (simulated model), 3 of 24" in table
    assert max(len(line.rstrip()) for line in table.splitlines()[:4]) <= 100
    code, out, _ = run(layout.root, "--habit", "coin-flip", "--json")
    assert json.loads(out)["criteria"] == []


def test_undecided_verdicts_say_nothing(open_measured: Open) -> None:
    layout = open_measured().layout
    undecided = "UPDATE verdicts SET verdict = 'undecided' WHERE criterion = 'C-004'"
    change(layout.ledger, [undecided])
    _, out, _ = run(layout.root, "--json")
    shown = {item["criterion"] for item in json.loads(out)["criteria"]}
    assert shown == {"C-001", "C-002", "C-003"}


def test_rollouts_whose_harness_failed_say_nothing_of_criteria(open_measured: Open) -> None:
    layout = open_measured().layout
    change(layout.ledger, ["UPDATE rollouts SET outcome = 'harness_failed'"])
    code, _, err = run(layout.root)
    assert code == 2
    assert "found no verdict, expected a search with scored rollouts" in err


def test_the_held_out_split_is_never_read(open_measured: Open) -> None:
    workspace = open_measured()
    layout = workspace.layout
    held_out = layout.runs / "test" / "ledger.sqlite3"
    held_out.parent.mkdir(exist_ok=True)
    held_out.write_text("no ledger: to open it would end in an error")
    code, out, _ = run(layout.root, "--json")
    assert code == 0
    shown = {item["task"] for item in json.loads(out)["criteria"]}
    assert shown == {task.id for task in workspace.splits.dev}


def test_a_workspace_without_a_search_is_one_sentence(open_tiny: Open) -> None:
    code, _, err = run(open_tiny().layout.root)
    assert code == 2
    assert "found no verdict" in err
