"""The rules of the gate's stages: when a candidate ends, is promoted, or is looked at again."""

import math
from dataclasses import replace

import pytest
from comparisons import (
    FIX,
    NAMES,
    STANDARD,
    STORED,
    STUBBORN,
    TASKS,
    WEIGHTS,
    Level,
    Loop,
    loop,
    near,
    noise,
    pairing,
    seed_rule,
    side,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness_search.ledger.gains import Variance, gain
from harness_search.ledger.replicates import control_trial
from harness_search.ledger.rows import RolloutRow
from harness_search.promotion.decision import Arm
from harness_search.promotion.gate import StagedGate
from harness_search.promotion.rules import PRESETS

# When a candidate ends.


def test_a_candidate_that_fixes_nothing_ends_at_its_fix_slice() -> None:
    run = loop(50)
    decision = run.run(pairing([], STORED, TASKS, fix_tasks=FIX))
    assert (decision.verdict, decision.stage) == ("reject", "fix slice")
    assert decision.candidate_rollouts == 4
    assert decision.reason.startswith("Fix slice: ")
    assert "points from 2 tasks x 2 trials that the claim fixes; the chance of 0.50" in (
        decision.reason
    )
    assert decision.reason.endswith("%, below 20 %.")


def test_a_fix_of_the_named_tasks_survives_the_slice() -> None:
    run = loop(50, tasks=dict.fromkeys(FIX, 70))
    decision = run.run(pairing([], STORED, TASKS, fix_tasks=FIX))
    assert run.stages[:2] == ["fix slice", "pass 1"]
    assert decision.verdict == "promote"


@pytest.mark.parametrize(
    "closed",
    [
        {"bypass_reason": "drawn"},
        {"fix_tasks": ()},
        {"fix_tasks": NAMES[:5]},
        {"fix_tasks": ("area/unknown",)},
    ],
)
def test_without_a_slice_a_candidate_begins_with_the_first_pass(closed: dict[str, object]) -> None:
    given_ = pairing([], STORED, TASKS, **{"fix_tasks": FIX, **closed})
    assert STANDARD.decide(given_).stage == "pass 1"


def test_a_hopeless_candidate_ends_after_the_first_pass() -> None:
    decision = loop(40).run(pairing([], STORED, TASKS))
    assert (decision.verdict, decision.stage) == ("reject", "pass 1")
    assert decision.candidate_rollouts == len(TASKS)
    assert " points after 8 tasks x 1 trial; the chance of a gain of 1.00 is 0 %, below 10 %." in (
        decision.reason
    )


def test_a_chance_just_below_a_bound_does_not_read_like_the_bound() -> None:
    candidate = side(TASKS, (1,), near(50, "candidate"))
    found = gain(candidate, STORED, TASKS, 3, WEIGHTS)
    assert found is not None
    chance = found.chance_of_at_least(0.0)
    assert chance is not None
    rules = replace(
        PRESETS["standard"], min_delta=0.0, futility_chance=math.ceil(chance * 100) / 100
    )
    decision = StagedGate(rules).decide(pairing(candidate, STORED, TASKS))
    assert decision.reason.endswith(
        f"is {math.floor(chance * 100)} %, below {math.ceil(chance * 100)} %."
    )


def test_a_sure_gain_is_promoted_at_full_trials_and_a_clear_miss_ends_there() -> None:
    won = loop(60).run(pairing([], STORED, TASKS))
    assert (won.verdict, won.stage, won.candidate_rollouts) == ("promote", "3 trials", 24)
    assert "the chance that it is better at all is 100 %, where 80 % are asked." in won.reason
    patient = StagedGate(replace(PRESETS["standard"], futility_chance=0.0))
    over = loop(47, patient).run(pairing([], STORED, TASKS))
    assert (over.verdict, over.stage) == ("reject", "3 trials")
    assert "standard errors, where more than 1.0 end it." in over.reason


@pytest.mark.parametrize(("level", "verdict"), [(49, "reject"), (53, "promote")])
def test_a_borderline_candidate_gets_extra_trials_and_then_the_plain_rule(
    level: int, verdict: str
) -> None:
    run = loop(level, STUBBORN)
    decision = run.run(pairing([], STORED, TASKS))
    assert run.stages == ["3 trials", "extra trials"]
    assert (decision.verdict, decision.candidate_rollouts) == (verdict, 6 * len(TASKS))
    assert decision.reason.endswith("; 6 trials of each task are the most.")


def test_an_extra_trial_that_settles_it_is_the_last_one() -> None:
    """Three trials of luck, then a fourth that is none."""
    lucky = Loop(
        StagedGate(replace(PRESETS["standard"], futility_chance=0.0, sure_chance=1.0)),
        {
            Arm.CANDIDATE: lambda task, trial: 52 + noise(task, trial) if trial < 4 else 20,
            Arm.INCUMBENT: near(50, "incumbent"),
        },
    )
    decision = lucky.run(pairing([], STORED, TASKS))
    assert (decision.verdict, decision.stage) == ("reject", "extra trials")
    assert decision.candidate_rollouts == 4 * len(TASKS)


def test_later_trials_of_the_incumbent_never_call_back_what_a_stage_let_through() -> None:
    """The incumbent's fourth trials make the candidate's first pass look hopeless afterwards."""
    candidate = at("2026-11-02T09", side(TASKS, (1,), near(52)))
    better = side(TASKS, (4, 5, 6), lambda task, trial: 58)
    since = STANDARD.decide(pairing(candidate, [*STORED, *at("2026-11-02T10", better)], TASKS))
    assert (since.verdict, since.stage) == ("undecided", "pass 2")
    before = STANDARD.decide(pairing(candidate, [*STORED, *at("2026-11-02T08", better)], TASKS))
    assert (before.verdict, before.stage) == ("reject", "pass 1")


def at(time: str, rows: list[RolloutRow]) -> list[RolloutRow]:
    return [replace(row, started_at=f"{time}:00:00+00:00") for row in rows]


@given(st.integers(0, 8), st.integers(48, 54))
@settings(max_examples=30, deadline=None)
def test_extra_trials_of_one_arm_alone_never_decide(finished: int, level: int) -> None:
    """A run is killed, or an outage takes the candidate's extra trials and not the incumbent's."""
    run = loop(level, STUBBORN)
    run.run(pairing([], STORED, TASKS))
    own = at("2026-11-02T09", side(TASKS, (1, 2, 3), Level(level, "candidate")))
    extra = side(TASKS, (4,), lambda task, trial: 20)[:finished]
    stored = at("2026-11-01T09", STORED)
    whole = pairing(own, stored, TASKS)
    for gate in (STANDARD, STUBBORN):
        before = gate.decide(whole)
        after = gate.decide(replace(whole, incumbent=[*stored, *at("2026-11-02T10", extra)]))
        assert (after.verdict, after.stage) == (before.verdict, before.stage)


def test_rollouts_that_nobody_asked_for_skip_no_stage() -> None:
    """Full trials of a candidate that was measured by hand meet every stage all the same."""
    hopeless = side(TASKS, (1, 2, 3), Level(40, "candidate"))
    decision = STANDARD.decide(pairing(hopeless, STORED, TASKS, fix_tasks=FIX))
    assert (decision.verdict, decision.stage) == ("reject", "fix slice")


# Without known noise.


def test_no_stage_ends_a_candidate_while_noise_is_unknown() -> None:
    single = side(TASKS, (1,), near(50))
    gate = StagedGate(replace(PRESETS["standard"], trials=1, most_trials=1))
    given_ = pairing([], single, TASKS, fix_tasks=FIX)
    assert gate.decide(given_).stage == "1 trial", "no slice"
    for level, verdict in ((50, "reject"), (60, "promote")):
        decision = loop(level, gate).run(given_)
        assert decision.verdict == verdict
        assert decision.gain is not None
        assert decision.gain.trial_error is None


@pytest.mark.parametrize(("tasks", "trials"), [(36, 2), (72, 1)])
def test_wide_dev_sets_decide_by_the_reference_variance(tasks: int, trials: int) -> None:
    wide = {f"area/task-{number}": 100 for number in range(tasks)}
    stored = side(wide, range(1, trials + 1), near(50, "incumbent"))
    gate = StagedGate(replace(PRESETS["standard"], trials=trials))
    known = Variance(4.0 * 1_000, 1_000)
    given_ = pairing([], stored, wide, fix_tasks=list(wide)[:5], reference_variance=known)
    assert gate.decide(given_).stage == "fix slice"
    won = loop(56, gate).run(given_)
    assert (won.verdict, won.candidate_rollouts) == ("promote", tasks * trials)
    assert loop(50, gate).run(given_).stage == "fix slice"
    assert won.gain is not None
    assert won.gain.trial_error == pytest.approx((4.0 * 2 / tasks / trials) ** 0.5, rel=0.3)


# Control and reference.


def test_a_control_compares_with_control_trials_alone() -> None:
    """The stored trials say 50, the control of this iteration 80, that of another one 0."""
    candidate = side(TASKS, (1, 2, 3), near(70, "candidate"))
    trials = [control_trial(7, number) for number in (1, 2, 3)]
    control = side(TASKS, trials, near(80, "control"))
    other = side(TASKS, [control_trial(6, 1), control_trial(8, 1)], near(0, "other"))
    given_ = pairing(candidate, [*STORED, *other], TASKS, iteration=7, control_reason="drift")
    asked = STANDARD.decide(given_)
    assert (asked.verdict, asked.stage) == ("undecided", "3 trials")
    assert {(item.arm, item.trial) for item in asked.planned} == {
        (Arm.INCUMBENT, trial) for trial in trials
    }
    decision = STANDARD.decide(replace(given_, incumbent=[*STORED, *other, *control]))
    assert decision.verdict == "reject"
    assert decision.gain is not None
    assert decision.gain.points == pytest.approx(-10, abs=2)
    without = STANDARD.decide(replace(given_, control_reason=""))
    assert without.verdict == "promote"


def test_stages_before_the_decision_compare_with_stored_trials() -> None:
    given_ = pairing([], STORED, TASKS, iteration=7, control_reason="drift")
    run = loop(60)
    run.run(given_)
    assert run.stages == ["pass 1", "pass 2", "3 trials"]
    last = run.decisions[-2].planned
    assert [item.arm for item in last[:8]].count(Arm.CANDIDATE) == 2, "one in four, interleaved"
    early = [item for decision in run.decisions[:2] for item in decision.planned]
    assert {item.arm for item in early} == {Arm.CANDIDATE}


def test_a_shrunken_reference_lowers_the_stored_score_and_no_control() -> None:
    candidate = side(TASKS, (1, 2, 3), near(50, "incumbent"))
    given_ = pairing(candidate, STORED, TASKS, inflation=5.0)
    assert STANDARD.decide(given_).verdict == "reject", "the mean ignores it"
    explore = StagedGate(PRESETS["explore"])
    decision = explore.decide(given_)
    assert decision.verdict == "promote"
    assert decision.gain is not None
    assert decision.gain.points == pytest.approx(5.0)
    assert "against the incumbent's 45.58 (measured 50.58), +5.00 points" in decision.reason
    trials = [control_trial(1, number) for number in (1, 2, 3)]
    control = side(TASKS, trials, lambda task, trial: near(50, "incumbent")(task, trial % 1_000))
    fresh = replace(given_, incumbent=[*STORED, *control], control_reason="drift")
    assert explore.decide(fresh).verdict == "reject"


def test_a_slice_lowers_the_stored_score_by_the_share_of_its_tasks() -> None:
    candidate = side(dict.fromkeys(FIX, 100), (1, 2), near(50, "candidate"))
    given_ = pairing(candidate, STORED, TASKS, fix_tasks=FIX, inflation=8.0)
    strict = replace(PRESETS["standard"], slice_chance=1.0)
    found = [
        StagedGate(rules).decide(given_).gain
        for rules in (strict, replace(strict, reference="shrunken"))
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1].points - found[0].points == pytest.approx(8.0 * len(FIX) / len(TASKS))


def test_only_rollouts_since_the_candidate_began_are_put_to_its_account() -> None:
    old = [replace(row, started_at="2026-01-01T00:00:00+00:00") for row in STORED]
    fourth = side(TASKS, (4,), near(50, "incumbent"))
    new = [replace(row, started_at="2026-01-09T00:00:00+00:00") for row in fourth]
    mine = [
        replace(row, started_at="2026-01-08T00:00:00+00:00")
        for row in side(TASKS, (1, 2, 3, 4), near(60))
    ]
    decision = STANDARD.decide(pairing(mine, [*old, *new], TASKS))
    assert (decision.candidate_rollouts, decision.incumbent_rollouts) == (32, 8)


# Properties of the decision.


@given(st.lists(st.integers(0, 20), min_size=16, max_size=16), st.sampled_from([0.0, 0.1]))
@settings(deadline=None)
def test_without_noise_the_standard_decides_as_the_study_does(
    levels: list[int], futility_chance: float
) -> None:
    """Every trial the same, the slice bypassed: stages save rollouts and change nothing."""
    criteria = dict.fromkeys(TASKS, 20)
    mine = dict(zip(criteria, levels[:8], strict=True))
    theirs = dict(zip(criteria, levels[8:], strict=True))
    worlds = {
        Arm.CANDIDATE: lambda task, trial: mine[task],
        Arm.INCUMBENT: lambda task, trial: theirs[task],
    }
    stored = side(criteria, (1, 2, 3), worlds[Arm.INCUMBENT])
    gate = StagedGate(replace(PRESETS["standard"], futility_chance=futility_chance))
    decision = Loop(gate, worlds).run(
        pairing([], stored, criteria, fix_tasks=FIX, bypass_reason="drawn")
    )
    whole = pairing(side(criteria, (1, 2, 3), worlds[Arm.CANDIDATE]), stored, criteria)
    assert (decision.verdict == "promote") == seed_rule(whole, 3, 1.0)


def test_exactly_the_margin_promotes_in_every_preset_without_noise() -> None:
    criteria = dict.fromkeys(TASKS, 100)
    stored = side(criteria, (1, 2, 3), lambda task, trial: 50)
    for preset in ("seed", "standard", "economy", "explore"):
        worlds = {Arm.CANDIDATE: lambda task, trial: 51, Arm.INCUMBENT: lambda task, trial: 50}
        run = Loop(StagedGate(PRESETS[preset]), worlds)
        assert run.run(pairing([], stored, criteria)).verdict == "promote"
        short = {**worlds, Arm.CANDIDATE: lambda task, trial: 51 - (task == NAMES[0])}
        below = Loop(StagedGate(PRESETS[preset]), short)
        assert below.run(pairing([], stored, criteria)).verdict == "reject"


@given(st.integers(1, 99), st.integers(0, 98), st.sampled_from(["standard", "economy", "seed"]))
@settings(deadline=None)
def test_floating_point_never_ends_a_candidate_that_gains_exactly_the_margin(
    first: int, level: int, preset: str
) -> None:
    """One criterion of a hundred is one point, however the hundred are spread over tasks."""
    criteria = {"area/one": first, "area/two": 100 - first}
    passed = {task: level * total // 100 for task, total in criteria.items()}
    grown = "area/one" if passed["area/one"] + 1 < first else "area/two"
    assume(passed[grown] + 1 < criteria[grown])
    worlds = {
        Arm.CANDIDATE: lambda task, trial: passed[task] + (task == grown),
        Arm.INCUMBENT: lambda task, trial: passed[task],
    }
    stored = side(criteria, (1, 2, 3), worlds[Arm.INCUMBENT])
    decision = Loop(StagedGate(PRESETS[preset]), worlds).run(pairing([], stored, criteria))
    assert decision.verdict == "promote"


def test_a_rollout_of_one_task_more_does_not_shift_the_weight_of_tasks() -> None:
    """The slice tasks have two trials at the first pass, and count no more than the others."""
    level = {task: 40 + 5 * number for number, task in enumerate(TASKS)}
    stored = side(TASKS, (1, 2, 3), lambda task, trial: level[task])
    once = side(TASKS, (1,), lambda task, trial: level[task] - 20 * (task in FIX))
    twice = [*once, *(replace(row, key=replace(row.key, trial=2)) for row in once[:2])]
    wide = replace(PRESETS["standard"], slice_chance=0.0)
    given_ = pairing(twice, stored, TASKS, fix_tasks=FIX)
    decision = StagedGate(wide).decide(given_)
    plain = STANDARD.decide(pairing(once, stored, TASKS))
    assert decision.gain is not None
    assert plain.gain is not None
    assert (decision.stage, plain.stage) == ("pass 1", "pass 1")
    assert decision.gain.points == pytest.approx(plain.gain.points) == pytest.approx(-5.0)
