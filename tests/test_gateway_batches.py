"""A judge may use message batches, and each batch is its maker's alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from doors import HELLO, MODEL, opened_door

from harness_search.gateway.grants import Grant
from harness_search.gateway.transcript import paid_so_far
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


async def begun(door: Any, grant: Grant) -> str:
    """A batch of one request that nobody has read."""
    params = {"model": MODEL, "max_tokens": 5, "messages": HELLO}
    body = json.dumps({"requests": [{"custom_id": "c", "params": params}]}).encode()
    _, answer, _ = await door.send("POST", "/v1/messages/batches", body, grant)
    return str(json.loads(answer)["id"])


async def test_a_batch_that_a_later_grant_goes_on_with_is_paid_by_its_reader_alone(
    short_folder: Path,
) -> None:
    async with opened_door(short_folder) as door:
        first = door.another(Role.JUDGE, batches=())
        name = await begun(door, first)
        door.gateway.revoke(first)
        assert door.account.budget.reserved.tokens == door.account.budget.spent.tokens == 0
        second = door.another(Role.JUDGE, batches=[name])
        for _ in range(2):
            status, body, _ = await door.send(
                "GET", f"/v1/messages/batches/{name}/results", grant=second
            )
        assert (status, json.loads(body)["custom_id"]) == (200, "c")
        assert door.account.budget.spent.tokens == 5
        door.gateway.revoke(second)
        assert door.account.budget.spent.tokens == 5
    assert (first.paid, second.paid) == (Usage(), Usage(3, 2))
    assert second.paid_usd == pytest.approx(7e-6 / 2)
    recorded = second.transcript.file.read_text(encoding="utf-8")
    assert name in recorded
    assert '"done"' in recorded


async def test_a_batch_that_an_earlier_launch_has_paid_for_is_read_for_nothing(
    short_folder: Path,
) -> None:
    async with opened_door(short_folder) as door:
        maker = door.another(Role.JUDGE, batches=())
        name, _ = await run_batch(door, maker)
        door.gateway.revoke(maker)
        spent = door.account.budget.spent
        heir = door.another(Role.JUDGE, batches=[name], booked=[name])
        await door.send("GET", f"/v1/messages/batches/{name}/results", grant=heir)
        assert door.account.budget.spent == spent
    assert (heir.usage, heir.paid, heir.paid_usd) == (Usage(9, 6), Usage(), 0.0)
    assert paid_so_far(heir.transcript.file).usage == Usage()


async def test_a_grant_goes_on_with_those_batches_alone_that_are_named_to_it(
    short_folder: Path,
) -> None:
    async with opened_door(short_folder) as door:
        maker = door.another(Role.JUDGE, batches=())
        name, other = await begun(door, maker), await begun(door, maker)
        heir = door.another(Role.JUDGE, batches=[other])
        rollout = door.another(Role.ROLLOUT, batches=[name])
        for grant in (heir, rollout):
            found = await door.send("GET", f"/v1/messages/batches/{name}", grant=grant)
            assert found[0] == 404
