"""Where the trials of one harness disagree a second judge decides, for all harnesses alike."""

import asyncio
import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from conftest import Open
from hypothesis import given
from hypothesis import strategies as st

from harness_search.errors import InputError, SearchStoppedError
from harness_search.judging.contested import adjudicate, contested, contested_by_any
from harness_search.judging.graders import own_grader
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.verdicts import Grade, Verdict
from harness_search.ledger.regrading import Flipped
from harness_search.ledger.rows import Outcome, Purpose, RolloutKey, RolloutRow
from harness_search.ledger.store import Ledger
from harness_search.rollouts.contested import Settled, settle_contested, unsettled
from harness_search.rollouts.evidence import IDENTITY, SUMMARY, earlier_transcripts
from harness_search.rollouts.stored import stored_summary
from harness_search.settings import JudgeSettings
from harness_search.workspace import Workspace

CANDIDATE = "0" * 64


def key(trial: int, task: str = "t", harness: str = "h") -> RolloutKey:
    return RolloutKey(harness, task, "digest", trial, "p")


# Which criteria.


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["pass", "pass", "pass"], False),
        (["fail", "fail"], False),
        (["pass"], False),
        (["pass", "fail", "pass"], True),
        (["pass", "undecided"], False),
        (["fail", "undecided", "pass"], True),
    ],
)
def test_a_criterion_is_contested_when_trials_differ(said: list[str], expected: bool) -> None:
    found = contested({key(n): {"C-1": verdict} for n, verdict in enumerate(said, 1)})
    assert found == ([("t", "C-1")] if expected else [])


def test_the_same_criterion_of_another_task_is_another_criterion() -> None:
    assert contested({key(1): {"C-1": "pass"}, key(1, "other"): {"C-1": "fail"}}) == []


def test_two_harnesses_that_differ_contest_nothing() -> None:
    one, other = {key(1): {"C": "pass"}}, {key(1, harness="x"): {"C": "fail"}}
    assert contested_by_any([one, other]) == {}
    with pytest.raises(ValueError, match="several"):
        contested({**one, **other})


def test_what_one_harness_contests_is_judged_again_for_all() -> None:
    one = {key(1): {"C": "pass", "D": "pass"}, key(2): {"C": "fail", "D": "pass"}}
    other = {key(1, harness="x"): {"C": "pass", "D": "fail"}}
    assert contested_by_any([one, other]) == contested_by_any([other, one]) == {"t": {"C"}}


GRADES = st.sampled_from(["pass", "fail", "undecided"])


@given(st.dictionaries(st.integers(1, 4), st.dictionaries(st.sampled_from("ABC"), GRADES)))
def test_the_order_of_trials_changes_nothing(trials: dict[int, dict[str, str]]) -> None:
    verdicts = {key(trial): said for trial, said in trials.items()}
    backwards = dict(reversed(verdicts.items()))
    assert contested(verdicts) == contested(backwards)


# What the second judge says.


@dataclass
class Second:
    """Gives every criterion one verdict, and keeps what it was asked."""

    verdict: Grade = "pass"
    version: str = "second-1"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        names = tuple(item.id for item in subject.task.criteria)
        self.asked.append(names)
        return Grading(tuple(Verdict(name, self.verdict, "the second") for name in names))


def finished(workspace: Workspace) -> list[RolloutRow]:
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return ledger.rows()


@pytest.fixture
def disputed(open_measured: Open) -> Workspace:
    """A search of which each rollout has a twin of another trial that failed its first criterion,
    and of another harness that passes all."""
    workspace = open_measured()
    evidence = workspace.layout.evidence_of(Purpose.SEARCH)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        for row in finished(workspace):
            (transcript,) = earlier_transcripts(evidence, row.key, [row.attempt])
            said = ledger.verdicts(row.key.harness)[row.key]
            twins: list[tuple[RolloutKey, Mapping[str, str]]] = [
                (replace(row.key, trial=2), _but_first(said, _other(next(iter(said.values()))))),
                (replace(row.key, harness=CANDIDATE), _but_first(said, "pass")),
            ]
            for twin, verdicts in twins:
                folder = transcript.parent.parent
                place = "trial-2" if twin.trial == 2 else "trial-1"
                if twin.harness != row.key.harness:
                    folder = evidence / "other" / row.key.task
                shutil.copytree(transcript.parent, folder / place, symlinks=True)
                _readdress(folder / place, twin)
                rollout, _ = ledger.begin(twin, 1, 1)
                passed = sum(verdict == "pass" for verdict in verdicts.values())
                rows = [(name, verdict, "the first") for name, verdict in verdicts.items()]
                ledger.finish(rollout, replace(row, key=twin, passed=passed, attempt=1), rows)
    return workspace


def _other(verdict: str) -> str:
    return "fail" if verdict == "pass" else "pass"


def _but_first(said: Mapping[str, str], verdict: str) -> dict[str, str]:
    return {**said, next(iter(said)): verdict}


def _readdress(folder: Path, twin: RolloutKey) -> None:
    identity = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    names = {"harness_digest": twin.harness, "trial": twin.trial}
    (folder / IDENTITY).write_text(json.dumps({**identity, **names}), encoding="utf-8")


async def settle(workspace: Workspace, second: Second, rows: Iterable[RolloutRow]) -> Settled:
    tasks = {task.id: task for task in workspace.tasks(Purpose.SEARCH.task_split)}
    evidence = workspace.layout.evidence_of(Purpose.SEARCH)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        return await settle_contested(ledger, evidence, tasks, list(rows), second)


async def test_a_second_judge_is_shown_the_contested_criteria_of_all_harnesses_and_no_other(
    disputed: Workspace,
) -> None:
    rows, second = finished(disputed), Second("fail")
    settled = await settle(disputed, second, rows)
    assert len(second.asked) == len(rows) == 18
    assert set(second.asked) == {("C-001",)}
    assert (settled.criteria, settled.asked, settled.undecided) == (6, 18, 0)
    assert settled.flipped.to_pass == 0
    with closing(Ledger(disputed.layout.ledger, read_only=True)) as ledger:
        for harness in {row.key.harness for row in rows}:
            for said in ledger.verdicts(harness).values():
                assert said["C-001"] == "fail"
    after = {row.key: row for row in finished(disputed)}
    for place, row in settled.rows.items():
        assert after[place] == row
    assert sum(row.passed for row in rows) - sum(row.passed for row in after.values()) == (
        settled.flipped.from_pass
    )


async def test_the_evidence_says_what_the_row_says(disputed: Workspace) -> None:
    await settle(disputed, Second(), finished(disputed))
    evidence = disputed.layout.evidence_of(Purpose.SEARCH)
    for row in finished(disputed):
        (transcript,) = earlier_transcripts(evidence, row.key, [row.attempt])
        summary = stored_summary(transcript.parent)
        assert summary is not None
        assert (summary["passed"], summary["judge_version"]) == (row.passed, row.judge_version)
        assert summary["verdicts"][0]["reason"] == "the second"
        assert summary["verdicts"][1]["reason"] != "the second"
        assert (transcript.parent / SUMMARY).is_file()


async def test_what_is_settled_is_asked_about_no_more(disputed: Workspace) -> None:
    await settle(disputed, Second(), finished(disputed))
    rows, second = finished(disputed), Second("fail")
    again = await settle(disputed, second, rows)
    assert (again.criteria, again.asked, again.rows, second.asked) == (0, 0, {}, [])
    assert finished(disputed) == rows


async def test_what_was_settled_for_an_incumbent_is_settled_for_every_later_candidate(
    disputed: Workspace,
) -> None:
    rows = finished(disputed)
    await settle(disputed, Second(), [row for row in rows if row.key.harness != CANDIDATE])
    second = Second("fail")
    settled = await settle(disputed, second, rows)
    assert second.asked == [("C-001",)] * 6
    assert {key.harness for key in settled.rows} == {CANDIDATE}
    assert settled.flipped == Flipped(from_pass=6)


async def test_the_first_judge_s_word_is_kept_and_says_what_is_contested(
    disputed: Workspace,
) -> None:
    digests = {row.key.harness for row in finished(disputed)}
    with closing(Ledger(disputed.layout.ledger, read_only=True)) as ledger:
        before = {digest: ledger.verdicts(digest) for digest in digests}
    await settle(disputed, Second(), finished(disputed))
    await settle(disputed, Second(version="second-2"), finished(disputed))
    with closing(Ledger(disputed.layout.ledger, read_only=True)) as ledger:
        assert {digest: ledger.first_verdicts(digest) for digest in digests} == before
        assert {digest: ledger.verdicts(digest) for digest in digests} != before
        left = unsettled(ledger, ledger.rows(), "second-3")
    assert set(left.values()) == {frozenset({"C-001"})}


async def test_another_judge_s_regrade_opens_again_what_was_settled(disputed: Workspace) -> None:
    await settle(disputed, Second(), finished(disputed))
    row = finished(disputed)[0]
    with closing(Ledger(disputed.layout.ledger)) as ledger:
        verdicts = ledger.first_verdicts(row.key.harness)[row.key]
        ledger.regrade(row, "another", [(name, said, "") for name, said in verdicts.items()])
        assert row.key not in ledger.settled(row.key.harness)
        assert list(unsettled(ledger, ledger.rows(), "second-1")) == [row.key]


@dataclass
class Stopping(Second):
    """Stops at the 16th rollout, while it is still at work on all others."""

    at_work: int = 0

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        self.at_work += 1
        try:
            if self.at_work == 16:
                raise SearchStoppedError("the budget is spent")
            await asyncio.Event().wait()
        finally:
            self.at_work -= 1
        raise AssertionError


async def test_what_stops_the_second_judge_leaves_no_grading_under_way(disputed: Workspace) -> None:
    rows, second = finished(disputed), Stopping()
    with pytest.raises(SearchStoppedError, match="the budget is spent"):
        await settle(disputed, second, rows)
    assert (second.at_work, finished(disputed)) == (0, rows)


def test_a_judge_s_version_names_the_second_one_wherever_it_is_asked_for(
    open_measured: Open,
) -> None:
    workspace = open_measured()
    profiles = {"simulated": workspace.settings.profile, "other": workspace.settings.profile}
    versions = set()
    for second in ("", "other"):
        judge = JudgeSettings(kind="model", profile="simulated", second=second)
        changed = {"judge": judge, "profiles": profiles}
        own = replace(workspace, settings=workspace.settings.model_copy(update=changed))
        assert own_grader(own).version == own.judge_version
        versions.add(own.judge_version)
    assert len(versions) == 2


async def test_a_trial_that_the_harness_failed_contests_nothing(disputed: Workspace) -> None:
    failed = Outcome.HARNESS_FAILED
    rows = [
        replace(row, outcome=failed) if row.key.trial == 2 else row for row in finished(disputed)
    ]
    second = Second()
    settled = await settle(disputed, second, rows)
    assert (settled.criteria, second.asked) == (0, [])


async def test_an_undecided_second_judge_changes_nothing(disputed: Workspace) -> None:
    rows = finished(disputed)
    settled = await settle(disputed, Second("undecided"), rows)
    assert settled.undecided == len(rows)
    assert finished(disputed) == rows


async def test_deliverables_that_were_changed_are_not_judged_again(disputed: Workspace) -> None:
    rows = finished(disputed)
    for file in disputed.layout.evidence_of(Purpose.SEARCH).rglob("abstract.*"):
        file.write_bytes(b"something else")
    with pytest.raises(InputError, match="expected the deliverables that were graded"):
        await settle(disputed, Second(), rows)
    assert finished(disputed) == rows


async def test_without_a_contested_criterion_nobody_is_asked(open_measured: Open) -> None:
    workspace, second = open_measured(), Second()
    settled = await settle(workspace, second, finished(workspace))
    assert (settled.criteria, second.asked) == (0, [])
    task = workspace.tasks(Purpose.SEARCH.task_split)[0]
    first = tuple(Verdict(item.id, "pass", "") for item in task.criteria)
    grading = await adjudicate(Subject(task, workspace.layout.runs), first, (), second)
    assert (grading.verdicts, second.asked) == (first, [])
