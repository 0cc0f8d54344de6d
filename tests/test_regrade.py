"""Stored rollouts under another judge: what is graded anew, what it costs, what stays."""

import asyncio
import json
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Open, rollout_row
from hypothesis import given, settings
from rows_on_disk import write
from scripted_proposer import SILENT
from test_collect import TREES, plant

import meta_harness
from harness_search.errors import InputError, SearchStoppedError
from harness_search.experiments.regrade import (
    ALTERED,
    NO_EVIDENCE,
    NO_JUDGE_ASKED,
    OTHER_TASK,
    SAME_JUDGE,
    Fate,
    Plan,
    Regraded,
    planned,
    regrade,
)
from harness_search.judging.deterministic import JUDGE_VERSION, DeterministicJudge
from harness_search.judging.documents import TextStore
from harness_search.judging.estimates import Estimate
from harness_search.judging.judge import Grading, Judge, Subject
from harness_search.judging.verdicts import Verdict
from harness_search.ledger.regrading import Flipped
from harness_search.ledger.rows import Outcome, Purpose, RolloutRow, Split, Usage
from harness_search.ledger.store import Ledger
from harness_search.rollouts.bench import locked
from harness_search.rollouts.collect import collect_output
from harness_search.rollouts.evidence import SUMMARY, earlier_transcripts
from harness_search.rollouts.scheduler import missing
from harness_search.rollouts.scheduler import plan as plan_of
from harness_search.rollouts.stored import stored_digest
from harness_search.search import hold_to_identity
from harness_search.workspace import Workspace

STRICT = "strict-1"


@dataclass
class Strict:
    """Passes the first criterion of every task alone; remembers what it was asked."""

    version: str = STRICT
    stops_after: int = 1_000
    undecided: frozenset[str] = frozenset()
    """Tasks whose last criterion stays undecided."""
    asked: list[str] = field(default_factory=list)

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        if len(self.asked) == self.stops_after:
            raise SearchStoppedError("the budget is spent")
        self.asked.append(subject.task.id)
        await asyncio.sleep(0)
        verdicts = [Verdict(item.id, "fail", "strictly") for item in subject.task.criteria]
        verdicts[0] = replace(verdicts[0], verdict="pass")
        if subject.task.id in self.undecided:
            verdicts[-1] = replace(verdicts[-1], verdict="undecided")
        return Grading(tuple(verdicts))


@pytest.fixture
def measured(open_measured: Open) -> Workspace:
    """A small search: the six dev tasks once, by the baseline."""
    return open_measured()


def carry_out(workspace: Workspace, judge: Judge) -> Regraded:
    with locked(workspace.layout):
        plan = planned(workspace, judge.version)
        return asyncio.run(regrade(workspace, judge, plan, 2, SILENT))


def rows_of(workspace: Workspace, purpose: Purpose = Purpose.SEARCH) -> list[RolloutRow]:
    with closing(Ledger(workspace.layout.ledger_of(purpose), read_only=True)) as ledger:
        return ledger.rows()


def evidence_of(workspace: Workspace, row: RolloutRow) -> Path:
    evidence = workspace.layout.dev_evidence
    (transcript,) = earlier_transcripts(evidence, row.key, [row.attempt])
    return transcript.parent


def known_judge(workspace: Workspace) -> str:
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return ledger.identity()["judge"]


def fates(plan: Plan) -> list[tuple[Fate, str]]:
    return [(item.fate, item.reason) for item in plan.items]


def hold(workspace: Workspace, judge: str) -> None:
    """What every command does before it adds rows."""
    identity = {**workspace.rows_identity(Split.DEV), "judge": judge}
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        hold_to_identity(ledger, identity)


# What becomes of each rollout.


def test_under_the_same_judge_nothing_is_done(measured: Workspace) -> None:
    plan = planned(measured, JUDGE_VERSION)
    assert plan.nothing_to_do
    assert fates(plan) == [(Fate.REUSE, SAME_JUDGE)] * 6
    assert plan.estimate == Estimate()


def test_another_judge_grades_every_rollout_anew_and_runs_none(measured: Workspace) -> None:
    before = rows_of(measured)
    judge = Strict()
    done = carry_out(measured, judge)
    after = rows_of(measured)
    assert sorted(judge.asked) == sorted(row.key.task for row in before)
    assert done.rollouts == 6
    assert after == [replace(row, passed=1, total=4, judge_version=STRICT) for row in before]
    lost = sum(row.passed for row in before) - 6
    assert done.flipped.from_pass - done.flipped.to_pass == lost
    assert known_judge(measured) == STRICT
    assert planned(measured, STRICT).nothing_to_do


def test_evidence_and_ledger_have_the_new_verdicts_and_the_ledger_keeps_the_old(
    measured: Workspace,
) -> None:
    row = rows_of(measured)[0]
    summary = json.loads((evidence_of(measured, row) / SUMMARY).read_text())
    carry_out(measured, Strict())
    new = json.loads((evidence_of(measured, row) / SUMMARY).read_text())
    assert [item["reason"] for item in new["verdicts"]] == ["strictly"] * 4
    assert (new["passed"], new["judge_version"]) == (1, STRICT)
    changed = {"verdicts", "passed", "judge_version"}
    assert {name for name in summary if summary[name] != new[name]} <= changed
    with closing(Ledger(measured.layout.ledger, read_only=True)) as ledger:
        assert list(ledger.verdicts(row.key.harness)[row.key].values()).count("pass") == 1
    with closing(sqlite3.connect(measured.layout.ledger)) as database:
        query = "SELECT criterion, verdict, reason FROM earlier_verdicts WHERE rollout = 1 AND "
        kept = database.execute(f"{query} judge_version = ?", (JUDGE_VERSION,)).fetchall()
    assert kept == [
        (item["criterion"], item["verdict"], item["reason"]) for item in summary["verdicts"]
    ]


def test_back_under_the_first_judge_everything_is_as_it_was(measured: Workspace) -> None:
    before = rows_of(measured)
    carry_out(measured, Strict())
    carry_out(measured, DeterministicJudge(TextStore(measured.layout.text)))
    assert rows_of(measured) == before
    hold(measured, JUDGE_VERSION)


def test_a_failed_harness_keeps_its_fails_and_no_judge_is_asked(measured: Workspace) -> None:
    failed = rollout_row("h", measured.splits.dev[0].id, outcome=Outcome.HARNESS_FAILED, passed=0)
    with closing(Ledger(measured.layout.ledger)) as ledger:
        rollout, _ = ledger.begin(failed.key, 1, 1)
        ledger.finish(rollout, failed, [("C-001", "fail", "crashed")])
    assert fates(planned(measured, STRICT))[-1] == (Fate.REUSE, NO_JUDGE_ASKED)
    carry_out(measured, Strict())
    # The gate takes rows of two judges for a drift.
    assert {row.judge_version for row in rows_of(measured)} == {STRICT}
    assert rows_of(measured)[-1].passed == 0


def test_lost_rollouts_are_no_matter_of_a_judge(measured: Workspace) -> None:
    lost = rollout_row("h", outcome=Outcome.INFRA_FAILED)
    with closing(Ledger(measured.layout.ledger)) as ledger:
        ledger.finish(ledger.begin(lost.key, 1, 1)[0], lost, [])
    assert len(planned(measured, STRICT).items) == 6


def test_what_cannot_be_graded_anew_is_set_aside_with_the_reason(measured: Workspace) -> None:
    gone, unread, altered, added, *_ = rows = rows_of(measured)
    (evidence_of(measured, gone) / "attempt.json").unlink()
    (evidence_of(measured, unread) / SUMMARY).write_text("{")
    output = evidence_of(measured, altered) / "output"
    next(output.iterdir(), output / "abstract.md").write_bytes(b"rewritten")
    (evidence_of(measured, added) / "output" / "more.txt").symlink_to("/etc/hostname")
    plan = planned(measured, STRICT)
    reasons = [item.reason for item in plan.of(Fate.RERUN)]
    assert reasons == [NO_EVIDENCE, ALTERED, ALTERED, ALTERED]
    with closing(Ledger(measured.layout.ledger)) as ledger:
        paid = ledger.paid_by_harness()
        asyncio.run(regrade(measured, Strict(), plan, 2, SILENT))
        assert ledger.paid_by_harness() == paid
        assert [row.key for row in ledger.rows()] == [row.key for row in rows[4:]]
        jobs = missing(plan_of(measured, Split.DEV, measured.baseline), ledger.rows(), 3)
        assert ledger.attempts(gone.key) == [1]
    assert {job.key for job in jobs} >= {row.key for row in rows[:4]}
    assert planned(measured, STRICT).nothing_to_do


def test_what_was_set_aside_is_run_again_on_the_replies_that_were_paid_for(
    measured: Workspace,
) -> None:
    outputs = {row: evidence_of(measured, row) / "output" for row in rows_of(measured)}
    # How the simulated baseline fails differs from run to run: one that delivered something.
    before, output = next(item for item in outputs.items() if any(item[1].iterdir()))
    next(output.iterdir()).write_bytes(b"rewritten")
    carry_out(measured, Strict())
    carry_out(measured, DeterministicJudge(TextStore(measured.layout.text)))
    asyncio.run(meta_harness.measure(measured, Split.DEV, [measured.baseline], SILENT))
    again = rows_of(measured)[-1]
    assert (again.key, again.attempt, again.passed) == (before.key, 2, before.passed)
    assert again.usage == before.usage
    assert again.paid == Usage()


def test_a_rollout_of_a_task_that_has_changed_is_run_again(measured: Workspace) -> None:
    first = rows_of(measured)[0]
    changed = replace(measured, digests={**measured.digests, first.key.task: "another"})
    plan = planned(changed, STRICT)
    assert [(item.row.key, item.reason) for item in plan.of(Fate.RERUN)] == [
        (first.key, OTHER_TASK)
    ]


def test_every_ledger_of_the_search_is_graded(measured: Workspace) -> None:
    write(measured.layout.ledger_of(Purpose.CONFIRMATION), "h", [measured.splits.dev[0].id], 2)
    plan = planned(measured, STRICT)
    assert list(plan.known) == [Purpose.CONFIRMATION, Purpose.SEARCH]
    asyncio.run(regrade(measured, Strict(), plan, 2, SILENT))
    assert rows_of(measured, Purpose.CONFIRMATION) == []
    assert planned(measured, STRICT).nothing_to_do


def test_without_a_search_there_is_nothing_to_grade(open_tiny: Open) -> None:
    with pytest.raises(InputError, match="no search"):
        planned(open_tiny(), STRICT)


# Stopped on the way.


def test_a_regrade_that_was_stopped_goes_on_and_asks_nothing_twice(measured: Workspace) -> None:
    first = Strict(stops_after=2)
    with pytest.raises(SearchStoppedError, match="budget"):
        carry_out(measured, first)
    assert [item.fate for item in planned(measured, STRICT).items].count(Fate.REUSE) == 2
    second = Strict()
    carry_out(measured, second)
    assert sorted(first.asked + second.asked) == sorted(task.id for task in measured.splits.dev)
    assert len(first.asked) == 2


@pytest.mark.parametrize("judge", [JUDGE_VERSION, STRICT])
def test_until_it_is_whole_no_command_adds_rows_under_either_judge(
    measured: Workspace, judge: str
) -> None:
    with pytest.raises(SearchStoppedError):
        carry_out(measured, Strict(stops_after=2))
    with pytest.raises(InputError, match=r"unfinished regrade to strict-1.*`meta-harness regrade`"):
        hold(measured, judge)
    carry_out(measured, Strict())
    hold(measured, STRICT)


def test_another_judge_in_the_settings_is_refused_with_the_way_out(measured: Workspace) -> None:
    with pytest.raises(InputError, match=r"judge: found rows .*`meta-harness regrade`"):
        hold(measured, STRICT)


class KilledError(Exception):
    """Stands for a kill: nothing of ours catches it."""


def test_a_kill_between_evidence_and_row_loses_no_old_verdict(
    measured: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(measured)

    def killed(*_: object) -> Flipped:
        raise KilledError

    with monkeypatch.context() as patch, pytest.raises(ExceptionGroup, match="TaskGroup"):
        patch.setattr(Ledger, "regrade", killed)
        carry_out(measured, Strict())
    assert rows_of(measured) == before
    carry_out(measured, Strict())
    with closing(sqlite3.connect(measured.layout.ledger)) as database:
        (kept,) = database.execute("SELECT count(*) FROM earlier_verdicts").fetchone()
        versions = database.execute("SELECT DISTINCT judge_version FROM earlier_verdicts")
        assert versions.fetchall() == [(JUDGE_VERSION,)]
    assert kept == sum(row.total for row in before)


def test_undecided_verdicts_are_asked_for_again_and_never_stored(measured: Workspace) -> None:
    task = measured.splits.dev[2].id
    with pytest.raises(SearchStoppedError, match="1 rollouts undecided"):
        carry_out(measured, Strict(undecided=frozenset({task})))
    assert {row.key.task for row in rows_of(measured) if row.judge_version != STRICT} == {task}
    again = Strict()
    carry_out(measured, again)
    assert again.asked == [task]
    assert known_judge(measured) == STRICT


# What is graded is what was delivered.


@given(TREES)
@settings(max_examples=20, deadline=None)
def test_evidence_has_the_digest_that_its_output_was_collected_with(tree: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        plant(source, tree)
        assert stored_digest(target) == stored_digest(Path(folder) / "nothing")
        collected = collect_output(source, target, 10**6)
        assert stored_digest(target) == collected.digest
