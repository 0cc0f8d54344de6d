"""Opens a judge: the checks of the tasks, or a model behind a gateway of its own."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness_search.benchmark.canaries import Canaries
from harness_search.endpoints import api_key, base_url_of, open_account, require_answers
from harness_search.files import remove_tree
from harness_search.judging.choice import (
    CHECKS,
    judge_name,
    judge_price,
    judge_profile,
    judge_terms,
    judge_version,
)
from harness_search.judging.deterministic import DeterministicJudge
from harness_search.judging.documents import TextStore
from harness_search.judging.judge import Judge
from harness_search.judging.persistence import BoundedJudge, PersistentJudge
from harness_search.ledger.rows import Purpose
from harness_search.ledger.store import Ledger
from harness_search.workspace import Workspace

if TYPE_CHECKING:  # the web client is slow to import
    from anthropic import AsyncAnthropic

    from harness_search.gateway.budget import Budget
    from harness_search.gateway.server import Gateway
    from harness_search.judging.model.booked import Books
    from harness_search.judging.model.questions import Asker

MOST_REQUESTS = 1_000_000
"""Of one scope; its questions bound it."""


@dataclass(frozen=True, slots=True)
class JudgeMeans:
    """What a judging model shares with the run that it judges for."""

    ledger: Ledger
    purpose: Purpose
    budget: "Budget"
    runtime: Path
    """Short private folder for sockets."""
    beside: bool = False
    """Another judge of this process is open on the same ledger: what is not booked may be its."""


@asynccontextmanager
async def open_judge(
    workspace: Workspace, means: JudgeMeans, name: str | None = None, *, batched: bool = False
) -> AsyncIterator[Judge]:
    """The judge of the settings; or of a profile, or `checks`, if one is named.

    With `batched` it asks by message batches where the settings allow that. Raises InputError for
    an unknown profile, a key that is not set, or a price that is unknown.
    """
    named = judge_version(workspace.settings) if name is None else ""
    name = judge_name(workspace.settings) if name is None else name
    texts = TextStore(workspace.layout.text)
    if name == CHECKS:
        yield BoundedJudge(DeterministicJudge(texts), workspace.settings.judge.hard_seconds)
        return
    from harness_search.judging.model.cache import VerdictCache
    from harness_search.judging.model.judge import ModelJudge

    terms = judge_terms(workspace.settings, name)
    canaries = Canaries.of(workspace.layout)
    with closing(VerdictCache(workspace.layout.kept_verdicts)) as cache:
        batched = batched and workspace.settings.judge.batches
        async with _asker(workspace, means, name, batched=batched) as asker:
            judge = ModelJudge(asker, cache, texts, terms, canaries.canary_of)
            limits = workspace.settings.judge
            seconds = None if batched else limits.hard_seconds
            yield PersistentJudge(judge, limits.attempts, named, seconds)


@asynccontextmanager
async def judge_alone(
    workspace: Workspace, ledger: Ledger, name: str | None = None, *, batched: bool = False
) -> AsyncIterator[Judge]:
    """The same for a command that runs no rollout. The caller holds the workspace's lock."""
    from harness_search.gateway.budget import Budget
    from harness_search.rollouts.bench import make_runtime, spent_before

    runtime = make_runtime(workspace.layout)
    try:
        budget = Budget(workspace.settings.budget, spent_before(workspace.layout))
        means = JudgeMeans(ledger, Purpose.SEARCH, budget, runtime)
        async with open_judge(workspace, means, name, batched=batched) as judge:
            yield judge
    finally:
        remove_tree(runtime)


@asynccontextmanager
async def _asker(
    workspace: Workspace, means: JudgeMeans, name: str, *, batched: bool
) -> "AsyncIterator[Asker]":
    """The real client of the Messages API, before a gateway of its own."""
    import anthropic
    import httpx2

    from harness_search.judging.model.booked import Books, book_interrupted

    folder = workspace.layout.judge_transcripts(means.purpose)
    folder.mkdir(parents=True, exist_ok=True)
    if not means.beside:
        book_interrupted(folder, means.ledger)
    async with _gateway(workspace, means, name) as gateway:
        pool = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        transport = httpx2.AsyncHTTPTransport(uds=str(gateway.socket), limits=pool)
        client = anthropic.AsyncAnthropic(
            api_key="a token for each transcript",
            base_url="http://gateway",
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=transport),
        )
        books = Books(gateway, means.ledger, folder, name)
        async with client:
            asker = _by_batches if batched else _call_by_call
            async with asker(workspace, name, books, client) as opened:
                yield opened


@asynccontextmanager
async def _call_by_call(
    workspace: Workspace, name: str, books: "Books", client: "AsyncAnthropic"
) -> "AsyncIterator[Asker]":
    from harness_search.judging.model.asker import MessagesAsker
    from harness_search.judging.model.booked import BookedAsker
    from harness_search.judging.model.prompt import Delimiters

    price = judge_price(workspace.layout, workspace.settings, name)
    terms, delimiters = judge_terms(workspace.settings, name).call, Delimiters()

    def asker_with(token: str) -> "Asker":
        own = client.with_options(api_key=token)
        return MessagesAsker(own, terms, price, delimiters=delimiters)

    yield BookedAsker(books, asker_with)


@asynccontextmanager
async def _by_batches(
    workspace: Workspace, name: str, books: "Books", client: "AsyncAnthropic"
) -> "AsyncIterator[Asker]":
    from harness_search.judging.model.batch_asker import BatchAsker
    from harness_search.judging.model.batch_notes import BatchNotes

    price = judge_price(workspace.layout, workspace.settings, name)
    # In a batch the deliverables are read whenever their turn comes.
    terms = replace(judge_terms(workspace.settings, name).call, cache_minutes=60)
    with (
        BatchNotes(workspace.layout.noted_batches) as notes,
        books.open("batches", notes.batches(), notes.booked()) as grant,
    ):
        own = client.with_options(api_key=grant.token)
        async with BatchAsker(own, terms, notes, price) as asker:
            yield asker


@asynccontextmanager
async def _gateway(workspace: Workspace, means: JudgeMeans, name: str) -> "AsyncIterator[Gateway]":
    from harness_search.gateway.server import Gateway

    settings, price = workspace.settings, judge_price(workspace.layout, workspace.settings, name)
    profile = judge_profile(settings, name)
    folder = Path(tempfile.mkdtemp(prefix="judge-", dir=means.runtime))
    async with base_url_of(profile, settings.simulated) as base_url:
        key = api_key(profile)
        account = open_account(profile, price, base_url, key, means.budget, means.ledger)
        gateway = Gateway(
            account, folder / "socket", most_requests=MOST_REQUESTS, sampling=profile.sampling
        )
        await gateway.start()
        try:
            if not profile.simulated:
                await require_answers(account)
            yield gateway
        finally:
            await gateway.stop()
