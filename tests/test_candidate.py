"""A candidate is taken out of a view only when it can be a harness at all."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Open

from harness_search.errors import InputError
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.ledger.store import Ledger
from harness_search.promotion.candidate import Candidate, check_source, collect, nothing_left
from harness_search.promotion.claim import CandidateClaim, Claim
from harness_search.proposals import collect_candidate
from harness_search.proposers.session import Session

SOUND = b"import json\nfrom harness_kit import Task\ndef solve(task, model):\n    pass\n"


def test_a_sound_source_is_returned_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(SOUND)
    assert check_source(tmp_path / "a.py") == SOUND


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"def solve(task):\n    pass\n", "solve"),
        (b"solve = 3\n", "solve"),
        (b"from harness_search import files\n" + SOUND, "harness_search"),
        (b"def f():\n    import numpy.linalg\n" + SOUND, "numpy.linalg"),
        (b"from . import x\n" + SOUND, "harness_kit only"),
        (b"x = 1\n" * 40_000, "at most 200000"),
        (b"-" * 190_000, "invalid Python"),
        (b"a." * 60_000 + b"b", "invalid Python"),
        (b"\x00", "invalid Python"),
        (b"# coding: nonsense\n", "invalid Python"),
    ],
)
def test_an_unsound_source_is_refused_in_one_sentence(
    tmp_path: Path, source: bytes, words: str
) -> None:
    (tmp_path / "a.py").write_bytes(source)
    with pytest.raises(InputError, match=r"a\.py") as caught:
        check_source(tmp_path / "a.py")
    assert words in str(caught.value)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes(SOUND)
    (tmp_path / "a.py").symlink_to(tmp_path / "real.py")
    with pytest.raises(InputError, match="regular file"):
        check_source(tmp_path / "a.py")


# Collected from a view.

PARENT = b"LIMIT = 3\n\n\ndef solve(task, model):\n    model.complete(LIMIT)\n"
CHANGED = PARENT.replace(b"    model", b"    land(task)\n    model") + b"\n\ndef land(task): pass\n"
TASKS = [f"area/task-{number}" for number in range(12)]


REPLAYED = {
    "baseline": "",
    "seen": "Replay of 3 of 4 stored rollouts of baseline: pooled 50.0 -> 60.0.",
    "unseen": "after full on 4 tasks: pooled 50.0 -> 60.0.",
}


def propose(view: Path, source: bytes, iteration: int = 1, **claimed: Any) -> None:
    (view / "harnesses").mkdir(exist_ok=True)
    (view / "harnesses" / "landing.py").write_bytes(source)
    candidate = {
        "name": "landing", "hypothesis": "x", "changes": "y", "fix_tasks": TASKS[:5],
        "regression_tasks": TASKS[5:10],
    }  # fmt: skip
    claim = {"iteration": iteration, "candidates": [candidate | claimed]}
    (view / "pending_eval.json").write_text(json.dumps(claim))


def collected(
    folder: Path,
    source: bytes,
    known: dict[str, str] | None = None,
    sources: dict[str, bytes] | None = None,
    replayed: dict[str, str] | None = None,
    **claimed: Any,
) -> Candidate:
    propose(folder, source, **claimed)
    known = {"baseline": "digest of the baseline"} | (known or {})
    sources = {"baseline": PARENT} if sources is None else sources
    return collect(folder, 1, "baseline", set(TASKS), known, sources, replayed=replayed or {})


def test_the_claim_is_told_by_the_scaffold_what_its_candidate_adds(tmp_path: Path) -> None:
    said = collected(tmp_path, CHANGED, kind="mixed", added="magic").claim.candidate
    assert said.kind == "one mechanism"
    assert said.added == "code: land, edits in solve"


def test_unconnected_changes_are_recorded_as_mixed_and_not_refused(tmp_path: Path) -> None:
    said = collected(tmp_path, CHANGED.replace(b"= 3", b"= 4")).claim.candidate
    assert said.kind == "mixed"
    assert said.added == "code: edits in LIMIT; code: land, edits in solve"


def test_a_parent_without_a_source_leaves_the_kind_open(tmp_path: Path) -> None:
    assert collected(tmp_path, CHANGED, sources={}).claim.candidate.kind == ""


def test_the_code_of_a_harness_that_was_tried_is_refused_by_its_name(tmp_path: Path) -> None:
    earlier = b"# the same, told otherwise\n" + CHANGED.replace(b"task", b"job")
    sources = {"baseline": PARENT, "gate": earlier}
    with pytest.raises(InputError, match="the same code as gate"):
        collected(tmp_path, CHANGED, {"gate": "its digest"}, sources)


def test_one_that_was_never_compared_may_be_proposed_again(tmp_path: Path) -> None:
    candidate = collected(tmp_path, CHANGED, {"gate": ""}, {"baseline": PARENT, "gate": CHANGED})
    assert candidate.name == "landing"


@pytest.mark.parametrize(
    "source", [PARENT + b"# a remark\n", b'"""Doc."""\n' + PARENT, b"import json\n" + PARENT]
)
def test_a_candidate_that_adds_nothing_is_refused(tmp_path: Path, source: bytes) -> None:
    with pytest.raises(InputError, match=r"the same (as|code as) baseline|nothing added"):
        collected(tmp_path, source)


@pytest.mark.parametrize("replay", ["gate", "baseline", "other", "magic"])
def test_only_a_recorded_replay_of_the_same_mechanism_stands_in_for_tasks(
    tmp_path: Path, replay: str
) -> None:
    known = {"gate": "one digest", "other": "another"}
    claimed: dict[str, Any] = {
        "fix_tasks": [], "regression_tasks": [], "mechanism": "gate", "replay": replay,
        "replayed": {"gate": "gate", "other": "other"},
    }  # fmt: skip
    if replay == "gate":
        assert collected(tmp_path, CHANGED, known, **claimed).mechanism == "gate"
        return
    with pytest.raises(InputError, match=rf"replay: found '{replay}', expected .*mh-query replay"):
        collected(tmp_path, CHANGED, known, **claimed)


def test_the_ledger_says_of_what_a_replay_is_recorded(open_tiny: Open) -> None:
    workspace = open_tiny()
    view = workspace.layout.session(3) / "view"
    tasks = tuple(task.id for task in workspace.splits.dev)
    session = Session(3, view, view.parent, "baseline", (), tasks, 0)
    view.mkdir(parents=True)
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        for number, name in enumerate(("baseline", "seen", "unseen")):
            said = CandidateClaim(name=name, hypothesis="x", changes="y", observed=REPLAYED[name])
            claim = Claim(iteration=1, candidates=(said,)).to_json() if number else ""
            kind = DecisionKind.ORPHAN if number else DecisionKind.BASELINE
            ledger.put_iteration(
                IterationRow(number, name, name, "", "", "landing", claim, kind, "")
            )
        propose(view, CHANGED, iteration=3, fix_tasks=[], regression_tasks=[], replay="seen")
        assert collect_candidate(workspace, ledger, session).mechanism == "landing"
        for replay in ("unseen", "baseline"):
            propose(view, CHANGED, iteration=3, fix_tasks=[], regression_tasks=[], replay=replay)
            with pytest.raises(InputError, match=f"replay: found '{replay}'"):
                collect_candidate(workspace, ledger, session)


def test_a_session_may_say_that_nothing_is_left(tmp_path: Path) -> None:
    assert nothing_left(tmp_path) == ""
    (tmp_path / "nothing_left.md").write_text("All causes\n\nare \x1b gone. " + "x" * 900)
    assert nothing_left(tmp_path).startswith("All causes are gone. xxx")
    assert len(nothing_left(tmp_path)) == 500
    (tmp_path / "pending_eval.json").touch()
    assert nothing_left(tmp_path) == ""


def test_what_is_said_through_a_link_is_not_heard(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (tmp_path / "nothing_left.md").symlink_to(tmp_path / "secret")
    assert nothing_left(tmp_path) == ""
