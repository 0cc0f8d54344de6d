"""The folder of a session: what it holds, what of it is taken back, and how long its texts get."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import rollout_row
from recorded import TASKS, Recording, ask, small

from harness_search.choice_of_proposer import PROMPT
from harness_search.files import digest_text
from harness_search.ledger.digest import LARGEST_DIGEST, history_digest
from harness_search.ledger.figures import Shape
from harness_search.ledger.frontier import frontier
from harness_search.ledger.rows import DecisionKind, IterationRow
from harness_search.ledger.scores import Weights
from harness_search.proposers.feedback import FeedbackPolicy
from harness_search.proposers.session import Session
from harness_search.proposers.view import (
    LARGEST_SESSION_TEXT,
    prepare_view,
    session_text,
    session_texts,
)


@pytest.fixture
def search(tmp_path: Path) -> Recording:
    (tmp_path / "SKILL.md").write_text("the contract")
    return small(tmp_path)


def test_a_view_has_sources_contract_digest_and_questions(search: Recording) -> None:
    view = search.show().view
    names = {path.relative_to(view).as_posix() for path in view.rglob("*") if path.is_file()}
    assert names == {
        "SKILL.md", "digest.md", "session.md", "mh-query", "query/session.json",
        "query/frontier.json", "query/results.json", "query/candidates.json",
        "harnesses/baseline.py", "harnesses/lander.py", "harnesses/breaker.py",
    }  # fmt: skip
    assert str(search.layout.runs / "shown" / "full") in (view / "session.md").read_text()


@pytest.mark.parametrize("policy", FeedbackPolicy)
def test_no_copy_that_changes_nothing_is_in_it_whatever_became_of_it(
    search: Recording, policy: FeedbackPolicy
) -> None:
    for name, decision in (
        ("placebo_003", DecisionKind.PLACEBO), ("placebo_004", DecisionKind.INCONCLUSIVE),
    ):  # fmt: skip
        search.add_harness(name, decision)
        search.add_rollout(name, TASKS[0])
    session = search.show(policy)
    for path in [*session.view.rglob("*"), *session.evidence.rglob("*")]:
        assert "placebo" not in path.as_posix()
        assert path.is_dir() or b"placebo" not in path.read_bytes()
    assert "placebo" not in ask(session, "frontier").stdout


def test_the_interpreter_of_the_box_may_be_another(search: Recording) -> None:
    session = search.show(python="/opt/box/python3 -I")
    assert (session.view / "mh-query").read_bytes().startswith(b"#!/opt/box/python3 -I\n")


def test_two_views_of_the_same_search_are_the_same(search: Recording) -> None:
    def content(session: Session) -> dict[str, bytes]:
        files = [path for path in session.view.rglob("*") if path.is_file()]
        return {path.relative_to(session.view).as_posix(): path.read_bytes() for path in files}

    assert content(search.show()) == content(search.show())


def test_only_what_the_session_wrote_is_taken_back(search: Recording) -> None:
    session = search.show()
    before = set(session_texts(session))
    assert before == {"harnesses/baseline.py", "harnesses/lander.py", "harnesses/breaker.py"}
    session.log_file.write_text("done")
    assert set(session_texts(session)) - before == {"proposer.log"}


def test_without_data_there_are_no_questions(search: Recording) -> None:
    session = search.show()
    prepare_view(session, [], search.root / "none.md", "digest")
    assert {path.name for path in session.view.iterdir()} == {
        "harnesses", "digest.md", "session.md",
    }  # fmt: skip
    assert "mh-query" not in (session.view / "session.md").read_text()


@pytest.mark.parametrize("count", [1, 24, 100, 5_000])
def test_the_text_of_a_session_is_bounded_and_says_where_the_rest_is(
    search: Recording, count: int
) -> None:
    tasks = tuple(f"practice-area-{number}/a-matter-of-some-length-é" for number in range(count))
    session = replace(search.show(), dev_tasks=tasks)
    text = session_text(session, "/work/dev", with_query=True)
    named = text.count("a-matter-of")
    assert len(text.encode()) <= LARGEST_SESSION_TEXT
    assert named == count or f"- and {count - named} more: `query/session.json`" in text
    assert named >= min(count, 24)


@pytest.mark.parametrize("count", [10, 100, 1_000])
def test_digest_session_text_and_prompt_stay_small_however_long_the_history(
    tmp_path: Path, count: int
) -> None:
    found = Recording(tmp_path)
    claim = {"hypothesis": "Because " * 90, "observed": "pooled 57.5 -> 71.5. " * 40}
    kinds = (DecisionKind.PROMOTED, DecisionKind.ORPHAN, DecisionKind.REJECTED)
    for number in range(count + 1):
        name = f"a_candidate_with_a_long_name_{number}" if number else "baseline"
        kind = kinds[number % 3] if number else DecisionKind.BASELINE
        text = json.dumps({"iteration": number, "candidates": [claim]})
        parent = found.iterations[-1].name if number else ""
        row = (number, digest_text(name), name, parent, parent, name, text, kind, "why " * 90)
        found.iterations.append(IterationRow(*row))
        found.rows += [rollout_row(digest_text(name), task, 1, number % 5, 4) for task in TASKS]
    shape = Shape(dict.fromkeys(TASKS, 4), 1, Weights())
    derived = frontier(found.iterations, found.rows, shape, simulated=True)
    digest = history_digest(derived, found.iterations)
    assert LARGEST_DIGEST + len(PROMPT.encode()) <= 12_000
    assert len(digest.encode()) <= LARGEST_DIGEST
    assert f"- {count}: a_candidate_with_a_long_name_{count}:" in digest
    assert ("more left out" in digest) == (count > 10)
    matters = tuple(f"a-practice-area-of-some-length/a-matter-{number}" for number in range(5_000))
    folder = found.layout.session(count + 1)
    session = Session(count + 1, folder / "view", folder, "baseline", (), matters, 0)
    text = session_text(session, "/work/dev", with_query=True)
    prompt = PROMPT.format(iteration=session.iteration)
    assert sum(len(part.encode()) for part in (digest, text, prompt)) <= 16_000
