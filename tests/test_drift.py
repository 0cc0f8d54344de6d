"""When an incumbent's stored rollouts are no fair comparison any more."""

from dataclasses import replace

import pytest
from comparisons import lost
from conftest import rollout_row

from harness_search.ledger.replicates import control_trial
from harness_search.ledger.rows import RolloutRow
from harness_search.promotion.drift import control_reason
from harness_search.promotion.rules import PRESETS

AUTO = PRESETS["standard"]
SEEN = "The pass component is 1.2 points."


def row(day: int = 0, judge: str = "judge-1", trial: int = 1) -> RolloutRow:
    started = f"2026-03-{day:02d}T10:00:00+00:00" if day else ""
    return replace(rollout_row(trial=trial), started_at=started, judge_version=judge)


def test_the_rules_alone_may_ask_for_a_control_or_for_none() -> None:
    same_day = replace(AUTO, control="same_day")
    assert control_reason(same_day, [], []) == "The gate's rules ask for a control of the same day."
    old, new = [row(1, "judge-1")], [row(30, "judge-2")]
    assert control_reason(PRESETS["seed"], new, old, SEEN) == ""


def test_drift_that_the_first_run_showed_is_the_reason() -> None:
    assert control_reason(AUTO, [row(1)], [row(1)], SEEN) == SEEN
    assert control_reason(AUTO, [row(1)], [row(1)]) == ""


@pytest.mark.parametrize(("day", "expected"), [(8, False), (9, True), (0, False)])
def test_rollouts_older_than_the_rules_allow_are_drift_and_unknown_times_are_none(
    day: int, expected: bool
) -> None:
    incumbent = [row(1), row(8), row(0)]
    reason = control_reason(AUTO, [row(day), row(20) if day else row(0)], incumbent)
    assert bool(reason) == expected
    if expected:
        assert reason == (
            "The incumbent's rollouts are up to 8.0 days older than the candidate's, more than 7."
        )


def test_a_candidate_that_has_not_begun_sees_no_drift() -> None:
    assert control_reason(AUTO, [], [row(1)]) == ""
    assert control_reason(AUTO, [lost(row(30))], [row(1)]) == ""


def test_another_judge_is_drift() -> None:
    reason = control_reason(AUTO, [row(1, "judge-2")], [row(1, "judge-1")])
    assert reason == (
        "The judge has changed: the candidate's rollouts have judge-2, the incumbent's judge-1."
    )
    assert control_reason(AUTO, [row(1, "judge-2")], [row(1, "")]) == ""


def test_another_model_behind_the_same_name_is_drift() -> None:
    new, old = (replace(row(1), served_model=name) for name in ("model-0926", "model-0325"))
    assert control_reason(AUTO, [new], [old]) == (
        "The served model has changed: the candidate's rollouts have model-0926, the incumbent's "
        "model-0325."
    )
    assert control_reason(AUTO, [new], [new]) == ""
    assert control_reason(AUTO, [new], [replace(old, served_model="")]) == ""


def test_the_control_itself_never_ends_the_need_for_it() -> None:
    control = row(30, "judge-2", trial=control_trial(3, 1))
    old = [row(1, "judge-1")]
    new = [row(30, "judge-2")]
    assert control_reason(AUTO, new, old) == control_reason(AUTO, new, [*old, control])
