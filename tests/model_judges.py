"""A model judge on a scripted API, with a store on disk."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from clients import client_of
from judge_api import MEMO, MODEL, Asked, JudgeApi, deliver, rubric_task, says

from harness_search.gateway.prices import Price
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Grading, Subject
from harness_search.judging.model.asker import MessagesAsker
from harness_search.judging.model.cache import VerdictCache
from harness_search.judging.model.judge import JudgeTerms, ModelJudge
from harness_search.judging.model.prompt import CallTerms
from harness_search.simulated.faults import Fault, Status

Reply = Callable[[Asked], dict[str, Any] | Fault]
PRICE = Price(input=3, output=15, cache_write=3.75, cache_read=0.3)
CALL = CallTerms(MODEL)
NAMES = tuple(f"Point {number}" for number in range(1, 10))
OVERLOADED = Status(529, "overloaded_error", "Overloaded")


@asynccontextmanager
async def judging(
    root: Path, reply: Reply, call: CallTerms = CALL, concurrency: int = 16
) -> AsyncIterator[tuple[ModelJudge, JudgeApi]]:
    """A judge with a store on disk that outlives it."""
    cache = VerdictCache(root / "verdicts.sqlite3")
    async with JudgeApi(reply) as api, client_of(api) as client:
        asker = MessagesAsker(client, call, PRICE, concurrency)
        texts = TextStore(root / "text")
        terms = JudgeTerms("claude", call)
        yield ModelJudge(asker, cache, texts, terms, lambda task: "canary-7"), api
    cache.close()


def verdicts(grading: Grading) -> list[str]:
    return [verdict.verdict for verdict in grading.verdicts]


def by_title(**other: str) -> Callable[[Asked], dict[str, Any]]:
    """Passes all but the named points, "Point_2" for "Point 2"."""
    return says(lambda title: other.get(title.replace(" ", "_"), "pass"))


def subject(root: Path, *titles: str, text: str = MEMO) -> Subject:
    return Subject(rubric_task(root, *titles), deliver(root, text))


def stored_usages(file: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT cache_write, cache_read FROM answers").fetchall()
    return [(int(write), int(read)) for write, read in rows]
