"""Real rollouts at once, whose model takes a second for each call.

Run as a script it is that model: it prints its address, and ends with its stdin.
"""

import asyncio
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness_search.benchmark.initialise import initialise
from harness_search.files import digest_bytes
from harness_search.ledger.rows import Outcome, Purpose, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.rollouts.bench import open_bench
from harness_search.rollouts.jobs import Harness
from harness_search.rollouts.scheduler import plan, run_missing
from harness_search.sandbox.choice import NONE
from harness_search.service.conduct import Conduct
from harness_search.workspace import Workspace, open_workspace

TASKS = Path(__file__).resolve().parent.parent / "tasks"
TRIALS = 6
LATENCY = 1.0
MOST_RATIO = 1.15
"""Of the time that the same takes without a sandbox."""
PROFILE = """\

[profiles.served]
base_url = "{address}"
model = "served-1"
price = {{ input = 1.0, output = 1.0 }}
concurrency_start = 512
"""
HARNESS = """\
from base64 import b64decode
FILES = {files}
def solve(task, model):
    for turn in range({calls}):
        messages = [{{"role": "user", "content": f"call {{turn}} of run {number}"}}]
        model.complete(system="", messages=messages, tools=[], max_tokens=100)
    for name in task.deliverables:
        (task.output / name).write_bytes(b64decode(FILES[name.rpartition(".")[2]]))
"""


@dataclass(frozen=True, slots=True)
class Work:
    """How much there is to do."""

    tasks: int = 12
    calls: int = 10
    """Of each rollout, one after the other."""
    repeats: int = 3

    @property
    def rollouts(self) -> int:
        return self.tasks * TRIALS


@dataclass(slots=True)
class Scaffold:
    """A workspace, in which every run is one of a new harness."""

    workspace: Workspace
    folder: Path
    work: Work
    files: dict[str, str]
    runs: int = field(default=0)

    async def run(self, sandbox: str, calls: int) -> float:
        """Seconds that all take, judge included; raises RuntimeError when one was not scored."""
        workspace = replace(self.workspace, sandbox=sandbox)
        rows: list[RolloutRow] = []
        with closing(Ledger(workspace.layout.ledger)) as ledger:
            async with open_bench(workspace, ledger, Purpose.SEARCH, "key", Conduct()) as bench:
                jobs = plan(workspace, Split.DEV, self._new_harness(calls))
                began = time.monotonic()
                await run_missing(bench, jobs, self.work.rollouts, 1, rows.append)
                took = time.monotonic() - began
        scored = [row for row in rows if row.outcome is Outcome.SCORED and row.calls == calls]
        if len(scored) != self.work.rollouts:
            raise RuntimeError(f"{sandbox}: {len(scored)} of {self.work.rollouts} rollouts scored")
        return took

    def _new_harness(self, calls: int) -> Harness:
        self.runs += 1
        source = HARNESS.format(files=self.files, calls=calls, number=self.runs)
        file = self.folder / f"run_{self.runs}.py"
        file.write_text(source, encoding="utf-8")
        return Harness(file.stem, file, digest_bytes([source.encode()]))


async def measure_rollouts(
    folder: Path, names: list[str], work: Work, report: Callable[[str], None]
) -> dict[str, list[float]]:
    """Seconds that the same rollouts take in each sandbox, in turn."""
    with served_model() as address:
        scaffold = open_scaffold(folder / "workspace", address, work)
        await scaffold.run(NONE, 0)  # it reads the documents' text, which is then kept
        found: dict[str, list[float]] = {name: [] for name in names}
        for done in range(work.repeats):
            for name in names:
                report(f"{work.rollouts} rollouts in {name}: {done + 1} of {work.repeats}")
                found[name].append(await scaffold.run(name, work.calls))
    return found


def open_scaffold(folder: Path, address: str, work: Work) -> Scaffold:
    initialise(folder, TASKS, dev=work.tasks, test=0, seed=0)
    with (folder / "meta_harness.toml").open("a", encoding="utf-8") as settings:
        settings.write(PROFILE.format(address=address))
    workspace = open_workspace(folder, {"profile": "served", "trials": TRIALS})
    return Scaffold(workspace, folder, work, ready_files(folder))


def ready_files(folder: Path) -> dict[str, str]:
    """A document of each kind, encoded. Written by every rollout they would cost processor time,
    the same in every sandbox, beside which there is less to see of a sandbox's own."""
    from harness_kit import write_docx, write_xlsx

    write_docx(folder / "ready.docx", "The annual rent is 100,000 USD.")
    write_xlsx(folder / "ready.xlsx", "## Rent\n| USD |\n|---|\n| 100000 |")
    (folder / "ready.md").write_text("The annual rent is 100,000 USD.", encoding="utf-8")
    kinds = ("docx", "xlsx", "md")
    return {kind: b64encode((folder / f"ready.{kind}").read_bytes()).decode() for kind in kinds}


@contextmanager
def served_model() -> Iterator[str]:
    """Address of a Messages API in a process of its own, which takes a second for each call."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as api:
        assert api.stdin is not None
        assert api.stdout is not None
        yield api.stdout.readline().strip()
        api.stdin.close()


async def serve() -> None:
    from harness_search.simulated.messages_api import MessagesApi

    async with MessagesApi(lambda _: REPLY, latency_seconds=LATENCY, keep=0) as api:
        print(api.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


REPLY: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "served-1",
    "content": [{"type": "text", "text": "done"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}

if __name__ == "__main__":
    asyncio.run(serve())
