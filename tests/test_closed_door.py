"""A gateway whose socket or server is gone under rollouts: opened again, or it says why not."""

from collections.abc import Callable
from typing import Any

import pytest
from scripted_api import Answer, message
from stages import ASKS_THRICE, WRITES

from harness_search.errors import SearchStoppedError
from harness_search.ledger.rows import Outcome


async def test_a_closed_door_is_opened_again_and_no_harness_pays_for_it(
    stage: Callable[..., Any],
) -> None:
    closings = 0

    def answer(number: int, content: Any) -> Answer:
        nonlocal closings
        if number in {1, 9}:
            closings += 1
            if number == 1:
                opened.bench.gateway.socket.unlink()
            else:
                opened.bench.gateway._connections.stop_listening()
        return 200, message()

    async with stage(answer) as opened:
        rows = await opened.run(ASKS_THRICE + WRITES, attempts=3)
    assert closings == 2
    lost = [row for row in rows if row.outcome is not Outcome.SCORED]
    assert {row.reason for row in lost} == {
        "scaffold: the gateway could not be reached while it ran"
    }
    assert len(rows) - len(lost) == 6
    assert len(opened.api.received) == 6 * 3  # what was paid before is not paid again


async def test_a_door_that_cannot_be_opened_again_stops_the_run_with_a_reason(
    stage: Callable[..., Any],
) -> None:
    async with stage() as opened:
        gateway = opened.bench.gateway
        gateway.socket.unlink()
        gateway.socket.mkdir()
        with pytest.raises(SearchStoppedError, match="is gone and cannot be made again") as stopped:
            await opened.run(ASKS_THRICE + WRITES)
        assert stopped.value.exit_code == 3
        assert all(row.outcome is not Outcome.HARNESS_FAILED for row in opened.rows)
        gateway.socket.rmdir()
