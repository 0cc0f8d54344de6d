"""How the simulated model is served: latency, pace and faults are awaited, and change no score."""

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clients import created, streamed

import meta_harness
from harness_search.files import remove_tree
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter
from harness_search.simulated import server
from harness_search.simulated.faults import Fault
from harness_search.simulated.prompts import tokens
from harness_search.simulated.received import Received
from harness_search.workspace import Workspace, open_workspace

OPTIONS = re.compile(r"^(\[simulated\]).*?(?=^\[)", re.MULTILINE | re.DOTALL)
"""The whole section; commented out, all of it is zero."""


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every wait that was asked for, in seconds; none takes any time."""
    found, sleep = list[float](), asyncio.sleep

    async def no_sleep(seconds: float) -> None:
        found.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", no_sleep)
    return found


def said(reply: Any) -> int:
    return tokens([block.to_dict() for block in reply.content])


# Latency and pace.


@pytest.mark.parametrize("ask", [created, streamed])
async def test_latency_and_pace_are_awaited_for_whole_answers_and_for_streams(
    ask: Callable[..., Any], waited: list[float]
) -> None:
    async with server.SimulatedModel(latency_seconds=5.0, tokens_per_second=0.5) as model:
        reply = await ask(model)
    assert sum(waited) == pytest.approx(5.0 + said(reply) / 0.5)
    assert waited[0] == 5.0


async def test_a_stream_comes_at_an_even_pace(waited: list[float]) -> None:
    async with server.SimulatedModel(tokens_per_second=10.0) as model:
        await streamed(model)
    waits = [seconds for seconds in waited if seconds]
    assert len(waits) > 3
    assert len(set(waits)) == 1


@pytest.mark.parametrize("ask", [created, streamed])
async def test_by_default_nothing_is_waited_for(
    ask: Callable[..., Any], waited: list[float]
) -> None:
    async with server.SimulatedModel() as model:
        await ask(model)
    assert not any(waited)


# On the real path.


@pytest.fixture
def with_options(workspace_folder: Path, sandbox: str) -> Callable[..., Workspace]:
    """Opens the small workspace with other options of the simulated model."""
    file = workspace_folder / "meta_harness.toml"
    original = file.read_text(encoding="utf-8")
    assert OPTIONS.search(original)

    def opened(options: str = "", **flags: object) -> Workspace:
        file.write_text(OPTIONS.sub(rf"\1\n{options}\n", original), encoding="utf-8")
        return replace(open_workspace(workspace_folder, flags), sandbox=sandbox)

    return opened


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> list[Fault]:
    """The faults that requests of the simulated model meet."""
    found, fault_of = list[Fault](), server.SimulatedModel.fault_of

    def noted(model: server.SimulatedModel, received: Received) -> Fault | None:
        fault = fault_of(model, received)
        found.extend([fault] if fault is not None else [])
        return fault

    monkeypatch.setattr(server.SimulatedModel, "fault_of", noted)
    return found


def measured(workspace: Workspace) -> dict[RolloutKey, RolloutRow]:
    """Finished rows of the baseline, by key."""
    work = meta_harness.measure(workspace, Split.DEV, [workspace.baseline], Reporter(None))
    asyncio.run(work)
    with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
        return {row.key: row for row in ledger.rows() if row.outcome.finished}


def counted(rows: dict[RolloutKey, RolloutRow]) -> dict[RolloutKey, tuple[object, ...]]:
    return {key: (row.outcome, row.passed, row.usage, row.calls) for key, row in rows.items()}


def test_faults_are_met_as_configured_and_change_no_score(
    with_options: Callable[..., Workspace], met: list[Fault]
) -> None:
    calm = measured(with_options(trials=2))
    assert not met
    workspace = with_options("fault_share = 0.3\nfault_seed = 4\n", trials=2)
    workspace.layout.ledger.unlink()
    remove_tree(workspace.layout.dev_evidence)
    disturbed = measured(workspace)
    assert len(set(map(repr, met))) > 5
    assert all(fault in server.COMMON_FAULTS for fault in met)
    assert len(calm) == 12
    assert {row.outcome for row in disturbed.values()} == {Outcome.SCORED}
    assert counted(disturbed) == counted(calm)


def test_the_seed_says_which_requests_fail() -> None:
    requests = [Received(number, "/v1/messages", {}, b"") for number in range(1, 200)]
    one, same, other = (server.unsteady(0.3, seed) for seed in (1, 1, 2))
    faults = list(map(one, requests))
    assert faults == list(map(same, requests))
    assert faults != list(map(other, requests))


def test_a_search_goes_on_under_other_options_and_not_under_another_persona(
    with_options: Callable[..., Workspace],
) -> None:
    calm = with_options().search_identity()
    slow = "latency_seconds = 1\ntokens_per_second = 50\nfault_share = 0.5\nfault_seed = 2\n"
    assert with_options(slow).search_identity() == calm
    assert with_options(profile="simulated-mini").search_identity() != calm


def test_the_configured_latency_and_pace_reach_the_model(
    with_options: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[dict[str, Any]] = []

    class Noted(server.SimulatedModel):
        def __init__(self, **options: Any) -> None:
            started.append(options)
            super().__init__(**options)

    monkeypatch.setattr(server, "SimulatedModel", Noted)
    measured(with_options("latency_seconds = 0.002\ntokens_per_second = 1e6\n", trials=1))
    assert [options["latency_seconds"] for options in started] == [0.002]
    assert [options["tokens_per_second"] for options in started] == [1e6]
