"""The gate's stages on the real path: what is run, in which order, and what is not."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import pytest
from conftest import keep_dev_tasks
from scripted_proposer import SILENT, Scripted, decisions, delivers_nothing, placebo, rollouts, run

import meta_harness
from harness_search.current import frontier_on_disk
from harness_search.errors import InputError
from harness_search.judging.deterministic import DeterministicJudge
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.replicates import control_trial
from harness_search.ledger.rows import DecisionKind, RolloutRow
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter, Tally
from harness_search.workspace import Workspace

TASKS = 4


@pytest.fixture
def with_gate(open_tiny: Callable[..., Workspace]) -> Callable[..., Workspace]:
    """The small workspace with numbers of the gate's own, and no confirmation."""

    def opened(promotion: str, **flags: object) -> Workspace:
        keep_dev_tasks(open_tiny().layout.root, TASKS)
        file = open_tiny().layout.settings
        text = file.read_text().replace('preset = "standard"', promotion)
        file.write_text(text.replace("[search]", "[search]\nconfirmation_trials = 0"))
        return open_tiny(**flags)

    return opened


def of(workspace: Workspace, name: str) -> list[RolloutRow]:
    """Every ended attempt of a harness, oldest first."""
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        digests = {row.name: row.harness for row in ledger.iterations()}
        return ledger.rows(digests[name])


def trials(rows: Sequence[RolloutRow]) -> list[int]:
    return sorted({row.key.trial for row in rows})


def test_a_hopeless_candidate_ends_after_its_first_pass(
    with_gate: Callable[..., Workspace],
) -> None:
    workspace = with_gate("", iterations=1, trials=2)
    run(workspace, Scripted(delivers_nothing))
    assert decisions(workspace)[1] is DecisionKind.ORPHAN
    row = frontier_on_disk(workspace).rows[1]
    assert row.reason.startswith("Pass 1: ")
    assert row.rollouts == TASKS
    assert row.gain is not None
    assert row.gain.points < -10
    assert trials(of(workspace, "candidate_1")) == [1]
    document = json.loads(workspace.layout.decision(1).read_text())
    assert (document["verdict"], document["stage"]) == ("reject", "pass 1")
    assert len(document["tasks"]) == TASKS


def test_the_study_s_gate_always_runs_every_trial(with_gate: Callable[..., Workspace]) -> None:
    workspace = with_gate('preset = "seed"', iterations=1, trials=2)
    run(workspace, Scripted(delivers_nothing))
    assert trials(of(workspace, "candidate_1")) == [1, 2]
    assert frontier_on_disk(workspace).rows[1].reason.startswith("Blended ")


NOISY = """
from dataclasses import replace
from harness_search.ledger.gains import Variance
from harness_search.promotion.gate import StagedGate

class Noisy:
    def __init__(self, rules):
        self.own = StagedGate(rules)

    def decide(self, pairing):
        return self.own.decide(replace(pairing, reference_variance=Variance(1e12, 1000)))
"""


def test_a_borderline_candidate_gets_more_trials_and_so_does_the_incumbent(
    with_gate: Callable[..., Workspace],
) -> None:
    """One trial of each task, in a noise that is known from elsewhere and leaves it open."""
    workspace = with_gate('gate = "noisy_gates:Noisy"\nband = 1e6', iterations=1, trials=1)
    (workspace.layout.root / "noisy_gates.py").write_text(NOISY)
    run(workspace, Scripted(placebo))
    assert trials(of(workspace, "candidate_1")) == [1, 2]
    assert trials(of(workspace, "baseline")) == [1, 2]
    extra = [row for row in rollouts(workspace) if row[2] == 2]
    assert len({row[0] for row in extra[:TASKS]}) == 2, "the arms are not interleaved"
    decision = json.loads(workspace.layout.decision(1).read_text())
    assert decision["stage"] == "extra trials"
    assert decision["rollouts"] == {"candidate": 2 * TASKS, "incumbent": TASKS}


def fall_silent(patch: pytest.MonkeyPatch, task: str, times: int) -> list[int]:
    """The judge leaves the baseline's second trial of a task undecided, so often; the list returned
    grows by one each time."""
    grade, silent = DeterministicJudge.grade, list[int]()

    async def grudging(judge: DeterministicJudge, subject: Subject, replicate: int = 0) -> Grading:
        whose = json.loads((subject.output.parent / "attempt.json").read_text())
        about = (whose["harness"], whose["task"], whose["trial"])
        if about != ("baseline", task, 2) or len(silent) == times:
            return await grade(judge, subject, replicate)
        silent.append(len(silent) + 1)
        criteria = subject.task.criteria
        return Grading(tuple(Verdict(item.id, "undecided", "it is silent") for item in criteria))

    patch.setattr(DeterministicJudge, "grade", grudging)
    return silent


def test_what_the_incumbent_has_lost_in_one_iteration_is_tried_again_in_the_next(
    with_gate: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its extra trials keep their keys, and three tries are an iteration's, not a launch's."""
    workspace = with_gate('gate = "noisy_gates:Noisy"\nband = 1e6', iterations=2, trials=1)
    (workspace.layout.root / "noisy_gates.py").write_text(NOISY)
    silent = fall_silent(monkeypatch, workspace.splits.dev[0].id, times=5)
    run(workspace, Scripted(placebo, placebo))
    one, other = decisions(workspace)[1:]
    assert one is DecisionKind.INCONCLUSIVE
    assert other in {DecisionKind.ORPHAN, DecisionKind.PROMOTED}
    assert len(silent) == 5
    tried = [row.key.trial for row in of(workspace, "baseline")]
    assert tried.count(2) == TASKS + 5


def test_a_gate_that_plans_what_is_no_task_is_named(with_gate: Callable[..., Workspace]) -> None:
    workspace = with_gate('gate = "lost_gates:Lost"', iterations=1, trials=1)
    (workspace.layout.root / "lost_gates.py").write_text(
        NOISY.replace("Noisy", "Lost").replace(
            "return self.own.decide(replace(pairing, reference_variance=Variance(1e12, 1000)))",
            "found = self.own.decide(pairing)\n"
            "        planned = [replace(item, task='no/task') for item in found.planned]\n"
            "        return replace(found, planned=tuple(planned))",
        )
    )
    with pytest.raises(InputError, match=r"promotion\.gate.*no/task"):
        run(workspace, Scripted(placebo))


def test_a_control_of_the_same_day_is_the_only_reference_of_the_decision(
    with_gate: Callable[..., Workspace],
) -> None:
    rules = 'futility_chance = 0.0\nband = 0.0\nsure_chance = 0.0\ncontrol = "same_day"'
    workspace = with_gate(rules, iterations=1, trials=2)
    run(workspace, Scripted(placebo))
    control = [control_trial(1, 1), control_trial(1, 2)]
    assert trials(of(workspace, "baseline")) == [1, 2, *control]
    row = frontier_on_disk(workspace).rows[1]
    document = json.loads(workspace.layout.decision(1).read_text())
    assert row.delta == pytest.approx(document["gain"]["difference"], abs=1e-3)
    assert any(note.startswith("Compared with a control.") for note in document["notes"])
    incumbent = frontier_on_disk(workspace).rows[0]
    assert incumbent.rollouts == 2 * TASKS, "control trials are no trials of the search"


class StoppedError(Exception):
    """Ends a run in its middle."""


class Stopping(Reporter):
    """Ends the run after so many rollouts."""

    def __init__(self, after: int) -> None:
        super().__init__(None)
        self.left = after

    @contextmanager
    def watch(self, tally: Tally) -> Iterator[Any]:
        def observe(row: RolloutRow) -> None:
            self.left -= 1
            if self.left == 0:
                raise StoppedError

        yield observe


def test_a_stage_that_is_stopped_goes_on_where_it_was(with_gate: Callable[..., Workspace]) -> None:
    workspace = with_gate("", iterations=1, trials=2)
    with pytest.raises(StoppedError):
        asyncio.run(
            meta_harness.run_search(workspace, Scripted(delivers_nothing), Stopping(2 * TASKS + 1))
        )
    before = [row for row in rollouts(workspace) if row[4] == "done"]
    assert 2 * TASKS < len(before) < 3 * TASKS
    run(workspace, Scripted(), SILENT)
    after = [row for row in rollouts(workspace) if row[4] == "done"]
    assert after[: len(before)] == before
    assert len({(row[0], row[1], row[2]) for row in after}) == len(after) == 3 * TASKS


def test_a_gate_of_one_s_own_decides(with_gate: Callable[..., Workspace]) -> None:
    workspace = with_gate('gate = "my_gates:Generous"', iterations=1, trials=1)
    (workspace.layout.root / "my_gates.py").write_text(
        "from dataclasses import replace\n"
        "from harness_search.promotion.gate import StagedGate\n"
        "class Generous:\n"
        "    def __init__(self, rules): self.own = StagedGate(rules)\n"
        "    def decide(self, pairing):\n"
        "        found = self.own.decide(pairing)\n"
        "        return found if found.planned else replace(found, verdict='promote')\n"
    )
    run(workspace, Scripted(delivers_nothing))
    assert decisions(workspace)[1] is DecisionKind.PROMOTED
    found = frontier_on_disk(workspace)
    assert found.gate is not None
    assert found.gate.preset == "my_gates:Generous"
