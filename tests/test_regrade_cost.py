"""What a regrade with a judging model will cost is said before, and what is kept costs nothing."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Open
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_proposer import SILENT

from harness_search.benchmark.tasks import Criterion
from harness_search.experiments.regrade import KEPT, TO_GRADE, Plan, planned, regrade
from harness_search.gateway.prices import Price
from harness_search.judging.documents import TextStore
from harness_search.judging.estimates import Estimate
from harness_search.judging.graders import grader_of
from harness_search.judging.judge import Grading, Judge, Subject
from harness_search.judging.model.cache import VerdictCache
from harness_search.judging.model.estimate import BATCH_HITS, ModelEstimator, Terms
from harness_search.judging.model.judge import Answers, JudgeTerms, ModelJudge
from harness_search.judging.model.prompt import CallTerms
from harness_search.judging.model.questions import Answer, Asker, Question, Replied
from harness_search.ledger.rows import Usage
from harness_search.workspace import Workspace

PRICE = Price(input=3, output=15, cache_write=3.75, cache_read=0.3)
PASS = Answer("pass", "", "as asked", "judge-1", Usage(), 0.0, "", "")


class Agreeable:
    """A model that passes everything."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        for question in questions:
            self.asked += 1
            yield question, PASS


@pytest.fixture
def measured(open_measured: Open) -> Workspace:
    """A small search: the six dev tasks once, by the baseline."""
    return open_measured()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VerdictCache]:
    with VerdictCache(tmp_path / "verdicts.sqlite3") as opened:
        yield opened


def judge_on(workspace: Workspace, asker: Asker, answers: Answers) -> Judge:
    terms = JudgeTerms("claude", CallTerms("judge-1"))
    return ModelJudge(asker, answers, TextStore(workspace.layout.text), terms)


def plan_of(workspace: Workspace, cache: VerdictCache, price: Price | None = PRICE) -> Plan:
    def judge_of(asker: Asker, answers: Answers) -> Judge:
        return judge_on(workspace, asker, answers)

    estimator = ModelEstimator(judge_of, cache, Terms(price))
    version = judge_on(workspace, Agreeable(), cache).version
    return planned(workspace, version, estimator)


def test_as_many_verdicts_are_asked_for_as_was_said(
    measured: Workspace, cache: VerdictCache
) -> None:
    plan, asker = plan_of(measured, cache), Agreeable()
    assert plan.estimate.asked > 0
    assert plan.estimate.usd is not None and plan.estimate.usd > 0
    assert {item.reason for item in plan.items} == {TO_GRADE}
    asyncio.run(regrade(measured, judge_on(measured, asker, cache), plan, 2, SILENT))
    assert asker.asked == plan.estimate.asked


def test_what_was_answered_before_costs_nothing_and_says_so(
    measured: Workspace, cache: VerdictCache
) -> None:
    first, asked = plan_of(measured, cache), {}
    for item in first.items:
        assert item.subject is not None
        asker = Agreeable()
        asyncio.run(judge_on(measured, asker, cache).grade(item.subject))
        asked[item.row.key] = asker.asked  # none of a rollout that delivered nothing
    assert any(asked.values())
    plan, asker = plan_of(measured, cache), Agreeable()
    assert plan.estimate == Estimate(kept=first.estimate.asked)
    assert {item.reason for item in plan.items if asked[item.row.key]} == {KEPT}
    asyncio.run(regrade(measured, judge_on(measured, asker, cache), plan, 2, SILENT))
    assert asker.asked == 0


def test_an_estimate_leaves_nothing_behind(measured: Workspace, cache: VerdictCache) -> None:
    assert plan_of(measured, cache).estimate == plan_of(measured, cache).estimate


def test_an_unknown_price_is_no_price(measured: Workspace, cache: VerdictCache) -> None:
    found = plan_of(measured, cache, price=None).estimate
    assert found.usage.total > 0
    assert found.usd is None
    assert (Estimate(usd=1.0) + found).usd is None


# One scope, however it is asked about.


class Asks:
    """A judge that has these questions about every rollout."""

    version = "1"

    def __init__(self, asker: Asker, questions: Sequence[Question]) -> None:
        self._asker, self._questions = asker, questions

    async def grade(self, subject: Subject, replicate: int = 0) -> Grading:
        async for _ in self._asker.ask(self._questions):
            pass
        return Grading(())


def estimator_of(
    cache: VerdictCache, count: int, terms: Terms, tokens: int = 1_000
) -> ModelEstimator:
    criteria = [Criterion(id=f"C-{n}", title=f"t{n}", match_criteria="m") for n in range(count)]
    asked = [Question("scope", "x" * 4 * tokens, criterion) for criterion in criteria]
    return ModelEstimator(lambda asker, _: Asks(asker, asked), cache, terms)


def test_every_token_is_counted_once_at_its_price(
    cache: VerdictCache,
) -> None:
    subject: Any = None  # nothing of it is looked at
    estimate = estimator_of(cache, 5, Terms(PRICE))
    first, second = (estimate(subject) for _ in range(2))
    usage = first.usage
    assert first.usd == pytest.approx(
        (3 * usage.input + 15 * usage.output + 3.75 * usage.cache_write + 0.3 * usage.cache_read)
        / 1e6
    )
    assert second == Estimate(shared=5)
    hour = estimator_of(cache, 5, Terms(PRICE, one_hour=True, factor=0.5))
    kept_longer = hour(subject).usd
    assert first.usd is not None and kept_longer is not None
    assert 2 * kept_longer - first.usd == pytest.approx(usage.cache_write * (6 - 3.75) / 1e6)


BATCHED = Terms(PRICE, one_hour=True, factor=0.5, hits=0.6)


@pytest.mark.parametrize(("chunk", "dearer"), [(1, True), (4, True), (8, False), (63, False)])
def test_a_batch_of_small_calls_is_estimated_dearer_than_calls_one_by_one(
    cache: VerdictCache, chunk: int, dearer: bool
) -> None:
    subject: Any = None  # nothing of it is looked at
    batched, one_by_one = (
        estimator_of(cache, 63, replace(terms, chunk=chunk), 10_000)(subject)
        for terms in (BATCHED, Terms(PRICE))
    )
    assert batched.usd is not None and one_by_one.usd is not None
    assert (batched.usd > one_by_one.usd) is dearer
    assert batched.usage.total == one_by_one.usage.total
    assert one_by_one.notes == ()
    supposed, *warned = batched.notes
    assert "60%" in supposed
    assert [("judge.batches = false" in note) for note in warned] == [True] * (chunk == 1)
    assert (batched + batched + one_by_one).notes == batched.notes


def test_where_nothing_is_asked_an_estimate_supposes_nothing(cache: VerdictCache) -> None:
    subject: Any = None
    estimator = estimator_of(cache, 5, BATCHED)
    estimator(subject)
    assert estimator(subject) == Estimate(shared=5)


@pytest.mark.parametrize(
    ("batches", "terms"), [(True, (True, 0.5, BATCH_HITS)), (False, (False, 1.0, 1.0))]
)
def test_an_estimate_for_batches_knows_that_they_cost_half_and_keep_for_an_hour(
    open_tiny: Open, batches: bool, terms: tuple[bool, float, float]
) -> None:
    workspace = open_tiny()
    asked = workspace.settings.judge.model_copy(update={"batches": batches})
    chosen = workspace.settings.model_copy(update={"judge": asked})
    estimator: Any = grader_of(replace(workspace, settings=chosen), "simulated").estimator(0)
    found = estimator.terms
    assert (found.one_hour, found.factor, found.hits) == terms


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(1, 12))
def test_a_scope_is_written_once_and_read_by_every_further_call(count: int, chunk: int) -> None:
    unread: Any = None  # nothing of it is looked at
    found = estimator_of(unread, count, Terms(PRICE, chunk))(unread)
    calls = -(-count // chunk)
    assert found.usage.cache_read == found.usage.cache_write * (calls - 1)
    assert found.usage.cache_write >= 1_000
    assert found.asked == count
