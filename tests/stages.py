"""A workspace with one dev task a trial, a bench on a scripted model, and what came out."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from scripted_api import Answer, ScriptedApi, message, scripted_api

from harness_search.files import digest_bytes
from harness_search.gateway.account import Account, Terms
from harness_search.gateway.budget import Budget
from harness_search.gateway.prices import Price
from harness_search.gateway.upstream import Silence, Upstream
from harness_search.judging.deterministic import DeterministicJudge
from harness_search.judging.documents import TextStore
from harness_search.ledger.rows import Purpose, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.rollouts.bench import make_gateway, sweep
from harness_search.rollouts.evidence import filed_folder
from harness_search.rollouts.jobs import Harness
from harness_search.rollouts.runner import Bench
from harness_search.rollouts.scheduler import plan, run_missing
from harness_search.sandbox.choice import make_sandbox
from harness_search.sandbox.identities import Identities
from harness_search.sandbox.watchdog import Watchdog
from harness_search.service.conduct import Conduct
from harness_search.workspace import Workspace

ASKS = """\
def ask(model, text="x"):
    messages = [{"role": "user", "content": text}]
    return model.complete(system="s", messages=messages, tools=[], max_tokens=9)
"""
ASKS_ONCE = f"""\
{ASKS}
def solve(task, model):
    ask(model)
    write(task)
"""
ASKS_THRICE = f"""\
{ASKS}
def solve(task, model):
    for number in range(3):
        ask(model, str(number))
    write(task)
"""
WRITES = """\
from harness_kit import write_docx
def write(task):
    (name,), text = task.deliverables, "The annual rent is 100,000 USD."
    plain = lambda path, text: path.write_text(text)
    (write_docx if name.endswith(".docx") else plain)(task.output / name, text)
"""


class Stage:
    """A bench on a scripted provider, and the rows that came of it."""

    def __init__(self, workspace: Workspace, bench: Bench, api: ScriptedApi, folder: Path) -> None:
        self.workspace, self.bench, self.api, self.folder = workspace, bench, api, folder
        self.rows: list[RolloutRow] = []

    async def run(
        self, source: str, attempts: int = 3, at_once: int = 2, tasks: int | None = None
    ) -> list[RolloutRow]:
        """Run a harness's source once on every dev task, or on the first few."""
        file = self.folder / "candidate.py"
        file.write_text(source, encoding="utf-8")
        harness = Harness("candidate", file, digest_bytes([source.encode()]))
        jobs = plan(self.workspace, Split.DEV, harness)[:tasks]
        await run_missing(self.bench, jobs, at_once, attempts, self.rows.append)
        return self.bench.ledger.rows()

    def evidence(self, row: RolloutRow, name: str) -> Path:
        folder = self.workspace.layout.dev_evidence
        return filed_folder(folder, "candidate", row.key, row.attempt) / name


@asynccontextmanager
async def opened_stage(
    workspace: Workspace,
    kit: Path,
    runtime: Path,
    folder: Path,
    answer: Callable[[int, Any], Answer | None] = lambda number, content: (200, message()),
    patience: float = 0.0,
    silence: float = 5.0,
    budget: Budget | None = None,
    **limits: float,
) -> AsyncIterator[Stage]:
    """Open a stage; `runtime` has a short path. A call that fails is not tried again unless the
    patience says so."""
    layout = workspace.layout
    async with scripted_api(answer) as api:
        upstream = Upstream(api.base_url, "key", simulated=True, silence=Silence(silence, silence))
        terms = Terms(
            "scripted-1",
            Price(input=0, output=1e6),
            patience_seconds=patience,
            fewest_tries=1,
            longest_backoff=0.05,
        )
        account = Account(upstream, terms, budget=budget)
        sandbox = make_sandbox(workspace.sandbox)
        if not sandbox.isolated:
            runtime.chmod(0o711)
        gateway = make_gateway(account, runtime, sandbox, most_requests=1000)
        await gateway.start()
        watchdog, identities = await Watchdog().__aenter__(), Identities()
        ledger = Ledger(layout.ledger)
        sweep(ledger, layout.dev_evidence, layout)
        bench = Bench(
            gateway=gateway,
            ledger=ledger,
            evidence=layout.dev_evidence,
            texts=TextStore(layout.text),
            judge=DeterministicJudge(TextStore(layout.text)),
            sandbox=sandbox,
            watchdog=watchdog,
            identities=identities,
            kit=kit,
            runtime=runtime,
            limits=workspace.settings.limits.model_copy(update=limits),
            sampling={},
            context_tokens=None,
            seed=0,
            purpose=Purpose.SEARCH,
            conduct=Conduct(),
        )
        try:
            yield Stage(workspace, bench, api, folder)
        finally:
            await watchdog.__aexit__(None, None, None)
            identities.close()
            ledger.close()
            await gateway.stop()
