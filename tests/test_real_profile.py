"""A search on a real profile: an HTTP endpoint with a key, a price and a budget.

The endpoint is the simulated model behind a loopback port; everything on our side of it is what a
hosted model would meet.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness_search.ledger.store import Ledger
from harness_search.simulated.faults import Fault, Hang, Status
from harness_search.simulated.messages_api import MessagesApi
from harness_search.simulated.received import Received
from harness_search.simulated.server import reply_to

KEY = "sk-real-profile-key-0123456789"
PROFILE = """
[profiles.real]
base_url = "{address}"
model = "hosted-1"
key_variable = "HOSTED_KEY"
patience_seconds = 1
"""
PRICES = '[models]\n"hosted-1" = {{ input = {price}, output = {price} }}\n'


@asynccontextmanager
async def hosted(
    folder: Path, fault: Callable[[Received], Fault | None] = lambda received: None
) -> AsyncIterator[MessagesApi]:
    """The endpoint, and a workspace's profile for it."""
    api = MessagesApi(lambda received: reply_to(received.content, ""), key=KEY, fault=fault)
    async with api:
        settings = folder / "meta_harness.toml"
        text = settings.read_text().partition("[profiles.real]")[0]
        settings.write_text(text + PROFILE.format(address=api.base_url))
        (folder / "prices.toml").write_text(PRICES.format(price=1000))
        yield api


async def start(folder: Path, *arguments: str, key: str = KEY) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "meta_harness", *arguments),
        cwd=folder,
        env={**os.environ, "HOSTED_KEY": key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def meta_harness(folder: Path, *arguments: str, key: str = KEY) -> tuple[int, str, str]:
    process = await start(folder, *arguments, key=key)
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


RUN = ("run", "--profile", "real", "--iterations", "0", "-k", "1", "-n", "2")


def scores(folder: Path) -> Any:
    ledger = Ledger(folder / "runs" / "ledger.sqlite3", read_only=True)
    try:
        rows = ledger.rows()
    finally:
        ledger.close()
    return sorted((row.key.task, row.outcome, row.passed, row.usage.total) for row in rows)


async def status(folder: Path) -> dict[str, Any]:
    code, out, _ = await meta_harness(folder, "status", "--json")
    assert code == 0
    return dict(json.loads(out))


async def test_a_search_runs_on_an_endpoint_with_a_key(workspace_folder: Path) -> None:
    async with hosted(workspace_folder) as api:
        code, out, errors = await meta_harness(workspace_folder, *RUN)
        found = await status(workspace_folder)
    assert (code, errors) == (0, "")
    assert "baseline" in out
    assert len(scores(workspace_folder)) == 6
    own = [received for received in api.received if received.content["max_tokens"] == 1]
    assert len(own) == 1  # one token, before anything was started
    assert found["spent"]["by_role"]["rollout"]["usd"] > 0
    assert found["spent"]["by_role"]["gateway"]["usd"] > 0
    for file in (workspace_folder / "runs").rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


async def test_a_wrong_key_is_found_before_anything_is_started(workspace_folder: Path) -> None:
    async with hosted(workspace_folder):
        code, _, errors = await meta_harness(workspace_folder, *RUN, key="sk-wrong")
    assert code == 3
    assert "refuses every call (status 401)" in errors
    assert "sk-wrong" not in errors
    assert len(errors.splitlines()) == 1
    assert not list((workspace_folder / "runs" / "dev").glob("*/*"))


async def test_an_address_where_nobody_answers_is_found_before_anything_is_started(
    workspace_folder: Path,
) -> None:
    async with hosted(workspace_folder):
        pass
    code, _, errors = await meta_harness(workspace_folder, *RUN)
    assert code == 3
    assert "does not answer" in errors


async def test_an_unknown_price_starts_nothing_unless_it_is_allowed(workspace_folder: Path) -> None:
    async with hosted(workspace_folder) as api:
        (workspace_folder / "prices.toml").unlink()
        code, _, errors = await meta_harness(workspace_folder, *RUN)
        assert (code, api.received) == (2, [])
        assert "hosted-1" in errors
        assert "--allow-unpriced" in errors
        code, _, errors = await meta_harness(
            workspace_folder, *RUN, "--allow-unpriced", "--budget-usd", "5"
        )
        assert (code, api.received) == (2, [])
        code, _, _ = await meta_harness(workspace_folder, *RUN, "--allow-unpriced")
        assert code == 0
        code, _, _ = await meta_harness(workspace_folder, *RUN)  # the same search goes on
        assert code == 0
        code, _, errors = await meta_harness(workspace_folder, *RUN, "--budget-usd", "5")
        assert code == 2
    assert len(scores(workspace_folder)) == 6


async def test_a_budget_stops_the_run_before_it_is_passed_and_more_goes_on(
    workspace_folder: Path,
) -> None:
    async with hosted(workspace_folder) as api:
        code, _, errors = await meta_harness(workspace_folder, *RUN, "--budget-usd", "22")
        assert code == 3
        assert "budget of 22.00 USD" in errors
        found = await status(workspace_folder)
        assert 0 < found["spent"]["usd"] <= 22
        paid = len(api.received)
        code, _, errors = await meta_harness(workspace_folder, *RUN, "--budget-usd", "10000")
        assert (code, errors) == (0, "")
        stopped_and_resumed = len(api.received)
    assert paid < stopped_and_resumed
    with_stop = scores(workspace_folder)
    async with hosted(workspace_folder) as api:
        code, _, _ = await meta_harness(workspace_folder, *RUN, "--fresh")
        assert code == 0
        # Nothing was asked twice but the one token at each start.
        assert stopped_and_resumed == len(api.received) + 1
    assert scores(workspace_folder) == with_stop


async def test_the_price_is_frozen_into_the_search(workspace_folder: Path) -> None:
    async with hosted(workspace_folder):
        await meta_harness(workspace_folder, *RUN)
        before = (await status(workspace_folder))["spent"]["usd"]
        (workspace_folder / "prices.toml").write_text(PRICES.format(price=1))
        arguments = [*RUN[:3], "--iterations", "1", *RUN[5:]]
        code, _, errors = await meta_harness(workspace_folder, *arguments)
        after = (await status(workspace_folder))["spent"]["usd"]
    assert (code, errors) == (0, "")
    assert after > 1.5 * before


async def test_a_key_refused_in_the_middle_keeps_everything(workspace_folder: Path) -> None:
    async with hosted(
        workspace_folder,
        lambda received: Status(401, "authentication_error") if received.number > 15 else None,
    ):
        code, _, errors = await meta_harness(workspace_folder, *RUN)
    assert code == 3
    assert "status 401" in errors
    finished = scores(workspace_folder)
    async with hosted(workspace_folder) as api:
        code, _, _ = await meta_harness(workspace_folder, *RUN)
        asked = len(api.received)
        assert code == 0
        resumed = scores(workspace_folder)
        await meta_harness(workspace_folder, *RUN, "--fresh")
        assert asked + 15 == len(api.received) - asked + 1
    assert set(finished) <= set(resumed)
    assert resumed == scores(workspace_folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_what_a_killed_run_has_paid_is_neither_lost_nor_paid_again(
    workspace_folder: Path, number: int
) -> None:
    reached = asyncio.Event()

    def watch(received: Received) -> None:
        if received.number == 12:
            reached.set()

    async with hosted(workspace_folder, watch) as api:
        process = await start(workspace_folder, *RUN)
        await reached.wait()
        process.send_signal(number)
        await process.communicate()
        before = len(api.received)
        code, _, _ = await meta_harness(workspace_folder, *RUN)
        assert code == 0
        asked = len(api.received)
        resumed = scores(workspace_folder)
        found = await status(workspace_folder)
        await meta_harness(workspace_folder, *RUN, "--fresh")
        undisturbed = len(api.received) - asked
        fresh = await status(workspace_folder)
    in_flight = asked - 1 - undisturbed
    assert 0 <= in_flight <= 2
    assert before < asked
    assert resumed == scores(workspace_folder)
    assert found["spent"]["usd"] >= fresh["spent"]["usd"]


async def test_status_shows_what_is_reserved_while_calls_are_in_flight(
    workspace_folder: Path,
) -> None:
    hanging = asyncio.Event()

    def fault(received: Received) -> Fault | None:
        if received.number > 10:
            hanging.set()
        return Hang() if received.number > 10 else None

    async with hosted(workspace_folder, fault):
        process = await start(workspace_folder, *RUN, "--budget-usd", "100")
        await hanging.wait()
        mirror = workspace_folder / "runs" / "account.json"
        while json.loads(mirror.read_text())["reserved_usd"] == 0:
            await asyncio.sleep(0.05)  # another process writes it, at most once a second
        found = await status(workspace_folder)
        process.terminate()
        await process.communicate()
        ended = await status(workspace_folder)
    assert found["reserved"]["usd"] > 0
    assert found["gateway"]["in_flight"] > 0
    assert found["budget"]["usd"] == 100
    spent, reserved = found["spent"]["usd"], found["reserved"]["usd"]
    assert found["budget"]["usd_left"] == pytest.approx(100 - spent - reserved, abs=0.01)
    assert (ended["reserved"]["usd"], ended["gateway"]) == (0, None)
