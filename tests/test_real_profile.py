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
from conftest import keep_dev_tasks
from forked import Forked
from typer.testing import CliRunner

from harness_search.commands.application import new_application
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


def start(folder: Path, *arguments: str, key: str = KEY) -> Forked:
    return Forked(*arguments, folder=folder, environment={**os.environ, "HOSTED_KEY": key})


async def meta_harness(folder: Path, *arguments: str, key: str = KEY) -> tuple[int, str, str]:
    process = start(folder, *arguments, key=key)
    out, errors = await asyncio.to_thread(process.communicate)
    assert process.returncode is not None
    return process.returncode, out, errors


async def started_anew(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """The same in an interpreter of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "meta_harness", *arguments),
        cwd=folder,
        env={**os.environ, "HOSTED_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
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


def status(folder: Path) -> dict[str, Any]:
    done = CliRunner().invoke(new_application(), ["status", "--json", "-w", str(folder)])
    assert done.exit_code == 0
    return dict(json.loads(done.stdout))


@pytest.fixture
def small_folder(workspace_folder: Path) -> Path:
    """A workspace with three dev tasks."""
    keep_dev_tasks(workspace_folder, 3)
    return workspace_folder


async def test_a_search_runs_on_an_endpoint_with_a_key(small_folder: Path) -> None:
    async with hosted(small_folder) as api:
        code, out, errors = await started_anew(small_folder, *RUN)
        found = status(small_folder)
    assert (code, errors) == (0, "")
    assert "baseline" in out
    assert len(scores(small_folder)) == 3
    own = [received for received in api.received if received.content["max_tokens"] == 1]
    assert len(own) == 1  # one token, before anything was started
    assert found["spent"]["by_role"]["rollout"]["usd"] > 0
    assert found["spent"]["by_role"]["gateway"]["usd"] > 0
    for file in (small_folder / "runs").rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


async def test_a_wrong_key_is_found_before_anything_is_started(small_folder: Path) -> None:
    async with hosted(small_folder):
        code, _, errors = await meta_harness(small_folder, *RUN, key="sk-wrong")
    assert code == 3
    assert "refuses every call (status 401)" in errors
    assert "sk-wrong" not in errors
    assert len(errors.splitlines()) == 1
    assert not list((small_folder / "runs" / "dev").glob("*/*"))


async def test_an_address_where_nobody_answers_is_found_before_anything_is_started(
    small_folder: Path,
) -> None:
    async with hosted(small_folder):
        pass
    code, _, errors = await meta_harness(small_folder, *RUN)
    assert code == 3
    assert "does not answer" in errors


async def test_an_unknown_price_starts_nothing_unless_it_is_allowed(small_folder: Path) -> None:
    async with hosted(small_folder) as api:
        (small_folder / "prices.toml").unlink()
        code, _, errors = await meta_harness(small_folder, *RUN)
        assert (code, api.received) == (2, [])
        assert "hosted-1" in errors
        assert "--allow-unpriced" in errors
        code, _, errors = await meta_harness(
            small_folder, *RUN, "--allow-unpriced", "--budget-usd", "5"
        )
        assert (code, api.received) == (2, [])
        code, _, _ = await meta_harness(small_folder, *RUN, "--allow-unpriced")
        assert code == 0
        code, _, _ = await meta_harness(small_folder, *RUN)  # the same search goes on
        assert code == 0
        code, _, errors = await meta_harness(small_folder, *RUN, "--budget-usd", "5")
        assert code == 2
    assert len(scores(small_folder)) == 3


async def test_a_budget_stops_the_run_before_it_is_passed_and_more_goes_on(
    small_folder: Path,
) -> None:
    async with hosted(small_folder) as api:
        code, _, errors = await meta_harness(small_folder, *RUN, "--budget-usd", "22")
        assert code == 3
        assert "budget of 22.00 USD" in errors
        found = status(small_folder)
        assert 0 < found["spent"]["usd"] <= 22
        paid = len(api.received)
        code, _, errors = await meta_harness(small_folder, *RUN, "--budget-usd", "10000")
        assert (code, errors) == (0, "")
        stopped_and_resumed = len(api.received)
    assert paid < stopped_and_resumed
    with_stop = scores(small_folder)
    async with hosted(small_folder) as api:
        code, _, _ = await meta_harness(small_folder, *RUN, "--fresh")
        assert code == 0
        # Nothing was asked twice but the one token at each start.
        assert stopped_and_resumed == len(api.received) + 1
    assert scores(small_folder) == with_stop


async def test_the_price_is_frozen_into_the_search(small_folder: Path) -> None:
    keep_dev_tasks(small_folder, 1)
    async with hosted(small_folder):
        whole = [*RUN[:3], "-k", "3", "-n", "2", "--preset", "seed"]
        await meta_harness(small_folder, *whole, "--iterations", "0")
        before = status(small_folder)["spent"]["usd"]
        (small_folder / "prices.toml").write_text(PRICES.format(price=1))
        more = [*whole, "--iterations", "1", "--waive-noise"]
        code, _, errors = await meta_harness(small_folder, *more)
        after = status(small_folder)["spent"]["usd"]
    assert (code, errors) == (0, "")
    assert after > 1.5 * before


async def test_a_key_refused_in_the_middle_keeps_everything(small_folder: Path) -> None:
    async with hosted(
        small_folder,
        lambda received: Status(401, "authentication_error") if received.number > 7 else None,
    ):
        code, _, errors = await meta_harness(small_folder, *RUN)
    assert code == 3
    assert "status 401" in errors
    finished = scores(small_folder)
    async with hosted(small_folder) as api:
        code, _, _ = await meta_harness(small_folder, *RUN)
        asked = len(api.received)
        assert code == 0
        resumed = scores(small_folder)
        await meta_harness(small_folder, *RUN, "--fresh")
        assert asked + 7 == len(api.received) - asked + 1
    assert set(finished) <= set(resumed)
    assert resumed == scores(small_folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_what_a_killed_run_has_paid_is_neither_lost_nor_paid_again(
    small_folder: Path, number: int
) -> None:
    reached = asyncio.Event()

    def watch(received: Received) -> None:
        if received.number == 7:
            reached.set()

    async with hosted(small_folder, watch) as api:
        process = start(small_folder, *RUN)
        await reached.wait()
        process.send_signal(number)
        await asyncio.to_thread(process.communicate)
        before = len(api.received)
        code, _, _ = await meta_harness(small_folder, *RUN)
        assert code == 0
        asked = len(api.received)
        resumed = scores(small_folder)
        found = status(small_folder)
        await meta_harness(small_folder, *RUN, "--fresh")
        undisturbed = len(api.received) - asked
        fresh = status(small_folder)
    in_flight = asked - 1 - undisturbed
    assert 0 <= in_flight <= 2
    assert before < asked
    assert resumed == scores(small_folder)
    assert found["spent"]["usd"] >= fresh["spent"]["usd"]


async def test_status_shows_what_is_reserved_while_calls_are_in_flight(
    small_folder: Path,
) -> None:
    hanging, settings = asyncio.Event(), small_folder / "meta_harness.toml"
    text = settings.read_text()
    settings.write_text(text.replace("# drain_seconds = 120", "drain_seconds = 0"))

    def fault(received: Received) -> Fault | None:
        if received.number > 10:
            hanging.set()
        return Hang() if received.number > 10 else None

    async with hosted(small_folder, fault):
        process = start(small_folder, *RUN, "--budget-usd", "100")
        await hanging.wait()
        mirror = small_folder / "runs" / "account.json"
        while json.loads(mirror.read_text())["reserved_usd"] == 0:
            await asyncio.sleep(0.05)  # another process writes it, at most once a second
        found = status(small_folder)
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.communicate)
        ended = status(small_folder)
    assert found["reserved"]["usd"] > 0
    assert found["gateway"]["in_flight"] > 0
    assert found["budget"]["usd"] == 100
    spent, reserved = found["spent"]["usd"], found["reserved"]["usd"]
    assert found["budget"]["usd_left"] == pytest.approx(100 - spent - reserved, abs=0.01)
    assert (ended["reserved"]["usd"], ended["gateway"]) == (0, None)
