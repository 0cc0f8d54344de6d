"""The catalogue proposer chooses by evidence and history, and writes down why."""

import ast
import asyncio
import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness_search.errors import InputError
from harness_search.files import to_json
from harness_search.gateway.transcript import TranscriptWriter
from harness_search.ledger.rows import DecisionKind
from harness_search.promotion.candidate import check_source
from harness_search.promotion.claim import CandidateClaim, check_claim, read_claim
from harness_search.proposers.catalogue import CatalogueProposer, Mechanism, default_catalogue
from harness_search.proposers.catalogue.evidence import EvidenceReader
from harness_search.proposers.session import NothingLeft, PastIteration, Proposed, Session

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "harnesses" / "baseline.py"
DEV_TASKS = tuple(f"area-{number}/task-{number}" for number in range(12))
NAMES = [mechanism.name for mechanism in default_catalogue()]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A first session: the baseline in the view, no evidence yet."""
    view = tmp_path / "view"
    (view / "harnesses").mkdir(parents=True)
    shutil.copy(BASELINE, view / "harnesses")
    evidence = tmp_path / "dev"
    return Session(1, view, evidence, "baseline", (), DEV_TASKS, seed=0)


def propose(session: Session, catalogue: Sequence[Mechanism] = ()) -> CandidateClaim:
    """The claim of one session, with its candidate checked to be there."""
    proposer = CatalogueProposer(tuple(catalogue) or default_catalogue())
    assert asyncio.run(proposer.propose(session)) == Proposed()
    claim = read_claim(session.claim_file)
    check_claim(session.claim_file, claim, session.iteration, set(session.dev_tasks))
    check_source(session.view / "harnesses" / f"{claim.candidate.name}.py")
    return claim.candidate


def past(
    iteration: int,
    mechanism: str,
    decision: DecisionKind = DecisionKind.ORPHAN,
    delta: float | None = 0.5,
    incumbent: str = "baseline",
) -> PastIteration:
    return PastIteration(
        iteration, mechanism, incumbent, incumbent, mechanism, decision, "as told", delta
    )


ORIGIN = PastIteration(
    0, "baseline", "", "", "", DecisionKind.BASELINE, "where the search starts", None
)


# Evidence.

Call = tuple[object, bool]
"""Input of a writing tool call, and whether it failed."""


def add_rollout(
    session: Session,
    task: str,
    *,
    trial: int = 1,
    attempt: int = 1,
    harness: str = "baseline",
    outcome: str = "scored",
    passed: int = 4,
    deliverables: Sequence[str] = ("memo.md",),
    output: Sequence[str] = ("memo.md",),
    calls: Sequence[Call] = (),
    result: str = "wrote it",
) -> Path:
    """Evidence as the scaffold files it, for a task of ten criteria and one deliverable."""
    suffix = f".attempt-{attempt}" if attempt > 1 else ""
    folder = session.evidence / harness / task / f"trial-{trial}{suffix}"
    folder.mkdir(parents=True)
    summary = {
        "task": task, "trial": trial, "attempt": attempt, "outcome": outcome, "reason": "",
        "passed": passed, "total": 10, "verdicts": [], "usage": {},
        "deliverables": list(deliverables), "output": list(output),
    }  # fmt: skip
    (folder / "rollout.json").write_text(to_json(summary))
    add_transcript(folder / "transcript.jsonl", calls, result)
    return folder


def add_transcript(file: Path, calls: Sequence[Call], result: str) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Write `memo.md`."}]
    for number, (arguments, failed) in enumerate(calls):
        use = {"type": "tool_use", "id": f"{number}", "name": "write", "input": arguments}
        told = {
            "type": "tool_result", "tool_use_id": f"{number}", "content": result,
            "is_error": failed,
        }  # fmt: skip
        messages += [
            {"role": "assistant", "content": [use]}, {"role": "user", "content": [told]},
        ]  # fmt: skip
    reply = {"content": [{"type": "text", "text": "Done."}]}
    TranscriptWriter(file).append({"messages": messages}, 200, reply)


def writes(*contents: str, path: str = "memo.md") -> list[Call]:
    return [({"file_path": path, "content": content}, False) for content in contents]


SYMPTOMS: dict[str, dict[str, Any]] = {
    "deliverable_landing_gate": {"passed": 0, "output": ["drafts/memo.md"]},
    "deliverable_reassembly_gate": {"calls": writes("# A" * 20, "# B" * 20, "# C" * 20)},
    "toolcall_json_repair": {
        "passed": 0, "output": [], "calls": [('{"file_path": "memo.md", "content": "', True)],
    },
    "output_listing": {"passed": 0, "output": []},
    "second_look": {"passed": 2, "calls": writes("# A")},
}  # fmt: skip


def leading(session: Session) -> str:
    """The mechanism that most seeds choose."""
    chosen = [propose(replace(session, seed=seed)).mechanism for seed in range(15)]
    for name in NAMES:
        (session.view / "harnesses" / f"{name}.py").unlink(missing_ok=True)
    return max(set(chosen), key=chosen.count)


# What it writes.


def test_the_candidate_is_the_incumbent_with_one_mechanism_and_a_sound_claim(
    session: Session,
) -> None:
    claim = propose(session)
    mechanism = next(item for item in default_catalogue() if item.name == claim.mechanism)
    assert claim.name == claim.mechanism
    assert (claim.parent, claim.observed) == ("baseline", "")
    assert claim.hypothesis == mechanism.hypothesis
    assert claim.changes == f"Copied baseline; {mechanism.changes}"
    files = {path.name for path in session.view.rglob("*") if path.is_file()}
    assert files == {f"{claim.name}.py", "baseline.py", "pending_eval.json", "proposer.log"}
    new = (session.view / "harnesses" / f"{claim.name}.py").read_text()
    old = (session.view / "harnesses" / "baseline.py").read_text()
    assert old == BASELINE.read_text()
    rest = iter(new.splitlines())
    assert all(line in rest for line in old.splitlines()), "a line of the parent is gone"


def test_the_claim_file_has_the_fields_of_the_contract_and_no_others(session: Session) -> None:
    propose(session)
    claim = json.loads(session.claim_file.read_text())
    assert list(claim) == ["iteration", "candidates"]
    assert list(claim["candidates"][0]) == [
        "name", "hypothesis", "changes", "fix_tasks", "regression_tasks", "observed",
        "mechanism", "parent",
    ]  # fmt: skip


def test_fix_tasks_show_the_symptom_and_regression_tasks_show_it_least(session: Session) -> None:
    for number, task in enumerate(DEV_TASKS):
        if number < 3:
            add_rollout(session, task, passed=9, output=["drafts/memo.md"])
        else:
            add_rollout(session, task, passed=12 - number)
    claim = propose(session, [item for item in default_catalogue() if "landing" in item.name])
    assert claim.fix_tasks == (*DEV_TASKS[:3], DEV_TASKS[11], DEV_TASKS[10])
    assert claim.regression_tasks == DEV_TASKS[3:8]


@pytest.mark.parametrize(("count", "named", "common"), [(3, 3, 3), (8, 5, 2), (10, 5, 0)])
def test_a_small_dev_split_names_what_it_has(
    session: Session, count: int, named: int, common: int
) -> None:
    claim = propose(replace(session, dev_tasks=DEV_TASKS[:count]))
    assert len(set(claim.fix_tasks)) == len(set(claim.regression_tasks)) == named
    assert len(set(claim.fix_tasks) & set(claim.regression_tasks)) == common


def test_the_log_names_every_file_read_the_ranking_and_the_choice(session: Session) -> None:
    for task in DEV_TASKS[:2]:
        add_rollout(session, task, passed=0, output=["drafts/memo.md"])
    history = (ORIGIN, past(1, "second_look"))
    claim = propose(replace(session, iteration=2, history=history))
    log = session.log_file.read_text()
    read = {line.strip() for line in log.splitlines() if line.startswith("  evidence/")}
    expected = {
        f"evidence/baseline/{task}/trial-1/{name}"
        for task in DEV_TASKS[:2]
        for name in ("rollout.json", "transcript.jsonl")
    }
    assert read == expected
    assert "  view/harnesses/baseline.py\n" in log
    assert "  second_look: compared with baseline in iteration 1\n" in log
    assert f"Choice: {claim.name}, because" in log
    stakes = [line for line in log.splitlines() if " x " in line and " = " in line]
    assert len(stakes) == 5
    assert "  deliverable_landing_gate: 100.00 x " in log


def test_only_dev_evidence_of_the_incumbent_is_read(session: Session) -> None:
    add_rollout(session, DEV_TASKS[0], harness="orphan")
    add_rollout(session, "held-out/task")
    add_rollout(session, DEV_TASKS[0])
    reader = EvidenceReader(session.evidence)
    reader.rollouts("baseline", session.dev_tasks)
    assert {path.parent for path in reader.read} == {
        session.evidence / "baseline" / DEV_TASKS[0] / "trial-1"
    }


def test_a_lost_attempt_is_no_evidence_and_the_finished_one_is(session: Session) -> None:
    add_rollout(session, DEV_TASKS[0], outcome="infra_failed", passed=0)
    add_rollout(session, DEV_TASKS[0], attempt=2, passed=7)
    add_rollout(session, DEV_TASKS[0], trial=2, outcome="harness_failed", passed=0, output=[])
    add_rollout(session, DEV_TASKS[0], trial=3, outcome="infra_failed", passed=0)
    rollouts = EvidenceReader(session.evidence).rollouts("baseline", DEV_TASKS)[DEV_TASKS[0]]
    assert [(item.file.trial, item.file.attempt, item.lost) for item in rollouts] == [
        (1, 2, 3),
        (2, 1, 10),
    ]


def test_malformed_evidence_is_named_with_file_and_field(session: Session) -> None:
    folder = add_rollout(session, DEV_TASKS[0])
    (folder / "rollout.json").write_text('{"task": "a", "trial": 0}')
    with pytest.raises(InputError, match=r"rollout.json: trial: found 0"):
        propose(session)


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


def read_log(session: Session) -> str:
    propose(session)
    return session.log_file.read_text()


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
    assert read_log(session).count(": 0.00 x") == 6


def test_different_seeds_explore_in_different_orders_and_one_seed_always_in_the_same(
    session: Session,
) -> None:
    for number, task in enumerate(DEV_TASKS):
        add_rollout(session, task, **[*SYMPTOMS.values()][number % 5])
    orders = [explored(replace(session, seed=seed)) for seed in (1, 2, 3, 4, 5, 1)]
    assert orders[0] == orders[-1]
    assert len(set(orders)) > 2
    assert all(len(set(order)) == 6 for order in orders), "every mechanism is tried in the end"


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


def all_but(name: str, decision: DecisionKind, delta: float | None) -> tuple[PastIteration, ...]:
    """Every other mechanism has lost; this one ended as told; then the baseline was replaced."""
    others = [other for other in NAMES if other != name]
    lost = [past(number, other, delta=-1.0) for number, other in enumerate(others, start=1)]
    return (ORIGIN, *lost, past(6, name, decision, delta))


def on_newer_incumbent(session: Session, history: tuple[PastIteration, ...]) -> Session:
    shutil.copy(BASELINE, session.view / "harnesses" / "newer.py")
    for task in DEV_TASKS:
        add_rollout(session, task, harness="newer", **SYMPTOMS["deliverable_landing_gate"])
    return replace(session, incumbent="newer", history=history, iteration=7)


@pytest.mark.parametrize(
    ("decision", "delta", "words"),
    [
        (DecisionKind.ORPHAN, 0.6, "gained +0.60 points against baseline"),
        (DecisionKind.INCONCLUSIVE, None, "was inconclusive against baseline"),
    ],
)
def test_a_near_miss_and_an_inconclusive_one_are_restacked_on_a_newer_incumbent(
    session: Session, decision: DecisionKind, delta: float | None, words: str
) -> None:
    history = all_but("deliverable_landing_gate", decision, delta)
    now = on_newer_incumbent(session, history)
    claim = propose(now)
    assert claim.name == "deliverable_landing_gate_on_007"
    assert (claim.mechanism, claim.parent) == ("deliverable_landing_gate", "newer")
    assert claim.changes.endswith(f"Restacked: deliverable_landing_gate {words}.")
    assert words in session.log_file.read_text()


def test_what_was_measured_limits_what_is_expected_of_a_restacked_orphan(session: Session) -> None:
    now = on_newer_incumbent(session, (ORIGIN, past(1, "deliverable_landing_gate", delta=0.6)))
    assert "deliverable_landing_gate: 0.60 x" in read_log(now)


@pytest.mark.parametrize(
    ("decision", "delta"),
    [
        (DecisionKind.ORPHAN, 0.0),
        (DecisionKind.ORPHAN, -2.0),
        (DecisionKind.REJECTED, None),
    ],
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


def test_a_mechanism_without_any_symptom_is_tried_last_not_never(session: Session) -> None:
    for task in DEV_TASKS:
        add_rollout(session, task, **SYMPTOMS["second_look"])
    chosen = {propose(replace(session, seed=seed)).mechanism for seed in range(10)}
    assert chosen == {"second_look"}
    assert "no mechanism left shows a symptom" not in session.log_file.read_text()
    tried = replace(session, history=(ORIGIN, past(1, "second_look")), iteration=2)
    assert propose(tried).mechanism != "second_look"
    assert "no mechanism left shows a symptom" in session.log_file.read_text()


def test_nothing_left_is_said_in_one_sentence_and_writes_no_candidate(session: Session) -> None:
    history = (ORIGIN, *(past(number, name) for number, name in enumerate(NAMES, start=1)))
    answer = asyncio.run(CatalogueProposer().propose(replace(session, history=history)))
    assert isinstance(answer, NothingLeft)
    assert answer.reason.startswith("none of the catalogue's 6 mechanisms is left to try")
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
    tried = generator.sample(NAMES, generator.randint(0, 4))
    history = [past(number, names[name]) for number, name in enumerate(tried, start=1)]
    session = Session(9, view, folder / "dev", "baseline", (ORIGIN, *history), DEV_TASKS, seed=case)
    for task in DEV_TASKS:
        if case % 3:  # every third situation is without evidence
            add_rollout(session, task, **generator.choice([*SYMPTOMS.values()]))
    catalogue = [replace(item, name=names[item.name]) for item in default_catalogue()]
    catalogue.sort(key=lambda item: item.name)
    return propose(session, catalogue).mechanism


# Independence.


def test_the_catalogue_imports_neither_the_gate_nor_the_simulated_model() -> None:
    for file in (ROOT / "harness_search" / "proposers" / "catalogue").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [item.name for item in node.names] if isinstance(node, ast.Import) else []
            assert not any("promotion" in name or "simulated" in name for name in names), file


def test_the_catalogue_does_not_say_which_mechanisms_are_good() -> None:
    for file in (ROOT / "harness_search" / "proposers" / "catalogue").glob("*.py"):
        words = file.read_text().casefold()
        assert not any(word in words for word in ("helpful", "harmful", "harmless", "placebo"))
