"""The limit finds a provider's capacity, and the gate shares it fairly and loses no place."""

import asyncio
import gc
import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_search.gateway.concurrency import AdaptiveLimit, FairGate, Permit, Result
from harness_search.ledger.rows import Role

ROLES = tuple(Role)


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


def succeed(limit: AdaptiveLimit, times: int) -> None:
    for _ in range(times):
        limit.succeeded(limit.epoch, full=True)


@pytest.mark.parametrize(("start", "most"), [(0, 5), (6, 5), (-1, 5)])
def test_a_start_outside_the_bounds_is_refused(start: int, most: int) -> None:
    with pytest.raises(ValueError, match="starts between"):
        AdaptiveLimit(start, most)


@given(
    st.integers(1, 60),
    st.integers(60, 600),
    st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.booleans()), max_size=600),
)
def test_the_limit_stays_in_its_bounds_and_moves_only_as_calls_of_its_epoch_say(
    start: int, most: int, calls: list[tuple[bool, int, bool]]
) -> None:
    limit = AdaptiveLimit(start, most)
    proved = True
    for answered, epochs_ago, full in calls:
        before, cuts, epoch = limit.limit, limit.cuts, limit.epoch - epochs_ago
        if answered:
            limit.succeeded(epoch, full=full)
            assert before <= limit.limit <= min(most, 2 * before)
            assert limit.cuts == cuts
            proved = proved or not epochs_ago
            if epochs_ago or not full:
                assert limit.limit == before
        else:
            limit.throttled(epoch)
            if epochs_ago or not proved:
                assert (limit.limit, limit.cuts) == (before, cuts)
            else:
                assert limit.limit == max(1, int(before * 0.8))
                assert limit.cuts == cuts + 1
                proved = False
        assert 1 <= limit.limit <= most
        assert limit.epoch == limit.cuts


@given(st.integers(1, 300))
def test_a_full_round_doubles_the_limit_until_the_first_cut(start: int) -> None:
    limit = AdaptiveLimit(start, 1_000)
    succeed(limit, start - 1)
    assert limit.limit == start
    succeed(limit, 1)
    assert limit.limit == 2 * start
    succeed(limit, 2 * start - 1)
    assert limit.limit == 2 * start


@given(st.integers(1, 300))
def test_after_a_cut_a_full_round_adds_a_twentieth_and_at_least_one(start: int) -> None:
    limit = AdaptiveLimit(start, 1_000)
    succeed(limit, start - 1)
    limit.throttled(0)
    cut = limit.limit
    assert cut < start or start == 1
    succeed(limit, cut - 1)
    assert limit.limit == cut
    succeed(limit, 1)
    assert limit.limit == cut + max(1, int(cut * 0.05))


def test_a_burst_that_is_throttled_together_cuts_once() -> None:
    limit = AdaptiveLimit(100)
    for _ in range(100):
        limit.throttled(0)
    assert (limit.limit, limit.cuts) == (80, 1)
    succeed(limit, 1)
    limit.throttled(1)
    assert (limit.limit, limit.cuts) == (64, 2)


def test_a_provider_that_turns_everyone_away_for_a_while_cuts_once() -> None:
    limit = AdaptiveLimit(100)
    for _ in range(50):
        limit.throttled(limit.epoch)
    assert (limit.limit, limit.cuts) == (80, 1)


def test_a_limit_that_is_never_reached_does_not_grow() -> None:
    limit = AdaptiveLimit(20)
    for _ in range(10_000):
        limit.succeeded(0, full=False)
    assert limit.limit == 20


async def test_a_run_that_needs_few_places_leaves_the_limit_alone() -> None:
    limit = AdaptiveLimit(20)
    gate = FairGate(limit)
    for _ in range(200):
        permits = [await gate.enter(Role.ROLLOUT, str(number)) for number in range(19)]
        for permit in permits:
            gate.leave(permit, "answered")
    assert limit.limit == 20


async def test_only_the_call_that_takes_the_last_place_is_full() -> None:
    gate = FairGate(AdaptiveLimit(3))
    permits = [await gate.enter(Role.JUDGE, "judge") for _ in range(3)]
    assert [permit.full for permit in permits] == [False, False, True]
    waiting = asyncio.create_task(gate.enter(Role.JUDGE, "judge"))
    await settle()
    gate.leave(permits[0], "answered")
    assert (await waiting).full


async def test_a_cut_lets_nobody_in_until_enough_have_left() -> None:
    limit = AdaptiveLimit(10)
    gate = FairGate(limit)
    permits = [await gate.enter(Role.ROLLOUT, "one") for _ in range(10)]
    waiting = [asyncio.create_task(gate.enter(Role.ROLLOUT, "two")) for _ in range(3)]
    await settle()
    gate.leave(permits.pop(), "throttled")
    gate.leave(permits.pop(), "throttled")
    await settle()
    assert (limit.limit, gate.in_flight, gate.waiting) == (8, 8, 3)
    gate.leave(permits.pop(), "failed")
    await settle()
    assert (gate.in_flight, gate.waiting) == (8, 2)
    assert [task.done() for task in waiting] == [True, False, False]
    assert waiting[0].result().epoch == 1
    for task in waiting[1:]:
        task.cancel()
    await settle()
    assert (gate.in_flight, gate.waiting) == (8, 0)


@dataclass
class Turnstile:
    """One place; it notes who passes, and each leaves once the loop has turned."""

    gate: FairGate
    passed: list[tuple[Role, str]] = field(default_factory=list)

    async def go(self, role: Role, holder: str) -> None:
        permit = await self.gate.enter(role, holder)
        assert self.gate.in_flight == 1
        self.passed.append((role, holder))
        await asyncio.sleep(0)
        self.gate.leave(permit, "answered")


async def test_a_flood_of_one_rollout_delays_another_by_one_turn() -> None:
    turnstile = Turnstile(FairGate(AdaptiveLimit(1, 1)))
    flood = [turnstile.go(Role.ROLLOUT, "flood") for _ in range(10_000)]
    quiet = [turnstile.go(Role.ROLLOUT, "quiet") for _ in range(3)]
    await asyncio.gather(*flood, *quiet)
    places = [place for place, (_, holder) in enumerate(turnstile.passed) if holder == "quiet"]
    assert places == [2, 4, 6]  # the first of all was in before anyone waited
    assert len(turnstile.passed) == 10_003
    assert (turnstile.gate.in_flight, turnstile.gate.waiting) == (0, 0)


async def test_many_rollouts_do_not_keep_the_judge_and_the_proposer_waiting() -> None:
    turnstile = Turnstile(FairGate(AdaptiveLimit(1, 1)))
    rollouts = [turnstile.go(Role.ROLLOUT, str(number % 100)) for number in range(1_000)]
    judge = [turnstile.go(Role.JUDGE, "judge") for _ in range(20)]
    proposer = [turnstile.go(Role.PROPOSER, "session") for _ in range(20)]
    await asyncio.gather(*rollouts, *judge, *proposer)
    assert Counter(role for role, _ in turnstile.passed[1:61]) == {
        Role.ROLLOUT: 20,
        Role.JUDGE: 20,
        Role.PROPOSER: 20,
    }
    holders = [holder for role, holder in turnstile.passed if role is Role.ROLLOUT]
    assert len(set(holders[:100])) == 100


async def test_a_call_let_in_and_cancelled_in_the_same_moment_gives_its_place_on() -> None:
    gate = FairGate(AdaptiveLimit(1, 1))
    first = await gate.enter(Role.ROLLOUT, "a")
    late = asyncio.create_task(gate.enter(Role.ROLLOUT, "b"))
    next_one = asyncio.create_task(gate.enter(Role.ROLLOUT, "c"))
    await settle()
    gate.leave(first, "answered")
    assert gate.waiting == 1
    late.cancel()
    await settle()
    assert late.cancelled()
    assert next_one.result().holder == "c"
    assert gate.in_flight == 1


async def test_a_holder_that_has_gone_leaves_no_trace() -> None:
    class Name(str):
        """A text whose end can be observed."""

    gate = FairGate(AdaptiveLimit(1, 1))
    holder = Name("rollout")
    trace = weakref.ref(holder)
    first = await gate.enter(Role.ROLLOUT, holder)
    second = asyncio.create_task(gate.enter(Role.ROLLOUT, holder))
    third = asyncio.create_task(gate.enter(Role.ROLLOUT, holder))
    await settle()
    third.cancel()
    gate.leave(first, "answered")
    gate.leave(await second, "answered")
    await settle()
    del holder, first, second, third
    gc.collect()
    assert trace() is None


@dataclass
class Crowd:
    """Calls at one gate, driven step by step."""

    limit: AdaptiveLimit
    gate: FairGate
    waiting: list["asyncio.Task[Permit]"] = field(default_factory=list)
    inside: list[Permit] = field(default_factory=list)

    def step(self, kind: Any, number: int) -> None:
        if kind == "enter":
            role, holder = ROLES[number % len(ROLES)], str(number % 3)
            self.waiting.append(asyncio.create_task(self.gate.enter(role, holder)))
        elif kind == "cancel" and self.waiting:
            self.waiting[number % len(self.waiting)].cancel()
        elif self.inside and kind not in {"cancel", "settle"}:
            self.leave(number, kind)

    def leave(self, number: int, result: Result) -> None:
        permit = self.inside.pop(number % len(self.inside))
        in_flight, waiting = self.gate.in_flight, self.gate.waiting
        self.gate.leave(permit, result)
        let_in = waiting - self.gate.waiting
        assert self.gate.in_flight == in_flight - 1 + let_in
        assert not let_in or self.gate.in_flight <= self.limit.limit

    async def settled(self) -> None:
        await settle()
        done = [task for task in self.waiting if task.done() and not task.cancelled()]
        self.inside += [task.result() for task in done]
        self.waiting = [task for task in self.waiting if not task.done()]
        assert self.gate.in_flight == len(self.inside)
        assert self.gate.waiting == len(self.waiting)
        assert not self.waiting or self.gate.in_flight >= self.limit.limit


KINDS = ["enter", "enter", "enter", "answered", "throttled", "failed", "cancel", "settle"]


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 50)), max_size=100),
)
def test_no_place_is_lost_and_nobody_starves_whatever_order_things_happen_in(
    start: int, steps: list[tuple[str, int]]
) -> None:
    async def drive() -> None:
        limit = AdaptiveLimit(start, 12)
        crowd = Crowd(limit, FairGate(limit))
        for kind, number in steps:
            crowd.step(kind, number)
            if kind == "settle":
                await crowd.settled()
        await crowd.settled()
        while crowd.inside:
            crowd.leave(0, "answered")
            await crowd.settled()
        assert (crowd.waiting, crowd.gate.in_flight, crowd.gate.waiting) == ([], 0, 0)

    asyncio.run(drive())


LATENCY = 4  # ticks of a call that is answered


@dataclass
class Provider:
    """Throttles every call beyond a capacity that it does not tell. Time is counted in ticks."""

    capacity: int
    now: int = 0
    busy: int = 0
    answered: int = 0
    throttled: int = 0
    timers: dict[int, list["asyncio.Future[None]"]] = field(default_factory=dict)

    async def after(self, ticks: int) -> None:
        timer = asyncio.get_running_loop().create_future()
        self.timers.setdefault(self.now + ticks, []).append(timer)
        await timer

    async def call(self) -> Result:
        if self.busy >= self.capacity:
            self.throttled += 1
            await self.after(1)
            return "throttled"
        self.busy += 1
        await self.after(LATENCY)
        self.busy -= 1
        self.answered += 1
        return "answered"

    async def tick(self) -> None:
        self.now += 1
        for timer in self.timers.pop(self.now, []):
            timer.set_result(None)
        await settle()


async def client(gate: FairGate, provider: Provider, holder: str) -> None:
    """Calls for ever; once throttled, it waits outside the gate before it asks again."""
    while True:
        permit = await gate.enter(Role.ROLLOUT, holder)
        result: Result = "failed"
        try:
            result = await provider.call()
        finally:
            gate.leave(permit, result)
        if result == "throttled":
            await provider.after(2)


async def limits_found(provider: Provider, capacities: list[int]) -> list[int]:
    """The limit after each tick, with more clients than a provider of these capacities can serve;
    one capacity a tick."""
    limit = AdaptiveLimit()
    gate = FairGate(limit)
    clients = [asyncio.create_task(client(gate, provider, str(number))) for number in range(400)]
    found = []
    for provider.capacity in capacities:
        await provider.tick()
        found.append(limit.limit)
    for one in clients:
        one.cancel()
    await asyncio.wait(clients)
    assert (gate.in_flight, gate.waiting) == (0, 0)
    return found


def near(limit: int, capacity: int) -> bool:
    return 0.6 * capacity <= limit <= max(1.1 * capacity, capacity + 1)


@pytest.mark.parametrize("capacity", [3, 4, 5, 9, 20, 47, 100, 200])
async def test_the_limit_settles_near_a_capacity_it_was_never_told(capacity: int) -> None:
    provider = Provider(capacity)
    limits = await limits_found(provider, [capacity] * 400)
    assert all(near(limit, capacity) for limit in limits[100:])
    assert provider.answered >= 0.8 * capacity * 400 / LATENCY
    # One place more is a large step for a capacity of three.
    assert provider.throttled <= (0.4 if capacity >= 9 else 1.2) * provider.answered


async def test_the_limit_follows_a_capacity_that_falls_and_comes_back() -> None:
    limits = await limits_found(Provider(100), [100] * 200 + [10] * 200 + [100] * 400)
    assert near(limits[199], 100)
    assert near(limits[399], 10)
    assert near(limits[799], 100)


async def test_a_provider_that_throttles_everything_for_a_while_is_used_again_at_once() -> None:
    provider = Provider(50)
    limits = await limits_found(provider, [50] * 100 + [0] * 100 + [50] * 400)
    assert limits[199] >= 30
    assert near(limits[599], 50)
