"""What the scaffold adds to a proposer session: the time before its first request and at its end.

Run from the repository root: `.venv/bin/python benchmarks/proposer_session.py [sessions]`; ten take
a minute. The SDK and its command line are the real ones, in the real box, and the model
is a script that reads two files, writes a candidate with its claim, and ends. From `propose()` to
the arrival of the first request is the start (gateway, first token, box, interpreter, SDK, command
line), and from the last answer to the return of `propose()` the end (the command line's own, box,
ledger, validation). What lies between is the session. The same program without box and scaffold is
started in turn with it: what a session takes more is what the scaffold adds. Ends with code 1 when
the median of that is over the limit; times depend on what else the machine does.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from harness_search.benchmark.initialise import initialise
from harness_search.choice_of_proposer import make_proposer
from harness_search.endpoints import api_key
from harness_search.ledger.rows import Purpose
from harness_search.ledger.store import Ledger
from harness_search.proposers.claude.sdk import find_sdk
from harness_search.proposers.claude.session import QUIET
from harness_search.proposers.session import Proposed, Services, Session
from harness_search.proposers.view import prepare_view
from harness_search.rollouts.bench import open_bench
from harness_search.service.conduct import Conduct
from harness_search.settings import Price, Profile
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.received import Received
from harness_search.workspace import Workspace, open_workspace, prove_sandbox

ROOT = Path(__file__).resolve().parent.parent
MODEL = "claude-opus-5-5"
MOST_SECONDS = 2.0
KEY_VARIABLE = "KEY_OF_THE_MEASURED_PROPOSER"
NAME = "asks_nothing"
EDIT = (
    f"sed 's/^    converse(task, model, messages)$/    stops_here(task)\\n    return/' "
    f"harnesses/baseline.py > harnesses/{NAME}.py && printf '\\n\\ndef stops_here(task):\\n"
    f"    return task.output\\n' >> harnesses/{NAME}.py"
)


@dataclass(frozen=True, slots=True)
class Times:
    """Of one session, in seconds."""

    start: float
    session: float
    end: float


PLAIN = """
import json, sys
from harness_search.proposers.claude import worker
worker.main(json.loads(sys.argv[1]), lambda: None)
"""


class Script:
    """A model that makes one tool call after the other; notes when it is asked and has answered."""

    def __init__(self, claim: str) -> None:
        self.steps: list[tuple[str, dict[str, Any]]] = [
            ("Read", {"file_path": "/work/session.md"}),
            ("Read", {"file_path": "/work/harnesses/baseline.py"}),
            ("Bash", {"command": EDIT}),
            ("Write", {"file_path": "/work/pending_eval.json", "content": claim}),
        ]
        self.asked: list[float] = []
        self.answered = 0.0

    def __call__(self, received: Received) -> dict[str, Any]:
        now, number = time.monotonic(), received.number
        reply: dict[str, Any] = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [{"type": "text", "text": "Done."}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        if received.content["max_tokens"] == 1:  # the scaffold's own, before the session
            return reply
        self.asked.append(now)
        done = json.dumps(received.content["messages"]).count('"tool_result"')
        if done < len(self.steps):
            name, given = self.steps[done]
            call = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": given}
            reply |= {"content": [call], "stop_reason": "tool_use"}
        self.answered = time.monotonic()
        return reply


async def plain_session(script: Script, base_url: str, folder: Path) -> Times:
    """The program of a box without one; its model ends it at once, so that no tool runs."""
    folder.mkdir()
    environment = {
        **QUIET,
        "CLAUDE_CONFIG_DIR": str(folder / "config"),
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": "no-key",
        "IS_SANDBOX": "1",  # or the command line would refuse to run as root
    }
    arguments = {
        "sdk": "",
        "command_line": str(find_sdk().command_line),
        "folder": str(folder),
        "environment": environment,
        "session": str(uuid4()),
        "resume": False,
        "prompt": "Begin.",
        "contract": "",
        "model": MODEL,
        "effort": "high",
        "max_turns": 3,
    }
    steps, script.steps = script.steps, []
    script.asked.clear()
    began = time.monotonic()
    command = (sys.executable, "-c", PLAIN, json.dumps(arguments))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    ended, script.steps = time.monotonic(), steps
    first, last = script.asked[0], script.answered
    return Times(first - began, last - first, ended - last)


def claim_of(workspace: Workspace, iteration: int) -> str:
    tasks = [task.id for task in workspace.splits.dev]
    candidate = {
        "name": NAME,
        "hypothesis": "Nothing is lost by asking nothing.",
        "changes": "Copied baseline; added ONE mechanism, stops_here.",
        "fix_tasks": tasks[:5],
        "regression_tasks": tasks[5:10],
        "parent": "baseline",
    }
    return json.dumps({"iteration": iteration, "candidates": [candidate]})


def with_proposer(workspace: Workspace, base_url: str) -> Workspace:
    """The workspace with a Claude proposer on a scripted model."""
    profile = Profile(
        base_url=base_url,
        model=MODEL,
        key_variable=KEY_VARIABLE,
        price=Price(input=1.0, output=1.0),
    )
    settings = workspace.settings
    changes = {
        "profiles": {**settings.profiles, "claude": profile},
        "search": settings.search.model_copy(update={"proposer": "claude"}),
    }
    return replace(workspace, settings=settings.model_copy(update=changes))


def session_of(workspace: Workspace, services: Services, iteration: int) -> Session:
    layout = workspace.layout
    session = Session(
        iteration=iteration,
        view=layout.session(iteration) / "view",
        evidence=layout.dev_evidence,
        incumbent="baseline",
        history=(),
        dev_tasks=tuple(task.id for task in workspace.splits.dev),
        seed=0,
        services=services,
    )
    prepare_view(session, [layout.baseline], layout.skill, "Nothing yet.\n")
    return session


async def measure(workspace: Workspace, sessions: int) -> tuple[list[Times], list[Times]]:
    """Hold so many sessions, one after the other, each after a plain one; those come first."""
    plain: list[Times] = []
    found: list[Times] = []
    script = Script("")
    async with MessagesApi(script) as api:
        own = with_proposer(workspace, api.base_url)
        proposer, key = make_proposer(own), api_key(own.settings.profile)
        with closing(Ledger(own.layout.ledger)) as ledger:
            async with open_bench(own, ledger, Purpose.SEARCH, key, Conduct()) as bench:
                for iteration in range(1, sessions + 1):
                    folder = own.layout.root.parent / f"plain-{iteration}"
                    plain.append(await plain_session(script, api.base_url, folder))
                    session = session_of(own, Services(own, bench), iteration)
                    script.steps[-1][1]["content"] = claim_of(own, iteration)
                    script.asked.clear()
                    began = time.monotonic()
                    answer = await proposer.propose(session)
                    ended = time.monotonic()
                    assert answer == Proposed(), answer
                    first, last = script.asked[0], script.answered
                    found.append(Times(first - began, last - first, ended - last))
    return plain, found


def main() -> int:
    """Print the table; code 1 when the median of what is added is over the limit."""
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    os.environ[KEY_VARIABLE] = "no-key"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        initialise(root, ROOT / "tasks", dev=12, test=8, seed=0)
        workspace = prove_sandbox(open_workspace(root, {}))
        plain, found = asyncio.run(measure(workspace, sessions))
    print(f"{sessions} sessions in {workspace.sandbox}, {os.cpu_count()} cores; seconds:")
    print("| part | median | largest |\n|---|---|---|")
    added = [
        one.start + one.end - (alone.start + alone.end)
        for alone, one in zip(plain, found, strict=True)
    ]
    parts = {
        "without scaffold and box: to the first request": [one.start for one in plain],
        "without them: from the last answer to the end": [one.end for one in plain],
        "from propose() to the first request": [one.start for one in found],
        "between (tools and model)": [one.session for one in found],
        "from the last answer to the end": [one.end for one in found],
        f"added by the scaffold (at most {MOST_SECONDS:g})": added,
    }
    for name, values in parts.items():
        print(f"| {name} | {statistics.median(values):.2f} | {max(values):.2f} |")
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if statistics.median(added) > MOST_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
