"""The confirmation: baseline and final harness once more, by rollouts that chose nothing."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import pytest
import tenacity
from conftest import rollout_row
from rows_on_disk import write
from scripted_proposer import SILENT, delivers_nothing, rollouts

from harness_search.errors import InputError
from harness_search.experiments.confirmation import confirm
from harness_search.experiments.confirmed import (
    Confirmation,
    Side,
    confirmation_of,
    confirmations_of,
)
from harness_search.files import digest_bytes
from harness_search.gateway import account
from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import DecisionKind, IterationRow, Outcome, Purpose, RolloutRow
from harness_search.ledger.scores import Score
from harness_search.ledger.store import Ledger
from harness_search.reports.confirmation import headline, to_json
from harness_search.reports.progress import Reporter, Tally, Watch
from harness_search.rollouts.bench import locked
from harness_search.rollouts.evidence import filed_folder
from harness_search.rollouts.jobs import Harness
from harness_search.rollouts.scheduler import interleaved
from harness_search.service.conduct import Conduct
from harness_search.simulated import server
from harness_search.simulated.faults import Status
from harness_search.workspace import Workspace


def score(pooled: float) -> Score:
    return Score(pooled, 0.0, 0.1, pooled, Fraction(1))


DONE = Confirmation(
    iteration=22,
    baseline=Side("baseline", "b", score(58.14)),
    harness=Side("final_harness", "c", score(89.36)),
    trials=3,
    tasks=24,
    finished=144,
    gain=Gain(29.1, 1.08, 4.1),
    simulated=False,
    sandboxes={"bwrap": 144},
)


# In words.


def test_the_headline_of_a_search() -> None:
    assert headline(DONE, "final_harness") == (
        "Confirmed on dev: final_harness against baseline +29.1 blended points (95 % interval "
        "+27.0 to +31.2 on these tasks, +21.1 to +37.1 on other tasks of their kind), "
        "pooled 58.1 -> 89.4, by 72 fresh rollouts of each that no decision used."
    )


@pytest.mark.parametrize(
    ("gain", "opening", "words"),
    [
        (Gain(3.0, 1.0, 9.0), "Confirmed on dev:", "no decision used."),
        (Gain(1.0, 1.0, 9.0), "Not confirmed on dev:", "Chance alone can explain"),
        (Gain(-3.0, 1.0, 9.0), "Refuted on dev:", "It is worse"),
        (Gain(3.0, None, 1.0), "Measured once more on dev:", "unknown on these tasks"),
        (Gain(3.0, None, None), "Measured once more on dev:", "chance is unknown"),
    ],
)
def test_only_what_chance_does_not_explain_is_confirmed(
    gain: Gain, opening: str, words: str
) -> None:
    said = headline(replace(DONE, gain=gain), "final_harness")
    assert said.startswith(opening)
    assert words in said


def test_a_headline_says_what_is_simulated_and_what_ran_without_a_sandbox() -> None:
    found = replace(DONE, simulated=True, sandboxes={"bwrap": 72, "none": 72})
    said = headline(found, "final_harness")
    assert said.startswith("Confirmed on dev (simulated model): ")
    assert "UNSAFE: 72 of 144 rollouts" in said
    document = to_json(found, "final_harness")
    assert document is not None
    assert document["simulated"] is True
    assert document["gain"]["blended"] == 29.1
    assert document["scores"]["baseline"]["pooled"] == 58.14


def test_an_incomplete_confirmation_shows_no_figure() -> None:
    found = replace(DONE, gain=None, finished=143)
    assert headline(found, "final_harness").startswith(
        "The confirmation of final_harness is not complete: 143 of 144 rollouts"
    )
    document = to_json(found, "final_harness")
    assert document is not None
    assert (document["gain"], document["scores"]) == (None, {})


def test_a_later_promotion_is_not_covered_by_an_earlier_confirmation() -> None:
    assert "+29.1" in headline(DONE, "later")
    assert headline(DONE, "later").endswith(
        "Since then later was promoted, which is not confirmed."
    )
    assert headline(None, "later").startswith("Not confirmed: the gain of later")
    assert headline(None, "baseline") == headline(None, "") == ""
    assert to_json(None, "baseline") is None
    said = to_json(None, "later")
    assert said is not None
    assert (said["headline"], said["gain"]) == (headline(None, "later"), None)


# On the real path.


def empty_candidate(workspace: Workspace) -> Harness:
    """A final harness that asks the model nothing."""
    source = delivers_nothing(workspace.baseline.file.read_text())
    file = workspace.layout.candidate("empty")
    file.write_text(source)
    return Harness("empty", file, digest_bytes([source.encode()]))


def confirmed(
    workspace: Workspace, harness: Harness, iteration: int = 2, reporter: Reporter = SILENT
) -> Confirmation | None:
    async def run() -> Confirmation | None:
        with locked(workspace.layout):
            return await confirm(workspace, harness, iteration, reporter, Conduct())

    return asyncio.run(run())


def rows_of(workspace: Workspace) -> list[RolloutRow]:
    file = workspace.layout.ledger_of(Purpose.CONFIRMATION)
    with closing(Ledger(file, read_only=True)) as ledger:
        return ledger.rows()


@dataclass(slots=True)
class Ending(Watch):
    """Ends the run after five rollouts, as Ctrl-C would."""

    run: asyncio.Task[Any] = field(kw_only=True)

    def __call__(self, row: RolloutRow) -> None:
        Watch.__call__(self, row)
        if self.tally.run == 5:
            self.run.cancel()


class Stopping(Reporter):
    """Watches a run that is ended."""

    @contextmanager
    def watch(self, tally: Tally) -> Iterator[Watch]:
        run = asyncio.current_task()
        assert run is not None
        yield Ending(tally, self.tell, run=run)


def test_a_confirmation_is_interleaved_and_goes_on_where_it_was_stopped(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(trials=1, concurrency=2)
    write(workspace.layout.ledger, "baseline", [rollout_row().key.task], 1)
    harness, searched = empty_candidate(workspace), rollouts(workspace)
    with pytest.raises(asyncio.CancelledError):
        confirmed(workspace, harness, reporter=Stopping(None))
    before = rows_of(workspace)
    stopped = confirmation_of(workspace)
    assert stopped is not None
    assert (stopped.finished, stopped.planned, stopped.gain) == (len(before), 12, None)
    assert 5 <= len(before) < 12
    assert abs(sum(1 if row.key.harness == harness.digest else -1 for row in before)) <= 2

    found = confirmed(workspace, harness)
    after = rows_of(workspace)
    assert after[: len(before)] == before
    assert len({row.key for row in after}) == len(after) == 12
    assert {row.key.trial for row in after} == {2001}
    assert found is not None
    assert found.gain is not None
    assert found.harness.score is not None
    assert (found.harness.score.pooled, found.gain.points < 0) == (0.0, True)
    said = headline(found, "empty")
    assert said.startswith("Measured once more on dev (simulated model): empty against")

    assert rollouts(workspace) == searched
    evidence = workspace.layout.evidence_of(Purpose.CONFIRMATION)
    names = {workspace.baseline.digest: "baseline", harness.digest: harness.name}
    # Evidence comes before its row: an attempt that was ended between the two has some as well.
    for row in after:
        folder = filed_folder(evidence, names[row.key.harness], row.key, row.attempt)
        assert (folder / "rollout.json").is_file()
    assert not list(workspace.layout.dev_evidence.rglob("trial-2001"))

    assert confirmed(workspace, harness) == found
    assert rows_of(workspace) == after


def test_a_search_that_goes_on_gets_a_new_confirmation_beside_the_old_one(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(trials=1)
    tasks = [task.id for task in workspace.splits.dev]
    file = workspace.layout.ledger_of(Purpose.CONFIRMATION)
    with closing(Ledger(file)) as ledger:
        ledger.put_iteration(IterationRow(0, "b", "baseline", "", "", "", "", None, ""))
        for number in (2, 12):
            plan = IterationRow(number, "c", "c", "", "baseline", "", '{"trials": 1}', None, "")
            ledger.put_iteration(plan)
    for number, passed in ((2, 2), (12, 3)):
        write(file, "b", tasks, 1, trial=1000 * number + 1)
        write(file, "c", tasks, passed, trial=1000 * number + 1)
    found = confirmations_of(workspace)
    assert [item.iteration for item in found] == [2, 12]
    assert [item.finished for item in found] == [12, 12]
    assert [item.gain.points for item in found if item.gain] == [25.0, 50.0]
    assert confirmation_of(workspace) == found[-1]


@pytest.mark.parametrize("preset", ["standard", "seed"])
def test_one_trial_is_held_against_the_noise_that_the_search_knows(
    open_tiny: Callable[..., Workspace], preset: str
) -> None:
    """The A/A run's two trials differ by 25 points on each of the six tasks: the variance of one
    rollout is 312.5, and the standard error sqrt(6 x 312.5 x 2) / 6 = 10.2."""
    workspace = open_tiny(trials=1, preset=preset)
    tasks, layout = [task.id for task in workspace.splits.dev], workspace.layout
    start = IterationRow(0, "b", "baseline", "", "", "", "", DecisionKind.BASELINE, "")
    for purpose in (Purpose.SEARCH, Purpose.CONFIRMATION):
        with closing(Ledger(layout.ledger_of(purpose))) as ledger:
            ledger.put_iteration(start)
    for trial in (1, 2):
        write(layout.ledger, "b", tasks, trial, trial=trial)
    with closing(Ledger(layout.ledger_of(Purpose.CONFIRMATION))) as ledger:
        plan = IterationRow(2, "c", "c", "", "baseline", "", '{"trials": 1}', None, "")
        ledger.put_iteration(plan)
    for side, passed in (("b", 1), ("c", 2)):
        write(layout.ledger_of(Purpose.CONFIRMATION), side, tasks, passed, trial=2001)
    said = headline(confirmation_of(workspace), "c")
    assert said.startswith("Confirmed on dev (simulated model): c against baseline +25.0")
    assert "95 % interval +5.0 to +45.0 on these tasks" in said


def test_rollouts_lost_in_a_confirmation_are_run_by_the_next_command(
    open_tiny: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_tiny(trials=1)
    harness = empty_candidate(workspace)
    with monkeypatch.context() as patch:
        patch.setattr(server.SimulatedModel, "fault_of", lambda self, received: Status(500))
        patch.setattr(account, "wait_random_exponential", lambda **_: tenacity.wait_none())
        patch.setattr(account, "_Patience", lambda _: tenacity.stop_after_attempt(2))
        down = confirmed(workspace, harness)
    assert down is not None
    assert (down.finished, down.gain) == (6, None)
    assert {row.outcome for row in rows_of(workspace)} == {Outcome.SCORED, Outcome.INFRA_FAILED}
    found = confirmed(workspace, harness)
    assert found is not None
    assert (found.coverage, found.gain is not None) == (1, True)


def test_the_baseline_itself_has_nothing_to_be_confirmed(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny()
    assert confirmed(workspace, workspace.baseline) is None
    off = open_tiny(confirmation_trials=0)
    assert confirmed(off, empty_candidate(off)) is None
    assert confirmation_of(workspace) is None
    assert not workspace.layout.ledger_of(Purpose.CONFIRMATION).exists()


def test_a_final_harness_that_was_changed_is_not_confirmed(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny(trials=1)
    harness = empty_candidate(workspace)
    harness.file.write_text(harness.file.read_text() + "# changed\n")
    with pytest.raises(InputError, match="a changed file"):
        confirmed(workspace, harness)
    assert rows_of(workspace) == []


def test_both_harnesses_meet_the_provider_at_the_same_time(
    open_tiny: Callable[..., Workspace],
) -> None:
    workspace = open_tiny()
    sides = [workspace.baseline, empty_candidate(workspace)]
    jobs = interleaved(workspace, sides, workspace.splits.dev, [7001, 7002])
    assert [job.harness for job in jobs] == sides * 12
    assert [job.key.trial for job in jobs] == [7001] * 12 + [7002] * 12
    tasks = [task.id for task in workspace.splits.dev for _ in sides]
    assert [job.key.task for job in jobs] == tasks * 2
