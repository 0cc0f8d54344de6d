"""A candidate against its parent on the tasks of its claim, by rollouts of their own."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import typer
from conftest import rollout_row
from rows_on_disk import write
from searched import NAME, SILENT, WRITTEN_BEFORE, make_search, observed, rows_of
from typer.testing import CliRunner

from harness_search.commands.ab import ab as command
from harness_search.commands.subjects import choose_subject
from harness_search.errors import InputError
from harness_search.experiments.ab import (
    FIX,
    REGRESSION,
    SliceComparison,
    chosen_slices,
    compare_slices,
    derive,
)
from harness_search.experiments.claims import (
    AB_MARK,
    REPLAY_MARK,
    keeping_notes,
    not_replayed_sentence,
    noted,
    shows_replay,
)
from harness_search.ledger.rows import DecisionKind, Purpose, Split
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.rollouts import runner
from harness_search.workspace import Workspace


async def compared(
    workspace: Workspace, fix: tuple[str, ...] = (), regression: tuple[str, ...] = ()
) -> SliceComparison:
    subject = choose_subject(workspace, NAME, None)
    slices = chosen_slices(workspace, subject, fix, regression)
    return await compare_slices(workspace, subject, slices, SILENT)


def dev_tasks(workspace: Workspace) -> list[str]:
    return [task.id for task in workspace.tasks(Split.DEV)]


def test_both_arms_run_anew_in_turn_and_the_claim_says_what_came_of_it(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(trials=1)
    asyncio.run(make_search(workspace))
    before, keys = rows_of(workspace), list[str]()
    noise_key = runner.noise_key

    def keyed(bench: Any, job: Any) -> str:
        search = noise_key(replace(bench, purpose=Purpose.SEARCH), job)
        keys.extend([noise_key(bench, job), search])
        return noise_key(bench, job)

    monkeypatch.setattr(runner, "noise_key", keyed)
    wrong = [row.key.task for row in before if row.passed == 0]
    right = [row.key.task for row in before if row.passed == row.total]
    fix, regression = tuple(wrong[:1]), tuple(right[:1])
    found = asyncio.run(compared(open_tiny(trials=2, concurrency=1), fix, regression))

    assert rows_of(workspace) == before
    rows = rows_of(workspace, Purpose.AB)
    baseline, candidate = before[0].key.harness, choose_subject(workspace, NAME, None).candidate
    arms = [row.key.harness for row in rows]
    assert arms == [candidate.digest, baseline] * 4
    assert [row.key.trial for row in rows] == [1] * 4 + [2] * 4
    assert not set(islice(keys, 0, None, 2)) & set(islice(keys, 1, None, 2))
    assert found.complete
    mended, flat = found.slices
    assert (mended.name, mended.tasks, flat.name, flat.tasks) == (FIX, fix, REGRESSION, regression)
    assert mended.pooled is not None
    assert (mended.pooled.points, mended.pooled.trial_error) == (100.0, 0.0)
    kept, left = observed(workspace)
    assert kept == left == f"{WRITTEN_BEFORE}\n{found.sentence}"
    assert found.sentence == (
        "Fresh rollouts, 2 trials, against baseline: "
        "fix tasks 0.0 -> 100.0 (+100.0, 95 % interval +100.0 to +100.0); "
        "regression tasks flat (100.0 -> 100.0, +0.0, 95 % interval +0.0 to +0.0)."
    )
    document = json.loads(json.dumps(found.to_json()))
    assert document["slices"][0]["pooled"] == {
        "points": 100.0,
        "interval_same_tasks": [100.0, 100.0],
    }
    _again_runs_nothing(workspace, found)


def _again_runs_nothing(workspace: Workspace, found: SliceComparison) -> None:
    before = rows_of(workspace, Purpose.AB)
    application = typer.Typer()
    application.command()(command)
    fix, regression = (item.tasks[0] for item in found.slices)
    arguments = [NAME, "--fix", f"{fix},{fix}", "--regress", regression, "--trials", "2"]
    arguments += ["--workspace", str(workspace.layout.root)]
    for json_wanted in (True, False):
        wanted = [*arguments, "--json"] if json_wanted else arguments
        done = CliRunner().invoke(application, wanted, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        if json_wanted:
            assert json.loads(done.stdout) == found.to_json()
        else:
            assert "+100.0 ±0.0" in done.stdout
    assert rows_of(workspace, Purpose.AB) == before
    kept, _ = observed(workspace)
    assert kept.count(AB_MARK) == 1
    with sqlite3.connect(workspace.layout.ledger) as database:
        decided = database.execute("SELECT decision, reason FROM iterations WHERE number = 1")
        assert decided.fetchall() == [(DecisionKind.ORPHAN.value, "too little")]


async def test_the_tasks_are_those_of_the_claim_unless_others_are_given(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searched.FINISHED", 0)
    workspace = open_tiny(trials=1)
    file = await make_search(workspace)
    subject, tasks = choose_subject(workspace, NAME, None), dev_tasks(workspace)
    claimed = chosen_slices(workspace, subject, (), ())
    assert claimed == {FIX: tuple(tasks[:2]), REGRESSION: tuple(tasks[2:4])}
    given = chosen_slices(workspace, subject, (tasks[5],), ())
    assert given == {FIX: (tasks[5],), REGRESSION: tuple(tasks[2:4])}
    with pytest.raises(InputError, match="--regress"):
        chosen_slices(workspace, subject, (), ("no/such-task",))
    with pytest.raises(InputError, match="dev task"):
        chosen_slices(workspace, subject, (workspace.splits.test[0].id,), ())
    own = file.with_name("mine.py")
    own.write_text(file.read_text() + "# mine\n")
    alone = choose_subject(workspace, "mine", None)
    assert (alone.parent.name, alone.iteration) == ("baseline", None)
    with pytest.raises(InputError, match="no task"):
        chosen_slices(workspace, alone, (), ())
    own.write_text(file.read_text())
    with pytest.raises(InputError, match="the same as candidate_1"):
        choose_subject(workspace, "mine", NAME)
    with pytest.raises(InputError, match="the baseline"):
        choose_subject(workspace, "baseline", None)


async def test_one_trial_is_held_against_the_noise_that_the_search_knows_of_the_same_tasks(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searched.FINISHED", 0)
    workspace = open_tiny(trials=1)
    await make_search(workspace)
    subject, tasks = choose_subject(workspace, NAME, None), dev_tasks(workspace)
    parent, ledger = subject.parent.digest, workspace.layout.ledger
    for trial, (steady, moody) in enumerate([(2, 1), (2, 3)], start=1):
        write(ledger, parent, tasks[:2], steady, trial)
        write(ledger, parent, tasks[2:], moody, trial)
    rows = [
        rollout_row(harness, task, 1, passed, 4)
        for harness, passed in ((parent, 1), (subject.candidate.digest, 3))
        for task in tasks
    ]
    found = derive(workspace, subject, chosen_slices(workspace, subject, (), ()), rows)
    assert "fix tasks 25.0 -> 75.0 (+50.0, 95 % interval +50.0 to +50.0)" in found.sentence
    # One rollout of the others varies by 1,250 points^2, and two differ by sqrt(2 x 1250 x 2) / 2.
    assert "regression tasks flat (25.0 -> 75.0, +50.0, 95 % interval -19.3 to" in found.sentence


def claim(observed: str) -> Claim:
    candidate = CandidateClaim(
        name="candidate_1", hypothesis="it helps", changes="one thing", observed=observed
    )
    return Claim(iteration=1, candidates=(candidate,))


def test_a_note_replaces_its_predecessor_and_leaves_the_rest() -> None:
    once = noted(claim("pooled 1 -> 2."), REPLAY_MARK, "Replay of 1 of 2.")
    both = noted(once, AB_MARK, "Fresh rollouts, none.")
    again = noted(both, REPLAY_MARK, "Replay of 2 of 2.")
    assert again.candidate.observed.splitlines() == [
        "pooled 1 -> 2.",
        "Fresh rollouts, none.",
        "Replay of 2 of 2.",
    ]
    decided = keeping_notes(again, claim("pooled 1 -> 3."))
    assert decided.candidate.observed.splitlines() == [
        "pooled 1 -> 3.",
        "Fresh rollouts, none.",
        "Replay of 2 of 2.",
    ]
    assert keeping_notes(decided, decided) == decided
    assert noted(claim(""), REPLAY_MARK, "Replay of 1.").candidate.observed == "Replay of 1."


def test_only_a_replay_that_showed_something_is_evidence() -> None:
    said = {
        "": False,
        "pooled 1 -> 2.": False,
        "pooled 1 -> 2.\nReplay of 3 of 4 stored rollouts of baseline: pooled 1 -> 2.": True,
        not_replayed_sentence("baseline", 4, 4): False,
        "It names a Replay of 3 of 4.": False,
    }
    assert {text: shows_replay(claim(text)) for text in said} == said
