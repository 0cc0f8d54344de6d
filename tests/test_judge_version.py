"""What a judge's version says: rows that it tells apart are never compared."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_judges import CALL

from harness_search.judging.choice import judge_terms, judge_version
from harness_search.judging.model.judge import JudgeTerms
from harness_search.ledger.regrading import another_judge
from harness_search.settings import Settings


def test_the_version_says_all_that_may_change_a_verdict() -> None:
    terms = JudgeTerms("claude", CALL)
    same = [replace(CALL, cache_minutes=60), replace(CALL, most_tokens=900)]
    other = [
        replace(CALL, chunk=8),
        replace(CALL, structured=False),
        replace(CALL, sampling={"temperature": 0}),
        replace(CALL, model="judge-2"),
    ]
    assert terms.version.startswith("model:judge-1/prompt-2/")
    assert {replace(terms, call=call).version for call in same} == {terms.version}
    assert len({replace(terms, call=call).version for call in [CALL, *other]}) == 5
    assert len({replace(terms, call=call).judge for call in [CALL, *other]}) == 5
    assert "/answers-" in terms.version
    elsewhere = replace(terms, endpoint="http://127.0.0.1:9000")
    assert elsewhere.judge != terms.judge
    assert elsewhere.version != terms.version
    assert "9000" not in elsewhere.version
    assert replace(terms, read_again=False).version != terms.version
    assert replace(terms, read_again=False).judge == terms.judge


def settings(**profile: Any) -> Settings:
    found = {"base_url": "http://127.0.0.1:8000", "model": "judge-1", **profile}
    return Settings(judge={"kind": "model", "profile": "own"}, profiles={"own": found})  # type: ignore[arg-type]


def test_another_endpoint_is_another_judge_though_profile_and_model_are_named_alike() -> None:
    here, there = settings(), settings(base_url="http://127.0.0.1:9000")
    assert judge_terms(here, "own").judge != judge_terms(there, "own").judge
    assert judge_version(here) != judge_version(there)
    assert judge_version(here) == judge_version(settings(base_url="http://127.0.0.1:8000/"))
    assert judge_terms(settings(base_url="simulated", model="simulated-1"), "own").endpoint == ""


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"base_url": "http://127.0.0.1:9000"}, True), ({"model": "judge-2"}, False)],
)
def test_a_search_that_refuses_another_judge_says_where_it_differs(
    changed: dict[str, str], named: bool
) -> None:
    known, wanted = judge_version(settings()), judge_version(settings(**changed))
    said = str(another_judge(Path("ledger"), known, wanted))
    assert repr(known) in said
    assert repr(wanted) in said
    assert "meta-harness regrade" in said
    assert ("another profile, endpoint or options" in said) is named
