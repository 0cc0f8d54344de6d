"""A judge may use message batches, and each batch is its maker's alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from doors import HELLO, MODEL, opened_door

from harness_search.gateway.grants import Grant
from harness_search.ledger.rows import Role, Usage


async def run_batch(door: Any, grant: Grant) -> tuple[str, list[Any]]:
    params = {"model": MODEL, "max_tokens": 5, "messages": HELLO}
    requests = [{"custom_id": f"c{number}", "params": params} for number in range(3)]
    async with door.client(grant) as client:
        batch = await client.messages.batches.create(requests=requests)
        seen = await client.messages.batches.retrieve(batch.id)
        assert seen.processing_status == "ended"
        results = [entry async for entry in await client.messages.batches.results(batch.id)]
    return batch.id, results


async def test_a_judge_pays_half_for_a_batch_and_once(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        judge = door.another(Role.JUDGE)
        name, results = await run_batch(door, judge)
        await door.send("GET", f"/v1/messages/batches/{name}/results", grant=judge)
        assert door.account.budget.reserved.tokens == 0
    assert [entry.result.type for entry in results] == ["succeeded"] * 3
    assert judge.usage == Usage(9, 6)
    assert judge.cost_usd == pytest.approx(3 * 7e-6 / 2)


async def test_a_batch_is_its_makers_alone(short_folder: Path) -> None:
    async with opened_door(short_folder) as door:
        name, _ = await run_batch(door, door.another(Role.JUDGE))
        for path in (f"/{name}", f"/{name}/results"):
            found = await door.send(
                "GET", f"/v1/messages/batches{path}", grant=door.another(Role.JUDGE)
            )
            assert found[0] == 404


async def test_a_batch_is_held_to_what_one_request_may_ask(short_folder: Path) -> None:
    params = {"model": MODEL, "max_tokens": 5, "messages": HELLO, "container": "x"}
    async with opened_door(short_folder) as door:
        body = json.dumps({"requests": [{"custom_id": "c", "params": params}]}).encode()
        status, _, _ = await door.send(
            "POST", "/v1/messages/batches", body, door.another(Role.JUDGE)
        )
    assert status == 400
    assert door.api.received == []


async def test_a_batch_that_nobody_read_is_booked_at_what_it_may_cost(short_folder: Path) -> None:
    params = {"model": MODEL, "max_tokens": 5, "messages": HELLO}
    async with opened_door(short_folder) as door:
        judge = door.another(Role.JUDGE)
        body = json.dumps({"requests": [{"custom_id": "c", "params": params}]}).encode()
        await door.send("POST", "/v1/messages/batches", body, judge)
        reserved = door.account.budget.reserved
        door.gateway.revoke(judge)
        assert door.account.budget.spent.tokens == reserved.tokens > 0
        assert door.account.budget.reserved.tokens == 0
