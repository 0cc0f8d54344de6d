"""A real agent, the Claude Code command line, works through the gateway as it is.

It is the one that comes with claude-agent-sdk. It gets the gateway's address and a token, and
nothing else; behind the gateway a scripted API answers.
"""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import claude_agent_sdk
import psutil
import pytest
from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ResultMessage,
    SystemMessage,
    ToolResultBlock,
    UserMessage,
)
from doors import KEY, MODEL, Door, opened_door
from scripted_api import Answer, failure, message
from seen_processes import environment_of

from harness_search.gateway.transcript import conversation, read_transcript
from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import BreakStream, ErrorEvent, Fault, Status

COMMAND = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
pytestmark = pytest.mark.skipif(
    not COMMAND.is_file(), reason=f"claude-agent-sdk brings no command line here ({COMMAND})"
)
PROMPT = "Please note the rent."
OTHERS = ("ANTHROPIC_", "CLAUDE", "IS_SANDBOX", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""What a developer's own environment says to the command line; options can add, not remove."""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(OTHERS):
            monkeypatch.delenv(name)


@dataclass
class Session:
    """An agent at work in a folder, behind a door."""

    door: Door
    client: ClaudeSDKClient
    folder: Path

    async def ask(self, prompt: str = PROMPT) -> ResultMessage:
        """Let it work until it ends; returns its last word."""
        await self.client.query(prompt)
        self.told = [told async for told in self.client.receive_response()]
        last = self.told[-1]
        assert isinstance(last, ResultMessage)
        await self.door.grant.settled()
        return last

    @property
    def tool_results(self) -> list[str]:
        """What its tools gave it."""
        blocks = [
            block for told in self.told if isinstance(told, UserMessage) for block in told.content
        ]
        return [str(block.content) for block in blocks if isinstance(block, ToolResultBlock)]

    @property
    def retries(self) -> list[SystemMessage]:
        """What it tried again, and says so."""
        told = [one for one in self.told if isinstance(one, SystemMessage)]
        return [one for one in told if one.subtype == "api_retry"]


@asynccontextmanager
async def working(
    folder: Path, answer: Callable[[int, Any], Answer], model: str = MODEL, **options: Any
) -> AsyncIterator[Session]:
    """A session with two tools in a folder that holds a lease."""
    box = folder / "box"
    box.mkdir()
    (box / "lease.txt").write_text("The annual rent is 5 USD.\n", encoding="utf-8")
    async with opened_door(folder, answer, loopback=True, **options) as door:
        environment = {
            "HOME": str(folder / "home"),
            "CLAUDE_CONFIG_DIR": str(folder / "home" / ".claude"),
            "TMPDIR": str(folder),
            "NO_PROXY": "127.0.0.1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "ANTHROPIC_BASE_URL": door.gateway.base_url,
            "ANTHROPIC_API_KEY": door.grant.token,
        }
        asked = ClaudeAgentOptions(
            cli_path=COMMAND,
            cwd=box,
            env=environment,
            model=model,
            tools=["Read", "Write"],
            permission_mode="acceptEdits",
            setting_sources=[],
            max_turns=6,
        )
        async with ClaudeSDKClient(asked) as client:
            yield Session(door, client, box)


class Script:
    """A model that reads the lease, writes a note and ends; the first calls may meet a fault.

    The command line merges replies of one identity, so each has its own.
    """

    def __init__(self, *faults: Fault | Answer) -> None:
        self._faults: Iterator[Fault | Answer] = iter(faults)
        self._identities = count(1)

    def __call__(self, number: int, content: Any) -> Answer:
        if is_own(content):
            return 200, message()
        fault = next(self._faults, None)
        if fault is not None:
            return fault
        steps = [("Read", {"file_path": "lease.txt"}), ("Write", WRITTEN), None]
        return 200, self._reply(steps[results_in(content)])

    def _reply(self, step: tuple[str, dict[str, str]] | None) -> dict[str, Any]:
        number = next(self._identities)
        reply = message("noted" if step is None else "one moment")
        reply["id"] = f"msg_{number}"
        if step is not None:
            name, wanted = step
            call = {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": wanted}
            reply |= {"content": [*reply["content"], call], "stop_reason": "tool_use"}
        return reply


WRITTEN = {"file_path": "note.txt", "content": "rent: 5 USD"}


def results_in(content: Any) -> int:
    blocks = [
        block
        for asked in content["messages"]
        if isinstance(asked["content"], list)
        for block in asked["content"]
    ]
    return sum(block["type"] == "tool_result" for block in blocks)


def is_own(content: Any) -> bool:
    """Whether the gateway itself asks, to see whether the provider answers anyone."""
    return bool(content["messages"] == [{"role": "user", "content": "ping"}])


def everything_below(folder: Path) -> bytes:
    kept = []
    for file in filter(Path.is_file, folder.rglob("*")):
        with suppress(FileNotFoundError):  # the agent may still tidy up
            kept.append(file.read_bytes())
    return b"".join(kept)


async def test_an_agent_reads_writes_and_ends(short_folder: Path) -> None:
    seen: list[dict[str, str]] = []
    script = Script()

    def answer(number: int, content: Any) -> Answer:
        seen.extend(environment_of(child) for child in psutil.Process().children())
        return script(number, content)

    async with working(short_folder, answer) as session:
        result = await session.ask()
        door, grant = session.door, session.door.grant
    assert (result.is_error, result.result) == (False, "noted")
    assert (session.folder / "note.txt").read_text(encoding="utf-8") == "rent: 5 USD"
    assert (grant.calls, grant.requests) == (3, 3)
    assert grant.usage == grant.paid == Usage(9, 6)
    assert (grant.failure, grant.limit_reached) == ("", "")
    assert [asked.path for asked in door.api.received] == ["/v1/messages"] * 3
    assert {asked.headers["x-api-key"] for asked in door.api.received} == {KEY}
    # What stands in the box, its settings and sessions, and in its environment.
    kept = everything_below(short_folder)
    assert KEY.encode() not in kept
    assert grant.token in {environment.get("ANTHROPIC_API_KEY") for environment in seen}
    assert KEY not in str(seen)


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-5-5", MODEL])
async def test_its_whole_conversation_can_be_read_afterwards(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """It speaks to each model in another way: later ones take instructions between messages."""
    monkeypatch.setattr("doors.MODEL", model)
    async with working(short_folder, Script(), model) as session:
        await session.ask()
        received = [asked.content for asked in session.door.api.received]
    exchanges = list(read_transcript(session.door.transcript))
    assert [exchange.status for exchange in exchanges] == [200, 200, 200]
    for exchange, sent in zip(exchanges, received, strict=True):
        assert len(exchange.request["messages"]) == len(sent["messages"])
        assert exchange.request["tools"] == without_breakpoints(sent["tools"])
    text = json.dumps(conversation(session.door.transcript))
    for said in (PROMPT, "The annual rent is 5 USD.", "rent: 5 USD", "noted"):
        assert said in text
    assert session.door.grant.token not in session.door.transcript.read_text(encoding="utf-8")


def without_breakpoints(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: tool[key] for key in tool if key != "cache_control"} for tool in tools]


async def test_it_may_count_tokens_and_shorten_its_conversation(short_folder: Path) -> None:
    async with working(short_folder, Script()) as session:
        await session.ask()
        usage = await session.client.get_context_usage()
        assert usage["totalTokens"] > 0
        assert (await session.ask("/compact")).is_error is False
        assert (await session.ask()).result == "noted"
    counted = [asked for asked in session.door.api.received if asked.path.endswith("count_tokens")]
    assert counted
    assert session.door.grant.failure == ""


async def test_an_overload_that_passes_is_never_seen_by_it(short_folder: Path) -> None:
    busy = Status(529, "overloaded_error", "Overloaded")
    async with working(short_folder, Script(busy, busy)) as session:
        result = await session.ask()
        assert session.retries == []
    assert result.result == "noted"
    assert session.door.grant.requests == 3
    assert session.door.grant.failure == ""


@pytest.mark.parametrize(
    "fault", [BreakStream(3), BreakStream(3, reset=True), ErrorEvent(3)], ids=repr
)
async def test_it_recovers_from_a_stream_that_breaks(short_folder: Path, fault: Fault) -> None:
    async with working(short_folder, Script(fault)) as session:
        result = await session.ask()
        grant = session.door.grant
    assert result.result == "noted"
    assert len(session.tool_results) == 2
    assert grant.failure == ""
    assert grant.usage == Usage(9, 6)
    assert grant.paid.input == 12


async def test_a_prompt_too_long_is_told_in_the_apis_own_words(short_folder: Path) -> None:
    words = "prompt is too long: 200001 tokens > 200000 maximum"
    async with working(
        short_folder, Script((400, failure("invalid_request_error", words)))
    ) as session:
        result = await session.ask()
    assert (result.is_error, result.api_error_status) == (True, 400)
    assert "Prompt is too long" in (result.result or "")
    assert session.door.grant.failure == ""
    assert session.door.account.stopped == ""


async def test_a_limit_of_its_own_ends_it_at_once(short_folder: Path) -> None:
    async with working(short_folder, Script(), most_requests=1) as session:
        result = await session.ask()
        assert session.retries == []
    assert result.is_error
    assert "1 requests" in (result.result or "")
    assert session.door.grant.requests < 10
    assert session.door.grant.limit_reached
    assert session.door.grant.failure == ""


async def test_a_refused_key_stops_the_run_and_the_agent_with_it(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return 401, failure("authentication_error", "invalid x-api-key")

    async with working(short_folder, answer) as session:
        result = await session.ask()
        assert session.retries == []
    assert result.is_error
    assert "the run stops" in (result.result or "")
    assert session.door.grant.requests == 1
    assert "status 401" in session.door.account.stopped
    assert (session.door.grant.halted, session.door.grant.failure) == (True, "")


async def test_a_provider_that_is_down_is_told_once(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return Status(500)

    async with working(short_folder, answer, patience=0.05) as session:
        result = await session.ask()
        assert session.retries == []
    assert result.api_error_status == 529
    assert session.door.grant.requests == 1
    assert session.door.grant.failure == "provider: status 500"
