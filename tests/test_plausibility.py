"""What a person should look at before believing a result."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from conftest import rollout_row

from harness_search.ledger.gains import Gain
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Usage
from harness_search.promotion.plausibility import changed_verdicts, remarks, unexplained_jump

TASKS = ("a/one", "a/two", "a/three")
JUMP = Gain(points=6.0, trial_error=1.0, task_error=None)


def arm(
    harness: str, calls: float = 1.0, read: float = 1.0, written: float = 1.0
) -> list[RolloutRow]:
    """Three trials of three tasks, a few per cent apart, with so much more of each kind."""
    return [
        replace(
            rollout_row(harness, task, trial),
            calls=round(20 * calls) + trial,
            usage=Usage(
                input=round(10_000 * read) + 300 * trial, output=round(2_000 * written) + 90 * trial
            ),
        )
        for task in TASKS
        for trial in (1, 2, 3)
    ]


# Verdicts under identical deliverables.


def delivered(harness: str, digest: str, **more: str) -> RolloutRow:
    return replace(rollout_row(harness, "a/one"), output_digest=digest, **more)  # type: ignore[arg-type]


def judged(*pairs: tuple[RolloutRow, Mapping[str, str]]) -> str:
    verdicts: dict[RolloutKey, Mapping[str, str]] = {row.key: given for row, given in pairs}
    return changed_verdicts([row for row, _ in pairs], verdicts)


def test_verdicts_that_differ_under_identical_deliverables_are_counted() -> None:
    new, old = delivered("g", "abc"), delivered("h", "abc")
    found = judged(
        (new, {"C-1": "pass", "C-2": "pass", "C-3": "fail"}),
        (old, {"C-1": "fail", "C-2": "pass", "C-3": "pass"}),
    )
    assert found.startswith(
        "The judge gave 2 criteria different verdicts under identical deliverables, on 1 set of "
    )


@pytest.mark.parametrize(
    "other",
    [
        delivered("h", "xyz"),
        delivered("h", "abc", judge_version="deterministic-2"),
        replace(delivered("h", "abc"), outcome=Outcome.INFRA_FAILED),
    ],
    ids=["another deliverable", "another judge", "a lost attempt"],
)
def test_other_deliverables_another_judge_and_lost_attempts_are_not_compared(
    other: RolloutRow,
) -> None:
    assert judged((delivered("g", "abc"), {"C-1": "pass"}), (other, {"C-1": "fail"})) == ""


def test_rollouts_without_deliverables_are_not_alike() -> None:
    new, old = delivered("g", ""), delivered("h", "")
    assert judged((new, {"C-1": "pass"}), (old, {"C-1": "fail"})) == ""


def test_the_same_verdicts_and_missing_ones_are_no_remark() -> None:
    new, old = delivered("g", "abc"), delivered("h", "abc")
    assert judged((new, {"C-1": "pass", "C-2": "fail"}), (old, {"C-1": "pass"})) == ""
    assert changed_verdicts([new, old], {}) == ""


# A jump without a change in behaviour.


def test_a_jump_of_a_harness_that_behaves_as_before_is_remarked() -> None:
    found = unexplained_jump(arm("g", 1.0, 1.001, 0.999), arm("h"), JUMP)
    assert found == (
        "+6.00 points without a change in calls and tokens: the gain comes from what is written "
        "after the last call; look at it."
    )


@pytest.mark.parametrize("changed", [{"calls": 1.5}, {"read": 1.4}, {"written": 1.4}])
def test_a_jump_that_comes_with_other_behaviour_is_none(changed: dict[str, float]) -> None:
    assert unexplained_jump(arm("g", **changed), arm("h"), JUMP) == ""


@pytest.mark.parametrize(
    "gain",
    [
        None,
        Gain(3.0, 0.1, None),
        Gain(6.0, 3.0, None),
        Gain(-6.0, 1.0, None),
        Gain(6.0, None, None),
    ],
)
def test_a_small_or_an_unsure_gain_is_no_jump(gain: Gain | None) -> None:
    assert unexplained_jump(arm("g"), arm("h"), gain) == ""


def test_nothing_is_said_where_behaviour_has_no_replicates() -> None:
    one = [row for row in arm("g") if row.key.trial == 1]
    assert unexplained_jump(one, one, JUMP) == ""


def test_identical_behaviour_to_the_token_is_no_change_either() -> None:
    steady = [replace(row, calls=5, usage=Usage(input=100, output=10)) for row in arm("g")]
    assert unexplained_jump(steady, steady, JUMP)


def test_remarks_are_one_sentence_each() -> None:
    assert remarks(arm("g"), arm("h"), JUMP, {}) == (unexplained_jump(arm("g"), arm("h"), JUMP),)
    assert remarks(arm("g"), arm("h"), None, {}) == ()
