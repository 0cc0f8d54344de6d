"""Failures of the provider, on the real path: they cost time and attempts, and never a score."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import copy_workspace

import meta_harness
from harness_search.ledger.rows import Outcome, RolloutKey, RolloutRow, Split, Usage
from harness_search.ledger.store import Ledger
from harness_search.reports.progress import Reporter, Tally, Watch
from harness_search.simulated import server
from harness_search.simulated.faults import (
    BreakStream,
    Drop,
    ErrorEvent,
    Fault,
    FaultPlan,
    Garbage,
    Hang,
    RandomFaults,
    Reset,
    StallStream,
    Status,
    no_fault,
)
from harness_search.simulated.received import Received
from harness_search.workspace import open_workspace

EVERY_KIND: list[Fault] = [
    *(Status(status) for status in (408, 409, 425, 500, 503, 504)),
    Status(429, "rate_limit_error", "Slow down", headers={"retry-after": "1"}),
    Status(502, body="<html>Bad Gateway</html>"),
    Status(529, "overloaded_error", "Overloaded"),
    Drop(),
    Reset(),
    Garbage(),
    Hang(),
    BreakStream(1),
    BreakStream(1, reset=True),
    StallStream(1),
    ErrorEvent(1),
]
PROFILE = """\
price = { input = 3.0, output = 15.0, cache_read = 0.3 }
first_byte_seconds = 1
stall_seconds = 1
longest_retry_after = 0.1
"""
SILENT = Reporter(None)


class Injected:
    """A plan of faults that counts what it did, by kind."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan, self.kinds = plan, Counter[str]()

    def __call__(self, received: Received) -> Fault | None:
        fault = self.plan(received)
        if fault is not None:
            self.kinds[repr(fault)] += 1
        return fault


class Counting(Reporter):
    """Says nothing, and knows how many attempts were lost so far."""

    def __init__(self) -> None:
        super().__init__(None)
        self.tally = Tally("", planned=0)

    @contextmanager
    def watch(self, tally: Tally) -> Iterator[Watch]:
        self.tally = tally
        with super().watch(tally) as watch:
            yield watch


@pytest.fixture(scope="module")
def measure(
    new_workspace: Path, kit: Path, tmp_path_factory: pytest.TempPathFactory, sandbox: str
) -> Callable[..., list[RolloutRow]]:
    """Measures the baseline in a fresh workspace while the model's server follows a plan."""
    model = 'model = "simulated-1"\n'

    def measured(
        trials: int, plan: FaultPlan = no_fault, reporter: Reporter = SILENT, profile: str = ""
    ) -> list[RolloutRow]:
        folder = copy_workspace(new_workspace, tmp_path_factory.mktemp("copy") / "workspace", kit)
        settings = folder / "meta_harness.toml"
        settings.write_text(settings.read_text().replace(model, model + PROFILE + profile))
        opened = open_workspace(folder, {"trials": trials, "concurrency": 12})
        workspace = replace(opened, sandbox=sandbox)
        work = meta_harness.measure(workspace, Split.DEV, [workspace.baseline], reporter)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(server.SimulatedModel, "fault_of", lambda self, at: plan(at))
            asyncio.run(work)
        with closing(Ledger(workspace.layout.ledger, read_only=True)) as ledger:
            return ledger.rows()

    return measured


@pytest.fixture(scope="module")
def calm(measure: Callable[..., list[RolloutRow]]) -> list[RolloutRow]:
    """Twelve trials of six tasks without a fault."""
    return measure(12)


def finished(rows: list[RolloutRow]) -> dict[RolloutKey, tuple[object, ...]]:
    """What counts of each finished rollout: all but how long it took and how often it was tried."""
    return {
        row.key: (
            row.outcome,
            row.reason,
            row.passed,
            row.total,
            row.usage,
            row.cost_usd,
            row.calls,
        )
        for row in rows
        if row.outcome.finished
    }


def paid(rows: list[RolloutRow]) -> dict[RolloutKey, Usage]:
    """What each rollout has paid in all its attempts."""
    sums: dict[RolloutKey, Usage] = {}
    for row in rows:
        sums[row.key] = sums.get(row.key, Usage()) + row.paid
    return sums


def test_72_rollouts_at_20_percent_random_failures_score_exactly_as_without(
    measure: Callable[..., list[RolloutRow]], calm: list[RolloutRow]
) -> None:
    faults = Injected(RandomFaults(0.2, seed=0, faults=EVERY_KIND))
    disturbed = measure(12, faults)
    assert len(finished(calm)) == 72
    assert {row.outcome for row in calm} == {Outcome.SCORED}
    assert any(0 < row.passed < row.total for row in calm)
    assert len({row.usage for row in calm}) > 1
    assert min(row.cost_usd for row in calm) > 0
    assert finished(disturbed) == finished(calm)
    assert faults.kinds.total() >= 50
    assert len(faults.kinds) == len(EVERY_KIND)


def test_an_outage_that_takes_whole_rollouts_changes_no_score_and_nothing_is_paid_twice(
    measure: Callable[..., list[RolloutRow]], calm: list[RolloutRow]
) -> None:
    reporter = Counting()
    calm = [row for row in calm if row.key.trial <= 2]

    def plan(received: Received) -> Fault | None:
        down = received.number >= 40 and reporter.tally.lost < 6
        return Status(503) if down else None

    disturbed = measure(2, plan, reporter, "patience_seconds = 0.1\n")
    lost = [row for row in disturbed if row.outcome is Outcome.INFRA_FAILED]
    assert len(lost) >= 6
    assert {row.reason for row in lost} == {"provider: status 503"}
    assert any(row.paid.total for row in lost)
    assert len(finished(calm)) == 12
    assert finished(disturbed) == finished(calm)
    assert paid(disturbed) == {row.key: row.usage for row in calm}
