"""The catalogue proposer chooses by symptoms and history, and a mechanism's name has no say."""

import asyncio
import math
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from catalogue_sessions import (
    BASELINE,
    DEV_TASKS,
    NAMES,
    ORIGIN,
    SYMPTOMS,
    add_rollout,
    first_session,
    leading,
    past,
    propose,
    read_log,
    writes,
)
from hypothesis import given
from hypothesis import strategies as st

from harness_search.ledger.rows import DecisionKind
from harness_search.promotion.claim import read_claim
from harness_search.proposers.catalogue import CatalogueProposer, default_catalogue
from harness_search.proposers.catalogue.ranking import NOISE, reach, sort_out
from harness_search.proposers.session import NothingLeft, PastIteration, Session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return first_session(tmp_path)


# What it chooses.


@pytest.mark.parametrize("name", SYMPTOMS)
def test_a_symptom_in_the_evidence_leads_to_its_mechanism(session: Session, name: str) -> None:
    for task in DEV_TASKS[:8]:
        add_rollout(session, task, **SYMPTOMS[name])
    assert leading(session) == name


def test_long_results_before_poor_content_bring_up_the_cut(session: Session) -> None:
    for task in DEV_TASKS:
        add_rollout(session, task, passed=5, calls=writes("# A"), result="x" * 30_000)
    log = read_log(session)
    stakes = {line.split(":")[0].strip(): line for line in log.splitlines() if " x " in line}
    assert float(stakes["short_tool_results"].split()[1]) > 10


def test_revisions_are_not_taken_for_lost_parts(session: Session) -> None:
    for task in DEV_TASKS:
        add_rollout(session, task, calls=writes("# Memo\nold", "# Memo\nnew and longer"))
    assert "deliverable_reassembly_gate: 0.00 x" in read_log(session)


def test_a_deliverable_in_its_place_is_not_taken_for_a_misplaced_one(session: Session) -> None:
    for task in DEV_TASKS:
        add_rollout(session, task, deliverables=["memo.md", "annex.md"], calls=writes("# Memo"))
    assert "deliverable_landing_gate: 0.00 x" in read_log(session)


def test_all_passed_leaves_nothing_at_stake(session: Session) -> None:
    for task in DEV_TASKS:
        add_rollout(session, task, passed=10, calls=writes("# A"))
    assert read_log(session).count(": 0.00 x") == len(NAMES)


def test_different_seeds_explore_in_different_orders_and_one_seed_always_in_the_same(
    session: Session,
) -> None:
    for number, task in enumerate(DEV_TASKS):
        add_rollout(session, task, **[*SYMPTOMS.values()][number % len(SYMPTOMS)])
    orders = [explored(replace(session, seed=seed)) for seed in (1, 2, 3, 1)]
    assert orders[0] == orders[-1]
    assert len(set(orders)) == 3
    assert all(set(order) == set(NAMES) for order in orders), "each is tried in the end"
    assert all(len(order) == len(NAMES) for order in orders), "and only once on one incumbent"


def explored(session: Session) -> tuple[str, ...]:
    """Which mechanisms are tried, one after the other, while none is promoted."""
    history: list[PastIteration] = [ORIGIN]
    while True:
        now = replace(session, iteration=len(history), history=tuple(history))
        if isinstance(asyncio.run(CatalogueProposer().propose(now)), NothingLeft):
            return tuple(item.mechanism for item in history[1:])
        history.append(past(len(history), read_claim(now.claim_file).candidate.mechanism))


def test_mechanisms_of_the_lineage_are_left_out(session: Session) -> None:
    history = (
        ORIGIN,
        past(1, "deliverable_landing_gate", DecisionKind.PROMOTED, 6.0),
        past(2, "toolcall_json_repair", DecisionKind.PROMOTED, 3.0, "deliverable_landing_gate"),
    )
    for name in ("deliverable_landing_gate", "toolcall_json_repair"):
        shutil.copy(BASELINE, session.view / "harnesses" / f"{name}.py")
    now = replace(session, incumbent="toolcall_json_repair", history=history, iteration=3)
    log = read_log(now)
    assert log.count(": the incumbent has it\n") == 2


# What it tries again.

DECIDED = [
    ([], True, "never tried"),
    ([("older", 0.6)], True, "a near miss"),
    ([("older", 0.0)], True, "nothing gained"),
    ([("older", -1.4)], True, "lost within noise"),
    ([("older", -1.6)], False, "lost by more than noise"),
    ([("oldest", 0.1), ("older", -0.3)], True, "twice about nothing"),
    ([("oldest", -1.2), ("older", -1.2)], False, "lost twice within noise"),
    ([("oldest", -1.2), ("older", 0.8)], True, "lost once, then gained"),
    ([("oldest", -4.0), ("older", 0.8)], False, "lost far more than gained"),
    ([("newest", 0.9)], False, "compared with this incumbent"),
    ([("older", 0.0), ("newest", 0.9)], False, "compared with this incumbent too"),
    ([("newest", "inconclusive")], True, "never compared with it in full"),
    ([("older", -3.0), ("newest", "inconclusive")], False, "lost, then inconclusive"),
    ([("older", "rejected by audit")], False, "rejected by audit"),
    ([("oldest", 0.9), ("older", "rejected by audit")], False, "gained, then rejected by audit"),
]


@pytest.mark.parametrize(("ended", "tried", "_"), DECIDED, ids=[words for *_, words in DECIDED])
def test_what_may_be_tried_on_the_newest_incumbent(
    ended: list[tuple[str, float | str]], tried: bool, _: str
) -> None:
    history = [as_told(number, *item) for number, item in enumerate(ended, start=1)]
    one = default_catalogue()[:1]
    options, left_out = sort_out(one, [ORIGIN, *history], "newest")
    assert [option.mechanism for option in options] == [item for item in one if tried]
    assert [mechanism for mechanism, _ in left_out] == [item for item in one if not tried]


def as_told(number: int, incumbent: str, end: float | str) -> PastIteration:
    if isinstance(end, str):
        return past(number, NAMES[0], DecisionKind(end), None, incumbent)
    return past(number, NAMES[0], DecisionKind.ORPHAN, end, incumbent)


deltas = st.lists(st.floats(-10, 10), min_size=1, max_size=6)


def compared(values: Sequence[float]) -> float:
    return reach([past(number, "any", delta=value) for number, value in enumerate(values)])


@given(deltas)
def test_each_comparison_of_the_same_result_leaves_less_room(values: list[float]) -> None:
    mean = sum(values) / len(values)
    assert mean < compared([mean] * (len(values) + 1)) < compared(values) <= mean + NOISE + 1e-9


@given(deltas, st.floats(0.01, 5))
def test_who_gained_more_may_gain_more(values: list[float], more: float) -> None:
    assert compared([values[0] + more, *values[1:]]) > compared(values)


def test_without_a_comparison_nothing_limits_what_is_expected() -> None:
    assert reach([]) == math.inf
    assert reach([past(1, "any", DecisionKind.INCONCLUSIVE, None)]) == math.inf


def all_but(name: str, decision: DecisionKind, delta: float | None) -> tuple[PastIteration, ...]:
    """Every other mechanism has lost; this one ended as told; then the baseline was replaced."""
    others = [other for other in NAMES if other != name]
    lost = [past(number, other, delta=-3.0) for number, other in enumerate(others, start=1)]
    return (ORIGIN, *lost, past(len(NAMES), name, decision, delta))


def on_newer_incumbent(
    session: Session, history: tuple[PastIteration, ...], symptom: str = "deliverable_landing_gate"
) -> Session:
    shutil.copy(BASELINE, session.view / "harnesses" / "newer.py")
    for task in DEV_TASKS:
        add_rollout(session, task, harness="newer", **SYMPTOMS[symptom])
    return replace(session, incumbent="newer", history=history, iteration=len(history))


@pytest.mark.parametrize(
    ("decision", "delta", "words"),
    [
        (DecisionKind.ORPHAN, 0.6, "gained 0.60 points against baseline"),
        (DecisionKind.ORPHAN, -0.25, "lost 0.25 points against baseline"),
        (DecisionKind.INCONCLUSIVE, None, "was inconclusive against baseline"),
    ],
)
def test_an_orphan_that_has_not_clearly_lost_is_restacked_on_a_newer_incumbent(
    session: Session, decision: DecisionKind, delta: float | None, words: str
) -> None:
    history = all_but("deliverable_landing_gate", decision, delta)
    now = on_newer_incumbent(session, history)
    claim = propose(now)
    assert claim.name == f"deliverable_landing_gate_on_{len(NAMES) + 1:03d}"
    assert (claim.mechanism, claim.parent) == ("deliverable_landing_gate", "newer")
    assert claim.changes.endswith(f"Restacked: deliverable_landing_gate {words}.")
    assert words in session.log_file.read_text()


def test_what_was_measured_limits_what_is_expected_of_a_restacked_orphan(session: Session) -> None:
    now = on_newer_incumbent(session, (ORIGIN, past(1, "deliverable_landing_gate", delta=0.6)))
    assert f"deliverable_landing_gate: {0.6 + NOISE:.2f} x" in read_log(now)


@pytest.mark.parametrize(
    ("decision", "delta"), [(DecisionKind.ORPHAN, -2.0), (DecisionKind.REJECTED, None)]
)
def test_what_clearly_lost_or_was_rejected_is_not_tried_again(
    session: Session, decision: DecisionKind, delta: float | None
) -> None:
    history = all_but("deliverable_landing_gate", decision, delta)
    now = on_newer_incumbent(session, history)
    assert isinstance(asyncio.run(CatalogueProposer().propose(now)), NothingLeft)


def test_an_orphan_without_a_symptom_on_the_new_incumbent_is_not_restacked(
    session: Session,
) -> None:
    history = all_but("toolcall_json_repair", DecisionKind.ORPHAN, 0.5)
    now = on_newer_incumbent(session, history)
    assert isinstance(asyncio.run(CatalogueProposer().propose(now)), NothingLeft)


@pytest.mark.parametrize(
    ("needing", "needed", "symptom"),
    [
        ("cross_type_landing", "opens_as_its_type", "cross_type_landing"),
        ("cut_reply_continuation", "deliverable_reassembly_gate", "larger_replies"),
    ],
)
def test_what_gained_nothing_alone_is_stacked_on_what_was_promoted_since(
    session: Session, needing: str, needed: str, symptom: str
) -> None:
    pair = [item for item in default_catalogue() if item.name in {needing, needed}]
    history = (
        *(ORIGIN, past(1, needing, delta=-0.1)),
        past(2, needed, DecisionKind.PROMOTED, 2.0),
    )
    shutil.copy(BASELINE, session.view / "harnesses" / f"{needed}.py")
    for task in DEV_TASKS:
        add_rollout(session, task, harness=needed, **SYMPTOMS[symptom])
    now = replace(session, incumbent=needed, history=history, iteration=3)
    claim = propose(now, pair)
    assert (claim.mechanism, claim.parent) == (needing, needed)


# What it tries last, and when it stops.


def test_a_mechanism_without_any_symptom_is_tried_last_not_never(session: Session) -> None:
    for task in DEV_TASKS:
        add_rollout(session, task, **SYMPTOMS["second_look"])
    few = [item for item in default_catalogue() if item.name in {"second_look", "output_listing"}]
    chosen = {propose(replace(session, seed=seed), few).mechanism for seed in range(10)}
    assert chosen == {"second_look"}
    assert "no mechanism left shows a symptom" not in session.log_file.read_text()
    tried = replace(session, history=(ORIGIN, past(1, "second_look")), iteration=2)
    assert propose(tried, few).mechanism == "output_listing"
    assert "no mechanism left shows a symptom" in session.log_file.read_text()


def test_nothing_left_is_said_in_one_sentence_and_writes_no_candidate(session: Session) -> None:
    history = (ORIGIN, *(past(number, name) for number, name in enumerate(NAMES, start=1)))
    answer = asyncio.run(CatalogueProposer().propose(replace(session, history=history)))
    assert isinstance(answer, NothingLeft)
    assert answer.reason.startswith(f"none of the catalogue's {len(NAMES)} mechanisms is left")
    assert not session.claim_file.exists()
    assert "Choice: none" in session.log_file.read_text()


def test_a_mechanism_that_does_not_fit_the_incumbent_gives_way_to_the_next(
    session: Session,
) -> None:
    incumbent = session.view / "harnesses" / "baseline.py"
    incumbent.write_text(incumbent.read_text().replace("        if not calls:\n            return",
        "        if not calls:\n            break"))  # fmt: skip
    for task in DEV_TASKS:
        add_rollout(session, task, **SYMPTOMS["deliverable_reassembly_gate"])
    assert leading(session) != "deliverable_reassembly_gate"
    assert "deliverable_reassembly_gate does not apply: converse has 0" in read_log(session)


def test_a_name_that_is_taken_gets_the_iteration(session: Session) -> None:
    one = [item for item in default_catalogue() if item.name == "second_look"]
    assert propose(session, one).name == "second_look"
    assert propose(replace(session, iteration=4), one).name == "second_look_on_004"


# Names have no influence.


def test_renaming_every_mechanism_changes_no_choice(tmp_path: Path) -> None:
    generator = random.Random("renamed")
    for case in range(12):
        new_names = {name: f"mechanism_{number}" for number, name in enumerate(shuffled(generator))}
        chosen = [
            choice_of(tmp_path / f"{case}-{side}", names, case)
            for side, names in enumerate([{name: name for name in NAMES}, new_names])
        ]
        assert new_names[chosen[0]] == chosen[1]


def shuffled(generator: random.Random) -> list[str]:
    return generator.sample(NAMES, len(NAMES))


def choice_of(folder: Path, names: dict[str, str], case: int) -> str:
    """The choice in one random situation, under these names and in the order of these names."""
    generator = random.Random(f"case {case}")
    view = folder / "view"
    (view / "harnesses").mkdir(parents=True)
    shutil.copy(BASELINE, view / "harnesses")
    tried = generator.sample(NAMES, generator.randint(0, len(NAMES) - 1))
    history = [past(number, names[name]) for number, name in enumerate(tried, start=1)]
    session = Session(9, view, folder / "dev", "baseline", (ORIGIN, *history), DEV_TASKS, seed=case)
    for task in DEV_TASKS:
        if case % 3:  # every third situation is without evidence
            add_rollout(session, task, **generator.choice([*SYMPTOMS.values()]))
    catalogue = [replace(item, name=names[item.name]) for item in default_catalogue()]
    catalogue.sort(key=lambda item: item.name)
    return propose(session, catalogue).mechanism
