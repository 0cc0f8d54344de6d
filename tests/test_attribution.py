"""Scored, the harness's failure, or the infrastructure's: told from what we saw ourselves."""

import asyncio
import os
from typing import Any

import pytest
from scripted_api import HANGS, Answer, failure, message
from stages import ASKS, ASKS_ONCE, ASKS_THRICE, WRITES

from harness_search.errors import SearchStoppedError
from harness_search.gateway.budget import Budget
from harness_search.gateway.transcript import read_transcript
from harness_search.ledger.rows import Outcome, Split, Usage
from harness_search.rollouts.bench import sweep
from harness_search.rollouts.scheduler import plan
from harness_search.settings import BudgetSettings
from harness_search.simulated.faults import Status


def own(content: Any) -> bool:
    """Whether the gateway itself asks."""
    return bool(content["messages"][0]["content"] == "ping")


async def test_a_crash_of_the_harness_counts_as_failed_criteria(stage: Any) -> None:
    async with stage() as it:
        rows = await it.run("def solve(task, model):\n    raise ValueError('no')\n")
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}
    assert {(row.passed, row.total) for row in rows} == {(0, 4)}
    assert "exit code 1" in rows[0].reason
    assert "ValueError: no" in it.evidence(rows[0], "harness.log").read_text()


async def test_a_timeout_of_the_harness_counts_as_failed_criteria(stage: Any) -> None:
    source = "import time\ndef solve(task, model):\n    time.sleep(3600)\n"
    async with stage(seconds=0.5) as it:
        rows = await it.run(source)
    assert {row.reason for row in rows} == {"time limit of 0.5 s passed"}
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_lost_rollout_is_run_again_and_never_scored(stage: Any) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (500, failure()) if number <= 8 else (200, message())

    async with stage(answer) as it:
        rows = await it.run(WRITES + ASKS_ONCE, at_once=1)
    lost = [row for row in rows if row.outcome is Outcome.INFRA_FAILED]
    assert len(lost) == 2  # each took its try and three of our own requests
    assert {row.reason for row in lost} == {"provider: status 500"}
    finished = {row.key for row in rows if row.outcome is Outcome.SCORED}
    assert len(finished) == 6
    assert all(it.evidence(row, "rollout.json").is_file() for row in rows)


async def test_a_lost_rollout_is_given_up_after_three_attempts(stage: Any) -> None:
    async with stage(lambda number, content: (529, failure())) as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}
    assert sorted(row.attempt for row in rows) == [1] * 6 + [2] * 6 + [3] * 6


async def test_a_harness_that_hides_an_outage_is_still_run_again(stage: Any) -> None:
    source = (
        ASKS
        + WRITES
        + (
            "def solve(task, model):\n"
            "    try:\n"
            "        ask(model)\n"
            "    except Exception:\n"
            "        pass\n"
            "    write(task)\n"
        )
    )
    async with stage(lambda number, content: (503, failure())) as it:
        rows = await it.run(source, attempts=1)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}


@pytest.mark.parametrize(
    "source",
    [
        "def solve(task, model):\n    raise ConnectionError('provider: status 500')\n",
        "import sys\ndef solve(task, model):\n    sys.exit('infra_failed')\n",
        "import os, signal\ndef solve(task, model):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        "import os\ndef solve(task, model):\n    os.kill(os.getpid(), 9)\n",
        "raise SystemExit(3)\n",
        "solve = None\n",
        "def solve(task, model):\n"
        "    message = {'role': 'user', 'content': 5}\n"
        "    model.complete(system='', messages=[message], tools=[], max_tokens=1)\n",
        "def solve(task, model):\n"
        "    model.complete(system='', messages=[], tools=[{'name': {}}], max_tokens='x')\n",
    ],
)
async def test_no_failure_of_a_harness_can_pass_for_an_outage(stage: Any, source: str) -> None:
    async with stage() as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_mistaken_request_is_the_harnesss_own(stage: Any) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if own(content) else (400, failure("invalid_request_error"))

    async with stage(answer) as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_slow_harness_is_not_saved_by_its_quick_calls(stage: Any) -> None:
    source = ASKS + ("def solve(task, model):\n    while True:\n        ask(model)\n")
    async with stage(seconds=1) as it:
        rows = await it.run(source)
    assert {row.reason for row in rows} == {"time limit of 1 s passed"}


async def test_a_provider_that_hangs_is_not_the_harnesss_timeout(stage: Any) -> None:
    async with stage(lambda number, content: (HANGS, None), silence=0.7, seconds=0.5) as it:
        rows = await it.run(WRITES + ASKS_ONCE, attempts=1, at_once=6)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}


async def test_a_dying_scaffold_leaves_an_attempt_that_is_swept(stage: Any) -> None:
    async with stage() as it:
        job = plan(it.workspace, Split.DEV, it.workspace.baseline)[0]
        it.bench.ledger.begin(job.key, os.getpid(), pid_started=1)
        sweep(it.bench.ledger, it.bench.evidence, it.workspace.layout)
        assert it.bench.ledger.running() == []
        assert it.bench.ledger.rows() == []


async def test_an_outage_is_an_outage_for_an_impatient_harness_too(stage: Any) -> None:
    source = ASKS + (
        "import signal\n"
        "def give_up(*_):\n"
        "    raise TimeoutError\n"
        "def solve(task, model):\n"
        "    signal.signal(signal.SIGALRM, give_up)\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
        "    ask(model)\n"
    )
    async with stage(lambda number, content: (529, failure()), patience=0.2) as it:
        rows = await it.run(source, attempts=1)
    assert {row.outcome for row in rows} == {Outcome.INFRA_FAILED}


async def test_a_request_that_the_provider_refuses_stops_nobody_else(stage: Any) -> None:
    source = ASKS + "def solve(task, model):\n    ask(model, 'please refuse')\n"

    def answer(number: int, content: Any) -> Answer:
        refused = "refuse" in str(content["messages"])
        return (404, failure("not_found_error")) if refused else (200, message())

    async with stage(answer) as it:
        rows = await it.run(source)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}


async def test_a_call_that_outlives_its_harness_is_heard_out_and_paid_for(stage: Any) -> None:
    source = (
        ASKS
        + WRITES
        + (
            "import os, threading\n"
            "def solve(task, model):\n"
            "    threading.Thread(target=ask, args=[model], daemon=True).start()\n"
            "    write(task)\n"
            "    os._exit(0)\n"
        )
    )
    async with stage() as it:
        rows = await it.run(source)
    for row in rows:
        transcript = it.evidence(row, "transcript.jsonl")
        replies = list(read_transcript(transcript)) if transcript.exists() else []
        assert len(replies) == row.calls <= 1
        assert row.usage.input == 3 * row.calls
    assert {row.outcome for row in rows} == {Outcome.SCORED}


# What a stop leaves, and what goes on from it.


async def test_a_key_refused_in_the_middle_stops_the_run_and_loses_nothing(stage: Any) -> None:
    def answer(number: int, content: Any) -> Answer:
        return (200, message()) if number <= 8 else Status(401, "authentication_error")

    async with stage(answer) as it:
        with pytest.raises(SearchStoppedError, match="status 401") as stopped:
            await it.run(WRITES + ASKS_THRICE, at_once=2)
        rows = it.bench.ledger.rows()
    assert stopped.value.exit_code == 3
    assert {row.outcome for row in rows} == {Outcome.SCORED}
    assert 1 <= len(rows) < 6
    async with stage() as it:
        again = await it.run(WRITES + ASKS_THRICE)
        asked = len(it.api.received)
    assert again[: len(rows)] == rows
    assert len(again) == 6
    assert {(row.outcome, row.calls, row.usage) for row in again} == {
        (Outcome.SCORED, 3, Usage(9, 6))
    }
    assert asked == 18 - 8  # what was paid for before is not asked again
    assert sum(row.paid.input for row in again) < sum(row.usage.input for row in again)


async def test_an_attempt_that_a_stop_interrupts_is_no_attempt_lost(stage: Any) -> None:
    for _ in range(4):
        async with stage(lambda number, content: Status(403)) as it:
            with pytest.raises(SearchStoppedError):
                await it.run(WRITES + ASKS_ONCE)
    async with stage() as it:
        rows = await it.run(WRITES + ASKS_ONCE)
    assert {row.outcome for row in rows} == {Outcome.SCORED}
    assert len(rows) == 6


async def test_a_lost_rollouts_paid_replies_are_not_paid_again(stage: Any) -> None:
    down = {"2"}

    def answer(number: int, content: Any) -> Answer:
        if down and (own(content) or content["messages"][0]["content"] in down):
            return (500, failure())
        return (200, message())

    async with stage(answer) as it:
        first = await it.run(WRITES + ASKS_THRICE, attempts=1)
        down.clear()
        rows = await it.run(WRITES + ASKS_THRICE, attempts=2)
    assert {row.outcome for row in first} == {Outcome.INFRA_FAILED}
    scored = [row for row in rows if row.outcome is Outcome.SCORED]
    assert len(scored) == 6
    assert {(row.usage, row.paid) for row in scored} == {(Usage(9, 6), Usage(3, 2))}


async def test_a_killed_scaffolds_paid_replies_are_booked_and_replayed(stage: Any) -> None:
    killed = asyncio.Event()

    def answer(number: int, content: Any) -> Answer:
        if number == 4:
            killed.set()
        return (200, message()) if number < 4 else (HANGS, None)

    async with stage(answer) as it:
        running = asyncio.create_task(it.run(WRITES + ASKS_THRICE, at_once=2))
        await killed.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    async with stage() as it:
        paid = it.bench.ledger.paid_by_harness()
        rows = await it.run(WRITES + ASKS_THRICE)
    ((usage, _),) = paid.values()
    assert usage.output == 3 * 2  # and the input of those in flight at what they may have cost
    assert len(rows) == 6
    assert {row.usage for row in rows} == {Usage(9, 6)}
    assert sum(row.paid.input for row in rows) == 3 * (18 - 3)


async def test_a_spent_budget_stops_the_run_and_more_money_goes_on(stage: Any) -> None:
    limits = BudgetSettings(tokens=110)
    async with stage(budget=Budget(limits)) as it:
        with pytest.raises(SearchStoppedError, match="the search's budget of 110 tokens"):
            await it.run(WRITES + ASKS_THRICE)
        rows = it.bench.ledger.rows()
        spent = sum(usage.total for usage, _ in it.bench.ledger.paid_by_harness().values())
        assert spent == 5 * len(it.api.received) <= 110
    assert {row.outcome for row in rows} <= {Outcome.SCORED}
    async with stage() as it:
        again = await it.run(WRITES + ASKS_THRICE)
        assert len(it.api.received) == 18 - spent // 5
    assert {(row.outcome, row.usage) for row in again} == {(Outcome.SCORED, Usage(9, 6))}


async def test_a_rollouts_own_budget_ends_its_calls_and_is_its_own_failure(stage: Any) -> None:
    budget = Budget(BudgetSettings(rollout_tokens=150))
    async with stage(budget=budget) as it:
        rows = await it.run(WRITES + ASKS_THRICE.replace("range(3)", "range(99)"))
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}
    assert all("rollout's budget of 150 tokens" in row.reason for row in rows)
    assert all(0 < row.usage.total <= 150 for row in rows)


async def test_a_candidates_budget_is_shared_by_its_rollouts(stage: Any) -> None:
    budget = Budget(BudgetSettings(candidate_tokens=200))
    async with stage(budget=budget) as it:
        rows = await it.run(WRITES + ASKS_THRICE.replace("range(3)", "range(99)"))
    assert sum(row.usage.total for row in rows) <= 200
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}
    assert any("candidate's budget" in row.reason for row in rows)


async def test_a_harness_that_floods_the_door_harms_only_itself(stage: Any) -> None:
    source = ASKS + (
        "def solve(task, model):\n"
        "    for number in range(1_000):\n"
        "        try:\n"
        "            ask(model)\n"
        "        except Exception as error:\n"
        "            last = error\n"
        "    raise last\n"
    )
    async with stage() as it:
        it.bench.gateway._most_requests = 20
        rows = await it.run(source, at_once=6)
    assert {row.outcome for row in rows} == {Outcome.HARNESS_FAILED}
    assert {row.calls for row in rows} == {20}
    assert all(row.reason.endswith("its limit of 20 requests was reached") for row in rows)
