"""A holder who is answered from a transcript alone: what it asked before, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from doors import HELLO, MODEL, budget_of, opened_door, sound
from scripted_api import Answer, failure, message

from harness_search.gateway.replay import Replies
from harness_search.ledger.rows import Usage
from harness_search.simulated.faults import BreakStream


def recorded(door: Any) -> Any:
    """One more holder, who is given what the first one was told."""
    replies = Replies.of([door.transcript], errors=True)
    return door.another(replies=replies, replay_only=True)


def _said(stream: bytes) -> list[bytes]:
    return re.findall(rb'"text": ?"([^"]+)"', stream)


async def test_a_replay_meets_the_same_replies_and_errors_and_nobody_is_asked(
    short_folder: Path,
) -> None:
    def answer(number: int, content: Any) -> Answer:
        if number == 2:
            return 400, failure("invalid_request_error", "prompt is too long")
        return 200, message(f"reply {number}")

    bodies = [sound(), sound(max_tokens=8), sound(), sound(max_tokens=7, stream=True)]
    async with opened_door(short_folder, answer) as door:
        first = [await door.send("POST", "/v1/messages", body) for body in bodies]
        asked, again = len(door.api.received), recorded(door)
        second = [await door.send("POST", "/v1/messages", body, again) for body in bodies]
    assert [status for status, _, _ in second] == [200, 400, 200, 200]
    assert [json.loads(text) for _, text, _ in second[:3]] == [
        json.loads(text) for _, text, _ in first[:3]
    ]
    assert _said(second[3][1]) == _said(first[3][1]) != []
    assert second[1][2]["x-should-retry"] == "false"
    assert len(door.api.received) == asked
    assert (again.usage, again.paid, again.failure) == (door.grant.usage, Usage(), "")


async def test_what_was_never_asked_ends_the_replay_unscored(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        await door.ask()
        again = recorded(door)
        await door.send("POST", "/v1/messages", sound(), again)
        status, _, _ = await door.send("POST", "/v1/messages", sound(), again)
        assert again.over.is_set()
        assert door.account.budget.reserved.tokens == 0
    assert status == 529
    assert again.failure == "replay: call 2 was never made"
    assert len(door.api.received) == 1


async def test_a_count_of_tokens_cannot_be_replayed(short_folder: Path) -> None:
    async with opened_door(short_folder) as door, door.client() as client:
        await client.messages.count_tokens(model=MODEL, messages=HELLO)
        again = recorded(door)
        status, _, _ = await door.send("POST", "/v1/messages/count_tokens", sound(), again)
    assert (status, len(door.api.received)) == (529, 1)
    assert again.failure.startswith("replay: ")


async def test_a_rollouts_limit_is_met_where_it_was_met_before(short_folder: Path) -> None:
    budget = budget_of(rollout_tokens=60)
    async with opened_door(short_folder, budget=budget) as door:
        first = [(await door.ask(max_tokens=tokens))[0] for tokens in (9, 50)]
        again = recorded(door)
        second = [
            (await door.send("POST", "/v1/messages", sound(max_tokens=tokens), again))[0]
            for tokens in (9, 50)
        ]
    assert first == second == [200, 400]
    assert "rollout_tokens" in again.limit_reached
    assert again.failure == ""


async def test_a_stream_that_broke_is_whole_in_a_replay(short_folder: Path) -> None:
    def answer(number: int, content: Any) -> Answer:
        return BreakStream(3) if number == 1 else (200, message("whole"))

    async with opened_door(short_folder, answer) as door:
        with pytest.raises(aiohttp.ClientError):
            await door.send("POST", "/v1/messages", sound(stream=True))
        await door.grant.settled()
        await door.send("POST", "/v1/messages", sound(stream=True))
        again = recorded(door)
        _, text, _ = await door.send("POST", "/v1/messages", sound(stream=True), again)
    assert b"whole" in text
    assert again.failure == ""
