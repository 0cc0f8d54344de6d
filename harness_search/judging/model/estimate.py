"""What a judging model will cost, from what it will read and what is kept."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness_search.gateway.prices import Price
from harness_search.judging.estimates import Estimate
from harness_search.judging.judge import Judge, Subject
from harness_search.judging.model.cache import CacheKey, criterion_digest
from harness_search.judging.model.judge import Answers
from harness_search.judging.model.questions import Answer, Asker, Failed, Question, Replied
from harness_search.ledger.rows import Usage

CHARACTERS_A_TOKEN = 4
"""Providers' rule of thumb for English prose."""
RULES_TOKENS = 600
"""The system rules, and what stands around the deliverable."""
QUESTION_TOKENS = 60
"""What stands around a criterion."""
ANSWER_TOKENS = 120
"""A quote, a verdict and a short reason (source: facts on the judge, section 5: 50 to 400)."""
BATCH_HITS = 0.6
"""Share of a batch's calls that are taken to find the deliverable kept: none goes first to have it
kept for the others (source: facts on the judge, section 5: 0.3 to 0.98, best effort)."""
SUPPOSED = (
    f"Supposed: {BATCH_HITS:.0%} of a batch's calls find the deliverable in the provider's cache; "
    "30 to 98 % do."
)
DEAR = (
    "Warning: in batches with judge.chunk = 1 each call that does not find it pays for it twice "
    "over, so that calling one by one (judge.batches = false) costs less unless 9 in 10 find it."
)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a judge asks, and at what price."""

    price: Price | None
    """None when it is unknown."""
    chunk: int = 1
    """Criteria in one call."""
    one_hour: bool = False
    """Whether the provider keeps the deliverable for an hour instead of five minutes."""
    factor: float = 1.0
    """`prices.BATCH_FACTOR` for a batch."""
    hits: float = 1.0
    """Share of calls about a kept deliverable that find it; below 1 where none goes first."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What an estimate on these terms supposes."""
        if self.hits == 1:
            return ()
        return (SUPPOSED, DEAR) if self.chunk == 1 else (SUPPOSED,)

    def usage(self, questions: Sequence[Question]) -> Usage:
        """Of one scope: written to the provider's cache by the first call, and by those of a batch
        that do not find it there; read by the others."""
        calls = -(-len(questions) // self.chunk)
        shared = RULES_TOKENS + _tokens(questions[0].text)
        own = sum(
            QUESTION_TOKENS
            + _tokens(found.task_title + found.criterion.title + found.criterion.match_criteria)
            for found in questions
        )
        written = max(shared, round(shared * calls * (1 - self.hits)))
        return Usage(own, ANSWER_TOKENS * len(questions), written, shared * calls - written)

    def usd(self, usage: Usage) -> float | None:
        """What tokens cost on these terms; None without a price."""
        price = self.price
        if price is None:
            return None
        written = price.cache_write_1h if self.one_hour else price.cache_write
        dollars = (
            usage.input * price.input
            + usage.output * price.output
            + usage.cache_write * written
            + usage.cache_read * price.cache_read
        )
        return self.factor * dollars / 1e6


class DryAsker:
    """Asks nobody and notes what it was to ask: a judge run dry says itself what it lacks."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def ask(self, questions: Sequence[Question]) -> AsyncGenerator[Replied, None]:
        """Every question without an answer."""
        self.asked += questions
        for question in questions:
            yield question, Failed("not asked")


class _Noted:
    """The answers that are kept, and which of them were wanted."""

    def __init__(self, cache: Answers) -> None:
        self._cache = cache
        self.found: set[tuple[str, str]] = set()

    def get(self, keys: Iterable[CacheKey]) -> dict[CacheKey, Answer]:
        found = self._cache.get(keys)
        self.found |= {(key.scope_digest, key.criterion_digest) for key in found}
        return found

    def put(self, key: CacheKey, answer: Answer) -> None:
        self._cache.put(key, answer)

    def bind(self, judge: str, served_model: str) -> str:
        return self._cache.bind(judge, served_model)


@dataclass(frozen=True)
class ModelEstimator:
    """Estimates gradings one after the other; what two of them share is counted once.

    Further readings that hang on answers to come are not in it.
    """

    judge_of: Callable[[Asker, Answers], Judge]
    """The judge, on an asker and on kept answers of our own."""
    cache: Answers
    terms: Terms
    replicate: int = 0
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, subject: Subject) -> Estimate:
        asker, answers = DryAsker(), _Noted(self.cache)
        grading = self.judge_of(asker, answers).grade(subject, self.replicate)
        with ThreadPoolExecutor(1) as thread:  # an event loop may be running in this one
            thread.submit(asyncio.run, grading).result()
        scopes: dict[str, list[Question]] = {}
        shared: set[tuple[str, str]] = set()
        for question in asker.asked:
            told = criterion_digest(question.criterion, question.task_title)
            name = (question.scope_digest, told)
            if name in self._seen:
                shared.add(name)
                continue
            self._seen.add(name)
            scopes.setdefault(question.scope_digest, []).append(question)
        usage = sum((self.terms.usage(scope) for scope in scopes.values()), start=Usage())
        asked = sum(map(len, scopes.values()))
        notes = self.terms.notes if asked else ()
        return Estimate(asked, len(answers.found), usage, self.terms.usd(usage), len(shared), notes)


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)
