"""The stages of the gate: which rollouts they ask for, and that nothing is decided without them."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from comparisons import (
    FIX,
    NAMES,
    STORED,
    STUBBORN,
    TASKS,
    Level,
    loop,
    lost,
    near,
    pairing,
    side,
)
from conftest import rollout_row
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_search.promotion.decision import Arm, Pairing, PlannedRollout
from harness_search.promotion.gate import StagedGate
from harness_search.promotion.rules import PRESETS, GateRules
from harness_search.promotion.stages import Stage, stages


def table(rules: GateRules, slice_tasks: tuple[str, ...] = FIX, control: str = "") -> list[str]:
    given = pairing([], [], TASKS, control_reason=control)
    return [
        f"{stage.name}: {len(stage.candidate)} + {len(stage.incumbent)}"
        for stage in stages(rules, given, slice_tasks if rules.slice_trials else ())
    ]


# The presets.


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("seed", ["3 trials: 24 + 24"]),
        (
            "standard",
            [
                "fix slice: 4 + 4", "pass 1: 10 + 10", "pass 2: 16 + 16", "3 trials: 24 + 24",
                "extra trials: 32 + 32", "extra trials: 40 + 40", "extra trials: 48 + 48",
            ],
        ),
        (
            "strict",
            [
                "fix slice: 4 + 48", "pass 1: 10 + 48", "pass 2: 16 + 48", "3 trials: 24 + 48",
                "extra trials: 32 + 48", "extra trials: 40 + 48", "extra trials: 48 + 48",
            ],
        ),
    ],
)  # fmt: skip
def test_the_stages_of_a_preset(preset: str, expected: list[str]) -> None:
    assert table(PRESETS[preset]) == expected


def test_a_control_has_as_many_trials_as_the_candidate() -> None:
    assert table(PRESETS["strict"], control="the same day")[3:] == [
        "3 trials: 24 + 24",
        "extra trials: 32 + 32",
        "extra trials: 40 + 40",
        "extra trials: 48 + 48",
    ]


def test_economy_and_explore_have_the_stages_of_the_standard() -> None:
    assert table(PRESETS["economy"]) == table(PRESETS["standard"]) == table(PRESETS["explore"])


def test_no_pass_is_a_stage_of_its_own_where_it_can_end_nobody() -> None:
    """Nothing would be gained by waiting for its last rollout."""
    assert table(replace(PRESETS["standard"], futility_chance=0.0))[:2] == [
        "fix slice: 4 + 4",
        "3 trials: 24 + 24",
    ]


@pytest.mark.parametrize("trials", [1, 2])
def test_cheap_scorers_may_ask_for_fewer_trials_of_more_tasks(trials: int) -> None:
    names = table(replace(PRESETS["standard"], trials=trials))
    assert [name.split(":")[0] for name in names] == [
        "fix slice",
        *(f"pass {number}" for number in range(1, trials)),
        f"{trials} trial{'s' if trials > 1 else ''}",
        *["extra trials"] * (6 - trials),
    ]


# What is asked for, and in which order.


def test_the_fix_tasks_come_first_and_their_rows_count_for_the_passes() -> None:
    run = loop(56)
    run.run(pairing([], STORED, TASKS, fix_tasks=FIX))
    first, second = run.decisions[:2]
    assert [(item.task, item.trial) for item in first.planned] == [
        (FIX[0], 1), (FIX[1], 1), (FIX[0], 2), (FIX[1], 2),
    ]  # fmt: skip
    assert [(item.task, item.trial) for item in second.planned] == [(task, 1) for task in NAMES[2:]]
    assert all(item.arm is Arm.CANDIDATE for item in (*first.planned, *second.planned))


def test_extra_trials_alternate_between_the_arms_task_by_task() -> None:
    run = loop(51, STUBBORN)
    run.run(pairing([], STORED, TASKS))
    extra = next(item for item in run.decisions if item.stage == "extra trials")
    assert extra.planned == tuple(
        PlannedRollout(arm, task, 4) for task in TASKS for arm in (Arm.CANDIDATE, Arm.INCUMBENT)
    )


def test_the_incumbent_is_topped_up_only_as_far_as_it_has_fewer_trials() -> None:
    run = loop(51, STUBBORN)
    six = side(TASKS, range(1, 7), near(50, "incumbent"))
    run.run(pairing([], six[:-1], TASKS))
    asked = [item for decision in run.decisions for item in decision.planned]
    assert [item for item in asked if item.arm is Arm.INCUMBENT] == [
        PlannedRollout(Arm.INCUMBENT, NAMES[-1], 6)
    ]


def test_the_incumbent_is_topped_up_before_anything_is_compared_with_it() -> None:
    gate = StagedGate(replace(PRESETS["standard"], incumbent_trials=5))
    run = loop(60, gate)
    decision = run.run(pairing([], STORED, TASKS))
    assert (decision.verdict, decision.stage) == ("promote", "3 trials")
    first, *others = (decision.planned for decision in run.decisions)
    assert sum(item.arm is Arm.INCUMBENT for item in first) == 2 * len(TASKS)
    assert {item.arm for item in first[:6]} == {Arm.CANDIDATE, Arm.INCUMBENT}
    assert all(item.arm is Arm.CANDIDATE for planned in others for item in planned)


@given(st.integers(30, 75), st.integers(0, 4), st.data())
@settings(max_examples=40, deadline=None)
def test_running_what_is_planned_ends_in_a_decision(
    level: int, fixes: int, data: st.DataObject
) -> None:
    """At most one step a stage, and no rollout is asked for twice."""
    preset = data.draw(st.sampled_from(sorted(PRESETS)))
    reason = data.draw(st.sampled_from(["", "drift"]))
    run = loop(level, StagedGate(PRESETS[preset]))
    given_ = pairing([], STORED, TASKS, fix_tasks=NAMES[:fixes], control_reason=reason)
    run.run(given_)
    assert len(run.decisions) <= 8
    asked = [item for decision in run.decisions for item in decision.planned]
    assert len(asked) == len(set(asked))


# Undecided while anything is missing.


PATIENT = (
    PRESETS["seed"],
    *(
        replace(PRESETS[name], slice_chance=0.0, futility_chance=1e-300, sure_chance=1.1, band=1e6)
        for name in ("standard", "strict")
    ),
)
"""They end nobody before the last stage."""


@st.composite
def complete_stages(draw: st.DrawFn) -> tuple[StagedGate, Pairing, Stage]:
    """A comparison at one of its stages, with all that this stage needs."""
    gate = StagedGate(draw(st.sampled_from(PATIENT)))
    control = draw(st.sampled_from(["", "drift"]))
    empty = pairing([], STORED, TASKS, fix_tasks=FIX, control_reason=control, iteration=4)
    every = stages_of(gate, empty)
    stage = draw(st.sampled_from(every))
    until = every[: every.index(stage) + 1]
    needs = (
        dict.fromkeys(item for found in until for item in found.candidate),
        dict.fromkeys(item for found in until for item in found.incumbent),
    )
    worlds = (Level(draw(st.integers(45, 60)), "candidate"), near(50, "incumbent"))
    arms = [
        [rollout_row("h", task, trial, world(task, trial), 100) for task, trial in needed]
        for needed, world in zip(needs, worlds, strict=True)
    ]
    needed = {row.key for row in arms[1]}
    stored = [row for row in STORED if row.key not in needed]
    return gate, replace(empty, candidate=arms[0], incumbent=[*stored, *arms[1]]), stage


def stages_of(gate: StagedGate, given: Pairing) -> tuple[Stage, ...]:
    return stages(gate.rules, given, FIX if gate.rules.slice_trials else ())


@given(complete_stages(), st.sampled_from(list(Arm)), st.booleans(), st.data())
@settings(deadline=None)
def test_a_stage_that_lacks_one_rollout_is_undecided_and_asks_for_just_that(
    drawn: tuple[StagedGate, Pairing, Stage], arm: Arm, is_lost: bool, data: st.DataObject
) -> None:
    gate, whole, stage = drawn
    needed = stage.candidate if arm is Arm.CANDIDATE else stage.incumbent
    task, trial = data.draw(st.sampled_from(needed))
    rows = whole.candidate if arm is Arm.CANDIDATE else whole.incumbent
    there = [row for row in rows if (row.key.task, row.key.trial) != (task, trial)]
    left = [*there, *(lost(row) for row in rows if row not in there and is_lost)]
    decision = gate.decide(replace(whole, **{arm.value: left}))
    # The first stage that needs it stops there, whatever the later ones have.
    sides = [
        (found.name, found.candidate if arm is Arm.CANDIDATE else found.incumbent)
        for found in stages_of(gate, whole)
    ]
    name, asks = next(side for side in sides if (task, trial) in side[1])
    assert (decision.verdict, decision.stage, decision.gain) == ("undecided", name, None)
    assert decision.planned == (PlannedRollout(arm, task, trial),)
    assert decision.coverage == Fraction(len(asks) - 1, len(asks))


@given(complete_stages())
@settings(deadline=None)
def test_a_complete_stage_decides_or_asks_for_the_next_one(
    drawn: tuple[StagedGate, Pairing, Stage],
) -> None:
    gate, whole, stage = drawn
    decision = gate.decide(whole)
    if decision.verdict == "undecided":
        following = stages_of(gate, whole)
        after = following[following.index(stage) + 1]
        assert decision.stage == after.name
        assert decision.planned
        assert "Nothing is compared before every rollout is there" in decision.reason
    else:
        assert (decision.stage, decision.coverage, decision.planned) == (stage.name, 1, ())
        assert decision.gain is not None


@given(complete_stages(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_neither_the_order_of_rows_nor_lost_attempts_change_anything(
    drawn: tuple[StagedGate, Pairing, Stage], generator: random.Random
) -> None:
    gate, whole, _ = drawn
    sides = []
    for rows in (whole.candidate, whole.incumbent):
        mixed = [*rows, *(lost(row) for row in generator.sample(list(rows), 3))]
        generator.shuffle(mixed)
        sides.append(mixed)
    mixed_up = replace(whole, candidate=sides[0], incumbent=sides[1])
    assert gate.decide(mixed_up) == gate.decide(whole)


@given(complete_stages(), st.data())
@settings(deadline=None)
def test_passing_more_criteria_never_turns_a_promotion_into_a_rejection(
    drawn: tuple[StagedGate, Pairing, Stage], data: st.DataObject
) -> None:
    gate, whole, _ = drawn
    if gate.decide(whole).verdict != "promote":
        return
    raised = [
        replace(row, passed=min(row.total, row.passed + data.draw(st.integers(0, 60))))
        for row in whole.candidate
    ]
    assert gate.decide(replace(whole, candidate=raised)).verdict != "reject"
