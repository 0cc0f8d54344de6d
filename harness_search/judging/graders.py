"""Judges before they are opened: how they are called, and what they will cost and have cost."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial

from harness_search.benchmark.canaries import Canaries
from harness_search.errors import InputError
from harness_search.gateway.prices import BATCH_FACTOR, known_price, read_prices
from harness_search.judging.choice import (
    CHECKS,
    judge_name,
    judge_profile,
    judge_terms,
    judge_version,
)
from harness_search.judging.deterministic import JUDGE_VERSION, DeterministicJudge
from harness_search.judging.documents import TextStore
from harness_search.judging.estimates import Estimator, free
from harness_search.judging.judge import Judge
from harness_search.judging.model.cache import CacheKey, VerdictCache
from harness_search.judging.model.estimate import BATCH_HITS, ModelEstimator, Terms
from harness_search.judging.model.judge import Answers, ModelJudge
from harness_search.judging.model.opening import judge_alone
from harness_search.judging.model.questions import Answer, Asker
from harness_search.judging.persistence import BoundedJudge
from harness_search.layout import Layout
from harness_search.ledger.rows import Role
from harness_search.ledger.spending import spent_on_disk
from harness_search.ledger.store import Ledger
from harness_search.workspace import Workspace


def _costs_nothing() -> float:
    return 0.0


def _free(_: int) -> Estimator:
    return free


@dataclass(frozen=True, slots=True)
class Grader:
    """A judge before it is opened, and what it costs."""

    name: str
    """Its profile; `checks` for the judge that needs none."""
    version: str
    opened: Callable[[], AbstractAsyncContextManager[Judge]]
    estimator: Callable[[int], Estimator] = _free
    """A new estimator of what a replicate will cost."""
    spent: Callable[[], float | None] = _costs_nothing
    """USD that judging has cost until now; None when that is not known."""
    answered: Callable[[], int] | None = None
    """Answers that were bought until now; None for a judge that gives every verdict anew."""
    simulated: bool = False


def own_grader(workspace: Workspace) -> Grader:
    """The judge that the settings name; where they name a second one, its version says so."""
    settings = workspace.settings
    return replace(grader_of(workspace, judge_name(settings)), version=judge_version(settings))


def grader_of(workspace: Workspace, name: str) -> Grader:
    """The judge of a profile, or `checks`; raises InputError for an unknown one."""
    layout, settings = workspace.layout, workspace.settings
    if name == CHECKS:
        checks = partial(_checks, TextStore(layout.text), settings.judge.hard_seconds)
        return Grader(CHECKS, JUDGE_VERSION, checks)
    if name not in settings.profiles:
        known = ", ".join(sorted({CHECKS, *settings.profiles}))
        raise InputError("command line", "--reference", repr(name), f"one of: {known}")
    profile = judge_profile(settings, name)
    price = known_price(profile, read_prices(layout.prices))
    return Grader(
        name,
        judge_terms(settings, name).version,
        partial(_model, workspace, name),
        partial(_estimator, workspace, name),
        partial(_spent, layout) if price else lambda: None,
        partial(_answered, layout),
        profile.simulated,
    )


@asynccontextmanager
async def _checks(texts: TextStore, seconds: float) -> AsyncIterator[Judge]:
    yield BoundedJudge(DeterministicJudge(texts), seconds)


@asynccontextmanager
async def _model(workspace: Workspace, name: str) -> AsyncIterator[Judge]:
    with closing(Ledger(workspace.layout.ledger)) as ledger:
        async with judge_alone(workspace, ledger, name, batched=True) as judge:
            yield judge


def _spent(layout: Layout) -> float:
    return spent_on_disk(layout.ledger)[Role.JUDGE].usd


def _answered(layout: Layout) -> int:
    with closing(VerdictCache(layout.kept_verdicts)) as cache:
        return cache.count()


def _estimator(workspace: Workspace, name: str, replicate: int) -> Estimator:
    settings, layout = workspace.settings, workspace.layout
    terms, texts = judge_terms(settings, name), TextStore(layout.text)
    canary_of = Canaries.of(layout).canary_of

    def judge_of(asker: Asker, answers: Answers) -> Judge:
        return ModelJudge(asker, answers, texts, terms, canary_of)

    price = known_price(judge_profile(settings, name), read_prices(layout.prices))
    batches = settings.judge.batches  # they ask for an hour, whatever the settings say
    one_hour = batches or settings.judge.cache_minutes == 60
    factor, hits = (BATCH_FACTOR, BATCH_HITS) if batches else (1.0, 1.0)
    paid = Terms(price, settings.judge.chunk, one_hour, factor, hits)
    return ModelEstimator(judge_of, _KeptOnDisk(layout), paid, replicate)


@dataclass(frozen=True, slots=True)
class _KeptOnDisk:
    """The kept answers, opened for each look at them."""

    layout: Layout

    def get(self, keys: Iterable[CacheKey]) -> dict[CacheKey, Answer]:
        with closing(VerdictCache(self.layout.kept_verdicts)) as cache:
            return cache.get(keys)

    def put(self, key: CacheKey, answer: Answer) -> None:
        with closing(VerdictCache(self.layout.kept_verdicts)) as cache:
            cache.put(key, answer)

    def bind(self, judge: str, served_model: str) -> str:
        with closing(VerdictCache(self.layout.kept_verdicts)) as cache:
            return cache.bind(judge, served_model)
