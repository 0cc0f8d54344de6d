"""A provider that fails on demand, and a workspace whose command line runs against it."""

import asyncio
import hashlib
import json
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness_search.benchmark.initialise import initialise
from harness_search.layout import Layout
from harness_search.ledger.rows import Outcome, RolloutRow
from harness_search.ledger.store import Ledger, has_begun
from harness_search.sandbox.processes import start_ticks
from harness_search.simulated.faults import Fault, FaultPlan, no_fault
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.received import Received
from harness_search.simulated.server import reply_to

ROOT = Path(__file__).resolve().parent.parent
KEY_VARIABLE = "RELIABILITY_KEY"
LATENCY = 0.02
LONGEST_WAIT = 120.0
PROFILE = """\

[profiles.served]
base_url = "{address}"
model = "simulated-1"
key_variable = "{variable}"
price = {{ input = 3.0, output = 15.0 }}
patience_seconds = {patience}
first_byte_seconds = 2
stall_seconds = 2
"""
PING = "ping"

STREAMING = """

# In place of `model.complete`: the same request as a stream, asked for again once if it breaks.


def complete(model: Model, **request: Any) -> Any:
    try:
        return stream(model, request)
    except (OSError, http.client.HTTPException):
        return stream(model, request)


def stream(model: Model, request: dict[str, Any]) -> Any:
    connection = http.client.HTTPConnection("gateway")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(model._socket_path)
    body = json.dumps({"model": model.name, "stream": True, **request})
    headers = {"x-api-key": model._token, "content-type": "application/json"}
    connection.request("POST", "/v1/messages", body, headers)
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"status {response.status}")
    return assembled(json.loads(line[6:]) for line in response if line.startswith(b"data: "))


def assembled(events: Any) -> Any:
    content, written, ended = [], [], False
    for event in events:
        delta = event.get("delta", {})
        if event["type"] == "content_block_start":
            content.append(event["content_block"])
            written.append("")
        elif event["type"] == "content_block_delta":
            written[event["index"]] += delta.get("text", "") + delta.get("partial_json", "")
        ended = ended or event["type"] == "message_stop"
    if not ended:
        raise ConnectionError("the stream ended before the message did")
    for block, text in zip(content, written):
        block["text" if block["type"] == "text" else "input"] = whole(block, text)
    return SimpleNamespace(content=content)


def whole(block: dict[str, Any], text: str) -> Any:
    try:
        return text if block["type"] == "text" else json.loads(text)
    except ValueError:
        return text
"""


def streaming(baseline: str) -> str:
    """The baseline with a streaming client that needs the standard library only."""
    imports = "import http.client\nimport json\nimport re\nimport socket\n"
    source = baseline.replace("import re\n", imports, 1)
    source = source.replace("import Any\n", "import Any\nfrom types import SimpleNamespace\n", 1)
    return source.replace("model.complete(", "complete(model, ", 1) + STREAMING


class Provider(MessagesApi):
    """The simulated model behind HTTP. `plan` says what fails and may be changed at any time."""

    def __init__(self) -> None:
        super().__init__(self._sell, latency_seconds=LATENCY, keep=0)
        self.plan: FaultPlan = no_fault
        self.injected = 0
        self.sold = Counter[str]()
        """Replies made, by digest of their request; our own requests of one token left out."""
        self.closed = 0
        """Conversations that came to their last reply."""

    def fault_of(self, received: Received) -> Fault | None:
        fault = self.plan(received)
        self.injected += fault is not None
        return fault

    def _sell(self, received: Received) -> dict[str, Any]:
        reply = reply_to(received.content, "")
        if received.content["messages"][0]["content"] != PING:
            self.sold[digest_of(received)] += 1
            self.closed += reply["stop_reason"] == "end_turn"
        return reply


def digest_of(received: Received) -> str:
    return hashlib.sha256(received.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    said: str
    """The last line for people."""

    @property
    def result(self) -> str:
        """The figures of an evaluation."""
        (row,) = json.loads(self.output)["rows"]
        return f"coverage {row['coverage']}, pooled {row['pooled']}"


@dataclass(slots=True)
class Site:
    """A workspace around the bundled tasks, and a provider of its own."""

    folder: Path
    provider: Provider
    trials: int
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        self.layout = Layout(self.folder)

    async def open(self, tasks: int, patience: float) -> None:
        initialise(self.folder, ROOT / "tasks", dev=tasks, test=0, seed=0)
        await self.provider.start()
        address = self.provider.base_url
        profile = PROFILE.format(address=address, variable=KEY_VARIABLE, patience=patience)
        with self.layout.settings.open("a", encoding="utf-8") as settings:
            settings.write(profile)
        baseline = self.layout.baseline.read_text(encoding="utf-8")
        self.layout.candidate("streaming").write_text(streaming(baseline), encoding="utf-8")

    # The command line.

    async def start(self, command: str, *arguments: str, key: str = "key") -> Any:
        """Start a command of the real command line in a process of its own."""
        options = ["--workspace", str(self.folder), *arguments]
        if command != "frontier":
            options += ["--profile", "served", "--trials", str(self.trials)]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "meta_harness", command, *options),
            cwd=ROOT,
            env={**os.environ, KEY_VARIABLE: key, "NO_COLOR": "1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, command: str, *arguments: str, key: str = "key") -> Ended:
        process = await self.start(command, *arguments, key=key)
        output, news = await process.communicate()
        lines = [line for line in news.decode().splitlines() if line.strip()]
        return Ended(process.returncode, output.decode(), lines[-1] if lines else "")

    async def evaluate(
        self, harness: str = "baseline", at_once: int = 8, key: str = "key"
    ) -> Ended:
        return await self.run("evaluate", harness, "--json", "-n", str(at_once), key=key)

    # What it left.

    def rows(self) -> list[RolloutRow]:
        if not has_begun(self.layout.ledger):
            return []
        with closing(Ledger(self.layout.ledger, read_only=True)) as ledger:
            return ledger.rows()

    def lost(self) -> int:
        return sum(row.outcome is Outcome.INFRA_FAILED for row in self.rows())

    def interrupted(self) -> int:
        with closing(sqlite3.connect(self.layout.ledger)) as database:
            query = "SELECT count(*) FROM rollouts WHERE status = 'interrupted'"
            return int(database.execute(query).fetchone()[0])

    def processes_left(self) -> int:
        """Rollouts' processes that outlived the command which started them."""
        with closing(Ledger(self.layout.ledger, read_only=True)) as ledger:
            running = ledger.running()
        return sum(start_ticks(item.pid) == item.pid_started for item in running)

    def account(self) -> dict[str, Any]:
        """Figures that the gateway left for `status`."""
        return dict(json.loads(self.layout.account_state.read_text(encoding="utf-8")))


def counted(rows: list[RolloutRow]) -> dict[tuple[str, int], tuple[object, ...]]:
    """All that a score is made of, by task and trial: of the harness that was measured first."""
    return {
        (row.key.task, row.key.trial): (row.outcome, row.passed, row.total, row.usage, row.cost_usd)
        for row in rows
        if row.outcome.finished and row.key.harness == rows[0].key.harness
    }


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process brings about; raises TimeoutError."""
    async with asyncio.timeout(LONGEST_WAIT):
        while not condition():
            await asyncio.sleep(0.02)
